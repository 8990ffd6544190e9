//! The service as a client sees it, on the memory engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod backup;
mod batch;
mod collection;
mod composite;
mod destination;
mod edges;
mod fixture;
mod follow;
mod index;
mod item;
mod query;
mod statement;
mod stream;
mod table;
mod throttle;
mod transaction;
mod wording;
