//! Queues and streams as sources of events: they are read as a role, filtered and batched, and what failed is tried
//! again, halved or given up. What becomes of a batch is for a [`Consumer`] to say: a function is run on it, a pipe passes
//! it on. Nothing is skipped when the server ends: messages are deleted, and a shard's checkpoint moves, after the consumer
//! has taken what it got.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html>

mod answer;
mod consumer;
mod filter;
mod letter;
mod limits;
pub mod queue;
mod run;
pub mod stream;
mod types;

pub use answer::failed_items;
pub use consumer::{Batch, Consumer, GivenUp, Source, Taken};
pub use filter::Filter;
pub use letter::{Letter, LetterSender, send as send_letter};
pub use limits::BATCH_BYTES_MAX;
pub use run::{Results, run};
pub use types::{Checkpoint, Lane, Latest, StreamSettings, Window};
