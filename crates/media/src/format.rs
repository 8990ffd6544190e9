//! The kinds of images, and by what they are known.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A kind of image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Jpeg,
    Png,
    Webp,
    Gif,
    /// Is written, and not read.
    Avif,
}

impl Format {
    /// What somebody who accepts it gets, the best first.
    #[cfg(feature = "avif")]
    pub const PREFERRED: [Format; 2] = [Format::Avif, Format::Webp];
    #[cfg(not(feature = "avif"))]
    pub const PREFERRED: [Format; 1] = [Format::Webp];

    pub fn media_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Gif => "image/gif",
            Format::Avif => "image/avif",
        }
    }

    /// Whether pixels can be transparent.
    pub fn has_alpha(self) -> bool {
        self != Format::Jpeg
    }

    /// What these bytes are the beginning of, whatever name or type they came under.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which says what they are, should that be known.
    pub fn of(bytes: &[u8]) -> Result<Format> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Format::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::Webp),
            [] => Err(Error::Unsupported("this is no image: it is empty".into())),
            _ => Err(unread(bytes)),
        }
    }
}

fn unread(bytes: &[u8]) -> Error {
    let kind = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Some("AVIF"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => Some("HEIC"),
        [b'B', b'M', ..] => Some("BMP"),
        [b'I', b'I', 0x2A, 0, ..] | [b'M', b'M', 0, 0x2A, ..] => Some("TIFF"),
        [b'%', b'P', b'D', b'F', ..] => Some("PDF"),
        [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..] => Some("JPEG XL"),
        _ if begins_with_markup(bytes) => Some("SVG, HTML or XML"),
        _ => None,
    };
    let read = "images that are read are JPEG, PNG, WebP and GIF";
    Error::Unsupported(match kind {
        Some(kind) => format!("this is {kind}: {read}"),
        None => format!("this is no image: {read}"),
    })
}

fn begins_with_markup(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_what_they_are_whatever_they_are_called() {
        assert_eq!(Format::of(b"GIF89a\x01\x00"), Ok(Format::Gif));
        assert_eq!(Format::of(b"RIFF\x04\x00\x00\x00WEBPVP8 "), Ok(Format::Webp));
        for (bytes, kind) in [
            (&b"\0\0\0\x1Cftypavif"[..], "AVIF"),
            (b"\0\0\0\x1Cftypheic", "HEIC"),
            (b"\xEF\xBB\xBF \n<svg>", "SVG"),
            (b"RIFF\x04\x00\x00\x00WAVEfmt ", "no image"),
            (b"GIF", "no image"),
            (b"", "empty"),
        ] {
            let told = Format::of(bytes).unwrap_err().to_string();
            assert!(told.contains(kind), "{told}");
        }
    }
}
