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
pub fn request(body: &Bytes, is_binary: bool, handling: Option<&str>, to_service: bool) -> Result<Bytes, Problem> {
    match (is_binary, handling) {
        (true, Some(TO_TEXT)) => Ok(STANDARD.encode(body).into()),
        (false, Some(TO_BINARY)) => decoded(body),
        (false, _) if to_service => Ok(text(body)),
        _ => Ok(body.clone()),
    }
}

/// An answer's body as its client gets it. `accepted` tells whether the client asks for bytes.
pub fn response(
    body: &Bytes,
    is_binary: bool,
    accepted: bool,
    handling: Option<&str>,
    of_service: bool,
) -> Result<Bytes, Problem> {
    match (is_binary, handling, accepted) {
        (true, Some(TO_TEXT), _) | (true, None, false) => Ok(STANDARD.encode(body).into()),
        (false, Some(TO_BINARY), _) | (false, None, true) => decoded(body),
        (false, ..) if of_service => Ok(text(body)),
        _ => Ok(body.clone()),
    }
}

/// What AWS makes of bytes that go to services or come from them, where nobody has said that they are bytes: what is no UTF-8
/// is lost.
fn text(body: &Bytes) -> Bytes {
    match str::from_utf8(body) {
        Ok(_) => body.clone(),
        Err(_) => String::from_utf8_lossy(body).into_owned().into(),
    }
}

fn decoded(body: &Bytes) -> Result<Bytes, Problem> {
    let decoded = STANDARD.decode(body.trim_ascii());
    decoded
        .map(Bytes::from)
        .map_err(|error| Problem::configuration(format!("Unable to base64 decode the body: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_get_and_give_text_unless_it_is_said_that_it_is_bytes() {
        let bytes = Bytes::from_static(b"a\xff");
        let lossy = Bytes::from("a\u{fffd}");
        for (is_binary, handling, of_service, expected) in [
            (false, None, true, &lossy),
            (false, Some(TO_TEXT), true, &lossy),
            (false, None, false, &bytes),
            (true, None, true, &bytes),
        ] {
            assert_eq!(request(&bytes, is_binary, handling, of_service).unwrap(), expected, "{is_binary} {handling:?}");
            let answer = response(&bytes, is_binary, is_binary, handling, of_service).unwrap();
            assert_eq!(answer, expected, "{is_binary} {handling:?}");
        }
        assert_eq!(request(&"/w==".into(), false, Some(TO_BINARY), true).unwrap(), &b"\xff"[..]);
    }
}
