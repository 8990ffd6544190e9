//! What an API answers by itself when it cannot answer with a function.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

/// `{"message": "…"}`.
fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(json!({ "message": text }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Of REST APIs, with the kind of error in a header.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
pub fn rest(status: StatusCode, kind: &'static str, text: &str) -> Response<Bytes> {
    let mut response = message(status, text);
    response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(kind));
    response
}

pub fn forbidden() -> Response<Bytes> {
    rest(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden")
}

pub fn missing_token() -> Response<Bytes> {
    rest(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", "Missing Authentication Token")
}

pub fn rest_too_large() -> Response<Bytes> {
    let text = "HTTP content length exceeded 10485760 bytes.";
    rest(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", text)
}

/// Of HTTP APIs.
pub fn http(status: StatusCode, text: &str) -> Response<Bytes> {
    message(status, text)
}

pub fn not_found() -> Response<Bytes> {
    message(StatusCode::NOT_FOUND, "Not Found")
}

pub fn http_internal() -> Response<Bytes> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}
