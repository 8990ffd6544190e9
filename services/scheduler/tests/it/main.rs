//! The Scheduler as its callers see it, on the memory engine and a clock that the test moves. Unless a test starts the
//! outbox, what is sent is looked at where it waits for its targets.

#![allow(clippy::unwrap_used, reason = "this is a test")]

mod deliveries;
mod requests;
mod timing;
mod world;
