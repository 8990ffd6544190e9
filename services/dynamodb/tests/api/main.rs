//! The service as a client sees it, on the memory engine.

mod batch;
mod fixture;
mod index;
mod item;
mod query;
mod table;
mod transaction;
mod wording;
