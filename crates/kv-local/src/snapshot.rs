//! A moment of the tree: a read transaction, which keeps the pages that it can see.

use bytes::Bytes;
use kv::{Error, KeyRange, Order, Read, Scan, Snapshot};
use redb::{AccessGuard, Range, ReadOnlyTable};

use crate::scan::{Found, Source, scan};
use crate::tree::{bounds, failed};

/// The table holds its transaction open.
pub(crate) struct TreeSnapshot(pub ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Snapshot for TreeSnapshot {}

impl Read for TreeSnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Source::get(self, key)
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        scan(self, range, order)
    }
}

impl<'a> Source<'a> for &'a TreeSnapshot {
    type Rows = TreeRows<'a>;

    fn get(self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let value = self.0.get(key).map_err(failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn rows(self, range: KeyRange, order: Order) -> Result<TreeRows<'a>, Error> {
        let rows = self.0.range::<&[u8]>(bounds(&range)).map_err(failed)?;
        Ok(TreeRows { rows, order })
    }
}

/// The rows of a range.
pub(crate) struct TreeRows<'a> {
    rows: Range<'a, &'static [u8], &'static [u8]>,
    order: Order,
}

pub(crate) type Guard<'a> = AccessGuard<'a, &'static [u8]>;

impl<'a> Iterator for TreeRows<'a> {
    type Item = Result<Found<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.order {
            Order::Forward => self.rows.next(),
            Order::Reverse => self.rows.next_back(),
        };
        row.map(|row| row.map(|(key, value)| Found::Tree(key, value)).map_err(failed))
    }
}
