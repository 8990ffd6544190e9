//! Patterns that decide which records a function gets.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use pattern::Pattern;
use serde_json::{Map, Value};

use crate::error::Error;

#[derive(Debug)]
pub struct Filter(Pattern);

impl Filter {
    /// # Errors
    /// For text that is not a pattern.
    pub fn parse(pattern: &str) -> Result<Filter, Error> {
        Pattern::parse(pattern).map(Filter).map_err(|_| Error::invalid("Invalid filter pattern definition."))
    }

    pub fn matches(&self, record: &Map<String, Value>) -> bool {
        self.0.matches(record)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &Value, record: &Value) -> bool {
        Filter::parse(&pattern.to_string()).unwrap().matches(record.as_object().unwrap())
    }

    #[test]
    fn text_and_json_bodies_are_told_apart() {
        assert!(matches(&json!({"body": ["hello"]}), &json!({"body": "hello"})));
        assert!(!matches(&json!({"body": {"a": [1]}}), &json!({"body": "hello"})));
        assert!(!matches(&json!({"body": ["hello"]}), &json!({"body": {"a": 1}})));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "null", "{\"eventSource\":\"aws:sqs\"}", "{\"eventSource\":[]}", "simple string"] {
            let refusal = Filter::parse(pattern).unwrap_err().to_string();
            assert_eq!(refusal, "Invalid filter pattern definition.");
        }
    }
}
