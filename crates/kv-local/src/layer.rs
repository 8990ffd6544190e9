//! Newer writes laid over older data: a sorted map that is cheap to copy, and the ranges it deletes from what is below.

use std::iter;
use std::ops::Bound;

use bytes::Bytes;
use kv::{Batch, Error, KeyRange, Merge, Order, Read, Scan};
use rpds::RedBlackTreeMapSync;

/// Memory beside its bytes that an entry takes, roughly.
const ENTRY_BYTES: usize = 160;

/// So many deleted rows in a row are walked over before a scan jumps to the end of the range that deletes them.
const STEPS_BEFORE_JUMP: u32 = 4;

/// Puts, and deletes of what is below them. A copy costs nothing, and later changes cost it nothing either.
#[derive(Clone)]
pub(crate) struct Layer {
    puts: RedBlackTreeMapSync<Bytes, Bytes>,
    /// Ranges that do not touch, by their start; `None` is an open end. What `puts` holds is not meant.
    deleted: RedBlackTreeMapSync<Bytes, Option<Bytes>>,
    bytes: usize,
}

impl Layer {
    pub fn new() -> Layer {
        Layer { puts: RedBlackTreeMapSync::new_sync(), deleted: RedBlackTreeMapSync::new_sync(), bytes: 0 }
    }

    /// Memory in use, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn puts(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.puts.iter()
    }

    /// In key order; they neither overlap nor touch.
    pub fn deleted(&self) -> impl Iterator<Item = KeyRange> + '_ {
        self.deleted.iter().map(|(start, end)| KeyRange::half_open(start.clone(), end.clone()))
    }

    /// Adds a batch; `below` is what the layer lies over.
    pub fn apply(&mut self, batch: &Batch, below: &impl Read) {
        for range in batch.deleted() {
            self.delete_range(range);
        }
        for (key, value) in batch.writes() {
            match value {
                Some(value) => self.put(key.clone(), value.clone()),
                None => self.delete(key, below),
            }
        }
    }

    fn put(&mut self, key: Bytes, value: Bytes) {
        self.forget_put(&key);
        self.bytes += key.len() + value.len() + ENTRY_BYTES;
        self.puts.insert_mut(key, value);
    }

    fn forget_put(&mut self, key: &Bytes) {
        if let Some(old) = self.puts.get(key) {
            self.bytes -= key.len() + old.len() + ENTRY_BYTES;
            self.puts.remove_mut(key);
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
        let before = self.deleted.range::<Bytes, _>(..key).next_back().map(|(start, end)| (start.clone(), end.clone()));
        let start = match before {
            Some((before, Some(before_end))) if nothing(&before_end, &start) => before,
            _ => start,
        };
        let after = self.deleted.range::<Bytes, _>(&end..).next().map(|(start, _)| start.clone());
        let end = match after {
            Some(after) if nothing(&end, &after) => after,
            _ => end,
        };
        self.insert_deleted(start, Some(end));
    }

    fn delete_range(&mut self, range: KeyRange) {
        let covered: Vec<Bytes> = self.puts.range::<Bytes, _>(range.bounds()).map(|(key, _)| key.clone()).collect();
        covered.iter().for_each(|key| self.forget_put(key));
        self.insert_deleted(range.start().clone(), range.end().cloned());
    }

    /// Adds a range, joined with those that it touches.
    fn insert_deleted(&mut self, mut start: Bytes, mut end: Option<Bytes>) {
        if let Some((before, before_end)) = self.deleted.range::<Bytes, _>(..start.clone()).next_back()
            && before_end.as_ref().is_none_or(|before_end| *before_end >= start)
        {
            start = before.clone();
        }
        let touched = (Bound::Included(&start), end.as_ref().map_or(Bound::Unbounded, Bound::Included));
        let touched: Vec<_> = self.deleted.range::<Bytes, _>(touched).map(|(s, e)| (s.clone(), e.clone())).collect();
        for (touched, touched_end) in touched {
            self.bytes -= range_bytes(&touched, touched_end.as_ref());
            self.deleted.remove_mut(&touched);
            end = end.zip(touched_end).map(|(end, touched_end)| end.max(touched_end));
        }
        self.bytes += range_bytes(&start, end.as_ref());
        self.deleted.insert_mut(start, end);
    }

    /// The deleted range that holds `key`.
    fn covering(&self, key: &[u8]) -> Option<KeyRange> {
        let upto = (Bound::Unbounded, Bound::Included(key));
        let (start, end) = self.deleted.range::<[u8], _>(upto).next_back()?;
        end.as_ref().is_none_or(|end| key < *end).then(|| KeyRange::half_open(start.clone(), end.clone()))
    }

    fn covers(&self, key: &[u8]) -> bool {
        !self.deleted.is_empty() && self.covering(key).is_some()
    }

    /// What the layer says of `key`: `Some(None)` is deleted, `None` is nothing.
    fn get(&self, key: &[u8]) -> Option<Option<&Bytes>> {
        match self.puts.get(key) {
            Some(value) => Some(Some(value)),
            None => self.covers(key).then_some(None),
        }
    }
}

/// The range of one key.
fn point(key: &Bytes) -> (Bytes, Bytes) {
    (key.clone(), [&key[..], b"\0"].concat().into())
}

fn range_bytes(start: &Bytes, end: Option<&Bytes>) -> usize {
    start.len() + end.map_or(0, Bytes::len) + ENTRY_BYTES
}

/// A layer and what it lies over, read as one.
pub(crate) struct Over<'a, B>(pub &'a Layer, pub &'a B);

impl<B: Read> Over<'_, B> {
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        match self.0.get(key) {
            Some(value) => Ok(value.cloned()),
            None => self.1.get(key),
        }
    }
}

impl<'a, B: Read> Over<'a, B> {
    pub fn scan(self, range: KeyRange, order: Order) -> Result<Scan<'a>, Error> {
        if range.is_empty() {
            return Ok(Box::new(iter::empty()));
        }
        let Over(layer, below) = self;
        let rest: Scan<'a> = if layer.deleted.is_empty() {
            below.scan(range.clone(), order)?
        } else {
            let rows = below.scan(range.clone(), order)?;
            Box::new(Undeleted { layer, below, rows, rest: range.clone(), order })
        };
        if layer.puts.is_empty() {
            return Ok(rest);
        }
        // The map's own iterator must own its bounds to live as long as the scan.
        let bounds = (range.bounds().0.cloned(), range.bounds().1.cloned());
        let above = layer.puts.range::<Bytes, _>(bounds).map(|(key, value)| (key, Some(value)));
        Ok(match order {
            Order::Forward => Box::new(Merge::new(above, rest, order)),
            Order::Reverse => Box::new(Merge::new(above.rev(), rest, order)),
        })
    }
}

/// A scan of what lies below a layer, without what the layer deletes.
struct Undeleted<'a, B> {
    layer: &'a Layer,
    below: &'a B,
    rows: Scan<'a>,
    rest: KeyRange,
    order: Order,
}

impl<B: Read> Undeleted<'_, B> {
    /// Goes on after `deleted`; `false` when nothing is left.
    fn jump(&mut self, deleted: &KeyRange) -> Result<bool, Error> {
        let (start, end) = (self.rest.start().clone(), self.rest.end().cloned());
        self.rest = match (self.order, deleted.end()) {
            (Order::Forward, None) => return Ok(false),
            (Order::Forward, Some(to)) => KeyRange::half_open(start.max(to.clone()), end),
            (Order::Reverse, _) => KeyRange::half_open(start, Some(deleted.start().clone())),
        };
        if self.rest.is_empty() {
            return Ok(false);
        }
        self.rows = self.below.scan(self.rest.clone(), self.order)?;
        Ok(true)
    }
}

impl<B: Read> Iterator for Undeleted<'_, B> {
    type Item = Result<(Bytes, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut steps = 0;
        loop {
            let row = self.rows.next()?;
            let Ok((key, _)) = &row else { return Some(row) };
            let Some(deleted) = self.layer.covering(key) else { return Some(row) };
            steps += 1;
            if steps > STEPS_BEFORE_JUMP {
                steps = 0;
                match self.jump(&deleted) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.rows = Box::new(iter::empty());
                        return None;
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
        }
    }
}
