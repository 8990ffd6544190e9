//! Finds a request's signature, in its `Authorization` header or its query, and reads it.

use std::time::Duration;

use base::Timestamp;
use http::HeaderMap;

use super::canonical::{decode, parameters};
use super::{ALGORITHM, Error, PRESIGNED_LIFE_MAX, Parts, Payload, Scope, Signature, TERMINATOR, parse_compact};

/// Reads a request's signature. `None` when it carries none at all: nothing, or another kind of authorization
/// (`Bearer ...`), which is for the service to judge.
///
/// # Errors
/// A signature that is there but incomplete, unreadable, or of another algorithm.
pub fn parse(parts: &Parts) -> Result<Option<Signature>, Error> {
    let header = authorization(parts.headers)?;
    match (header, parts.query.contains("X-Amz-Signature=") || parts.query.contains("X-Amz-Algorithm=")) {
        (None, false) => Ok(None),
        (Some(header), false) => in_header(header, parts).map(Some),
        (None, true) => in_query(parts).map(Some).map_err(|error| match error {
            Error::Incomplete(message) => Error::Parameters(message),
            error => error,
        }),
        (Some(_), true) => Err(Error::Incomplete("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified".into())),
    }
}

/// The `Authorization` header, if it is AWS's.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all("authorization").into_iter().filter(|value| value.as_bytes().starts_with(b"AWS"));
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::Incomplete("Only one Authorization header is allowed".into()));
    }
    value.to_str().map(Some).map_err(|_| Error::Incomplete("Authorization header has characters outside ASCII".into()))
}

fn in_header(authorization: &str, parts: &Parts) -> Result<Signature, Error> {
    let (algorithm, fields) = authorization.split_once(char::is_whitespace).unwrap_or((authorization, ""));
    check_algorithm(algorithm)?;
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
        let slot = match field.split_once('=') {
            Some(("Credential", value)) => (&mut credential, value),
            Some(("SignedHeaders", value)) => (&mut signed_headers, value),
            Some(("Signature", value)) => (&mut signature, value),
            _ => {
                return Err(Error::Incomplete(format!(
                    "'{field}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
                )));
            }
        };
        if slot.0.replace(slot.1).is_some() {
            return Err(Error::Incomplete(format!(
                "Authorization header has '{field}' twice. Authorization={authorization}"
            )));
        }
    }
    let timestamp = header_time(parts.headers)?;
    let (Some(credential), Some(signed_headers), Some(signature), Some(timestamp)) =
        (credential, signed_headers, signature, timestamp)
    else {
        let missing = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)];
        return Err(incomplete_header(authorization, &missing, timestamp));
    };
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (access_key_id, scope) = read_credential(credential)?;
    Ok(Signature {
        access_key_id,
        scope,
        signed_headers: read_signed_headers(signed_headers),
        signature: signature.into(),
        timestamp,
        expires: None,
        session_token: text("x-amz-security-token").map(str::to_owned),
        in_query: false,
        payload: text("x-amz-content-sha256").map_or(Payload::Undeclared, Payload::declared),
    })
}

/// Names everything that is missing in one message, as AWS does.
fn incomplete_header(authorization: &str, fields: &[(&str, Option<&str>)], time: Option<Timestamp>) -> Error {
    let mut message = String::new();
    for (name, _) in fields.iter().filter(|(_, value)| value.is_none()) {
        message += &format!("Authorization header requires '{name}' parameter. ");
    }
    if time.is_none() {
        message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    }
    Error::Incomplete(message + "Authorization=" + authorization)
}

/// When the request says it was made. `X-Amz-Date` comes before `Date`, which may be of either form.
fn header_time(headers: &HeaderMap) -> Result<Option<Timestamp>, Error> {
    let Some((name, value)) = ["x-amz-date", "date"].into_iter().find_map(|name| Some((name, headers.get(name)?)))
    else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let time = parse_compact(text).or_else(|| if name == "date" { parse_rfc2822(text) } else { None });
    time.map(Some).ok_or_else(|| bad_date(text))
}

fn parse_rfc2822(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    u64::try_from(time.timestamp().as_millisecond()).ok().map(Timestamp)
}

fn in_query(parts: &Parts) -> Result<Signature, Error> {
    let find = |name: &str| -> Result<Option<String>, Error> {
        let mut values = parameters(parts.query).filter(|(key, _)| *key == name);
        let value = values.next().map(|(_, value)| String::from_utf8_lossy(&decode(value)).into_owned());
        if values.next().is_some() {
            return Err(Error::Incomplete(format!("AWS query-string parameter '{name}' is given twice")));
        }
        Ok(value)
    };
    let require = |name: &str| {
        find(name)?.ok_or_else(|| {
            Error::Incomplete(format!(
                "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
            ))
        })
    };
    check_algorithm(&require("X-Amz-Algorithm")?)?;
    let (access_key_id, scope) = read_credential(&require("X-Amz-Credential")?)?;
    let date = require("X-Amz-Date")?;
    let declared = match find("X-Amz-Content-Sha256")? {
        Some(declared) => Payload::declared(&declared),
        None if scope.is_s3() => Payload::Unsigned,
        None => Payload::Undeclared,
    };
    Ok(Signature {
        access_key_id,
        scope,
        signed_headers: read_signed_headers(&require("X-Amz-SignedHeaders")?),
        signature: require("X-Amz-Signature")?,
        timestamp: parse_compact(&date).ok_or_else(|| bad_date(&date))?,
        expires: find("X-Amz-Expires")?.map(|life| read_life(&life)).transpose()?,
        session_token: find("X-Amz-Security-Token")?,
        in_query: true,
        payload: declared,
    })
}

fn check_algorithm(algorithm: &str) -> Result<(), Error> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(Error::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'. The supported one is {ALGORITHM}.")))
}

/// Reads `keyid/date/region/service/aws4_request`.
///
/// # Errors
/// When it is not that.
pub fn read_credential(credential: &str) -> Result<(String, Scope), Error> {
    let mut parts = credential.split('/');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (Some(key), Some(date), Some(region), Some(service), Some(end), None) =
        (next(), next(), next(), next(), next(), next())
    else {
        return Err(Error::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        )));
    };
    if end != TERMINATOR {
        return Err(Error::Scope(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{end}'."
        )));
    }
    Ok((key.into(), Scope { date: date.into(), region: region.into(), service: service.into() }))
}

fn read_signed_headers(names: &str) -> Vec<String> {
    names.split(';').filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn read_life(text: &str) -> Result<Duration, Error> {
    let life = text.parse().map(Duration::from_secs).map_err(|_| Error::BadLife)?;
    if life.is_zero() || life > PRESIGNED_LIFE_MAX {
        return Err(Error::BadLife);
    }
    Ok(life)
}

fn bad_date(text: &str) -> Error {
    Error::Incomplete(format!(
        "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::*;

    const CREDENTIAL: &str = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

    fn parse_header(authorization: &str, date: Option<(&'static str, &str)>) -> Result<Option<Signature>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization.parse().unwrap());
        if let Some((name, value)) = date {
            headers.insert(name, value.parse().unwrap());
        }
        parse(&Parts { method: "GET", path: "/", query: "", headers: &headers })
    }

    #[test]
    fn other_kinds_of_authorization_are_not_ours() {
        for text in ["Bearer abc", "Basic abc", "Digest AWS4", ""] {
            assert!(parse_header(text, None).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn messages_name_what_is_missing() {
        let now = Some(("x-amz-date", "20150830T123600Z"));
        let cases = [
            (
                "AWS4-HMAC-SHA256".to_owned(),
                None,
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256",
            ),
            (
                "AWS4-HMAC-SHA256 Credential".to_owned(),
                now,
                "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=s".to_owned(),
                now,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
            ),
            (
                "AWS4-ECDSA-P256-SHA256 x".to_owned(),
                now,
                "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'. The supported one is AWS4-HMAC-SHA256.",
            ),
            (
                format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=s"),
                Some(("x-amz-date", "now")),
                "Date must be in ISO-8601 'basic format'. Got 'now'. See http://en.wikipedia.org/wiki/ISO_8601",
            ),
        ];
        for (authorization, date, message) in cases {
            let error = parse_header(&authorization, date).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!((error.code(Family::Query), error.status(Family::Query)), ("IncompleteSignature", 400));
        }
    }

    #[test]
    fn the_date_header_may_stand_in() {
        let authorization = format!("AWS4-HMAC-SHA256 {CREDENTIAL},SignedHeaders=host;Date,Signature=s");
        for date in ["20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"] {
            let signature = parse_header(&authorization, Some(("date", date))).unwrap().unwrap();
            assert_eq!(signature.timestamp, Timestamp(1_440_938_160_000));
            assert_eq!(signature.signed_headers, ["host", "date"]);
        }
    }

    #[test]
    fn presigned_lives_are_bounded() {
        for (life, ok) in
            [("1", true), ("604800", true), ("0", false), ("604801", false), ("-1", false), ("a", false), ("", false)]
        {
            assert_eq!(read_life(life).is_ok(), ok, "{life}");
        }
    }

    #[test]
    fn presigned_parameters_are_required_once() {
        let headers = HeaderMap::new();
        let parse = |query| parse(&Parts { method: "GET", path: "/", query, headers: &headers }).unwrap_err();
        let error = parse("X-Amz-Signature=s");
        assert!(error.to_string().contains("must include 'X-Amz-Algorithm'"));
        let codes = [Family::RestXml, Family::Query].map(|family| error.code(family));
        assert_eq!(codes, ["AuthorizationQueryParametersError", "IncompleteSignature"]);
        let error = parse("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Algorithm=AWS4-HMAC-SHA256");
        assert!(error.to_string().contains("twice"));
    }
}
