//! Records: putting and reading them, and finding where to begin.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use base::Timestamp;
use bytes::{Bytes, BytesMut};
use kv::{Order, Read, Tx};

use super::shard;
use crate::block::{self, Record};
use crate::error::Error;
use crate::keys::{BLOCKS, ShardIndex, StreamId, TAILS, shard_arn};
use crate::limits::{BLOCK_BYTES, PIECE_BYTES};
use crate::sequence::{FIRST, Sequence};
use crate::types::{Shard, Stream, Tail};

/// A record and the hash key that decides on its shard.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub hash: u128,
    pub record: Record,
}

/// Where a record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub shard: ShardIndex,
    pub sequence: Sequence,
}

/// The open shards that a request's records belong to, each looked up once.
#[derive(Default)]
pub struct Router(BTreeMap<u128, Shard>);

impl Router {
    pub fn route(&mut self, read: &(impl Read + ?Sized), stream: &Stream, hash: u128) -> Result<&Shard, Error> {
        let known = self.0.range(..=hash).next_back().filter(|(_, shard)| hash <= shard.last_hash);
        let first = match known {
            Some((first, _)) => *first,
            None => {
                let shard = shard::open_at(read, stream, hash)?;
                let first = shard.first_hash;
                self.0.insert(first, shard);
                first
            }
        };
        self.0.get(&first).ok_or_else(|| super::stream::missing(&stream.arn))
    }
}

/// Puts records into a stream, each into its shard in the order given.
pub fn put(tx: &mut Tx, now: Timestamp, stream: &Stream, records: &[NewRecord]) -> Result<Vec<Placed>, Error> {
    let mut router = Router::default();
    let mut of_shards: BTreeMap<ShardIndex, (Shard, Vec<usize>)> = BTreeMap::new();
    for (place, new) in records.iter().enumerate() {
        let shard = router.route(tx, stream, new.hash)?;
        of_shards.entry(shard.index).or_insert_with(|| (shard.clone(), Vec::new())).1.push(place);
    }
    let mut placed = vec![None; records.len()];
    for (index, (shard, places)) in of_shards {
        let tail = shard::tail(tx, stream, index)?;
        // The clock may have been set back, and requests run in another order than they began.
        let at = now.max(tail.last);
        let all: Vec<&Record> = places.iter().filter_map(|place| records.get(*place)).map(|new| &new.record).collect();
        append(tx, stream, index, tail.next, at, &all)?;
        TAILS.put(tx, (stream.id, index), &Tail { next: tail.next + all.len() as u64, last: at })?;
        service::streams::wake(tx, &shard_arn(&stream.arn, index));
        for (number, place) in (tail.next..).zip(places) {
            let sequence = Sequence::new(shard.epoch, index, number, at);
            if let Some(slot) = placed.get_mut(place) {
                *slot = Some(Placed { shard: index, sequence });
            }
        }
    }
    Ok(placed.into_iter().flatten().collect())
}

/// Writes records as blocks, the first with the number `next`.
fn append(
    tx: &mut Tx,
    stream: &Stream,
    index: ShardIndex,
    mut next: u64,
    at: Timestamp,
    mut records: &[&Record],
) -> Result<(), Error> {
    while !records.is_empty() {
        let mut bytes = 0;
        let fits = |record: &&&Record| {
            bytes += record.stored_size();
            bytes <= BLOCK_BYTES
        };
        let count = records.iter().take_while(fits).count().max(1);
        let (these, rest) = records.split_at(count);
        let block = block::encode(at, stream.key.is_some(), these.iter().copied())?;
        for (piece, part) in (0u8..).zip(block.chunks(PIECE_BYTES)) {
            BLOCKS.put(tx, (stream.id, index, next, piece), &block.slice_ref(part))?;
        }
        next += count as u64;
        records = rest;
    }
    Ok(())
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub number: u64,
    pub at: Timestamp,
    pub encrypted: bool,
    pub record: Record,
}

/// Records, and what reading goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub records: Vec<Found>,
    pub next: u64,
    /// How far the last record is from now, where others follow it.
    pub behind: Duration,
    /// Whether the shard is closed and this was the last of it.
    pub ended: bool,
}

/// Reads from the record with the number `from`, or the oldest that is kept where that is past its retention.
pub fn page(
    read: &(impl Read + ?Sized),
    stream: &Stream,
    shard: &Shard,
    from: u64,
    (limit, bytes_max): (usize, usize),
    now: Timestamp,
) -> Result<Page, Error> {
    let tail = shard::tail(read, stream, shard.index)?;
    let from = from.max(horizon(read, stream, shard.index, now)?);
    if from >= tail.next {
        return Ok(Page {
            records: Vec::new(),
            next: tail.next,
            behind: Duration::ZERO,
            ended: shard.closed.is_some(),
        });
    }
    let (mut records, mut bytes) = (Vec::new(), 0);
    let mut blocks = Blocks::new(read, (stream.id, shard.index), from)?;
    'blocks: while let Some((first, block)) = blocks.next()? {
        let header = block::header(&block)?;
        for (number, record) in (first..).zip(block::decode(&block)?) {
            if number < from {
                continue;
            }
            bytes += record.size();
            if records.len() == limit || (bytes > bytes_max && !records.is_empty()) {
                break 'blocks;
            }
            records.push(Found { number, at: header.at, encrypted: header.encrypted, record });
        }
    }
    let next = records.last().map_or(from, |found: &Found| found.number + 1);
    let is_last = next >= tail.next;
    let behind = records.last().filter(|_| !is_last).map_or(Duration::ZERO, |last| now.since(last.at));
    Ok(Page { records, next, behind, ended: is_last && shard.closed.is_some() })
}

/// The number of the oldest record that is within its retention; of the next one, where none is.
pub fn horizon(read: &(impl Read + ?Sized), stream: &Stream, index: ShardIndex, now: Timestamp) -> Result<u64, Error> {
    at_or_after(read, stream, index, Timestamp(stream.cutoff(now).as_millis() + 1))
}

/// The number of the first record that arrived at a moment or after it; of the next one, where none did.
pub fn at_or_after(
    read: &(impl Read + ?Sized),
    stream: &Stream,
    index: ShardIndex,
    moment: Timestamp,
) -> Result<u64, Error> {
    let mut high = shard::tail(read, stream, index)?.next;
    let mut rows = BLOCKS.scan_prefix(read, (stream.id, index), Order::Forward)?;
    let Some(((_, _, mut low, _), block)) = rows.next().transpose()? else { return Ok(high) };
    if block::header(&block)?.at >= moment {
        return Ok(low);
    }
    // Records before `low` arrived before the moment; those from `high` on did not.
    while low < high {
        let (first, header) = block_with(read, (stream.id, index), low + (high - low) / 2)?;
        if header.at < moment {
            low = first + u64::from(header.records);
        } else {
            high = first;
        }
    }
    Ok(high)
}

/// The block that has the record with a number: its first number and its header.
fn block_with(
    read: &(impl Read + ?Sized),
    place: (StreamId, ShardIndex),
    number: u64,
) -> Result<(u64, block::Header), Error> {
    let lost = || kv::Error::corrupt("a shard", "a block of its records is missing");
    let mut rows = BLOCKS.scan_range(read, place, Bound::Unbounded::<u64>, Bound::Included(number), Order::Reverse)?;
    let ((_, _, first, piece), block) = rows.next().transpose()?.ok_or_else(lost)?;
    let block = match piece {
        0 => block,
        _ => BLOCKS.get(read, (place.0, place.1, first, 0u8))?.ok_or_else(lost)?,
    };
    Ok((first, block::header(&block)?))
}

/// The blocks of a shard from the one on that has a record, each put together from its pieces.
struct Blocks<'r> {
    rows: std::iter::Peekable<kv::Rows<'r, (StreamId, ShardIndex, u64, u8), Bytes>>,
}

impl<'r> Blocks<'r> {
    fn new(read: &'r (impl Read + ?Sized), place: (StreamId, ShardIndex), from: u64) -> Result<Blocks<'r>, Error> {
        let before = BLOCKS
            .scan_range(read, place, Bound::Unbounded::<u64>, Bound::Included(from), Order::Reverse)?
            .keys()
            .next();
        let first = before.transpose()?.map_or(FIRST, |(_, _, first, _)| first);
        let rows = BLOCKS.scan_range(read, place, Bound::Included(first), Bound::Unbounded::<u64>, Order::Forward)?;
        Ok(Blocks { rows: rows.peekable() })
    }

    fn next(&mut self) -> Result<Option<(u64, Bytes)>, Error> {
        let Some(row) = self.rows.next() else { return Ok(None) };
        let ((_, _, first, _), block) = row?;
        let mut pieces = BytesMut::new();
        while let Some(row) = self.rows.next_if(|row| row.as_ref().is_ok_and(|((_, _, number, _), _)| *number == first))
        {
            let (_, piece) = row?;
            if pieces.is_empty() {
                pieces.extend_from_slice(&block);
            }
            pieces.extend_from_slice(&piece);
        }
        Ok(Some((first, if pieces.is_empty() { block } else { pieces.freeze() })))
    }
}
