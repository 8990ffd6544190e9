//! IAM policies: reading documents, and deciding requests by them.
//!
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

#[cfg(test)]
mod cases;
mod condition;
mod context;
mod denial;
mod document;
mod evaluate;
mod explain;
mod json;
mod pattern;
mod principal;

pub use context::Context;
pub use denial::{denial, suggest};
pub use document::{POLICY_BYTES_MAX, Policy, PolicyError, Use};
pub use evaluate::{Decision, PolicySet, Request, Source, evaluate};
pub use explain::{Applying, Position, applying};
pub use principal::{Kind, Principal};
