//! The batches of an engine in their order, for those who keep a copy elsewhere.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::{Error, Snapshot};

/// A batch as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts batches, without a hole.
    pub sequence: u64,
    /// When it was committed; never earlier than the batch before.
    pub time: Timestamp,
    /// For [`Batch::decode`](crate::Batch::decode).
    pub batch: Bytes,
}

/// An engine's batches.
pub trait Journal: Send + Sync {
    /// Names the store, by a number chosen at random when it was made: sequence numbers mean something within one history.
    fn history(&self) -> u64;

    /// A snapshot, and the sequence number of the last batch in it.
    fn snapshot(&self) -> Result<(Arc<dyn Snapshot>, u64), Error>;

    /// The time of a copy made now: the clock's, unless that was set back. No batch before is newer, no later one is older.
    fn now(&self) -> Result<Timestamp, Error>;

    /// The sequence number of the last batch that is durable.
    fn durable(&self) -> Result<u64, Error>;

    /// The durable batches after `sequence`, as many as have `bytes` and at least one; `None` when the next is not kept any more.
    fn read(&self, sequence: u64, bytes: usize) -> Result<Option<Vec<Entry>>, Error>;

    /// The batches up to `sequence` need not be kept any more.
    fn release(&self, sequence: u64);
}
