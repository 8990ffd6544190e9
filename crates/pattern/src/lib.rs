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
pub use index::Index;

/// Why a text is no pattern, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {0}")]
pub struct Invalid(pub String);

impl Invalid {
    fn new<T>(reason: impl Into<String>) -> Result<T, Invalid> {
        Err(Invalid(reason.into()))
    }
}
