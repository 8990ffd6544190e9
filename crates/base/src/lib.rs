//! What every layer agrees on: identifiers, ARNs, and the outside world (time and randomness) as a value.

mod arn;
mod env;
pub mod private;
mod time;

pub use arn::{AccountId, Arn, ArnError, Region};
pub use env::Env;
pub use time::Timestamp;
