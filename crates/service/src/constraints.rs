//! The constraints of an API's model, gathered and worded as AWS words them.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// What a request breaks. Each check adds to it; [`Constraints::check`] says all of it at once.
#[derive(Debug, Default)]
pub struct Constraints(Vec<String>);

impl Constraints {
    pub fn fail(&mut self, value: impl Display, member: &str, rule: impl Display) {
        self.fail_with(value, member, format_args!("Member must {rule}"));
    }

    /// The same for what is not about one member.
    pub fn fail_with(&mut self, value: impl Display, member: &str, rule: impl Display) {
        self.0.push(format!("Value '{value}' at '{member}' failed to satisfy constraint: {rule}"));
    }

    /// The same for a value that must not be told: a secret.
    pub fn fail_unseen(&mut self, member: &str, rule: impl Display) {
        self.0.push(format!("Value at '{member}' failed to satisfy constraint: Member must {rule}"));
    }

    /// A member that must be there.
    pub fn required(&mut self, value: Option<&str>, member: &str) {
        if value.is_none() {
            self.0.push(format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"));
        }
    }

    pub fn range(&mut self, value: Option<i64>, member: &str, range: &RangeInclusive<i64>) {
        match value {
            Some(value) if value < *range.start() => {
                self.fail(value, member, format_args!("have value greater than or equal to {}", range.start()));
            }
            Some(value) if value > *range.end() => {
                self.fail(value, member, format_args!("have value less than or equal to {}", range.end()));
            }
            _ => {}
        }
    }

    pub fn length(&mut self, value: Option<&str>, member: &str, max: usize) {
        if let Some(value) = value.filter(|value| value.chars().count() > max) {
            self.fail(value, member, format_args!("have length less than or equal to {max}"));
        }
    }

    /// `matches` is what the regular expression `pattern` says.
    pub fn pattern(&mut self, value: Option<&str>, member: &str, pattern: &str, matches: impl Fn(&str) -> bool) {
        if let Some(value) = value.filter(|value| !matches(value)) {
            self.fail(value, member, format_args!("satisfy regular expression pattern: {pattern}"));
        }
    }

    pub fn one_of(&mut self, value: Option<&str>, member: &str, allowed: &[&str]) {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            self.fail(value, member, format_args!("satisfy enum value set: [{}]", allowed.join(", ")));
        }
    }

    /// # Errors
    /// Everything that is broken, in one text.
    pub fn check(self) -> Result<(), Violations> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Violations(format!("1 validation error detected: {}", self.0.join("")))),
            many => Err(Violations(format!("{many} validation errors detected: {}", self.0.join("; ")))),
        }
    }
}

/// The text of a `ValidationException`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violations(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_worded() {
        let mut constraints = Constraints::default();
        constraints.range(Some(3), "timeout", &(1..=900));
        assert!(constraints.0.is_empty());
        constraints.range(Some(0), "timeout", &(1..=900));
        constraints.one_of(Some("mips"), "architectures", &["x86_64", "arm64"]);
        assert_eq!(
            constraints.check().unwrap_err().to_string(),
            "2 validation errors detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value \
             greater than or equal to 1; Value 'mips' at 'architectures' failed to satisfy constraint: Member must \
             satisfy enum value set: [x86_64, arm64]"
        );
    }
}
