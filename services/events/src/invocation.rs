//! The request that an API destination gets for an event.
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html> and
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_HttpParameters.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use service::HttpProperties;

use crate::types::{ApiDestination, Authorization, Connection, HttpParameter};

/// What stays as it is in a part of a URL.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Headers that EventBridge sets, whatever else is asked for.
const FIXED: [(HeaderName, &str); 4] = [
    (USER_AGENT, "Amazon/EventBridge/ApiDestinations"),
    (RANGE, "bytes=0-1048575"),
    (ACCEPT_ENCODING, "gzip,deflate"),
    (CONNECTION, "close"),
];
/// Headers that it takes out: the connection's own affairs, and what others on the way could be misled with.
const REMOVED: [&str; 33] = [
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "user-agent",
    "upgrade",
    "via",
    "warning",
];

/// A request without its method.
#[derive(Debug)]
pub struct Invocation {
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A header that no request can have. Its value may be a secret: only its name is told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no header, or has a value that no header can have.")]
pub struct NotSendable(String);

impl Invocation {
    /// `token` is what an OAuth connection has been given, as the value of `Authorization`.
    ///
    /// # Errors
    /// When a header cannot be sent.
    pub fn new(
        destination: &ApiDestination,
        connection: &Connection,
        properties: &HttpProperties,
        event: &Bytes,
        token: Option<&str>,
    ) -> Result<Invocation, NotSendable> {
        let own = connection.http.clone().unwrap_or_default();
        let target = |map: &BTreeMap<String, String>| -> Vec<(String, String)> {
            map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        // What the connection says goes before what the target says.
        let query = target(&properties.query).into_iter().chain(pairs(&own.query));
        let url = with_query(&with_path(&destination.endpoint, &properties.path), query);
        let mut headers = HeaderMap::new();
        put(&mut headers, CONTENT_TYPE.as_str(), "application/json; charset=utf-8")?;
        for (name, value) in target(&properties.headers).into_iter().chain(pairs(&own.headers)) {
            put(&mut headers, &name, &value)?;
        }
        match (&connection.authorization, token) {
            (Authorization::Basic { username, password }, _) => {
                let both = BASE64.encode(format!("{username}:{password}"));
                put(&mut headers, AUTHORIZATION.as_str(), &format!("Basic {both}"))?;
            }
            (Authorization::ApiKey { name, value }, _) => put(&mut headers, name, value)?,
            (Authorization::OAuth(_), token) => {
                put(&mut headers, AUTHORIZATION.as_str(), token.unwrap_or_default())?;
            }
        }
        headers.extend(FIXED.map(|(name, value)| (name, HeaderValue::from_static(value))));
        Ok(Invocation { url, headers, body: with_members(event, &own.body) })
    }
}

pub fn pairs(parameters: &[HttpParameter]) -> impl Iterator<Item = (String, String)> {
    parameters.iter().map(|parameter| (parameter.key.clone(), parameter.value.clone()))
}

/// Sets a header, unless EventBridge would take it out.
pub fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), NotSendable> {
    let unfit = || NotSendable(name.to_owned());
    let header: HeaderName = name.trim().parse().map_err(|_| unfit())?;
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unfit())?;
    value.set_sensitive(true);
    if !REMOVED.contains(&header.as_str()) {
        headers.insert(header, value);
    }
    Ok(())
}

/// The endpoint with the values in place of the `*` of its path, one after the other.
fn with_path(endpoint: &str, values: &[String]) -> String {
    let (path, query) = endpoint.split_once('?').map_or((endpoint, None), |(path, query)| (path, Some(query)));
    let filled = values.iter().fold(path.to_owned(), |path, value| {
        // A placeholder that came with a value is none: values are encoded.
        path.replacen('*', &utf8_percent_encode(value, PART).to_string(), 1)
    });
    query.map_or_else(|| filled.clone(), |query| format!("{filled}?{query}"))
}

/// The URL with these in its query; a key that was there before has the later value.
pub fn with_query(url: &str, pairs: impl IntoIterator<Item = (String, String)>) -> String {
    let added: BTreeMap<String, String> = pairs.into_iter().collect();
    if added.is_empty() {
        return url.to_owned();
    }
    let (address, own) = url.split_once('?').unwrap_or((url, ""));
    let key = |pair: &str| {
        let key = pair.split('=').next().unwrap_or_default().replace('+', " ");
        percent_decode_str(&key).decode_utf8_lossy().into_owned()
    };
    let kept = own.split('&').filter(|pair| !pair.is_empty() && !added.contains_key(&key(pair)));
    let kept: Vec<String> = kept.map(str::to_owned).collect();
    let added = added.iter().map(|(key, value)| encoded(key, value));
    format!("{address}?{}", kept.into_iter().chain(added).collect::<Vec<_>>().join("&"))
}

/// A pair as in a query or a form.
pub fn encoded(key: &str, value: &str) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write!(text, "{}={}", utf8_percent_encode(key, PART), utf8_percent_encode(value, PART));
    text
}

/// The body with these as its members, where it is a JSON object.
fn with_members(event: &Bytes, members: &[HttpParameter]) -> Bytes {
    if members.is_empty() {
        return event.clone();
    }
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(event) else { return event.clone() };
    body.extend(pairs(members).map(|(key, value)| (key, Value::String(value))));
    Value::Object(body).to_string().into()
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::types::{ConnectionState, HttpParameters};

    fn parameters(pairs: &[(&str, &str)]) -> Vec<HttpParameter> {
        let one =
            |(key, value): &(&str, &str)| HttpParameter { key: (*key).into(), value: (*value).into(), secret: true };
        pairs.iter().map(one).collect()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    fn connection(authorization: Authorization, http: HttpParameters) -> Connection {
        Connection {
            arn: "arn:aws:events:r:0:connection/c/1".parse().unwrap(),
            name: "c".into(),
            description: None,
            kms_key: None,
            state: ConnectionState::Authorized,
            reason: None,
            authorization,
            http: Some(http),
            secret_arn: String::new(),
            created: Timestamp(0),
            modified: Timestamp(0),
            authorized: None,
        }
    }

    fn destination(endpoint: &str) -> ApiDestination {
        ApiDestination {
            arn: "arn:aws:events:r:0:api-destination/d/1".parse().unwrap(),
            name: "d".into(),
            description: None,
            connection: "arn:aws:events:r:0:connection/c/1".parse().unwrap(),
            endpoint: endpoint.into(),
            method: "POST".into(),
            rate_per_second: None,
            created: Timestamp(0),
            modified: Timestamp(0),
        }
    }

    #[test]
    fn the_connection_goes_before_the_target() {
        let http = HttpParameters {
            headers: parameters(&[("X-Both", "connection"), ("Host", "elsewhere"), ("User-Agent", "me")]),
            query: parameters(&[("both", "c&d")]),
            body: parameters(&[("added", "1")]),
        };
        let connection = connection(Authorization::Basic { username: "u".into(), password: "p".into() }, http);
        let properties = HttpProperties {
            path: vec!["a/b".into(), "*".into()],
            headers: map(&[
                ("x-both", "target"),
                ("X-Own", "é"),
                ("Authorization", "mine"),
                ("Content-Type", "text/x"),
            ]),
            query: map(&[("both", "target"), ("own", "ö")]),
        };
        let endpoint = destination("https://example.com/*/x/*/*?both=0&fix=%2A*");
        let event = Bytes::from_static(br#"{"detail":1}"#);
        let made = Invocation::new(&endpoint, &connection, &properties, &event, None).unwrap();
        assert_eq!(made.url, "https://example.com/a%2Fb/x/%2A/*?fix=%2A*&both=c%26d&own=%C3%B6");
        let text = |name: &str| made.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        assert_eq!(text("x-both").unwrap(), "connection");
        assert_eq!(text("x-own").unwrap(), "é");
        assert_eq!(text("content-type").unwrap(), "text/x");
        assert_eq!(text("authorization").unwrap(), "Basic dTpw");
        assert_eq!(text("user-agent").unwrap(), "Amazon/EventBridge/ApiDestinations");
        assert_eq!(text("host"), None);
        assert_eq!(made.body, json!({"detail": 1, "added": "1"}).to_string());
        assert!(!format!("{:?}", made.headers).contains("dTpw"), "secrets are in no log");
    }

    #[test]
    fn what_is_no_header_is_told_by_its_name() {
        let key = |name: &str, value: &str| Authorization::ApiKey { name: name.into(), value: value.into() };
        for (name, value) in [("x y", "hush"), ("x", "hush\nhost: h")] {
            let connection = connection(key(name, value), HttpParameters::default());
            let made = Invocation::new(
                &destination("https://e"),
                &connection,
                &HttpProperties::default(),
                &Bytes::from_static(b"[]"),
                None,
            );
            let error = made.unwrap_err();
            assert_eq!(error, NotSendable(name.into()));
            assert!(!error.to_string().contains("hush"));
        }
        let connection =
            connection(key("x", "y"), HttpParameters { body: parameters(&[("a", "b")]), ..HttpParameters::default() });
        let text = Bytes::from_static(b"\"text\"");
        let made = Invocation::new(&destination("https://e"), &connection, &HttpProperties::default(), &text, None);
        assert_eq!(made.unwrap().body, text, "what is no object gets no members");
    }
}
