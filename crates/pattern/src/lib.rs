//! Event patterns: the language in which EventBridge rules, event source mappings and filter policies say which events
//! they want. One pattern is a [`Pattern`]; thousands of them, asked at once, are an [`Index`].
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>, and for what the
//! guide leaves open AWS's own matcher, <https://github.com/aws/event-ruler>.

mod anchors;
mod compile;
mod document;
mod event;
mod index;
mod operator;
mod solve;
#[cfg(test)]
mod tests;
mod wildcard;

pub use compile::Pattern;
pub use index::{Index, Matching};

/// Why a text is no pattern, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {0}")]
pub struct Invalid(pub String);

impl Invalid {
    fn new<T>(reason: impl Into<String>) -> Result<T, Invalid> {
        Err(Invalid(reason.into()))
    }
}

/// An event that cannot be compared with a pattern, because that would take too much work: its values are in the way of
/// finding out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("comparing the event with the pattern takes too much work")]
pub struct TooComplex;
