//! Constraints on single parameters, reported together: "2 validation errors detected: Value '…' at '…' failed to
//! satisfy constraint: …".

use crate::error::Error;
use crate::limits::{ATTRIBUTE_NAME_BYTES_MAX, NAME_CHARS_MAX, NAME_CHARS_MIN};

/// Collects what is wrong with a request's parameters.
#[derive(Default)]
pub struct Constraints(Vec<String>);

/// AWS reports no more than this many at once.
const REPORTED_MAX: usize = 10;

impl Constraints {
    /// `shown` is the value between its quotes; `None` is null.
    pub fn fail(&mut self, shown: Option<&str>, at: &str, constraint: impl std::fmt::Display) {
        if self.0.len() < REPORTED_MAX {
            let value = shown.map_or("null".to_string(), |value| format!("'{value}'"));
            self.0.push(format!("Value {value} at '{at}' failed to satisfy constraint: {constraint}"));
        }
    }

    pub fn present<T>(&mut self, value: &Option<T>, at: &str) {
        if value.is_none() {
            self.fail(None, at, "Member must not be null");
        }
    }

    pub fn choice(&mut self, value: Option<&str>, at: &str, choices: &[&str]) {
        if let Some(value) = value.filter(|value| !choices.contains(value)) {
            let choices = choices.join(", ");
            self.fail(Some(value), at, format_args!("Member must satisfy enum value set: [{choices}]"));
        }
    }

    pub fn at_least(&mut self, value: Option<i64>, at: &str, least: i64) {
        if let Some(value) = value.filter(|value| *value < least) {
            let constraint = format_args!("Member must have value greater than or equal to {least}");
            self.fail(Some(&value.to_string()), at, constraint);
        }
    }

    pub fn at_most(&mut self, value: Option<i64>, at: &str, most: i64) {
        if let Some(value) = value.filter(|value| *value > most) {
            self.fail(
                Some(&value.to_string()),
                at,
                format_args!("Member must have value less than or equal to {most}"),
            );
        }
    }

    /// The number of characters or elements; `shown` is how the message shows the value.
    pub fn length(&mut self, shown: &str, length: usize, at: &str, least: usize, most: usize) {
        if length < least {
            self.fail(Some(shown), at, format_args!("Member must have length greater than or equal to {least}"));
        } else if length > most {
            self.fail(Some(shown), at, format_args!("Member must have length less than or equal to {most}"));
        }
    }

    /// Text that has to `fit` a pattern.
    pub fn pattern(&mut self, text: &str, at: &str, pattern: &str, fits: bool) {
        if !fits {
            self.fail(Some(text), at, format_args!("Member must satisfy regular expression pattern: {pattern}"));
        }
    }

    /// A name of letters, digits, `_`, `-` and `.`.
    pub fn name(&mut self, name: &str, at: &str, least: usize) {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        self.pattern(name, at, "[a-zA-Z0-9_.-]+", name.bytes().all(letters));
        self.length(name, name.chars().count(), at, least, NAME_CHARS_MAX);
    }

    /// `TableName` of a request on items: a name or an ARN.
    pub fn table(&mut self, name: Option<&str>) {
        match name {
            None => self.fail(None, "tableName", "Member must not be null"),
            Some(name) if name.starts_with("arn:") => {}
            Some(name) => self.name(name, "tableName", 1),
        }
    }

    pub fn index(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.name(name, "indexName", NAME_CHARS_MIN);
        }
    }

    /// # Errors
    /// When a constraint failed.
    pub fn check(self) -> Result<(), Error> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        Err(Error::Validation(format!("{count} validation {errors} detected: {}", self.0.join("; "))))
    }
}

/// # Errors
/// What is wrong with the name of an attribute.
pub fn attribute_name(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("Empty attribute name".into()),
        length if length > ATTRIBUTE_NAME_BYTES_MAX => {
            Err(format!("Attribute name is too large, must be less than {} bytes", ATTRIBUTE_NAME_BYTES_MAX + 1))
        }
        _ => Ok(()),
    }
}

/// A parameter that AWS checks alone, before all others.
///
/// # Errors
/// When it is absent.
pub fn required<T>(value: Option<T>, name: &str) -> Result<T, Error> {
    value.ok_or_else(|| {
        Error::Validation(format!("The parameter '{name}' is required but was not present in the request"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_reported_together() {
        let mut constraints = Constraints::default();
        constraints.table(Some("a;"));
        constraints.choice(Some("hi"), "returnConsumedCapacity", &["INDEXES", "TOTAL", "NONE"]);
        constraints.present(&None::<u8>, "item");
        constraints.at_least(Some(-1), "limit", 1);
        assert_eq!(
            constraints.check().unwrap_err().to_string(),
            "4 validation errors detected: Value 'a;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; \
             Value 'hi' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; \
             Value null at 'item' failed to satisfy constraint: Member must not be null; \
             Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
    }

    #[test]
    fn names() {
        let check = |name: &str| {
            let mut constraints = Constraints::default();
            constraints.table(Some(name));
            constraints.check().map_err(|error| error.to_string())
        };
        assert_eq!(check("_a.b-C"), Ok(()));
        assert_eq!(
            check(""),
            Err("1 validation error detected: Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1".into())
        );
        assert!(check(&"a".repeat(256)).unwrap_err().ends_with("Member must have length less than or equal to 255"));
    }
}
