//! From an object to one viewer's answer: the parts, or the word that nothing has changed, that were asked for.

use std::ops::Range;

use base::Timestamp;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{Method, Response, StatusCode};
use service::Body;

use super::freshness::date;
use super::headers::text;
use super::viewer::Viewer;
use crate::cache::Object;

/// What of an object a viewer gets.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Range(Range<u64>),
    Unsatisfiable,
    NotModified,
}

/// The answer to a viewer, without what every answer has. `length` is of the whole object, where it is known.
pub fn of(object: &Object, viewer: &Viewer, length: Option<u64>) -> Response<Body> {
    let part = if object.status == StatusCode::OK { part(&object.headers, viewer, length) } else { Part::Whole };
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = object.status;
    *response.headers_mut() = object.headers.clone();
    if let Some(length) = length {
        response.headers_mut().entry(ACCEPT_RANGES).or_insert(HeaderValue::from_static("bytes"));
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    match part {
        Part::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        Part::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, 0.into());
            set(headers, CONTENT_RANGE, &format!("bytes */{}", length.unwrap_or(0)));
        }
        Part::Range(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let (first, last, bytes) = (range.start, range.end - 1, range.end - range.start);
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, bytes.into());
            set(headers, CONTENT_RANGE, &format!("bytes {first}-{last}/{}", length.unwrap_or(0)));
            if viewer.method == Method::GET {
                *response.body_mut() = object.content.body(Some(range), Some(bytes));
            }
        }
        Part::Whole if viewer.method == Method::HEAD => {}
        Part::Whole => *response.body_mut() = object.content.body(None, length),
    }
    response
}

fn set(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn part(headers: &HeaderMap, viewer: &Viewer, length: Option<u64>) -> Part {
    if is_known(headers, &viewer.headers) {
        return Part::NotModified;
    }
    let Some(length) = length.filter(|_| viewer.method == Method::GET) else { return Part::Whole };
    let Some(asked) = text(&viewer.headers, RANGE).filter(|_| is_same(headers, &viewer.headers)) else {
        return Part::Whole;
    };
    range(asked, length)
}

/// Whether a viewer has the object already (RFC 9110, 13.2.2).
pub fn is_known(headers: &HeaderMap, asked: &HeaderMap) -> bool {
    if let Some(known) = text(asked, IF_NONE_MATCH) {
        let Some(etag) = text(headers, ETAG) else { return false };
        let opaque = |etag: &str| etag.trim().trim_start_matches("W/").to_owned();
        return known.trim() == "*" || known.split(',').any(|known| opaque(known) == opaque(etag));
    }
    let (since, changed) = (date(asked, &IF_MODIFIED_SINCE), date(headers, &LAST_MODIFIED));
    since.zip(changed).is_some_and(|(since, changed): (Timestamp, Timestamp)| changed <= since)
}

/// Whether a range is of the object that the viewer has the beginning of.
fn is_same(headers: &HeaderMap, asked: &HeaderMap) -> bool {
    let Some(condition) = text(asked, IF_RANGE) else { return true };
    if condition.contains('"') {
        return !condition.starts_with("W/") && text(headers, ETAG) == Some(condition);
    }
    let (since, changed) = (date(asked, &IF_RANGE), date(headers, &LAST_MODIFIED));
    since.is_some() && since == changed
}

/// The one range of bytes that a header asks for. Several are answered with the whole, which whoever asks has to expect.
fn range(asked: &str, length: u64) -> Part {
    let Some(spec) = asked.strip_prefix("bytes=").filter(|spec| !spec.contains(',')) else { return Part::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return Part::Whole };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(count)) if first.is_empty() && count > 0 => length.saturating_sub(count)..length,
        (Err(_), Ok(0)) if first.is_empty() => return Part::Unsatisfiable,
        _ => return Part::Whole,
    };
    if range.start < range.end { Part::Range(range) } else { Part::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_bytes_that_are_there() {
        for (asked, expected) in [
            ("bytes=0-3", Part::Range(0..4)),
            ("bytes=5-", Part::Range(5..10)),
            ("bytes=-4", Part::Range(6..10)),
            ("bytes=-40", Part::Range(0..10)),
            ("bytes=8-99", Part::Range(8..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=3-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=x", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
        ] {
            assert_eq!(range(asked, 10), expected, "{asked}");
        }
    }

    #[test]
    fn viewers_are_told_what_they_know() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let object = headers(&[("etag", "\"a\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        for (name, value, known) in [
            ("if-none-match", "\"b\", W/\"a\"", true),
            ("if-none-match", "*", true),
            ("if-none-match", "\"b\"", false),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT", false),
        ] {
            assert_eq!(is_known(&object, &headers(&[(name, value)])), known, "{name}: {value}");
        }
        assert!(
            is_same(&object, &headers(&[("if-range", "\"a\"")]))
                && !is_same(&object, &headers(&[("if-range", "W/\"a\"")]))
        );
    }
}
