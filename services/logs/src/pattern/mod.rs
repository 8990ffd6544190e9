//! Filter patterns: which messages a FilterLogEvents is after.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

mod fields;
mod json;
mod terms;
mod value;

use crate::error::Error;
use crate::limits;

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub enum Pattern {
    All,
    /// Words and phrases.
    Terms(terms::Terms),
    /// `{ … }`: conditions on the members of a message in JSON.
    Json(json::Expression),
    /// `[ … ]`: conditions on the fields of a message separated by spaces.
    Fields(fields::Fields),
}

impl Pattern {
    /// # Errors
    /// `InvalidParameterException` that says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        if text.chars().count() > limits::FILTER_PATTERN_CHARACTERS_MAX {
            let max = limits::FILTER_PATTERN_CHARACTERS_MAX;
            let rule = format!("Member must have length less than or equal to {max}");
            return Err(Error::constraint(text, "filterPattern", rule));
        }
        let parsed = match text.trim() {
            "" => Ok(Pattern::All),
            text if text.starts_with('{') => json::parse(text).map(Pattern::Json),
            text if text.starts_with('[') => fields::parse(text).map(Pattern::Fields),
            text => terms::parse(text).map(Pattern::Terms),
        };
        parsed.map_err(|reason| Error::InvalidParameter(format!("Invalid filter pattern: {reason}")))
    }

    pub fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Terms(terms) => terms.matches(message),
            Pattern::Json(expression) => {
                // What is not JSON costs no parsing: most lines of a function's log are not.
                message.trim_start().starts_with('{')
                    && serde_json::from_str(message).is_ok_and(|document| expression.matches(&document))
            }
            Pattern::Fields(fields) => fields.matches(message),
        }
    }
}

const NO_EXPRESSIONS: &str = "regular expressions (%…%) are not supported; use terms or * wildcards";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(message)
    }

    #[test]
    fn terms() {
        let lines = ["[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED REQUEST", "[INFO] hello"];
        let count = |pattern: &str| lines.iter().filter(|line| matches(pattern, line)).count();
        assert_eq!([count(""), count("  "), count("ERROR"), count("error")], [3, 3, 2, 0]);
        assert_eq!([count("ERROR UNAUTHORIZED"), count("\"BAD REQUEST\""), count("ERROR -BAD")], [1, 1, 1]);
        assert_eq!([count("?BAD ?hello"), count("?BAD ERROR"), count("-ERROR"), count("-\"[INFO]\"")], [2, 2, 1, 2]);
        assert!(matches(r#""say \"hi\"""#, r#"they say "hi""#));
        for wrong in ["\"open", "-", "?", "%re%"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn json() {
        let message = r#"{"level":"ERROR","latency":120.5,"ok":true,"none":null,"code":"404","status":503,
            "user":{"id":7,"first name":"Ann","tags":["a","b"]},"items":[{"id":1},{"id":2}]}"#;
        for pattern in [
            r#"{ $.level = "ERROR" }"#,
            "{$.level=ERROR}",
            "{ $.level = \"ERR*\" && $.latency > 100 }",
            "{ $.latency >= 1.205e2 && $.latency <= 120.5 && $.latency != 121 }",
            "{ $.level = INFO || $.user.id = 7 }",
            "{ ($.level = INFO || $.level = ERROR) && $.user.tags[1] = b }",
            "{ $.items[1].id = 2 }",
            "{ $.items[*].id = 2 }",
            "{ $.user['first name'] = \"Ann\" }",
            "{ $.ok IS TRUE && $.none IS NULL && $.absent NOT EXISTS && $.level EXISTS }",
            "{ $.code = 404 && $.code = 4* && $.status = 5* }",
            "{ $.level != \"INFO\" }",
        ] {
            assert!(matches(pattern, message), "{pattern}");
        }
        for pattern in [
            "{ $.level = error }",
            "{ $.latency > 120.5 }",
            "{ $.absent = x }",
            "{ $.absent != x }",
            "{ $.user = 7 }",
            "{ $.items[2].id = 1 }",
            "{ $.ok IS FALSE }",
            "{ $.level > 5 }",
            "{ $.level = INFO && $.user.id = 7 || $.status = 1 }",
        ] {
            assert!(!matches(pattern, message), "{pattern}");
        }
        for text in ["ERROR", "{", "", "[1]", "{\"level\":\"ERROR\"} and more"] {
            assert!(!matches("{ $.level = \"ERROR\" }", text), "{text}");
        }
    }

    #[test]
    fn json_mistakes_are_named() {
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(200), ")".repeat(200));
        for wrong in [
            "{",
            "{}",
            "{ $.a }",
            "{ $.a = }",
            "{ $.a = 1",
            "{ a = 1 }",
            "{ $.a = 1 && }",
            "{ ($.a = 1 }",
            "{ $.a[x] = 1 }",
            "{ $.a = \"x }",
            "{ $.a = 1 } x",
            "{ $.a IS 5 }",
            "{ $.a = %x% }",
            "{ $.a > b }",
            "{ $. = 1 }",
            &deep,
        ] {
            let error = Pattern::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("Invalid filter pattern: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn fields() {
        let line = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
        for pattern in [
            "[ip, user, username, timestamp, request, status_code, bytes]",
            "[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]",
            "[..., status_code = 404, bytes > 1000]",
            "[ip = 127.0.0.1, ...]",
            "[ip, ..., status_code = 500 || status_code = 404, bytes]",
            "[ip != 10.*, ..., bytes >= 1534 && bytes < 2000]",
            "[..., request = \"GET /index.html HTTP/1.0\", code, bytes]",
        ] {
            assert!(matches(pattern, line), "{pattern}");
        }
        for pattern in ["[a, b]", "[a, b, c, d, e, f, g, h]", "[..., code = 5*, bytes]", "[ip = 10.*, ...]"] {
            assert!(!matches(pattern, line), "{pattern}");
        }
        for wrong in ["[", "[a", "[a,]", "[..., b, ...]", "[a = ]", "[a > x]", "[a] b", "[a = %x%]", "[a b]"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_parses_or_fails(pattern in "[\\[{]?[ $.a-c0-9=!<>&|()\"*%?,\\]}\\[-]{0,30}", message in "[{\\[\"a-c:1 }]{0,20}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&message);
            }
        }
    }
}
