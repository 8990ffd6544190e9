//! Names of headers as clients write them. Requests have them in lower case; functions behind REST APIs are told what was written.

use bytes::Bytes;

/// The beginning of a request of HTTP/1 as it came, with the names of its headers: an extension of the request, where that is known.
#[derive(Clone, Debug, Default)]
pub struct WrittenNames(Bytes);

impl WrittenNames {
    /// Of a request line and the lines of headers after it, and perhaps what comes after these.
    pub fn new(head: impl Into<Bytes>) -> WrittenNames {
        WrittenNames(head.into())
    }

    /// How a header's name was written when it first came.
    pub fn of(&self, name: &str) -> Option<&str> {
        let lines = self.0.split(|byte| *byte == b'\n').skip(1).take_while(|line| !line.trim_ascii_end().is_empty());
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
    }
}
