//! The service as a client sees it, on the memory engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod backup;
mod batch;
mod bulk;
mod collection;
mod composite;
mod destination;
mod edges;
mod export;
mod fixture;
mod follow;
mod import;
mod index;
mod item;
mod query;
mod statement;
mod stream;
mod table;
mod throttle;
mod transaction;
mod transfer;
mod vector;
mod wording;
