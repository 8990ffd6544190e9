//! Shards: opening, closing, splitting, merging and finding them.

use std::ops::Bound;

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::stream;
use crate::error::Error;
use crate::keys::{OPEN, SHARDS, ShardIndex, StreamId, TAILS, shard_arn};
use crate::sequence::{FIRST, shard_id, shard_index};
use crate::types::{Shard, Stream, Tail};

/// The shard of that name, as operations on records find it.
///
/// # Errors
/// `ResourceNotFound`.
pub fn find(read: &(impl Read + ?Sized), stream: &Stream, index: ShardIndex) -> Result<Shard, Error> {
    SHARDS.get(read, (stream.id, index))?.ok_or_else(|| missing(&stream.name, &stream.arn.account, index))
}

pub fn missing(stream: &str, account: &str, index: ShardIndex) -> Error {
    Error::ResourceNotFound(format!(
        "Shard {} in stream {stream} under account {account} does not exist",
        shard_id(index)
    ))
}

/// What no shard of any stream is called.
pub fn unknown(stream: &str, account: &str, id: &str) -> Error {
    Error::ResourceNotFound(format!("Could not find shard {id} in stream {stream} under account {account}."))
}

pub fn tail(read: &(impl Read + ?Sized), stream: &Stream, index: ShardIndex) -> Result<Tail, Error> {
    Ok(TAILS.get(read, (stream.id, index))?.unwrap_or(Tail { next: FIRST, last: Timestamp(0) }))
}

/// A stream's shards after the one with the index `after`.
pub fn list(
    read: &(impl Read + ?Sized),
    stream: StreamId,
    after: Option<ShardIndex>,
) -> Result<impl Iterator<Item = Result<Shard, kv::Error>>, Error> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let rows = SHARDS.scan_range(read, stream, from, Bound::Unbounded::<ShardIndex>, Order::Forward)?;
    Ok(rows.values())
}

/// The shards that came of a closed one.
pub fn children(read: &(impl Read + ?Sized), stream: StreamId, index: ShardIndex) -> Result<Vec<Shard>, Error> {
    let mut children = Vec::new();
    for shard in list(read, stream, Some(index))? {
        let shard = shard?;
        if shard.parents.contains(&index) {
            children.push(shard);
        }
    }
    Ok(children)
}

pub fn open_ones(read: &(impl Read + ?Sized), stream: StreamId) -> Result<Vec<ShardIndex>, Error> {
    let rows = OPEN.scan_prefix(read, stream, Order::Forward)?.values();
    rows.map(|index| Ok(index? as ShardIndex)).collect()
}

/// The open shard that has a hash key.
pub fn open_at(read: &(impl Read + ?Sized), stream: &Stream, hash: u128) -> Result<Shard, Error> {
    let mut rows =
        OPEN.scan_range(read, stream.id, Bound::Unbounded::<u128>, Bound::Included(hash), Order::Reverse)?.values();
    let index = rows.next().transpose()?.ok_or_else(|| stream::missing(&stream.arn))?;
    find(read, stream, index as ShardIndex)
}

/// Adds a shard to a stream, which the caller stores. Its index is the stream's next one.
pub fn open(tx: &mut Tx, stream: &mut Stream, shard: Shard) -> Result<Shard, Error> {
    let shard = Shard { index: stream.next_shard, ..shard };
    stream.next_shard += 1;
    stream.open_shards += 1;
    OPEN.put(tx, (stream.id, shard.first_hash), &u64::from(shard.index))?;
    SHARDS.put(tx, (stream.id, shard.index), &shard)?;
    Ok(shard)
}

fn close(tx: &mut Tx, stream: &mut Stream, shard: Shard, now: Timestamp) -> Result<(), Error> {
    OPEN.delete(tx, (stream.id, shard.first_hash))?;
    stream.open_shards = stream.open_shards.saturating_sub(1);
    let index = shard.index;
    // Not before its last record, whatever the clock says: the shard goes when that is too old.
    let closed = Some(now.max(tail(tx, stream, index)?.last));
    SHARDS.put(tx, (stream.id, index), &Shard { closed, ..shard })?;
    service::streams::wake(tx, &shard_arn(&stream.arn, index));
    Ok(())
}

/// Closes some shards and opens one with their hash keys from `first` to `last`.
fn heir(parents: &[&Shard], first_hash: u128, last_hash: u128, now: Timestamp) -> Shard {
    let newest = parents.iter().map(|parent| parent.epoch).max().unwrap_or_default();
    Shard {
        index: 0,
        epoch: now.as_secs().max(newest) + 1,
        opened: now,
        first_hash,
        last_hash,
        parents: parents.iter().map(|parent| parent.index).collect(),
        closed: None,
    }
}

/// Splits an open shard: the second half begins with `hash`.
pub fn split(tx: &mut Tx, stream: &mut Stream, shard: Shard, hash: u128, now: Timestamp) -> Result<(), Error> {
    let halves = [(shard.first_hash, hash - 1), (hash, shard.last_hash)];
    let heirs = halves.map(|(first, last)| heir(&[&shard], first, last, now));
    close(tx, stream, shard, now)?;
    for heir in heirs {
        open(tx, stream, heir)?;
    }
    Ok(())
}

/// Makes one of two open shards, of which the second begins where the first ends.
pub fn merge(tx: &mut Tx, stream: &mut Stream, one: Shard, other: Shard, now: Timestamp) -> Result<Shard, Error> {
    let heir = heir(&[&one, &other], one.first_hash, other.last_hash, now);
    close(tx, stream, one, now)?;
    close(tx, stream, other, now)?;
    open(tx, stream, heir)
}

/// An open shard by its name, as operations that close it find it.
///
/// # Errors
/// `ResourceNotFound`; `InvalidArgument` when it is closed.
pub fn to_close(read: &(impl Read + ?Sized), stream: &Stream, id: &str) -> Result<Shard, Error> {
    let account = &stream.arn.account;
    let index = shard_index(id).ok_or_else(|| unknown(&stream.name, account, id))?;
    let shard = SHARDS.get(read, (stream.id, index))?;
    let shard = shard.ok_or_else(|| unknown(&stream.name, account, &shard_id(index)))?;
    if shard.closed.is_some() {
        return Err(Error::InvalidArgument(format!(
            "Shard {} in stream {} under account {account} has already been merged or split, and thus is not eligible for merging or splitting.",
            shard_id(index),
            stream.name
        )));
    }
    Ok(shard)
}
