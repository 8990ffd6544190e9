//! `$util`: what API Gateway gives templates to work with.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#util-template-reference>

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::heap::Value;
use crate::java;
use crate::render::Renderer;

/// What `URLEncoder` leaves as it is, and the space, which becomes a plus.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Renderer<'_> {
    pub fn util_method(&mut self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let [argument] = arguments else { return Ok(Value::Null) };
        if name == "parseJson" {
            let text = self.shown(argument)?;
            return if text.is_empty() { Ok(Value::Null) } else { self.parsed(&text) };
        }
        let text = self.shown(argument)?;
        let made = match name {
            "escapeJavaScript" => match argument {
                Value::Null => "null".to_owned(),
                _ => java::escaped(&text),
            },
            "urlEncode" => percent_encode(text.as_bytes(), FORM).to_string().replace(' ', "+"),
            "urlDecode" => {
                let spaced = text.replace('+', " ");
                percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
            }
            "base64Encode" => STANDARD.encode(&text),
            "base64Decode" => {
                let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
                let bytes = BASE64.decode(compact).map_err(|error| format!("The text is not base64: {error}"))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => return Ok(Value::Null),
        };
        self.heap.text(&made)
    }
}
