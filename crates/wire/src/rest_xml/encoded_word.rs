//! Text that is not ASCII in headers, as mail has it: users' metadata comes and goes in such words.
//!
//! Source: RFC 2047, and <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::scalar::to_base64;

/// What a value says that is one encoded word; others stay as they are.
pub fn decode(value: &str) -> Cow<'_, str> {
    decoded(value).map_or(Cow::Borrowed(value), Cow::Owned)
}

fn decoded(value: &str) -> Option<String> {
    let word = value.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset, word) = word.split_once('?')?;
    let (encoding, text) = word.split_once('?')?;
    if !charset.eq_ignore_ascii_case("utf-8") || text.contains('?') {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(text).ok()?,
        "Q" | "q" => unquoted(text)?,
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => (digit(rest.next()?)? << 4) | digit(rest.next()?)?,
            byte => byte,
        });
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A value as one encoded word, if it needs that: in the form that is for most of its characters.
pub fn encode(value: &str) -> Cow<'_, str> {
    let foreign = value.chars().filter(|character| !is_plain(*character)).count();
    if foreign == 0 {
        return Cow::Borrowed(value);
    }
    if foreign * 2 >= value.chars().count() {
        return Cow::Owned(format!("=?UTF-8?B?{}?=", to_base64(value.as_bytes())));
    }
    let mut word = String::from("=?UTF-8?Q?");
    for byte in value.bytes() {
        match byte {
            b' ' => word.push('_'),
            b'=' | b'?' | b'_' => word += &format!("={byte:02X}"),
            byte if byte.is_ascii_graphic() => word.push(char::from(byte)),
            byte => word += &format!("={byte:02X}"),
        }
    }
    Cow::Owned(word + "?=")
}

fn is_plain(character: char) -> bool {
    character.is_ascii_graphic() || character == ' ' || character == '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ascii_is_a_word() {
        for (value, word) in [
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            ("a_%E2—é?=.pdf", "=?UTF-8?Q?a=5F%E2=E2=80=94=C3=A9=3F=3D.pdf?="),
            ("ä", "=?UTF-8?B?w6Q=?="),
            ("\0\u{1}\u{2}\u{3}", "=?UTF-8?B?AAECAw==?="),
        ] {
            assert_eq!(encode(value), word);
            assert_eq!(decode(word), value);
        }
        let plain = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t";
        assert_eq!((encode(plain), decode(plain)), (plain.into(), plain.into()));
    }

    #[test]
    fn what_is_no_word_stays() {
        assert_eq!(decode("=?utf-8?b?YWJj?="), "abc");
        for value in [
            "=?UTF-8?B?=GGG?=",
            "=?UTF-8?Q?=FF?=",
            "=?UTF-8?Q?a=b?=",
            "=?UTF-8?X?a?=",
            "=?ISO-8859-1?Q?a?=",
            "=?UTF-8?Q?a?= b",
            "=?=",
        ] {
            assert_eq!(decode(value), value);
        }
    }
}
