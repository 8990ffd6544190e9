//! Which bytes of an object are asked for.
//!
//! Source: RFC 9110, section 14. Of several ranges S3 gives all of the object, as for what is no range at all.

use crate::error::Error;

/// Bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: u64,
    pub length: u64,
}

impl Span {
    pub fn whole(size: u64) -> Span {
        Span { from: 0, length: size }
    }

    /// The first byte that is not in it.
    pub fn end(&self) -> u64 {
        self.from + self.length
    }

    /// As the header `Content-Range` of an object of `size` bytes.
    pub fn header(&self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.from, self.end().saturating_sub(1))
    }

    /// What both have.
    pub fn overlap(&self, other: Span) -> Option<Span> {
        let (from, end) = (self.from.max(other.from), self.end().min(other.end()));
        (from < end).then(|| Span { from, length: end - from })
    }
}

/// Reads a `Range` header for an object of `size` bytes; `None` where all of it is meant.
///
/// # Errors
/// [`Error::InvalidRange`] where there are no such bytes.
pub fn parse(header: &str, size: u64) -> Result<Option<Span>, Error> {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let unsatisfiable = || Error::InvalidRange { asked: header.to_owned(), size };
    let (from, to) = match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Some(0) => return Err(unsatisfiable()),
            Some(suffix) => (size.saturating_sub(suffix), u64::MAX),
            None => return Ok(None),
        },
        (first, "") => match number(first) {
            Some(first) => (first, u64::MAX),
            None => return Ok(None),
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last),
            _ => return Ok(None),
        },
    };
    if from >= size {
        return Err(unsatisfiable());
    }
    Ok(Some(Span { from, length: (to.min(size - 1) - from) + 1 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        let span = |from, length| Some(Span { from, length });
        for (header, expected) in [
            ("bytes=0-0", span(0, 1)),
            ("bytes=2-4", span(2, 3)),
            ("bytes=5-", span(5, 5)),
            ("bytes=-3", span(7, 3)),
            ("bytes=-30", span(0, 10)),
            ("bytes=8-99", span(8, 2)),
            ("bytes=4-2", None),
            ("bytes=1-2,4-5", None),
            ("bytes=a-b", None),
            ("items=1-2", None),
            ("", None),
        ] {
            assert_eq!(parse(header, 10).unwrap(), expected, "{header}");
        }
        for header in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert!(matches!(parse(header, 10), Err(Error::InvalidRange { .. })), "{header}");
        }
        assert!(parse("bytes=0-", 0).is_err() && parse("bytes=-1", 0).is_err());
        assert_eq!(Span { from: 2, length: 3 }.header(10), "bytes 2-4/10");
        assert_eq!(Span { from: 2, length: 3 }.overlap(Span { from: 4, length: 9 }), span(4, 1));
        assert_eq!(Span { from: 2, length: 3 }.overlap(Span { from: 5, length: 9 }), None);
    }
}
