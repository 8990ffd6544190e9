//! A transaction in progress: reads see its own writes, and those of the transactions it shares a commit with.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::range_bytes;
use crate::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, Error, KeyRange, Order, Read, Scan, Snapshot};

/// Given to the function passed to [`Db::write`](crate::Db::write).
pub struct Tx {
    snapshot: Arc<dyn Snapshot>,
    /// Writes of the transactions before this one in the same commit.
    kept: Changes,
    /// Writes of this transaction, dropped as a whole when it fails.
    own: Changes,
}

#[derive(Default)]
struct Changes {
    batch: Batch,
    wakes: BTreeSet<Bytes>,
}

impl Tx {
    pub(crate) fn new(snapshot: Arc<dyn Snapshot>) -> Tx {
        Tx { snapshot, kept: Changes::default(), own: Changes::default() }
    }

    /// # Errors
    /// [`Error::KeyTooLong`], [`Error::ValueTooLong`] or [`Error::TransactionTooLarge`]: nothing was written.
    pub fn put(&mut self, key: &[u8], value: Bytes) -> Result<(), Error> {
        check_key(key)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(Error::ValueTooLong { bytes: value.len() });
        }
        self.check_total(key.len() + value.len())?;
        self.own.batch.put(Bytes::copy_from_slice(key), value);
        Ok(())
    }

    /// Deletes `key`, which need not be there.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] or [`Error::TransactionTooLarge`]: nothing was written.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), Error> {
        check_key(key)?;
        self.check_total(key.len())?;
        self.own.batch.delete(Bytes::copy_from_slice(key));
        Ok(())
    }

    /// Deletes every key in `range`. Neither the transaction nor its commit grows with their number.
    ///
    /// # Errors
    /// [`Error::TransactionTooLarge`]: nothing was written.
    pub fn delete_range(&mut self, range: KeyRange) -> Result<(), Error> {
        self.check_total(range_bytes(&range))?;
        self.own.batch.delete_range(range);
        Ok(())
    }

    /// Wakes those who [`watch`](crate::Db::watch) `channel`, once this transaction is durable.
    pub fn wake(&mut self, channel: &[u8]) {
        if !self.own.wakes.contains(channel) {
            self.own.wakes.insert(Bytes::copy_from_slice(channel));
        }
    }

    fn check_total(&self, more: usize) -> Result<(), Error> {
        let bytes = self.own.batch.bytes().saturating_add(more);
        if bytes > TRANSACTION_BYTES_MAX { Err(Error::TransactionTooLarge { bytes }) } else { Ok(()) }
    }

    /// Ends one transaction and begins the next of the same commit, which sees its writes.
    pub(crate) fn keep(&mut self) {
        let Changes { batch, mut wakes } = std::mem::take(&mut self.own);
        self.kept.batch.append(batch);
        self.kept.wakes.append(&mut wakes);
    }

    /// Whether the transaction in progress writes, and by more than it frees.
    pub(crate) fn grows(&self) -> bool {
        !self.own.batch.is_empty() && !self.own.batch.frees()
    }

    /// Ends one transaction, of which nothing remains, and begins the next of the same commit.
    pub(crate) fn discard(&mut self) {
        self.own = Changes::default();
    }

    /// Everything kept so far.
    pub(crate) fn kept(&self) -> &Batch {
        &self.kept.batch
    }

    /// The kept writes, and the channels to wake when they are durable.
    pub(crate) fn finish(self) -> (Batch, BTreeSet<Bytes>) {
        (self.kept.batch, self.kept.wakes)
    }
}

impl Read for Tx {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        match self.own.batch.get(key).or_else(|| self.kept.batch.get(key)) {
            Some(value) => Ok(value.cloned()),
            None => self.snapshot.get(key),
        }
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        self.own.batch.scan_over(range, order, |range, order| {
            self.kept.batch.scan_over(range, order, |range, order| self.snapshot.scan(range, order))
        })
    }
}

fn check_key(key: &[u8]) -> Result<(), Error> {
    if key.len() > KEY_BYTES_MAX { Err(Error::KeyTooLong { bytes: key.len() }) } else { Ok(()) }
}
