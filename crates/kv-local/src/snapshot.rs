//! A moment of the tree: a read transaction, which keeps the pages that it can see.

use bytes::Bytes;
use kv::{Error, KeyRange, Order, Read, Scan, Snapshot};
use redb::{AccessGuard, ReadOnlyTable, StorageError};

use crate::tree::{bounds, failed};

/// The table holds its transaction open.
pub(crate) struct TreeSnapshot(pub ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Snapshot for TreeSnapshot {}

impl Read for TreeSnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let value = self.0.get(key).map_err(failed)?;
        Ok(value.map(|value| copy(&value)))
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        if range.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        let rows = self.0.range::<&[u8]>(bounds(&range)).map_err(failed)?;
        Ok(match order {
            Order::Forward => Box::new(rows.map(row)),
            Order::Reverse => Box::new(rows.rev().map(row)),
        })
    }
}

type Guard<'a> = AccessGuard<'a, &'static [u8]>;

fn row(row: Result<(Guard<'_>, Guard<'_>), StorageError>) -> Result<(Bytes, Bytes), Error> {
    let (key, value) = row.map_err(failed)?;
    Ok((copy(&key), copy(&value)))
}

fn copy(bytes: &Guard<'_>) -> Bytes {
    Bytes::copy_from_slice(bytes.value())
}
