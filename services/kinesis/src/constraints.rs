//! The constraints of the API's model, gathered and worded as AWS words them.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::error::Error;
use crate::limits::{ARN_CHARACTERS_MAX, NAME_CHARACTERS_MAX};

/// What a request breaks. Each check adds to it; [`Constraints::check`] says all of it at once.
#[derive(Debug, Default)]
pub struct Constraints(Vec<String>);

/// AWS reports no more than this many at once.
const REPORTED_MAX: usize = 10;

impl Constraints {
    pub fn fail(&mut self, value: impl Display, member: impl Display, rule: impl Display) {
        self.break_rule(value, member, format_args!("Member must {rule}"));
    }

    /// The same for what is not about the member as a whole.
    pub fn break_rule(&mut self, value: impl Display, member: impl Display, rule: impl Display) {
        if self.0.len() < REPORTED_MAX {
            self.0.push(format!("Value '{value}' at '{member}' failed to satisfy constraint: {rule}"));
        }
    }

    pub fn required<T>(&mut self, value: &Option<T>, member: impl Display) {
        if value.is_none() && self.0.len() < REPORTED_MAX {
            self.0.push(format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"));
        }
    }

    pub fn length(&mut self, value: &str, member: impl Display, range: RangeInclusive<usize>) {
        self.size(value, value.chars().count(), member, range);
    }

    /// The number of characters, elements or bytes; `shown` is how the message shows the value.
    pub fn size(&mut self, shown: impl Display, size: usize, member: impl Display, range: RangeInclusive<usize>) {
        if size < *range.start() {
            self.fail(shown, member, format_args!("have length greater than or equal to {}", range.start()));
        } else if size > *range.end() {
            self.fail(shown, member, format_args!("have length less than or equal to {}", range.end()));
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

    pub fn one_of(&mut self, value: Option<&str>, member: impl Display, choices: &[&str]) {
        if let Some(value) = value.filter(|value| !choices.contains(value)) {
            self.fail(value, member, format_args!("satisfy enum value set: [{}]", choices.join(", ")));
        }
    }

    fn pattern(&mut self, matches: bool, value: &str, member: impl Display, pattern: &str) {
        if !matches {
            self.fail(value, member, format_args!("satisfy regular expression pattern: {pattern}"));
        }
    }

    /// The name of a stream, a shard or a consumer.
    pub fn name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return };
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        self.pattern(!name.is_empty() && name.bytes().all(is_letter), name, member, "[a-zA-Z0-9_.-]+");
        self.length(name, member, 1..=NAME_CHARACTERS_MAX);
    }

    /// The ARN of a stream, or of anything below it.
    pub fn arn(&mut self, arn: Option<&str>, member: &str) {
        let Some(arn) = arn else { return };
        let is_stream = arn.starts_with("arn:aws") && arn.contains(":kinesis:") && arn.contains(":stream/");
        self.pattern(is_stream, arn, member, "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+");
        self.length(arn, member, 1..=ARN_CHARACTERS_MAX);
    }

    /// A decimal number of at most so many digits.
    fn decimal(&mut self, number: Option<&str>, member: impl Display, digits: usize) {
        let Some(number) = number else { return };
        let is_plain = number == "0" || !number.starts_with('0');
        let is_number = (1..=digits).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        self.pattern(is_plain && is_number, number, member, &format!("0|([1-9]\\d{{0,{}}})", digits - 1));
    }

    pub fn hash_key(&mut self, key: Option<&str>, member: impl Display) {
        self.decimal(key, member, 39);
    }

    pub fn sequence_number(&mut self, number: Option<&str>, member: impl Display) {
        self.decimal(number, member, 129);
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
