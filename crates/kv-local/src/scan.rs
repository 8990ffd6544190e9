//! Reads of layers over a tree: the newest of what is there under each key.

use std::cmp::Ordering;

use bytes::Bytes;
use kv::{Error, KeyRange, Order, Scan};

use crate::layer::Layer;
use crate::map::{self, Row};
use crate::snapshot::Guard;

/// So many deleted rows in a row are walked over before a scan jumps to the end of the range that deletes them.
const STEPS_BEFORE_JUMP: u32 = 4;

/// What can be read.
pub(crate) trait Source<'a>: Copy {
    type Rows: Iterator<Item = Result<Found<'a>, Error>> + 'a;

    fn get(self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// The rows of a range that is not empty.
    fn rows(self, range: KeyRange, order: Order) -> Result<Self::Rows, Error>;
}

/// A row where it is kept: it is copied only when it is asked for.
pub(crate) enum Found<'a> {
    Memory(&'a Row),
    Tree(Guard<'a>, Guard<'a>),
}

impl Found<'_> {
    fn key(&self) -> &[u8] {
        match self {
            Found::Memory(row) => row.key(),
            Found::Tree(key, _) => key.value(),
        }
    }

    pub fn copy(self) -> (Bytes, Bytes) {
        match self {
            Found::Memory(row) => (Bytes::copy_from_slice(row.key()), row.shared_value()),
            Found::Tree(key, value) => (Bytes::copy_from_slice(key.value()), Bytes::copy_from_slice(value.value())),
        }
    }
}

/// The rows of a range, copied.
pub(crate) fn scan<'a, S: Source<'a>>(source: S, range: KeyRange, order: Order) -> Result<Scan<'a>, Error> {
    if range.is_empty() {
        return Ok(Box::new(std::iter::empty()));
    }
    Ok(Box::new(source.rows(range, order)?.map(|row| row.map(Found::copy))))
}

/// A layer and what it lies over, read as one.
pub(crate) struct Over<'a, S> {
    pub layer: &'a Layer,
    pub below: S,
}

impl<S: Copy> Clone for Over<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Copy> Copy for Over<'_, S> {}

impl<'a, S: Source<'a> + 'a> Source<'a> for Over<'a, S> {
    type Rows = Rows<'a, S>;

    fn get(self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        match self.layer.get(key) {
            Some(value) => Ok(value),
            None => self.below.get(key),
        }
    }

    fn rows(self, range: KeyRange, order: Order) -> Result<Rows<'a, S>, Error> {
        let mut above = self.layer.puts().range(range.clone(), order);
        let (next_above, deletes) = (above.next(), self.layer.deletes_from(&range));
        let below = Some(self.below.rows(range.clone(), order)?);
        Ok(Rows { over: self, order, above, next_above, below, next_below: None, deletes, steps: 0, rest: range })
    }
}

/// A scan.
pub(crate) struct Rows<'a, S: Source<'a>> {
    over: Over<'a, S>,
    order: Order,
    above: map::Rows<'a>,
    next_above: Option<&'a Row>,
    /// `None`: the layer deletes what is left.
    below: Option<S::Rows>,
    /// Seen, and not yet taken.
    next_below: Option<Found<'a>>,
    /// Whether the layer deletes anything from the range.
    deletes: bool,
    /// How many deleted rows were met in a row.
    steps: u32,
    /// What is left of the range, as of the last jump.
    rest: KeyRange,
}

impl<'a, S: Source<'a>> Rows<'a, S> {
    /// The next row from below that the layer does not delete.
    fn undeleted(&mut self) -> Option<Result<Found<'a>, Error>> {
        loop {
            let found = self.below.as_mut()?.next()?;
            let Ok(row) = &found else { return Some(found) };
            let Some(deleted) = self.deletes.then(|| self.over.layer.covering(row.key())).flatten() else {
                self.steps = 0;
                return Some(found);
            };
            self.steps += 1;
            if self.steps > STEPS_BEFORE_JUMP {
                self.steps = 0;
                if let Err(error) = self.jump(&deleted) {
                    return Some(Err(error));
                }
            }
        }
    }

    /// Goes on after `deleted`.
    fn jump(&mut self, deleted: &KeyRange) -> Result<(), Error> {
        let (start, end) = (self.rest.start().clone(), self.rest.end().cloned());
        let rest = match (self.order, deleted.end()) {
            (Order::Forward, None) => None,
            (Order::Forward, Some(to)) => Some(KeyRange::half_open(start.max(to.clone()), end)),
            (Order::Reverse, _) => Some(KeyRange::half_open(start, Some(deleted.start().clone()))),
        };
        self.below = None;
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            self.below = Some(self.over.below.rows(rest.clone(), self.order)?);
            self.rest = rest;
        }
        Ok(())
    }
}

impl<'a, S: Source<'a>> Iterator for Rows<'a, S> {
    type Item = Result<Found<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(row) = self.next_above else {
            return self.next_below.take().map(Ok).or_else(|| self.undeleted());
        };
        // It stays in its place until it is asked for: it is large.
        if self.next_below.is_none() {
            match self.undeleted() {
                Some(Ok(found)) => self.next_below = Some(found),
                Some(Err(error)) => return Some(Err(error)),
                None => self.below = None,
            }
        }
        let below = self.next_below.as_ref();
        match below.map_or(Ordering::Less, |found| self.order.compare(row.key(), found.key())) {
            Ordering::Greater => return self.next_below.take().map(Ok),
            Ordering::Equal => self.next_below = None,
            Ordering::Less => {}
        }
        self.next_above = self.above.next();
        Some(Ok(Found::Memory(row)))
    }
}
