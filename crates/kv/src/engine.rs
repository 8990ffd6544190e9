//! The seam between the store and what keeps its bytes: an engine takes whole batches, in order, and gives snapshots.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Batch, Error, KeyRange, Order};

/// Keys and values in the order asked for. Lazy: what is not taken is not read.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), Error>> + 'a>;

/// Something that can be read: a snapshot, or a transaction that sees its own writes.
pub trait Read {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error>;
}

/// One moment of an engine's data, unmoved by later commits.
///
/// An engine may keep the space of deleted data for as long as a snapshot can see it: hold one for a request, not longer.
pub trait Snapshot: Read + Send + Sync {}

/// Keeps bytes: in memory, in a file, on another machine.
pub trait Engine: Send + Sync + 'static {
    /// The data as of the last commit.
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error>;

    /// Applies a batch: all of it or nothing, and durably, by the time it returns. Called by one thread at a time.
    ///
    /// # Errors
    /// After an error, whether the batch will be there after a restart is unknown, and the store calls `commit` no more.
    fn commit(&self, batch: &Batch) -> Result<(), Error>;

    fn stats(&self) -> Result<Stats, Error>;
}

/// What an engine knows of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes held on disk (or in memory, for the memory engine), free space inside the file included.
    pub disk_bytes: u64,
}
