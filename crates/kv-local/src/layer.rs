//! Newer writes laid over older data: a sorted map that is cheap to copy, and the ranges it deletes from what is below.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use kv::{Batch, KeyRange, Order, Read};

use crate::map::{Map, Row};

/// Memory beside its bytes that an entry takes, roughly: its part of the nodes, and what an allocation costs.
const ENTRY_BYTES: usize = 96;

/// Puts, and deletes of what is below them. A copy costs nothing, and later changes cost it nothing either.
#[derive(Clone)]
pub(crate) struct Layer {
    puts: Map,
    /// What `puts` may hold. Copies have it in common: what a later one added is a false alarm in an earlier one.
    keys: Arc<Filter>,
    /// Ranges that do not touch, their starts as keys and their ends as values; no value is an open end. What `puts` holds is not meant.
    deleted: Map,
    bytes: usize,
}

impl Layer {
    /// A layer that will be full with `capacity` bytes.
    pub fn new(capacity: usize) -> Layer {
        Layer { puts: Map::new(), keys: Arc::new(Filter::new(capacity)), deleted: Map::new(), bytes: 0 }
    }

    /// Memory in use, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn puts(&self) -> &Map {
        &self.puts
    }

    /// In key order; they neither overlap nor touch.
    pub fn deleted(&self) -> impl Iterator<Item = KeyRange> + '_ {
        self.deleted.iter().map(deleted_range)
    }

    /// Whether anything in `range` is deleted from what is below.
    pub fn deletes_from(&self, range: &KeyRange) -> bool {
        !self.deleted.is_empty()
            && (self.covers(range.start()) || self.deleted.range(range.clone(), Order::Forward).next().is_some())
    }

    /// Adds a batch; `below` is what the layer lies over.
    pub fn apply(&mut self, batch: &Batch, below: &impl Read) {
        for range in batch.deleted() {
            self.delete_range(&range);
        }
        for (key, value) in batch.writes() {
            match value {
                Some(value) => self.put(key, value),
                None => self.delete(key, below),
            }
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        let row = Row::new(key, value);
        self.bytes += row_bytes(&row);
        self.keys.add(key);
        if let Some(old) = self.puts.insert(row) {
            self.bytes -= row_bytes(&old);
        }
    }

    fn forget_put(&mut self, key: &[u8]) {
        if self.keys.may_have(key)
            && let Some(old) = self.puts.remove(key)
        {
            self.bytes -= row_bytes(&old);
        }
    }

    /// Deletes a key, and joins its delete with the neighbouring ones when `below` has nothing in between: a queue that is
    /// emptied from its front leaves one range to jump over, not a delete for each message.
    fn delete(&mut self, key: &Bytes, below: &impl Read) {
        self.forget_put(key);
        if self.covers(key) {
            return;
        }
        let nothing = |start: &Bytes, end: &Bytes| {
            let between = KeyRange::half_open(start.clone(), Some(end.clone()));
            // When it cannot be read, the two are not joined, and the next reader meets the error.
            below.scan(between, Order::Forward).is_ok_and(|mut rows| rows.next().is_none())
        };
        let (start, end) = point(key);
        // None of them has the key, so each end is known, but the last one's.
        let before = self.deleted.last_to(key).map(deleted_range);
        let start = match before.as_ref().map(|before| (before.start(), before.end())) {
            Some((before, Some(before_end))) if nothing(before_end, &start) => before.clone(),
            _ => start,
        };
        let after = self.deleted.range(KeyRange::half_open(end.clone(), None), Order::Forward).next();
        let after = after.map(|after| Bytes::copy_from_slice(after.key()));
        let end = match after {
            Some(after) if nothing(&end, &after) => after,
            _ => end,
        };
        self.insert_deleted(start, Some(end));
    }

    fn delete_range(&mut self, range: &KeyRange) {
        if range.is_empty() {
            return;
        }
        self.bytes -= self.puts.range(range.clone(), Order::Forward).map(row_bytes).sum::<usize>();
        self.puts.remove_range(range);
        self.insert_deleted(range.start().clone(), range.end().cloned());
    }

    /// Adds a range, joined with those that it touches.
    fn insert_deleted(&mut self, mut start: Bytes, mut end: Option<Bytes>) {
        if let Some(before) = self.deleted.last_to(&start).map(deleted_range)
            && before.end().is_none_or(|before_end| *before_end >= start)
        {
            start = before.start().clone();
        }
        let touched =
            KeyRange::new(Bound::Included(&start), end.as_ref().map_or(Bound::Unbounded, |end| Bound::Included(end)));
        let ranges: Vec<_> = self.deleted.range(touched.clone(), Order::Forward).map(deleted_range).collect();
        for range in ranges {
            end = end.zip(range.end()).map(|(end, touched_end)| end.max(touched_end.clone()));
        }
        self.bytes -= self.deleted.range(touched.clone(), Order::Forward).map(row_bytes).sum::<usize>();
        self.deleted.remove_range(&touched);
        let row = Row::new(&start, end.as_deref().unwrap_or_default());
        self.bytes += row_bytes(&row);
        self.deleted.insert(row);
    }

    /// The deleted range that holds `key`.
    pub fn covering(&self, key: &[u8]) -> Option<KeyRange> {
        let row = self.deleted.last_to(key)?;
        (row.value().is_empty() || key < row.value()).then(|| deleted_range(row))
    }

    fn covers(&self, key: &[u8]) -> bool {
        let row = if self.deleted.is_empty() { None } else { self.deleted.last_to(key) };
        row.is_some_and(|row| row.value().is_empty() || key < row.value())
    }

    /// What the layer says of `key`: `Some(None)` is deleted, `None` is nothing.
    pub fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        match self.keys.may_have(key).then(|| self.puts.get(key)).flatten() {
            Some(row) => Some(Some(row.shared_value())),
            None => self.covers(key).then_some(None),
        }
    }
}

/// Memory that a row takes, roughly.
pub(crate) fn row_bytes(row: &Row) -> usize {
    row.bytes() + ENTRY_BYTES
}

/// No end is empty: it would come before every start.
fn deleted_range(row: &Row) -> KeyRange {
    let end = (!row.value().is_empty()).then(|| Bytes::copy_from_slice(row.value()));
    KeyRange::half_open(Bytes::copy_from_slice(row.key()), end)
}

/// The range of one key.
fn point(key: &Bytes) -> (Bytes, Bytes) {
    (key.clone(), [&key[..], b"\0"].concat().into())
}

/// A set of keys that may have more than were added: so that looking for what is not there costs next to nothing.
struct Filter(Vec<AtomicU64>);

/// So many bytes of a layer for each bit: a row of 1 KiB has 64 bits, the smallest there is has six.
const BYTES_PER_BIT: usize = 16;

impl Filter {
    fn new(capacity: usize) -> Filter {
        let words = (capacity / BYTES_PER_BIT / 64).clamp(16, 1 << 20).next_power_of_two();
        Filter((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// The two bits of a key, in one word: looking at them is one access to memory.
    fn bits(&self, key: &[u8]) -> Option<(&AtomicU64, u64)> {
        let hash = hash(key);
        let word = self.0.get(hash as usize & (self.0.len() - 1))?;
        Some((word, 1 << (hash >> 58) | 1 << (hash >> 52 & 63)))
    }

    fn add(&self, key: &[u8]) {
        if let Some((word, bits)) = self.bits(key) {
            word.fetch_or(bits, Ordering::Relaxed);
        }
    }

    fn may_have(&self, key: &[u8]) -> bool {
        self.bits(key).is_none_or(|(word, bits)| word.load(Ordering::Relaxed) & bits == bits)
    }
}

/// Spreads keys over bits, quickly; whoever chooses keys that fall on the same bits gains slower reads of them.
fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = key.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    let mixed = words.fold(key.len() as u64, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR));
    (mixed ^ mixed >> 32).wrapping_mul(FACTOR)
}
