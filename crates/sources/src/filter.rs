//! Patterns that decide which records a consumer gets.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use std::borrow::Borrow;

use pattern::{Invalid, Pattern, TooComplex};
use serde_json::{Map, Value};

#[derive(Debug)]
pub struct Filter(Pattern);

impl Filter {
    /// # Errors
    /// For text that is not a pattern.
    pub fn parse(pattern: &str) -> Result<Filter, Invalid> {
        Pattern::parse(pattern).map(Filter)
    }

    /// Whether any of the filters wants a record; without filters, all are wanted.
    ///
    /// # Errors
    /// When it takes too much work to find out.
    pub fn any_wants<R: Borrow<Map<String, Value>>>(
        filters: &[Filter],
        record: impl FnOnce() -> R,
    ) -> Result<bool, TooComplex> {
        if filters.is_empty() {
            return Ok(true);
        }
        let record = record();
        let mut otherwise = Ok(false);
        for Filter(pattern) in filters {
            match pattern.matches(record.borrow()) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(too_complex) => otherwise = Err(too_complex),
            }
        }
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &Value, record: &Value) -> bool {
        let filters = [Filter::parse(&pattern.to_string()).unwrap()];
        Filter::any_wants(&filters, || record.as_object().unwrap().clone()).unwrap()
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
            assert!(Filter::parse(pattern).is_err(), "{pattern}");
        }
    }
}
