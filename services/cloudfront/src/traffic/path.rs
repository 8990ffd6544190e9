//! Paths: as they are compared, and the patterns that behaviours and invalidations are for.

use std::borrow::Cow;

/// A path as behaviours see it: letters that need no escape are not escaped, and `.` and `..` are resolved.
/// Source: RFC 3986, 6.2.2, which
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html> follows.
pub fn normal(path: &str) -> Cow<'_, str> {
    if !path.contains('%') && !path.contains("/.") && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let decoded = unescaped(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = decoded.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        match part {
            "." | ".." => {
                if part == ".." {
                    segments.pop();
                }
                // What comes before a dot is a folder.
                if parts.peek().is_none() {
                    segments.push("");
                }
            }
            part => segments.push(part),
        }
    }
    Cow::Owned(format!("/{}", segments.join("/")))
}

/// Without escapes of what RFC 3986 has as unreserved; other escapes in upper case.
fn unescaped(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut plain = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = (*byte == b'%').then(|| path.get(at + 1..at + 3)).flatten();
        match escape.and_then(|hex| Some((hex, u8::from_str_radix(hex, 16).ok()?))) {
            Some((_, byte)) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') => {
                plain.push(char::from(byte));
                at += 3;
            }
            Some((hex, _)) => {
                plain.push('%');
                plain.push_str(&hex.to_ascii_uppercase());
                at += 3;
            }
            None => {
                plain.push(char::from(*byte));
                at += 1;
            }
        }
    }
    plain
}

/// Whether a path has the form of a behaviour's pattern: `*` stands for anything, `?` for one character, a slash at the
/// beginning may be left out.
pub fn matches(pattern: &str, path: &str) -> bool {
    glob(pattern.trim_start_matches('/').as_bytes(), path.trim_start_matches('/').as_bytes())
}

/// Whether a text has the form of a pattern with `*` and `?`.
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    // Where the last star was, and what it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(byte) if *byte == b'?' || text.get(at) == Some(byte) => {
                (at, in_pattern) = (at + 1, in_pattern + 1);
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, in_pattern) = (taken + 1, place + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(in_pattern..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// Whether an invalidation of `pattern` is for what is cached under `path`, a path with its query. A star is one at the end
/// alone. A path without a query is for all queries.
pub fn is_invalidated(pattern: &str, path: &str) -> bool {
    let compared = |text: &str| match text.split_once('?') {
        Some((path, query)) => format!("{}?{query}", normal(path)),
        None => normal(text).into_owned(),
    };
    let path = compared(path);
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(&compared(beginning)),
        None => {
            let pattern = compared(pattern);
            path == pattern || path.split_once('?').is_some_and(|(path, _)| path == pattern)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_in_one_form() {
        for (path, form) in [
            ("/a/b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/%61%2f%c3%a4", "/a%2F%C3%A4"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/a//b", "/a//b"),
            ("/%", "/%"),
            ("/%zz", "/%zz"),
            ("/.hidden", "/.hidden"),
        ] {
            assert_eq!(normal(path), form, "{path}");
        }
    }

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, path) in [
            ("*", "/"),
            ("/*", "/a/b"),
            ("images/*.jpg", "/images/a/b.jpg"),
            ("/a?c", "/abc"),
            ("a*b*c", "/aXbbYc"),
            ("*.jp?g", "/x.jpeg"),
            ("/a", "/a"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("images/*.jpg", "/Images/a.jpg"), ("/a?", "/a"), ("a*b", "/aXc"), ("/a", "/a/"), ("", "/a")]
        {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn invalidations_are_for_paths_with_and_without_queries() {
        for (pattern, path) in [
            ("/*", "/a?b"),
            ("/a", "/a?b=1"),
            ("/a?b=1", "/a?b=1"),
            ("/a*", "/abc?x"),
            ("/%61", "/a"),
            ("/x/../a*", "/a"),
        ] {
            assert!(is_invalidated(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("/a?b=1", "/a?b=2"), ("/a", "/ab"), ("/b/*", "/a"), ("/*a", "/xa")] {
            assert!(!is_invalidated(pattern, path), "{pattern} {path}");
        }
    }
}
