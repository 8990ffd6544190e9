//! Running functions: at once for who waits for the answer, or later for events.

mod concurrency;
mod destination;
pub mod event;
pub mod lineage;
mod run;
mod streaming;

pub use concurrency::Concurrency;
pub use run::{Ran, Request, resolve, run, run_resolved, validate};
pub use streaming::{Begun, Streaming, stream};
