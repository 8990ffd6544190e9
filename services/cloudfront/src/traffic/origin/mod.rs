//! Where objects come from: buckets, services of this server, and servers elsewhere.

mod bucket;
mod inside;
mod server;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT, VIA};
use http::{Method, StatusCode};
use service::{Body, Cx, Upload};

use super::headers::{is_of_connection, text};
use super::rule::{Rule, Selected};
use super::sites::{Site, Source};
use super::viewer::Viewer;
use crate::CloudFront;

/// What is asked of an origin.
pub struct Request {
    pub method: Method,
    /// Still encoded, with the origin's own path before it.
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Option<Upload>,
}

/// What an origin answers.
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
}

/// Why an origin does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Unreachable,
    TimedOut,
}

impl Failure {
    pub fn status(self) -> StatusCode {
        match self {
            Failure::Unreachable => StatusCode::BAD_GATEWAY,
            Failure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// Asks an origin.
///
/// # Errors
/// When it does not answer.
pub async fn send(
    state: &CloudFront,
    cx: &Cx,
    site: &Site,
    source: &Source,
    request: Request,
) -> Result<Response, Failure> {
    state.figures.fetched();
    let request = Request { path: format!("{}{}", source.origin.origin_path, request.path), ..request };
    let mut answered = match bucket::of(&source.origin) {
        Some(bucket) => bucket::send(cx, site, source, &bucket, request).await,
        None => match inside::front(cx, source, &request) {
            Some(front) => inside::send(cx, source, front, request).await,
            None => server::send(state, source, request).await,
        },
    }?;
    // No answer to HEAD and none of these statuses has a body (RFC 9110, 6.4.1).
    if matches!(answered.status.as_u16(), 204 | 304) {
        answered.body = Body::from(Bytes::new());
    }
    Ok(answered)
}

/// The headers of a request to an origin: what the behaviour lets through, and what CloudFront says itself.
/// Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html>
pub fn headers(site: &Site, rule: &Rule, viewer: &Viewer, codings: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let has_body = !matches!(viewer.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let takes = |name: &str| rule.keyed.headers.takes(name) || rule.forwarded.headers.takes(name);
    for (name, value) in &viewer.headers {
        let of_body = has_body && (name.as_str().starts_with("content-") || name == "authorization");
        if !is_of_connection(name) && !is_handled(name) && (takes(name.as_str()) || of_body) {
            headers.append(name.clone(), value.clone());
        }
    }
    if takes(HOST.as_str())
        && let Some(host) = viewer.headers.get(HOST)
    {
        headers.insert(HOST, host.clone());
    }
    if let Some(cookies) = rule.origin_cookies(&viewer.headers) {
        headers.insert(COOKIE, cookies);
    }
    let as_it_is = !rule.caches() && rule.forwarded.headers == Selected::All;
    match viewer.headers.get(ACCEPT_ENCODING).filter(|_| as_it_is) {
        Some(codings) => drop(headers.insert(ACCEPT_ENCODING, codings.clone())),
        None => insert(&mut headers, ACCEPT_ENCODING, if codings.is_empty() { "identity" } else { codings }),
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("Amazon CloudFront"));
    insert(&mut headers, VIA, &super::via(&site.id));
    insert(&mut headers, HeaderName::from_static("x-amz-cf-id"), &viewer.request_id);
    if let Some(address) = viewer.address {
        let before = text(&viewer.headers, "x-forwarded-for").map(|before| format!("{before}, ")).unwrap_or_default();
        insert(&mut headers, HeaderName::from_static("x-forwarded-for"), &format!("{before}{}", address.ip()));
    }
    for name in &rule.added {
        let value = match name.as_str() {
            "cloudfront-forwarded-proto" => if viewer.is_secure { "https" } else { "http" }.to_owned(),
            "cloudfront-viewer-address" => viewer.address.map(|address| address.to_string()).unwrap_or_default(),
            "cloudfront-viewer-http-version" => viewer.http_version().to_owned(),
            _ => continue,
        };
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            insert(&mut headers, name, &value);
        }
    }
    headers
}

/// Headers that are not let through as they are: others are made of them, or nothing.
fn is_handled(name: &HeaderName) -> bool {
    const NAMES: [&str; 10] = [
        "accept-encoding",
        "cookie",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "via",
        "x-forwarded-for",
    ];
    NAMES.contains(&name.as_str()) || name.as_str().starts_with("cloudfront-")
}

pub fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The headers that an origin's owner has it get in any case.
fn own_headers(source: &Source, headers: &mut HeaderMap) {
    for header in &source.origin.custom_headers.items {
        if let Ok(name) = HeaderName::from_bytes(header.header_name.as_bytes()) {
            insert(headers, name, &header.header_value);
        }
    }
}
