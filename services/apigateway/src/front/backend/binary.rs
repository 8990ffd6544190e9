//! Bodies that are bytes, and bodies that are text: which of them an API's integrations and its clients get.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::front::problem::Problem;

pub const TO_TEXT: &str = "CONVERT_TO_TEXT";
pub const TO_BINARY: &str = "CONVERT_TO_BINARY";

/// Whether a media type is among those that an API treats as bytes.
pub fn is_binary(known: &[String], media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default().trim();
    known.iter().any(|known| match known.strip_suffix("/*") {
        _ if known == "*/*" => true,
        Some(prefix) => kind.split('/').next().is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
        None => known.eq_ignore_ascii_case(kind),
    })
}

/// A request's body as its integration gets it.
pub fn request(body: &Bytes, is_binary: bool, handling: Option<&str>) -> Result<Bytes, Problem> {
    match (is_binary, handling) {
        (true, Some(TO_TEXT)) => Ok(STANDARD.encode(body).into()),
        (false, Some(TO_BINARY)) => decoded(body),
        _ => Ok(body.clone()),
    }
}

/// An answer's body as its client gets it. `accepted` tells whether the client asks for bytes.
pub fn response(body: &Bytes, is_binary: bool, accepted: bool, handling: Option<&str>) -> Result<Bytes, Problem> {
    match (is_binary, handling, accepted) {
        (true, Some(TO_TEXT), _) | (true, None, false) => Ok(STANDARD.encode(body).into()),
        (false, Some(TO_BINARY), _) | (false, None, true) => decoded(body),
        _ => Ok(body.clone()),
    }
}

fn decoded(body: &Bytes) -> Result<Bytes, Problem> {
    let decoded = STANDARD.decode(body.trim_ascii());
    decoded
        .map(Bytes::from)
        .map_err(|error| Problem::configuration(format!("Unable to base64 decode the body: {error}")))
}
