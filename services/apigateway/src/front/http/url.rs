//! `HTTP_PROXY`: requests that go on to a URL, and answers that come back from there.

use std::time::Duration;

use ::http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, VIA};
use ::http::{Method, Response, StatusCode};
use futures_util::stream;
use outbound::{Error, Outgoing};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use proxy::hops;
use service::{Body, Broken};
use tokio::time::Instant;

use super::changed::Changed;
use super::{Request, Unanswered};
use crate::front::invoke::Failure;
use crate::integration::with_variables;
use crate::limits;
use crate::routes::http::Found;
use crate::types::http::Integration;

/// What requests that came through an API say of it in `Via`.
const PRODUCT: &str = "AmazonAPIGateway";
/// What of a path does not stand for itself in a URL. A backslash counts as a slash there.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');
/// The same of parts of it that were decoded, and of one part.
const PARTS: &AsciiSet = &PATH.add(b'%');
const PART: &AsciiSet = &PARTS.add(b'/');

impl Request<'_> {
    /// Sends the request to the integration's URL.
    ///
    /// # Errors
    /// When it cannot be sent, or nobody answers there in time.
    pub(super) async fn forward(
        &self,
        integration: &Integration,
        found: &Found<'_>,
        changed: Changed,
    ) -> Result<Response<Body>, Unanswered> {
        let (api, route) = (&self.api.id, found.key);
        let url = self.url(&integration.uri, found, &changed)?;
        let passes = changed.incoming.headers.get_all(VIA).iter().filter_map(|via| via.to_str().ok());
        if passes.flat_map(|via| via.split(',')).filter(|via| via.ends_with(PRODUCT)).count() >= limits::PASSES_MAX {
            tracing::warn!(api, route, "a request came back to an API that had sent it on");
            return Err(Unanswered::Loop);
        }
        let method = integration.method.as_deref().filter(|method| *method != "ANY");
        let method = method.map_or(Ok(changed.incoming.method.clone()), |method| method.parse());
        let method: Method = method.map_err(|_| Failure::Misconfigured)?;
        let deadline = Instant::now() + Duration::from_millis(integration.timeout_millis);
        let body = changed.incoming.body.clone();
        let outgoing = Outgoing {
            method: method.clone(),
            url: &url,
            headers: self.headers(changed.incoming.headers),
            body: (!body.is_empty()).then(|| Body::from(body)),
            timeout: deadline.saturating_duration_since(Instant::now()),
        };
        match self.state.outbound.open(outgoing).await {
            Ok(answer) => Ok(respond(answer, &method, deadline)?),
            Err(error) => {
                tracing::warn!(api, route, %error, "an integration's URL did not answer");
                Err(match error {
                    Error::TimedOut | Error::Unreachable(_) => Failure::Timeout,
                    Error::Url(_) | Error::Forbidden(..) => Failure::Misconfigured,
                }
                .into())
            }
        }
    }

    /// The URL with what the request has for its variables, and the request's query.
    fn url(&self, uri: &str, found: &Found<'_>, changed: &Changed) -> Result<String, Unanswered> {
        let Some(uri) = with_variables(uri, &self.stage.variables) else {
            let (api, stage) = (&self.api.id, &self.stage.name);
            tracing::warn!(api, stage, uri, "a URI has a variable that this stage has not");
            return Err(Failure::Misconfigured.into());
        };
        filled(&uri, found.key, &found.parameters, changed.path.as_deref(), &changed.incoming.query)
            .ok_or(Unanswered::Path)
    }

    /// The headers that go on: the client's, but for those of its connection, and what the gateway says of itself.
    fn headers(&self, mut headers: HeaderMap) -> HeaderMap {
        let incoming = self.incoming;
        hops::strip(&mut headers);
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        // `Forwarded` tells the host; what a client says here would be taken for a gateway's word.
        headers.remove("x-forwarded-host");
        let host = incoming.header(HOST).unwrap_or_default();
        let proto = incoming.arrival.scheme();
        // Of IPv6 addresses the form asks for quotes and brackets (RFC 7239, section 6).
        let from = match incoming.source_ip.contains(':') {
            true => format!("\"[{}]\"", incoming.source_ip),
            false => incoming.source_ip.clone(),
        };
        let forwarded = format!("for={from};host={host};proto={proto}");
        for (name, value) in [("forwarded", forwarded), ("via", format!("{} {PRODUCT}", incoming.protocol()))] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let trace = ("x-amzn-trace-id", incoming.trace_id.clone());
        for (name, value) in incoming.forwarded().into_iter().chain([trace]) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }
}

/// A URI with `{name}` put in, a path in place of its own where there is one, and a query behind its own. `None` where the path
/// would lead out of what it is below: servers resolve `..`.
fn filled(uri: &str, key: &str, parameters: &[(String, String)], path: Option<&str>, query: &str) -> Option<String> {
    let (uri, own_query) = uri.split_once('?').map_or((uri, ""), |(uri, query)| (uri, query));
    let (scheme, rest) = uri.split_once("://")?;
    let (authority, own_path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let mut made = match path {
        Some(path) => utf8_percent_encode(path, PATH).to_string(),
        None => own_path.to_owned(),
    };
    let mut own_query = own_query.to_owned();
    for (name, value) in parameters {
        let hole = format!("{{{name}}}");
        // What a greedy variable has are parts of a path, each of which was decoded with the whole.
        let is_greedy = key.ends_with(&format!("{{{name}+}}"));
        let value = utf8_percent_encode(value, if is_greedy { PARTS } else { PART }).to_string();
        if path.is_none() {
            made = made.replace(&hole, &value);
        }
        own_query = own_query.replace(&hole, &utf8_percent_encode(&value, QUERY_TOO).to_string());
    }
    let leads_out = |part: &str| matches!(percent_decode_str(part).decode_utf8_lossy().as_ref(), "." | "..");
    if made.split('/').any(leads_out) {
        return None;
    }
    let queries: Vec<&str> = [own_query.as_str(), query].into_iter().filter(|query| !query.is_empty()).collect();
    let query = if queries.is_empty() { String::new() } else { format!("?{}", queries.join("&")) };
    Some(format!("{scheme}://{authority}{made}{query}"))
}

/// What would end a value within a query, besides what is encoded in paths.
const QUERY_TOO: &AsciiSet = &AsciiSet::EMPTY.add(b'&').add(b'+').add(b'=');

/// The answer, whose body is passed on as it comes, until `deadline` and up to the limit.
fn respond(answer: outbound::Incoming, method: &Method, deadline: Instant) -> Result<Response<Body>, Failure> {
    let (status, mut headers) = (answer.status, answer.headers.clone());
    hops::strip(&mut headers);
    let size = headers.get(CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse::<usize>().ok());
    let has_body = *method != Method::HEAD && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    if has_body && size.is_some_and(|size| size > limits::PAYLOAD_BYTES_MAX) {
        tracing::warn!(size, "the answer of an integration's URL is too large");
        return Err(Failure::Function);
    }
    let body = match (has_body, size) {
        (false, _) => Body::from(bytes::Bytes::new()),
        (true, Some(size)) => {
            headers.remove(CONTENT_LENGTH);
            Body::sized(pieces(answer, deadline), size)
        }
        (true, None) => Body::stream(pieces(answer, deadline)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn pieces(
    answer: outbound::Incoming,
    deadline: Instant,
) -> impl futures_util::Stream<Item = Result<bytes::Bytes, Broken>> + Send {
    stream::try_unfold((answer, 0_usize), move |(mut answer, before)| async move {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(piece) = answer.next(left).await.map_err(|error| broken(&error))? else { return Ok(None) };
        let bytes = before + piece.len();
        if bytes > limits::PAYLOAD_BYTES_MAX {
            return Err(broken(&"it is too large"));
        }
        Ok(Some((piece, (answer, bytes))))
    })
}

fn broken(why: &dyn std::fmt::Display) -> Broken {
    tracing::warn!(%why, "the answer of an integration's URL broke off");
    Broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(uri: &str, key: &str, parameters: &[(&str, &str)], path: Option<&str>, query: &str) -> Option<String> {
        let parameters: Vec<_> = parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        filled(uri, key, &parameters, path, query)
    }

    #[test]
    fn urls_are_filled_with_what_requests_have() {
        let greedy = "ANY /{proxy+}";
        for (uri, parameters, path, query, expected) in [
            ("http://h:1/a", &[][..], None, "", "http://h:1/a"),
            ("http://h/a?k=1", &[], None, "q=%20", "http://h/a?k=1&q=%20"),
            ("http://h/{proxy}", &[("proxy", "a/b c")], None, "", "http://h/a/b%20c"),
            ("http://h/{proxy}", &[("proxy", "a?b#c\\d")], None, "", "http://h/a%3Fb%23c%5Cd"),
            ("http://h/x/{id}", &[("id", "a/b")], None, "", "http://h/x/a%2Fb"),
            ("http://h/x?id={id}", &[("id", "a&b=c")], None, "", "http://h/x?id=a%26b%3Dc"),
            ("http://h/x", &[], Some("/other/path?x"), "q", "http://h/other/path%3Fx?q"),
            ("http://h", &[], Some("/p"), "", "http://h/p"),
        ] {
            assert_eq!(fill(uri, greedy, parameters, path, query).as_deref(), Some(expected), "{uri}");
        }
    }

    #[test]
    fn no_path_leads_out_of_what_it_is_below() {
        for value in ["..", "a/../../b", "."] {
            assert_eq!(
                fill("http://h/public/{proxy}", "ANY /{proxy+}", &[("proxy", value)], None, ""),
                None,
                "{value}"
            );
        }
        for path in ["/..", "/a/../../b", "/%2e%2e/b", "/.%2E", "/."] {
            assert_eq!(fill("http://h/public", "ANY /", &[], Some(path), ""), None, "{path}");
        }
        // What was encoded twice is decoded once, and encoded again.
        let twice = fill("http://h/{proxy}", "ANY /{proxy+}", &[("proxy", "%2e%2e/b")], None, "");
        assert_eq!(twice.as_deref(), Some("http://h/%252e%252e/b"));
        assert!(fill("http://h/{proxy}", "ANY /{proxy+}", &[("proxy", "..a/b..")], None, "").is_some());
    }
}
