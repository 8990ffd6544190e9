//! The canonical request and the string to sign: one text for all the ways a request can be written.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest, Sha256};

use super::{ALGORITHM, Parts, Scope, compact};

/// Everything but RFC 3986's unreserved characters is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, within paths.
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// What becomes of a path before it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathStyle {
    /// Dots and repeated slashes are resolved, and the encoded path is encoded once more.
    Normalized,
    /// The path is signed as it is (S3, where `a//b` and `a/../b` are names of objects).
    AsIs,
}

impl PathStyle {
    pub(super) fn of(scope: &Scope) -> PathStyle {
        if scope.is_s3() { PathStyle::AsIs } else { PathStyle::Normalized }
    }
}

/// What is signed, besides the request's parts.
/// What HTTP/2 calls the host.
pub(super) const AUTHORITY: &str = ":authority";

#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub style: PathStyle,
    pub signed_headers: &'a [String],
    /// The hash of the body, or the declaration that stands for it.
    pub payload: &'a str,
}

/// The canonical request; `None` when a header that was signed is not there.
pub(super) fn request(parts: &Parts, claims: &Claims) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(512);
    for line in [parts.method, &path(parts.path, claims.style), &query(parts.query)] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    for name in claims.signed_headers {
        header(&mut text, parts.headers, name)?;
    }
    text.push(b'\n');
    text.extend_from_slice(claims.signed_headers.join(";").as_bytes());
    text.push(b'\n');
    text.extend_from_slice(claims.payload.as_bytes());
    Some(text)
}

/// What the signing key signs.
pub(super) fn string_to_sign(canonical_request: &[u8], time: base::Timestamp, scope: &Scope) -> String {
    format!("{ALGORITHM}\n{}\n{scope}\n{}", compact(time), sha256(canonical_request))
}

/// The SHA-256 of `bytes`, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Percent-encodes all but unreserved characters.
pub(super) fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, ENCODED).to_string()
}

/// A query parameter's name or value without its encoding. A plus is a space, as in forms.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let text: Cow<str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode(text.as_bytes()).collect()
}

/// The name and value of each parameter, still encoded.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn path(path: &str, style: PathStyle) -> String {
    let path = if path.is_empty() { "/" } else { path };
    match style {
        PathStyle::AsIs => {
            // Within segments, so that an encoded slash stays one.
            let segments: Vec<String> = path
                .split('/')
                .map(|segment| encode(&percent_decode(segment.as_bytes()).collect::<Vec<u8>>()))
                .collect();
            segments.join("/")
        }
        PathStyle::Normalized => percent_encode(normalize(path).as_bytes(), ENCODED_IN_PATH).to_string(),
    }
}

/// RFC 3986 section 5.2.4, and empty segments are dropped too.
fn normalize(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

/// Parameters in the order of their encoded names and values. The signature itself cannot be part of what it signs.
fn query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = parameters(query)
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encode(&decode(name)), encode(&decode(value))))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// One line: the values of the header in order, trimmed, runs of spaces made one. `None` when there are none.
/// The header that has what was signed under this name: HTTP/2 has a name of its own for the host.
pub(super) fn carrier(name: &str) -> &str {
    if name == AUTHORITY { "host" } else { name }
}

fn header(text: &mut Vec<u8>, headers: &HeaderMap, name: &str) -> Option<()> {
    text.extend_from_slice(name.as_bytes());
    let mut separator = b':';
    for value in headers.get_all(carrier(name)) {
        text.push(separator);
        let mut words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        text.extend_from_slice(words.next().unwrap_or_default());
        for word in words {
            text.push(b' ');
            text.extend_from_slice(word);
        }
        separator = b',';
    }
    text.push(b'\n');
    (separator == b',').then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (style, raw, canonical) in [
            (PathStyle::Normalized, "", "/"),
            (
                PathStyle::Normalized,
                "/2015-03-31/functions/arn%3Aaws%3Alambda/",
                "/2015-03-31/functions/arn%253Aaws%253Alambda/",
            ),
            (PathStyle::Normalized, "/../../a//./b/c/..", "/a/b"),
            (PathStyle::AsIs, "/bucket//a/../b%20c%2Fd", "/bucket//a/../b%20c%2Fd"),
        ] {
            assert_eq!(path(raw, style), canonical);
        }
    }

    #[test]
    fn queries() {
        for (raw, canonical) in [
            ("", ""),
            ("&&", ""),
            ("b&a=", "a=&b="),
            ("a=2&a=1&A=3", "A=3&a=1&a=2"),
            ("a=b+c&d=%2b", "a=b%20c&d=%2B"),
            ("a=x=y", "a=x%3Dy"),
            ("%zz=%ff", "%25zz=%FF"),
            ("X-Amz-Signature=s&x-amz-signature=t", "x-amz-signature=t"),
        ] {
            assert_eq!(query(raw), canonical);
        }
    }
}
