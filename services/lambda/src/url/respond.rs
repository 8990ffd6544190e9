//! A function's answer as a response, buffered or while it is made, and the answers that need no function.

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use proxy::answer::{self, Answer};
use runtime::Part;
use serde_json::json;
use service::{Body, Broken};

use super::admit::Refused;
use crate::error::Error;
use crate::invoke::{Begun, Ran, Streaming};

/// The content type of a stream that begins with its status and headers, as JSON.
const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";
/// Separates them from the body.
const SEPARATOR: [u8; 8] = [0; 8];
/// The most that may come before the separator, in bytes.
const PRELUDE_BYTES_MAX: usize = 64 << 10;

pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// `{"Message": text}`.
pub fn message(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(json!({"Message": text}).to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub fn not_found() -> Response<Body> {
    message(StatusCode::NOT_FOUND, "There is no function URL here.")
}

/// The function failed, or its answer makes no sense.
fn bad_gateway() -> Response<Body> {
    message(StatusCode::BAD_GATEWAY, "Internal Server Error")
}

pub fn refused(refused: Refused) -> Result<Response<Body>, Error> {
    match refused {
        Refused::Failed(error) => Err(error),
        Refused::Forbidden(reason) => {
            tracing::info!(reason, "a request to a function URL was refused");
            Ok(message(StatusCode::FORBIDDEN, "Forbidden"))
        }
        Refused::Signature { code, message: text } => {
            let mut response = message(StatusCode::FORBIDDEN, &text);
            response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(code));
            Ok(response)
        }
    }
}

pub fn error(error: Error) -> Response<Body> {
    let error = service::Error::from(error);
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    message(status, &error.message)
}

pub fn with_id(mut response: Response<Body>, id: &str) -> Response<Body> {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(wire::REQUEST_ID_HEADER, id);
    }
    response
}

/// The response for an answer that is there as a whole.
pub fn buffered(ran: &Ran) -> Response<Body> {
    if ran.outcome.function_error.is_some() {
        return bad_gateway();
    }
    let payload = &ran.outcome.payload;
    let answer = match split_prelude(payload) {
        Some((prelude, body)) => answer::v2(prelude)
            .map(|head| Answer { body: answer::Body::Binary(payload.slice_ref(body), String::new()), ..head }),
        None => answer::v2(payload),
    };
    match answer {
        Ok(answer) => answer.into_response().map(Body::from),
        Err(error) => {
            tracing::warn!(why = error.0, "malformed function answer");
            bad_gateway()
        }
    }
}

/// The response for an answer that is passed on while it is made.
pub async fn streamed(begun: Begun) -> Response<Body> {
    let (content_type, streaming) = match begun {
        // Not interpreted in this mode, as on AWS: the payload is the body.
        Begun::Whole(ran) if ran.outcome.function_error.is_none() => {
            let mut response = Response::new(Body::from(ran.outcome.payload));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
        Begun::Whole(_) => return bad_gateway(),
        Begun::Streams(content_type, streaming) => (content_type, streaming),
    };
    if content_type.as_deref() == Some(HTTP_INTEGRATION) {
        return integration(streaming).await;
    }
    let mut response = Response::new(body(Bytes::new(), streaming));
    let content_type = content_type.and_then(|text| HeaderValue::from_str(&text).ok());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A stream that begins with status and headers.
async fn integration(mut streaming: Streaming) -> Response<Body> {
    let mut read = BytesMut::new();
    while read.len() <= PRELUDE_BYTES_MAX {
        let Some(Part::Bytes(bytes)) = streaming.parts.recv().await else { break };
        read.extend_from_slice(&bytes);
        if split_prelude(&read).is_some() {
            break;
        }
    }
    let read = read.freeze();
    let head = split_prelude(&read).and_then(|(prelude, rest)| Some((structured(prelude)?, read.slice_ref(rest))));
    match head {
        Some((head, rest)) => head.into_response().map(|_| body(rest, streaming)),
        None => bad_gateway(),
    }
}

/// Status, headers and cookies. A prelude without a status means 200.
fn structured(prelude: &[u8]) -> Option<Answer> {
    let mut head: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(prelude).ok()?;
    head.entry("statusCode").or_insert_with(|| json!(200));
    head.remove("body");
    answer::v2(json!(head).to_string().as_bytes()).ok()
}

/// What is before the separator, and after it.
fn split_prelude(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(SEPARATOR.len()).take(PRELUDE_BYTES_MAX).position(|window| window == SEPARATOR)?;
    let (prelude, rest) = bytes.split_at_checked(at)?;
    Some((prelude, rest.strip_prefix(&SEPARATOR)?))
}

/// `first`, and what is still to come. A function that fails breaks the response off.
fn body(first: Bytes, streaming: Streaming) -> Body {
    let rest = stream::unfold(Some(streaming), async |state| {
        let mut streaming = state?;
        match streaming.parts.recv().await {
            Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(streaming))),
            Some(Part::Begin(_)) => Some((Ok(Bytes::new()), Some(streaming))),
            None => match streaming.finish().await {
                Ok(ran) if ran.outcome.function_error.is_none() => None,
                _ => Some((Err(Broken), None)),
            },
        }
    });
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    Body::stream(futures_util::StreamExt::chain(first, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prelude_ends_at_eight_zeros() {
        assert_eq!(split_prelude(b"{}\0\0\0\0\0\0\0\0body"), Some((&b"{}"[..], &b"body"[..])));
        assert_eq!(split_prelude(b"{}\0\0\0\0\0\0\0"), None);
        assert_eq!(split_prelude(b"\"text\""), None);
    }

    #[test]
    fn a_prelude_has_status_headers_and_cookies() {
        let head = structured(br#"{"headers":{"X-A":"1"},"cookies":["a=1"],"body":"no"}"#).unwrap();
        assert_eq!((head.status, head.headers.len()), (StatusCode::OK, 2));
        assert_eq!(structured(br#"{"statusCode":404}"#).unwrap().status, StatusCode::NOT_FOUND);
        assert!(structured(b"[]").is_none());
    }
}
