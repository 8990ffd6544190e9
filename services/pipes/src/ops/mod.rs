//! The operations, a file for each kind of thing they work on.

mod log;
pub mod pipe;
mod source;
mod stage;
pub mod tag;

use serde::Serialize;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}
