//! A user's HTTP request as an event for a function, and the function's answer as a response: what APIs and function
//! URLs have in common.

pub mod answer;
pub mod cors;
pub mod event_v2;
pub mod hops;
mod request;

pub use request::{Incoming, Parameters, all_values, decoded, end_to_end, last_values};
