//! CORS as the front answers it: preflights are answered without the function, and its own CORS headers do not count.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, HeaderValue, ORIGIN,
};

/// What pages of other origins may do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    pub allow_credentials: bool,
    pub allow_headers: &'a [String],
    pub allow_methods: &'a [String],
    pub allow_origins: &'a [String],
    pub expose_headers: &'a [String],
    /// How long a preflight's answer holds, in seconds.
    pub max_age: Option<i32>,
}

/// Whether a request asks what it may do, rather than doing it.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The headers of a preflight's answer: none for an origin that is not allowed.
pub fn preflight(cors: &Rules<'_>, request: &HeaderMap, response: &mut HeaderMap) {
    if !allow_origin(cors, request, response) {
        return;
    }
    list(response, ACCESS_CONTROL_ALLOW_METHODS, cors.allow_methods);
    list(response, ACCESS_CONTROL_ALLOW_HEADERS, cors.allow_headers);
    if let Some(age) = cors.max_age {
        response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(age));
    }
}

/// Puts the API's headers in the place of those that the function set.
pub fn apply(cors: &Rules<'_>, request: &HeaderMap, response: &mut HeaderMap) {
    for name in [
        ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE,
    ] {
        response.remove(name);
    }
    if allow_origin(cors, request, response) {
        list(response, ACCESS_CONTROL_EXPOSE_HEADERS, cors.expose_headers);
    }
}

/// Whether the request's origin is allowed; if so, the answer says it.
fn allow_origin(cors: &Rules<'_>, request: &HeaderMap, response: &mut HeaderMap) -> bool {
    let Some(origin) = request.get(ORIGIN) else { return false };
    let text = origin.to_str().unwrap_or_default();
    let allowed = if cors.allow_origins.iter().any(|allowed| allowed == "*") {
        HeaderValue::from_static("*")
    } else if cors.allow_origins.iter().any(|allowed| matches(allowed, text)) {
        origin.clone()
    } else {
        return false;
    };
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if cors.allow_credentials {
        response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    true
}

/// An origin as it was written, or every one of a scheme: `https://*`.
fn matches(allowed: &str, origin: &str) -> bool {
    match allowed.strip_suffix("://*") {
        Some(scheme) => origin.split_once("://").is_some_and(|(own, _)| own.eq_ignore_ascii_case(scheme)),
        None => allowed.eq_ignore_ascii_case(origin),
    }
}

fn list(response: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if let Ok(value) = HeaderValue::from_str(&values.join(","))
        && !values.is_empty()
    {
        response.insert(name, value);
    }
}
