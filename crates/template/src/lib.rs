//! What a target gets of an event: paths into events, and templates that are filled with what is found there. Rules of
//! EventBridge and pipes have their own placeholders, and the same rules of quoting.
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html>

mod fill;
mod path;

pub use fill::{Filling, NotJson, fill, placeholders};
pub use path::Path;
