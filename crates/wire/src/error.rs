//! What went wrong, and where: decoding faults gather the member's path while they travel outwards.

use std::fmt::{self, Display, Write};

use serde::{de, ser};

/// A request that cannot be read. Its text is fit for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// A whole sentence that names the member: `Expected a string at Key.id.S, got a number`.
    pub message: String,
    /// The member's path, such as `Entries[1].Id`; empty when the whole request is at fault.
    pub path: String,
}

impl DecodeError {
    pub(crate) fn whole(message: impl Into<String>) -> DecodeError {
        DecodeError { message: message.into(), path: String::new() }
    }
}

/// An answer that its protocol cannot express: a defect of the output type, never of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be written: {0}")]
pub struct EncodeError(pub String);

impl ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> EncodeError {
        EncodeError(message.to_string())
    }
}

/// One step from a value to its parent.
#[derive(Debug)]
pub(crate) enum Step {
    Member(String),
    Index(usize),
}

/// A decoding fault on its way out. The path is gathered innermost first, so that decoding costs nothing for it
/// until something is wrong.
#[derive(Debug)]
pub(crate) struct Fault {
    problem: Problem,
    path: Vec<Step>,
}

#[derive(Debug)]
enum Problem {
    Mismatch { expected: String, got: String },
    Missing(&'static str),
    Other(String),
}

impl Fault {
    pub(crate) fn mismatch(expected: impl Into<String>, got: impl Into<String>) -> Fault {
        Fault { problem: Problem::Mismatch { expected: expected.into(), got: got.into() }, path: Vec::new() }
    }

    pub(crate) fn within(mut self, step: Step) -> Fault {
        self.path.push(step);
        self
    }
}

impl From<Fault> for DecodeError {
    fn from(Fault { problem, path: steps }: Fault) -> DecodeError {
        let mut path = String::new();
        for step in steps.iter().rev() {
            // Writing to a String does not fail.
            let _ = match step {
                Step::Member(name) if path.is_empty() => write!(path, "{name}"),
                Step::Member(name) => write!(path, ".{name}"),
                Step::Index(index) => write!(path, "[{index}]"),
            };
        }
        let at = if path.is_empty() { String::new() } else { format!(" at {path}") };
        let message = match problem {
            Problem::Mismatch { expected, got } => format!("Expected {expected}{at}, got {got}"),
            Problem::Missing(name) if path.is_empty() => format!("The member {name} is required"),
            Problem::Missing(name) => format!("The member {path}.{name} is required"),
            Problem::Other(text) if path.is_empty() => text,
            Problem::Other(text) => format!("Invalid value at {path}: {text}"),
        };
        DecodeError { message, path }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {:?}", self.problem, self.path)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Fault {
        Fault { problem: Problem::Other(message.to_string()), path: Vec::new() }
    }

    fn invalid_type(got: de::Unexpected<'_>, expected: &dyn de::Expected) -> Fault {
        Fault::mismatch(expected.to_string(), got.to_string())
    }

    fn invalid_value(got: de::Unexpected<'_>, expected: &dyn de::Expected) -> Fault {
        Fault::mismatch(expected.to_string(), got.to_string())
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Fault {
        Fault::mismatch(expected.to_string(), format!("{length} elements"))
    }

    fn unknown_variant(got: &str, expected: &'static [&'static str]) -> Fault {
        Fault::mismatch(format!("one of {}", expected.join(", ")), format!("'{got}'"))
    }

    fn missing_field(name: &'static str) -> Fault {
        Fault { problem: Problem::Missing(name), path: Vec::new() }
    }
}
