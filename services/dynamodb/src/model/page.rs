//! Pages of queries and scans.

use std::ops::Bound;

use kv::{KeyRange, Order, Partial, Read};

use super::item;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::{Condition, KeyOperator, Literal};
use crate::key::{ItemKey, push, push_open};
use crate::keys::{Digest, ENTRIES, ITEMS};
use crate::limits::{PAGE_BYTES_MAX, READ_UNIT_BYTES};
use crate::size::item_size;
use crate::types::{Index, Table};

/// Where a page reads.
#[derive(Clone, Copy)]
pub struct Source<'t> {
    pub table: &'t Table,
    pub index: Option<&'t Index>,
}

pub struct Reading<'c> {
    pub range: KeyRange,
    pub order: Order,
    /// Items to look at.
    pub limit: usize,
    pub filter: Option<&'c Condition>,
    /// Whether to answer whole items, also where the index holds less.
    pub whole_items: bool,
}

#[derive(Debug, Default)]
pub struct Page {
    pub items: Vec<StoredItem>,
    /// Items looked at.
    pub scanned: usize,
    /// The last item looked at, when there may be more.
    pub last: Option<StoredItem>,
    /// Bytes read where the page reads.
    pub bytes: usize,
    /// Whole blocks of a read unit's size, fetched item by item from the table behind an index.
    pub fetched_blocks: usize,
}

/// Where what begins with `bytes` ends.
fn after(mut bytes: Vec<u8>) -> Bound<Vec<u8>> {
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Bound::Excluded(bytes);
        }
    }
    Bound::Unbounded
}

/// An end as the start of what comes next.
fn as_start(end: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match end {
        Bound::Excluded(bytes) => Bound::Included(bytes),
        other => other,
    }
}

impl Source<'_> {
    /// Whether an attribute is part of the key of what is read, or of the table's.
    pub fn is_key(self, name: &str) -> bool {
        self.table.key.has(name) || self.index.is_some_and(|index| index.key.has(name))
    }

    /// The number of the table or index.
    pub fn id(self) -> u64 {
        self.index.map_or(self.table.id, |index| index.id)
    }

    /// All of it.
    pub fn all(self) -> KeyRange {
        match self.index {
            Some(index) => ENTRIES.prefix_range(index.id),
            None => ITEMS.prefix_range(self.table.id),
        }
    }

    /// The part that segment `segment` of `total` reads: an equal share of all hashes.
    pub fn segment(self, segment: u64, total: u64) -> KeyRange {
        let start = |segment: u64| ((u128::from(segment) << 64) / u128::from(total.max(1))) as u64;
        let from = Bound::Included(start(segment).to_be_bytes());
        let to =
            if segment + 1 >= total { Bound::Unbounded } else { Bound::Excluded(start(segment + 1).to_be_bytes()) };
        match self.index {
            Some(index) => ENTRIES.range(index.id, from, to),
            None => ITEMS.range(self.table.id, from, to),
        }
    }

    /// The part with one partition key, and a sort key that meets a condition.
    pub fn partition(self, partition: Digest, sort: Option<&KeyOperator>) -> KeyRange {
        let (from, to) = match sort {
            None | Some(KeyOperator::NotIndexable) => (Bound::Unbounded, Bound::Unbounded),
            Some(KeyOperator::Equal(value)) => (Bound::Included(value.bytes()), Bound::Included(value.bytes())),
            Some(KeyOperator::Less(value)) => (Bound::Unbounded, Bound::Excluded(value.bytes())),
            Some(KeyOperator::LessOrEqual(value)) => (Bound::Unbounded, Bound::Included(value.bytes())),
            Some(KeyOperator::Greater(value)) => (Bound::Excluded(value.bytes()), Bound::Unbounded),
            Some(KeyOperator::GreaterOrEqual(value)) => (Bound::Included(value.bytes()), Bound::Unbounded),
            Some(KeyOperator::Between(low, high)) => (Bound::Included(low.bytes()), Bound::Included(high.bytes())),
            Some(KeyOperator::BeginsWith(prefix)) => {
                return match self.index {
                    Some(index) => ENTRIES.prefix_range((index.id, partition, Partial(prefix.bytes()))),
                    None => ITEMS.prefix_range((self.table.id, partition, Partial(prefix.bytes()))),
                };
            }
        };
        match self.index {
            Some(index) => ENTRIES.range((index.id, partition), from, to),
            None => ITEMS.range((self.table.id, partition), from, to),
        }
    }

    /// The part with one partition key whose sort key, of several attributes, begins with `first`; the next one meets a condition.
    pub fn part(self, partition: Digest, first: &[u8], next: Option<&KeyOperator>) -> KeyRange {
        let with = |add: fn(&mut Vec<u8>, &[u8]), value: &Literal| {
            let mut bytes = first.to_vec();
            add(&mut bytes, value.bytes());
            bytes
        };
        let whole = |value: &Literal| with(push, value);
        let (start, end) = (first.to_vec(), after(first.to_vec()));
        let from = |bytes: Vec<u8>| Bound::Included(bytes);
        let (from, to) = match next {
            None | Some(KeyOperator::NotIndexable) => (from(start), end),
            Some(KeyOperator::Equal(value)) => (from(whole(value)), after(whole(value))),
            Some(KeyOperator::Less(value)) => (from(start), Bound::Excluded(whole(value))),
            Some(KeyOperator::LessOrEqual(value)) => (from(start), after(whole(value))),
            Some(KeyOperator::Greater(value)) => (as_start(after(whole(value))), end),
            Some(KeyOperator::GreaterOrEqual(value)) => (from(whole(value)), end),
            Some(KeyOperator::Between(low, high)) => (from(whole(low)), after(whole(high))),
            Some(KeyOperator::BeginsWith(prefix)) => (from(with(push_open, prefix)), after(with(push_open, prefix))),
        };
        match self.index {
            Some(index) => ENTRIES.range((index.id, partition), from, to),
            None => ITEMS.range((self.table.id, partition), from, to),
        }
    }

    /// The key, in the store, of the item or entry whose key attributes `start` has.
    pub fn position(self, start: &StoredItem) -> Option<Vec<u8>> {
        let primary = self.table.key.locate(start.view())?;
        Some(match self.index {
            Some(index) => {
                let ItemKey { partition, sort } = index.key.locate(start.view())?;
                ENTRIES.key_bytes((index.id, partition, sort, primary.digest()))
            }
            None => ITEMS.key_bytes((self.table.id, primary.partition, primary.sort)),
        })
    }

    /// The hash of the partition key of `start` in what is read.
    pub fn partition_of(self, start: &StoredItem) -> Option<Digest> {
        let key = self.index.map_or(&self.table.key, |index| &index.key);
        key.partition_of(|attribute| start.view().get(&attribute.name))
    }

    pub fn read(self, read: &(impl Read + ?Sized), reading: &Reading<'_>) -> Result<Page, Error> {
        let mut page = Page::default();
        for row in read.scan(reading.range.clone(), reading.order)? {
            let entry = <StoredItem as kv::Stored>::from_bytes(&row?.1)?;
            page.bytes += item_size(entry.view());
            page.scanned += 1;
            let full = page.scanned == reading.limit || page.bytes >= PAGE_BYTES_MAX;
            if full {
                page.last = Some(entry.clone());
            }
            let item = if reading.whole_items { self.whole(read, entry, &mut page)? } else { entry };
            if reading.filter.is_none_or(|filter| filter.holds(item.view())) {
                page.items.push(item);
            }
            if full {
                break;
            }
        }
        Ok(page)
    }

    /// The item that an index's entry is of.
    fn whole(self, read: &(impl Read + ?Sized), entry: StoredItem, page: &mut Page) -> Result<StoredItem, Error> {
        let Some(key) = self.table.key.locate(entry.view()) else { return Ok(entry) };
        let item = item::get(read, self.table, &key)?.unwrap_or(entry);
        page.fetched_blocks += item_size(item.view()).div_ceil(READ_UNIT_BYTES);
        Ok(item)
    }
}
