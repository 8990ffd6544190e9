//! Names of headers as clients write them. Requests have them in lower case; functions behind REST APIs are told what was written.

use bytes::Bytes;
use http::{Method, Uri};

/// The beginning of a request of HTTP/1 as it came, with the names of its headers: an extension of the request, where that is known.
#[derive(Clone, Debug, Default)]
pub struct WrittenNames(Bytes);

impl WrittenNames {
    /// Of a request line and the lines of headers after it, and perhaps what comes after these.
    pub fn new(head: impl Into<Bytes>) -> WrittenNames {
        WrittenNames(head.into())
    }

    /// The same, if it is the beginning of this request: the rest of another's body may have come before it.
    pub fn of_request(self, method: &Method, uri: &Uri) -> WrittenNames {
        // Empty lines before it count for nothing: RFC 9112, 2.2.
        let is_its = self.0.trim_ascii_start().starts_with(format!("{method} {uri} ").as_bytes());
        if is_its { self } else { WrittenNames::default() }
    }

    /// How a header's name was written when it first came.
    pub fn of(&self, name: &str) -> Option<&str> {
        let lines = self
            .0
            .trim_ascii_start()
            .split(|byte| *byte == b'\n')
            .skip(1)
            .take_while(|line| !line.trim_ascii_end().is_empty());
        let mut names = lines.filter_map(|line| line.split(|byte| *byte == b':').next());
        let written = names.find(|written| written.eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(written).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_head() {
        let names =
            WrittenNames::new("GET /a:b HTTP/1.1\r\nhost: a\r\nX-tEnant: b\r\nx-TENANT: c\r\n\r\nx-body: d\r\n");
        let of = |name| names.of(name);
        assert_eq!(
            [of("host"), of("x-tenant"), of("x-body"), of("get /a")],
            [Some("host"), Some("X-tEnant"), None, None]
        );
        assert_eq!(WrittenNames::default().of("host"), None);
        let of_request = |head: &'static str| {
            let names = WrittenNames::new(head).of_request(&Method::PUT, &Uri::from_static("/a?b=%2F"));
            names.of("x-a").map(str::to_owned)
        };
        assert_eq!(of_request("\r\nPUT /a?b=%2F HTTP/1.1\r\nX-a: 1\r\n\r\n").as_deref(), Some("X-a"));
        assert_eq!(of_request("rest\r\nX-a: 1\r\nPUT /a?b=%2F HTTP/1.1\r\nx-A: 1\r\n\r\n"), None);
    }
}
