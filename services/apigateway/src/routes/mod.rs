//! From a method and a path to what a deployment answers with, ready to match.

pub mod cache;
pub mod http;
pub mod rest;
pub mod websocket;

use percent_encoding::percent_decode_str;

/// What `ANY` stands for.
pub const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The parts of a path, still percent-encoded: `/a/b%2Fc/` has `a`, `b%2Fc` and an empty one.
pub fn segments(path: &str) -> Vec<&str> {
    path.strip_prefix('/').unwrap_or(path).split('/').collect()
}

/// A part of a path as the API's owner wrote it.
pub fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// A path as policies name what it leads to: decoded, but for slashes within a part, so that what is written otherwise is not
/// something else.
pub fn plain(path: &str) -> String {
    let parts = segments(path).into_iter().map(|part| decoded(part).replace('/', "%2F"));
    parts.fold(String::new(), |path, part| format!("{path}/{part}"))
}

/// The values of a path's variables, by name.
pub type Parameters = Vec<(String, String)>;
