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

/// Names a batch that an engine has taken: the later the batch, the greater its ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Keeps bytes: in memory, in a file, on another machine.
///
/// A commit has two halves, so that the next batch can be prepared while the last one is on its way to the disk:
/// [`append`](Engine::append), called by one thread at a time, and [`durable`](Engine::durable), which another may call.
pub trait Engine: Send + Sync + 'static {
    /// The data as of the last batch that is durable.
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error>;

    /// The data as of the last batch that was appended, durable or not: what the next transaction builds on.
    /// The same as a snapshot for engines whose `append` is durable when it returns.
    fn latest(&self) -> Result<Arc<dyn Snapshot>, Error> {
        self.snapshot()
    }

    /// Takes a batch: all of it or nothing, after those taken before it.
    ///
    /// # Errors
    /// [`Error::Full`]: it was not taken, and another may be. After any other error, whether the batch will be there after a
    /// restart is unknown, and the store appends no more.
    fn append(&self, batch: &Batch) -> Result<Ticket, Error>;

    /// Returns once the batch of `ticket`, and all before it, are durable and seen by new snapshots.
    ///
    /// # Errors
    /// Whether the batch will be there after a restart is unknown, and the store appends no more.
    fn durable(&self, ticket: Ticket) -> Result<(), Error>;

    /// Both halves of a commit at once.
    ///
    /// # Errors
    /// As for [`append`](Engine::append).
    fn commit(&self, batch: &Batch) -> Result<(), Error> {
        let ticket = self.append(batch)?;
        self.durable(ticket)
    }

    /// Whether there is room for transactions that make the data grow. Those that free space are taken all the same.
    ///
    /// # Errors
    /// [`Error::Full`], for as long as there is none.
    fn room(&self) -> Result<(), Error> {
        Ok(())
    }

    fn stats(&self) -> Result<Stats, Error>;
}

/// What an engine knows of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes held on disk (or in memory, for the memory engine), free space inside the file included.
    pub disk_bytes: u64,
}
