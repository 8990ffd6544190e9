//! Deliveries that commit with the write that caused them. One dispatcher brings them to their targets: nothing
//! that was accepted is lost in a crash.
//!
//! Each target has a lane of its own, so that one that fails or hangs holds up nobody else.

mod dispatcher;
mod lanes;
mod under_way;

pub(crate) use dispatcher::run;
pub use lanes::{Lane, lanes, retry_now, send, send_as_is, waiting};
