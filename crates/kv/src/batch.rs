//! Writes that belong together: what a transaction collects, and what an engine applies atomically.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::range::RangeSet;
use crate::{Error, KeyRange, Order, Scan, merge};

/// What a transaction that deletes may put and still count as one that frees space: counters and the like.
const FREEING_PUT_BYTES_MAX: usize = 4 * 1024;

/// First its range deletes apply to what was there before, then its puts and deletes, each key at most once.
///
/// Any sequence of writes has this form: a range delete forgets the earlier writes that it covers.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    deleted: RangeSet,
    /// `None`: the key is deleted.
    writes: BTreeMap<Bytes, Option<Bytes>>,
    bytes: usize,
}

impl Batch {
    pub fn new() -> Batch {
        Batch::default()
    }

    pub fn put(&mut self, key: Bytes, value: Bytes) {
        self.bytes += key.len() + value.len();
        self.writes.insert(key, Some(value));
    }

    pub fn delete(&mut self, key: Bytes) {
        self.bytes += key.len();
        self.writes.insert(key, None);
    }

    pub fn delete_range(&mut self, range: KeyRange) {
        if range.is_empty() {
            return;
        }
        self.bytes += range_bytes(&range);
        self.writes.extract_if(range.bounds(), |_, _| true).for_each(drop);
        self.deleted.insert(range);
    }

    /// Adds writes made after the ones already here.
    pub fn append(&mut self, later: Batch) {
        for range in later.deleted.iter() {
            self.writes.extract_if(range.bounds(), |_, _| true).for_each(drop);
            self.deleted.insert(range);
        }
        self.writes.extend(later.writes);
        self.bytes += later.bytes;
    }

    /// The ranges to delete before anything else; they do not overlap, and come in key order.
    pub fn deleted(&self) -> impl Iterator<Item = KeyRange> + '_ {
        self.deleted.iter()
    }

    /// Puts (`Some`) and deletes (`None`), in key order.
    pub fn writes(&self) -> impl Iterator<Item = (&Bytes, Option<&Bytes>)> + '_ {
        self.writes.iter().map(|(key, value)| (key, value.as_ref()))
    }

    pub fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.writes.is_empty()
    }

    /// Bytes written so far, overwritten ones included: keys and values of puts, keys of deletes, bounds of range deletes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the batch deletes, and writes next to nothing beside: what a full store can still take.
    pub(crate) fn frees(&self) -> bool {
        let put: usize = self.writes.iter().filter_map(|(key, value)| Some(key.len() + value.as_ref()?.len())).sum();
        put <= FREEING_PUT_BYTES_MAX && (!self.deleted.is_empty() || self.writes.values().any(Option::is_none))
    }

    /// What the batch says of `key`: `Some(None)` is deleted, `None` is nothing.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<&Bytes>> {
        match self.writes.get(key) {
            Some(value) => Some(value.as_ref()),
            None => self.deleted.contains(key).then_some(None),
        }
    }

    /// A scan of what `below` scans, with the batch laid over it.
    pub(crate) fn scan_over<'a>(
        &'a self,
        range: KeyRange,
        order: Order,
        below: impl Fn(KeyRange, Order) -> Result<Scan<'a>, Error> + 'a,
    ) -> Result<Scan<'a>, Error> {
        if range.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        if self.is_empty() {
            return below(range, order);
        }
        let above = self.writes.range::<Bytes, _>(range.bounds()).map(|(key, value)| (key, value.as_ref()));
        let below: Scan<'a> = if self.deleted.is_empty() {
            below(range.clone(), order)?
        } else {
            let mut gaps = self.deleted.gaps(&range);
            if order == Order::Reverse {
                gaps.reverse();
            }
            let scan = move |gap| below(gap, order).unwrap_or_else(|error| Box::new(std::iter::once(Err(error))));
            Box::new(gaps.into_iter().flat_map(scan))
        };
        Ok(match order {
            Order::Forward => Box::new(merge::Merge::new(above, below, order)),
            Order::Reverse => Box::new(merge::Merge::new(above.rev(), below, order)),
        })
    }
}

pub(crate) fn range_bytes(range: &KeyRange) -> usize {
    range.start().len() + range.end().map_or(0, Bytes::len)
}
