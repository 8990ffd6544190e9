//! Events in order: chunks overlap in time, and are merged as they are read.

use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;
use std::ops::{Bound, Range};
use std::rc::Rc;

use base::Timestamp;
use kv::{Order, Read};

use crate::error::Error;
use crate::keys::{BY_TIME, CHUNKS, ChunkNumber, GroupId, STREAMS, StreamId};
use crate::limits;
use crate::model::append::size;
use crate::position::Position;
use crate::types::{Chunk, Event};

/// An event as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub event: Event,
    pub ingested: Timestamp,
    /// The name of its stream.
    pub stream: Rc<str>,
}

/// One step of a [`Merge`].
#[derive(Debug)]
pub enum Step {
    Event(Position, Found),
    /// The budget is used up: everything wanted before this position was given, nothing after it.
    Paused(Position),
    End,
}

struct Located {
    start: Position,
    stream: Rc<str>,
    chunk: Chunk,
}

/// The events of chunks that overlap, in order of their positions.
pub struct Merge<'a> {
    chunks: Peekable<Box<dyn Iterator<Item = Result<Located, Error>> + 'a>>,
    order: Order,
    range: Range<Position>,
    keep: &'a dyn Fn(&Event) -> bool,
    /// Events of chunks that are read, until it is certain that none comes before them.
    waiting: BTreeMap<Position, Found>,
    /// Bytes that may still be looked at.
    budget: usize,
}

/// The events of one stream within `range`.
pub fn stream<'a, R: Read + ?Sized>(
    read: &'a R,
    group: GroupId,
    stream: StreamId,
    name: &str,
    range: Range<Position>,
    order: Order,
) -> Result<Merge<'a>, Error> {
    let name: Rc<str> = name.into();
    let (from, to) = chunk_times(&range);
    let rows = CHUNKS.scan_range(read, (group, stream), from, to, order)?;
    let chunks = rows.map(move |row| {
        let ((_, _, time, number), chunk) = row?;
        Ok(Located { start: start_of(time, stream, number), stream: name.clone(), chunk })
    });
    Ok(Merge::new(Box::new(chunks), order, range, &|_| true, usize::MAX))
}

/// The events of a group's streams that `wanted` names, within `range`, oldest first, as far as `keep` says so.
pub fn group<'a, R: Read + ?Sized>(
    read: &'a R,
    group: GroupId,
    range: Range<Position>,
    wanted: impl Fn(&str) -> bool + 'a,
    keep: &'a dyn Fn(&Event) -> bool,
) -> Result<Merge<'a>, Error> {
    let (from, to) = chunk_times(&range);
    let rows = BY_TIME.scan_range(read, group, from, to, Order::Forward)?;
    let mut streams = LiveStreams { read, group, wanted, known: HashMap::new() };
    let start = range.start.time;
    let chunks = rows.filter_map(move |row| {
        let located = row.map_err(Error::from).and_then(|((_, time, stream, number), entry)| {
            if entry.last < start {
                return Ok(None);
            }
            let Some(name) = streams.name(stream, &entry.stream)? else { return Ok(None) };
            let chunk = CHUNKS.get(read, (group, stream, time, number))?;
            Ok(chunk.map(|chunk| Located { start: start_of(time, stream, number), stream: name, chunk }))
        });
        located.transpose()
    });
    Ok(Merge::new(Box::new(chunks), Order::Forward, range, keep, limits::FILTER_EXAMINED_BYTES_MAX))
}

/// The streams met so far, and whether their events are wanted. A deleted stream's are not.
struct LiveStreams<'a, R: ?Sized, W> {
    read: &'a R,
    group: GroupId,
    wanted: W,
    known: HashMap<StreamId, Option<Rc<str>>>,
}

impl<R: Read + ?Sized, W: Fn(&str) -> bool> LiveStreams<'_, R, W> {
    fn name(&mut self, id: StreamId, name: &str) -> Result<Option<Rc<str>>, Error> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let alive = STREAMS.get(self.read, (self.group, name))?.is_some_and(|stream| stream.id == id);
        let name = (alive && (self.wanted)(name)).then(|| Rc::from(name));
        self.known.insert(id, name.clone());
        Ok(name)
    }
}

/// The times that chunks with events in `range` begin at.
fn chunk_times(range: &Range<Position>) -> (Bound<Timestamp>, Bound<Timestamp>) {
    (Bound::Included(range.start.time - limits::CHUNK_SPAN), Bound::Included(range.end.time))
}

fn start_of(time: Timestamp, stream: StreamId, chunk: ChunkNumber) -> Position {
    Position { time, stream, chunk, index: 0 }
}

impl<'a> Merge<'a> {
    fn new(
        chunks: Box<dyn Iterator<Item = Result<Located, Error>> + 'a>,
        order: Order,
        range: Range<Position>,
        keep: &'a dyn Fn(&Event) -> bool,
        budget: usize,
    ) -> Merge<'a> {
        Merge { chunks: chunks.peekable(), order, range, keep, waiting: BTreeMap::new(), budget }
    }

    /// The next event, if there is one.
    pub fn step(&mut self) -> Result<Step, Error> {
        loop {
            let first = match self.order {
                Order::Forward => self.waiting.first_key_value(),
                Order::Reverse => self.waiting.last_key_value(),
            };
            let first = first.map(|(position, _)| *position);
            let Some(next) = self.chunks.peek() else { return Ok(self.take(first)) };
            if let Ok(next) = next {
                if first.is_some_and(|first| precedes(self.order, first, next.start)) {
                    return Ok(self.take(first));
                }
                if self.budget == 0 {
                    return Ok(Step::Paused(next.start));
                }
            }
            if let Some(chunk) = self.chunks.next().transpose()? {
                self.open(chunk);
            }
        }
    }

    fn take(&mut self, position: Option<Position>) -> Step {
        let found = position.and_then(|position| Some((position, self.waiting.remove(&position)?)));
        found.map_or(Step::End, |(position, found)| Step::Event(position, found))
    }

    fn open(&mut self, located: Located) {
        let Located { start, stream, chunk: Chunk { ingested, events } } = located;
        // What is read again for its overlap is not charged, so that every page gets further than the one before.
        if start >= self.range.start {
            self.budget = self.budget.saturating_sub(events.iter().map(size).sum());
        }
        for (index, event) in (0..).zip(events) {
            let position = Position { time: event.0, index, ..start };
            if self.range.contains(&position) && (self.keep)(&event) {
                self.waiting.insert(position, Found { event, ingested, stream: stream.clone() });
            }
        }
    }
}

/// Whether an event comes before everything in the chunk that starts at `next`, and in those after it.
fn precedes(order: Order, event: Position, next: Position) -> bool {
    match order {
        Order::Forward => event < next,
        Order::Reverse => event.time > next.time + limits::CHUNK_SPAN,
    }
}
