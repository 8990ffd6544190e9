//! Objects that are given out compressed, where their origins do not do so themselves.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html>

use std::io::{self, Write};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY};

use super::headers::text;
use crate::limits;

/// Types that are compressed.
const TYPES: [&str; 38] = [
    "application/dash+xml",
    "application/eot",
    "application/font",
    "application/font-sfnt",
    "application/javascript",
    "application/json",
    "application/opentype",
    "application/otf",
    "application/pdf",
    "application/pkcs7-mime",
    "application/protobuf",
    "application/rss+xml",
    "application/truetype",
    "application/ttf",
    "application/vnd.apple.mpegurl",
    "application/vnd.mapbox-vector-tile",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/xhtml+xml",
    "application/xml",
    "application/x-font-opentype",
    "application/x-font-truetype",
    "application/x-font-ttf",
    "application/x-httpd-cgi",
    "application/x-javascript",
    "application/x-mpegurl",
    "application/x-opentype",
    "application/x-otf",
    "application/x-perl",
    "application/x-ttf",
    "font/eot",
    "font/opentype",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/plain",
];
const TEXT_TYPES: [&str; 7] =
    ["text/csv", "text/js", "text/javascript", "text/component", "text/richtext", "text/xml", "text/x-component"];

/// How hard Brotli tries, of 11: about as fast as gzip does, and shorter.
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 20;
const BUFFER_BYTES: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Brotli,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
        }
    }

    /// How an answer is compressed for a viewer that takes `codings`; `None` where it is not.
    pub fn of(codings: &str, status: StatusCode, headers: &HeaderMap) -> Option<Coding> {
        let length: u64 = text(headers, CONTENT_LENGTH)?.parse().ok()?;
        let of_type = text(headers, CONTENT_TYPE)?.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let fits = matches!(status.as_u16(), 200 | 403 | 404)
            && !headers.contains_key(CONTENT_ENCODING)
            && limits::COMPRESSED_BYTES.contains(&length)
            && (TYPES.contains(&of_type.as_str()) || TEXT_TYPES.contains(&of_type.as_str()));
        match codings {
            "" => None,
            "gzip" => fits.then_some(Coding::Gzip),
            _ => fits.then_some(Coding::Brotli),
        }
    }

    /// Makes an answer's headers those of what is compressed.
    pub fn mark(self, headers: &mut HeaderMap) {
        headers.remove(CONTENT_LENGTH);
        headers.remove("accept-ranges");
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(self.name()));
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        let weak = text(headers, ETAG).filter(|etag| !etag.starts_with("W/")).map(|etag| format!("W/{etag}"));
        if let Some(weak) = weak.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
            headers.insert(ETAG, weak);
        }
    }
}

/// Compresses pieces as they come.
pub enum Encoder {
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Encoder {
    pub fn new(coding: Coding) -> Encoder {
        match coding {
            Coding::Gzip => Encoder::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::default()))),
            Coding::Brotli => {
                let writer = CompressorWriter::new(Vec::new(), BUFFER_BYTES, BROTLI_QUALITY, BROTLI_WINDOW);
                Encoder::Brotli(Box::new(writer))
            }
        }
    }

    /// What comes out once `bytes` have gone in; it may be nothing yet.
    ///
    /// # Errors
    /// Never, as it goes into memory.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        let out = match self {
            Encoder::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                encoder.get_mut()
            }
            Encoder::Brotli(encoder) => {
                encoder.write_all(bytes)?;
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(out).into())
    }

    /// The rest.
    ///
    /// # Errors
    /// Never, as it goes into memory.
    pub fn finish(self) -> io::Result<Bytes> {
        match self {
            Encoder::Gzip(encoder) => encoder.finish().map(Bytes::from),
            Encoder::Brotli(encoder) => Ok(encoder.into_inner().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn headers(of_type: &'static str, length: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(of_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
        headers.insert(ETAG, HeaderValue::from_static("\"a\""));
        headers
    }

    #[test]
    fn texts_of_the_right_length_are_compressed() {
        let of = |codings, of_type, length| Coding::of(codings, StatusCode::OK, &headers(of_type, length));
        assert_eq!(of("br,gzip", "text/html; charset=utf-8", "1000"), Some(Coding::Brotli));
        assert_eq!(of("gzip", "application/json", "10000000"), Some(Coding::Gzip));
        for (codings, of_type, length) in [
            ("", "text/html", "5000"),
            ("br", "image/png", "5000"),
            ("br", "text/html", "999"),
            ("br", "text/html", "10000001"),
        ] {
            assert_eq!(of(codings, of_type, length), None);
        }
        let mut headers = headers("text/css", "5000");
        Coding::Gzip.mark(&mut headers);
        assert_eq!(
            (&headers["etag"], &headers["content-encoding"], &headers["vary"]),
            (
                &HeaderValue::from_static("W/\"a\""),
                &HeaderValue::from_static("gzip"),
                &HeaderValue::from_static("Accept-Encoding")
            )
        );
        assert_eq!(Coding::of("gzip", StatusCode::OK, &headers), None);
    }

    #[test]
    fn what_goes_in_comes_out() {
        let text: String = (0..20_000).map(|number| number.to_string()).collect();
        for coding in [Coding::Gzip, Coding::Brotli] {
            let mut encoder = Encoder::new(coding);
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(7_000) {
                out.extend_from_slice(&encoder.push(piece).unwrap());
            }
            out.extend_from_slice(&encoder.finish().unwrap());
            assert!(out.len() < text.len() / 2);
            let mut plain = String::new();
            match coding {
                Coding::Gzip => flate2::read::GzDecoder::new(&*out).read_to_string(&mut plain).unwrap(),
                Coding::Brotli => brotli::Decompressor::new(&*out, 4096).read_to_string(&mut plain).unwrap(),
            };
            assert_eq!(plain, text);
        }
    }
}
