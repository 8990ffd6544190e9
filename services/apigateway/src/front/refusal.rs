//! What an API answers by itself when it cannot answer with a function.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::authorize::Refused;
use super::problem::Problem;

/// `{"message": "…"}`.
fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    body(status, &json!({ "message": text }))
}

fn body(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Of REST APIs, with the kind of error in a header.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
pub fn rest(status: StatusCode, kind: &'static str, text: &str) -> Response<Bytes> {
    of_kind(message(status, text), kind)
}

fn of_kind(mut response: Response<Bytes>, kind: &'static str) -> Response<Bytes> {
    response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(kind));
    response
}

pub fn forbidden() -> Response<Bytes> {
    rest(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden")
}

/// What a problem is answered with where no API's owner says otherwise.
pub fn problem(problem: &Problem) -> Response<Bytes> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    of_kind(body(status, &json!({ problem.member: problem.message })), problem.code)
}

/// Of HTTP APIs.
pub fn http(status: StatusCode, text: &str) -> Response<Bytes> {
    message(status, text)
}

pub fn not_found() -> Response<Bytes> {
    message(StatusCode::NOT_FOUND, "Not Found")
}

pub fn http_too_large() -> Response<Bytes> {
    message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

pub fn http_internal() -> Response<Bytes> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// Who is not let in to an HTTP API.
pub fn http_refused(refused: Refused) -> Response<Bytes> {
    let (mut response, challenge) = match refused {
        Refused::Unauthorized { challenge } => (message(StatusCode::UNAUTHORIZED, "Unauthorized"), challenge),
        Refused::Expired => (message(StatusCode::UNAUTHORIZED, "Unauthorized"), None),
        Refused::Scope { challenge } => (message(StatusCode::FORBIDDEN, "Forbidden"), Some(challenge)),
        Refused::Denied { .. } | Refused::NotPermitted(_) | Refused::Signature { .. } => {
            (message(StatusCode::FORBIDDEN, "Forbidden"), None)
        }
        Refused::Failed | Refused::Misconfigured => (http_internal(), None),
    };
    if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// More requests than a stage lets through, to an HTTP API.
pub fn http_throttled() -> Response<Bytes> {
    message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
}
