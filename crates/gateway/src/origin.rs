//! Browsers: which pages may call AWS APIs here, and the CORS answers that tell them.
//!
//! A page from anywhere can make a browser send requests to a server on the same machine. Development credentials
//! are well known, so a signature alone does not stop such a page: its origin must be allowed too.
//! Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use service::CorsAnswer;

/// What a page's script may read of an answer.
const EXPOSED: &str = "etag, x-amz-executed-version, x-amz-function-error, x-amz-log-result, x-amz-version-id, \
    x-amzn-errortype, x-amzn-query-error, x-amzn-requestid, x-amzn-trace-id";
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// How long a browser may remember the answer, in seconds.
const MAX_AGE: &str = "86400";

pub(crate) struct Origins {
    allowed: Vec<String>,
    local_names_only: bool,
}

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// Not a page: an SDK, a tool, another server.
    Elsewhere,
    /// A page of an allowed origin.
    Page(HeaderValue),
    /// A page that has no business here.
    Stranger(String),
}

impl Origins {
    pub(crate) fn new(allowed: Vec<String>, local_names_only: bool) -> Origins {
        Origins { allowed, local_names_only }
    }

    /// The name by which the request calls this machine, where it is one that only others would use.
    pub(crate) fn strange_host(&self, headers: &HeaderMap) -> Option<String> {
        let host = headers.get(HOST).filter(|_| self.local_names_only)?;
        let host = String::from_utf8_lossy(host.as_bytes()).into_owned();
        (!is_this_machine(&format!("http://{host}"))).then_some(host)
    }

    pub(crate) fn of(&self, headers: &HeaderMap) -> From {
        let Some(origin) = headers.get(ORIGIN) else { return From::Elsewhere };
        let text = origin.to_str().unwrap_or_default();
        if self.allowed.iter().any(|allowed| allowed == text) || is_this_machine(text) {
            From::Page(origin.clone())
        } else {
            From::Stranger(String::from_utf8_lossy(origin.as_bytes()).into_owned())
        }
    }
}

fn is_this_machine(origin: &str) -> bool {
    let uri = origin.parse::<Uri>().ok();
    // Names mean the same in either case, and with the root's dot.
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let local = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // The last is LocalStack's name for this machine, which its tools use.
    matches!(&*host, "127.0.0.1" | "[::1]") || local("localhost") || local("localhost.localstack.cloud")
}

/// Whether the browser only asks what it may send.
pub(crate) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

pub(crate) fn preflight(head: &Parts) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    if let Some(asked) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// Lets the page read the answer.
pub(crate) fn allow<B>(origin: HeaderValue, response: &mut Response<B>) {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(VARY, HeaderValue::from_static("Origin"));
}

/// What a browser is told that asks what a page may do with a bucket.
pub(crate) fn bucket_preflight(allowed: &CorsAnswer) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    insert(headers, ACCESS_CONTROL_ALLOW_HEADERS, &allowed.headers);
    if let Some(seconds) = allowed.max_age {
        headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
    }
    allow_bucket(allowed, &mut response);
    response
}

/// Lets a page read what its bucket's owner lets it.
pub(crate) fn allow_bucket<B>(allowed: &CorsAnswer, response: &mut Response<B>) {
    let headers = response.headers_mut();
    insert(headers, ACCESS_CONTROL_ALLOW_ORIGIN, &allowed.origin);
    insert(headers, ACCESS_CONTROL_ALLOW_METHODS, &allowed.methods);
    insert(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &allowed.exposed);
    if allowed.credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    let vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    headers.insert(VARY, HeaderValue::from_static(vary));
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text)
        && !text.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_and_listed_ones_are_allowed() {
        let origins = Origins::new(vec!["https://app.example.com".into()], false);
        let of = |origin: &'static str| origins.of(&HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]));
        for origin in [
            "http://localhost:3000",
            "https://127.0.0.1",
            "http://[::1]:8080",
            "http://app.localhost",
            "http://sqs.us-east-1.localhost.localstack.cloud:4566",
            "https://app.example.com",
        ] {
            assert_eq!(of(origin), From::Page(HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "http://localhost.evil.example",
            "http://evillocalhost",
            "null",
            "",
            "http://app.example.com",
        ] {
            assert_eq!(of(origin), From::Stranger(origin.into()), "{origin}");
        }
        assert_eq!(origins.of(&HeaderMap::new()), From::Elsewhere);
    }

    #[test]
    fn where_credentials_are_well_known_hosts_must_be_this_machine() {
        let strange = |local_names_only, host: &'static str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            Origins::new(Vec::new(), local_names_only).strange_host(&headers)
        };
        for host in ["localhost:4566", "127.0.0.1", "[::1]:4566", "a.localhost", "LocalHost.:4566"] {
            assert_eq!(strange(true, host), None, "{host}");
        }
        for host in ["evil.example:4566", "127.0.0.1.evil.example", "", "localhost@evil.example"] {
            assert_eq!(strange(true, host), Some(host.into()), "{host}");
            assert_eq!(strange(false, host), None, "{host}");
        }
    }
}
