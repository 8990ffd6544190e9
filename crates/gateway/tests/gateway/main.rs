//! The gateway through real sockets, in front of a small made-up service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod access;
mod browser;
mod client;
mod fake;
mod flood;
mod http;
mod routing;
mod secure;
mod strangers;
