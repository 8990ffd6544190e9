//! How a stage tells of a request: a line of text with `$context` variables in it, such as JSON, CSV or what web servers write.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html>

use serde_json::{Value, json};

use crate::error::Error;
use crate::limits;

/// A format, ready to be filled.
#[derive(Debug, PartialEq, Eq)]
pub struct Format(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The names on the way to a value of the context.
    Variable(Vec<String>),
}

const MARK: &str = "$context.";
/// What stands for a value that is not there.
const NOTHING: &str = "-";
/// Values that are made for their place within a text already.
const READY: [&[&str]; 2] = [&["error", "messageString"], &["error", "validationErrorString"]];

impl Format {
    /// # Errors
    /// When it has several lines, names no request, or is too long.
    pub fn checked(text: &str) -> Result<Format, Error> {
        if text.len() > limits::ACCESS_LOG_FORMAT_BYTES_MAX {
            let most = limits::ACCESS_LOG_FORMAT_BYTES_MAX;
            return Err(Error::bad(format!("An access log format can have {most} bytes at most")));
        }
        let text = text.trim_end_matches('\n');
        if text.contains(['\n', '\r']) {
            return Err(Error::bad("The access log format must be a single line"));
        }
        let format = Format::parse(text);
        let names = |part: &Part| {
            let Part::Variable(path) = part else { return false };
            matches!(path.as_slice(), [name] if name == "requestId" || name == "extendedRequestId")
        };
        match format.0.iter().any(names) {
            true => Ok(format),
            false => Err(Error::bad(
                "The access log format must include at least $context.requestId or $context.extendedRequestId",
            )),
        }
    }

    /// Takes a text apart. What is no variable stands for itself.
    pub fn parse(text: &str) -> Format {
        let mut pieces = text.trim_end_matches('\n').split(MARK);
        let mut parts = vec![Part::Text(pieces.next().unwrap_or_default().to_owned())];
        for piece in pieces {
            let (path, rest) = variable(piece);
            match path.is_empty() {
                true => parts.push(Part::Text(format!("{MARK}{rest}"))),
                false => parts.extend([Part::Variable(path), Part::Text(rest.to_owned())]),
            }
        }
        Format(parts)
    }

    /// The line that tells of a request with this context. No value can end a text that stands within quotes, or a line.
    pub fn line(&self, context: &Value) -> String {
        let mut line = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::Variable(path) => line.push_str(&value(context, path)),
            }
            if line.len() > limits::ACCESS_LOG_LINE_BYTES_MAX {
                line.truncate(line.floor_char_boundary(limits::ACCESS_LOG_LINE_BYTES_MAX));
                break;
            }
        }
        line
    }
}

/// The names at the beginning of a text, and what is behind them: `identity.sourceIp`, `authorizer.claims['cognito:groups']`.
fn variable(text: &str) -> (Vec<String>, &str) {
    let (mut path, mut rest) = (Vec::new(), text);
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default().trim_end_matches('-');
        if name.is_empty() {
            return (path, rest);
        }
        path.push(name.to_owned());
        rest = rest.get(name.len()..).unwrap_or_default();
        while let Some((name, after)) = rest.strip_prefix("['").and_then(|quoted| quoted.split_once("']")) {
            path.push(name.to_owned());
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(after) if after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => rest = after,
            _ => return (path, rest),
        }
    }
}

fn value(context: &Value, path: &[String]) -> String {
    let found = path.iter().try_fold(context, |value, name| value.get(name));
    let is_ready = READY.iter().any(|ready| ready.iter().eq(path.iter()));
    match found {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::String(text)) if text.is_empty() => NOTHING.to_owned(),
        Some(Value::String(text)) if is_ready => text.clone(),
        Some(Value::String(text)) => escaped(text),
        Some(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.to_string(),
        Some(other) => escaped(&other.to_string()),
    }
}

fn escaped(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(format: &str) -> String {
        let context = json!({
            "requestId": "r", "status": 200, "error": {"message": null, "messageString": "\"For\\\"bidden\""},
            "identity": {"sourceIp": "1.2.3.4", "userAgent": "a\"\nb\\", "user": ""},
            "authorizer": {"claims": {"cognito:groups": "[a b]", "sub": "s"}, "my-key": true},
            "httpMethod": "GET",
        });
        Format::parse(format).line(&context)
    }

    #[test]
    fn variables_have_their_values_and_nothing_has_a_dash() {
        for (format, told) in [
            ("plain", "plain"),
            ("$context.requestId", "r"),
            ("{\"s\":\"$context.status\",\"ip\":\"$context.identity.sourceIp\"}", "{\"s\":\"200\",\"ip\":\"1.2.3.4\"}"),
            ("$context.identity.user $context.none $context.error.message", "- - -"),
            ("$context.error.messageString", "\"For\\\"bidden\""),
            ("$context.identity.userAgent", "a\\\"\\nb\\\\"),
            ("$context.authorizer.claims['cognito:groups']!", "[a b]!"),
            ("$context.authorizer.claims.sub.", "s."),
            ("$context.authorizer.my-key", "true"),
            ("[$context.httpMethod-$context.status]:$context.httpMethod:", "[GET-200]:GET:"),
            ("$context. $context.", "$context. $context."),
            ("$context", "$context"),
        ] {
            assert_eq!(line(format), told, "{format}");
        }
    }

    #[test]
    fn formats_name_the_request_on_one_line() {
        for format in ["$context.requestId", "{\"id\": \"$context.extendedRequestId\"}"] {
            assert!(Format::checked(format).is_ok(), "{format}");
        }
        let long = format!("$context.requestId{}", "x".repeat(limits::ACCESS_LOG_FORMAT_BYTES_MAX));
        for format in ["", "$context.status", "$context.requestIdentity", "$context.requestId\n$context.status", &long]
        {
            assert!(matches!(Format::checked(format), Err(Error::BadRequest(_))), "{format}");
        }
    }

    #[test]
    fn a_line_is_no_longer_than_it_may_be() {
        let format = Format::parse(&"$context.path".repeat(100));
        let line = format.line(&json!({"path": "ä".repeat(5_000)}));
        assert_eq!(line.len(), limits::ACCESS_LOG_LINE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn no_format_is_too_odd_and_no_value_ends_a_line(format in "(\\$context\\.|[a-z.\\[\\]'ä\\-]){0,12}", value in any::<String>()) {
            let context = json!({"a": value, "b": {"c": value}});
            prop_assert!(!Format::parse(&format).line(&context).contains(['\n', '\r']));
        }
    }
}
