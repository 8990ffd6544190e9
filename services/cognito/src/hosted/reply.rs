//! Answers to browsers and to applications, with what keeps them from being framed, kept or read by others.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::error::Error;

/// What a part of a query may have unencoded: RFC 3986, section 2.3.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Pages have a stylesheet and nothing else, and are in nobody's frame. Where forms lead is left open: after a sign-in, browsers take
/// the way to the application for a part of the form's.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";
/// The same for the page that asks the browser for a passkey, which takes a script of ours.
const POLICY_WITH_SCRIPT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                  base-uri 'none'; frame-ancestors 'none'";

pub type Reply = Response<Bytes>;

/// What ends a request before its time.
#[derive(Debug)]
pub enum Halt {
    /// It is told on a page.
    Page(StatusCode, String),
    /// The application is told.
    Back(String),
}

impl Halt {
    pub fn page(status: StatusCode, told: impl Into<String>) -> Halt {
        Halt::Page(status, told.into())
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        let error = service::Error::from(error);
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Halt::Page(status, error.message)
    }
}

pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// Parameters as a query.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// An address with parameters more, behind `mark` where it has none yet.
pub fn with_parameters<'a>(url: &str, mark: char, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mark = if url.contains(mark) { '&' } else { mark };
    format!("{url}{mark}{}", query(pairs))
}

fn header(reply: &mut Reply, name: HeaderName, value: &'static str) {
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// What every answer here has: nobody keeps it, and nobody guesses what it is.
fn private(reply: &mut Reply) {
    header(reply, CACHE_CONTROL, "no-store");
    header(reply, HeaderName::from_static("x-content-type-options"), "nosniff");
    header(reply, HeaderName::from_static("referrer-policy"), "no-referrer");
}

/// Tells the browser to come here over TLS alone from now on, for a year.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc6797>
pub fn over_tls_alone(reply: &mut Reply) {
    header(reply, HeaderName::from_static("strict-transport-security"), "max-age=31536000");
}

pub fn html(status: StatusCode, page: String) -> Reply {
    let mut reply = Response::new(Bytes::from(page));
    *reply.status_mut() = status;
    private(&mut reply);
    header(&mut reply, CONTENT_TYPE, "text/html; charset=utf-8");
    header(&mut reply, HeaderName::from_static("content-security-policy"), POLICY);
    header(&mut reply, HeaderName::from_static("x-frame-options"), "DENY");
    reply
}

/// A page with a script of ours.
pub fn html_with_script(status: StatusCode, page: String) -> Reply {
    let mut reply = html(status, page);
    header(&mut reply, HeaderName::from_static("content-security-policy"), POLICY_WITH_SCRIPT);
    reply
}

pub fn redirect(url: &str) -> Reply {
    let mut reply = Response::new(Bytes::new());
    let Ok(location) = HeaderValue::from_bytes(url.as_bytes()) else {
        return html(StatusCode::BAD_REQUEST, "The address to go to cannot be written.".to_owned());
    };
    *reply.status_mut() = StatusCode::FOUND;
    reply.headers_mut().insert(LOCATION, location);
    private(&mut reply);
    reply
}

/// Anything of a page but itself. It is the same for everybody.
fn part(text: impl Into<Bytes>, kind: &'static str) -> Reply {
    let mut reply = Response::new(text.into());
    header(&mut reply, CONTENT_TYPE, kind);
    header(&mut reply, CACHE_CONTROL, "public, max-age=300");
    header(&mut reply, HeaderName::from_static("x-content-type-options"), "nosniff");
    reply
}

pub fn css(text: impl Into<Bytes>) -> Reply {
    part(text, "text/css; charset=utf-8")
}

pub fn script(text: &'static str) -> Reply {
    part(text, "text/javascript; charset=utf-8")
}

pub fn json(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Bytes::from(body.to_string()));
    *reply.status_mut() = status;
    private(&mut reply);
    header(&mut reply, CONTENT_TYPE, "application/json;charset=UTF-8");
    reply
}

/// Lets pages of any origin read an answer: what it takes to get it, they have to send themselves.
pub fn for_any_origin(reply: &mut Reply) {
    header(reply, HeaderName::from_static("access-control-allow-origin"), "*");
    header(reply, HeaderName::from_static("access-control-allow-methods"), "GET, POST, OPTIONS");
    header(
        reply,
        HeaderName::from_static("access-control-allow-headers"),
        "authorization, content-type, x-amz-user-agent",
    );
    header(reply, HeaderName::from_static("access-control-max-age"), "600");
}

pub fn with_cookie(mut reply: Reply, cookie: &str) -> Reply {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        reply.headers_mut().append(SET_COOKIE, cookie);
    }
    reply
}
