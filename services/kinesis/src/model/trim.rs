//! Forgetting: records past their retention, and closed shards without any.

use std::ops::Bound;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use super::{record, shard, stream};
use crate::error::Error;
use crate::keys::{BLOCKS, SHARDS, ShardIndex, StreamId, TAILS};
use crate::limits::{SHARDS_PER_TRIM, TRIM_INTERVAL};
use crate::types::{Shard, Stream};

/// Has a stream's shards looked through at `at`, from the one with the index `from` on.
pub fn schedule(tx: &mut Tx, stream: &Stream, at: Timestamp, from: ShardIndex) -> Result<(), Error> {
    let key = format!("{}/{}", stream.id, stream.arn);
    Ok(timers::set(tx, "kinesis", at, key.as_bytes(), &Bytes::copy_from_slice(&from.to_be_bytes()))?)
}

/// The stream's number and ARN, and the shard to begin with, of a timer.
pub fn of_timer(timer: &timers::Timer) -> Option<(StreamId, Arn, ShardIndex)> {
    let (id, arn) = std::str::from_utf8(&timer.key).ok()?.split_once('/')?;
    let from = timer.payload.as_ref().try_into().ok().map(ShardIndex::from_be_bytes)?;
    Some((id.parse().ok()?, arn.parse().ok()?, from))
}

/// Looks through some shards, and sets the timer for the next ones; or none, when the stream is gone.
pub fn step(tx: &mut Tx, id: StreamId, arn: &Arn, from: ShardIndex, now: Timestamp) -> Result<(), Error> {
    let stream = match stream::find(tx, arn) {
        Ok(stream) if stream.id == id => stream,
        Ok(_) | Err(Error::ResourceNotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let shards = shard::list(&*tx, id, from.checked_sub(1))?.take(SHARDS_PER_TRIM).collect::<Result<Vec<_>, _>>()?;
    let next = shards.last().filter(|_| shards.len() == SHARDS_PER_TRIM).map(|last| last.index + 1);
    for shard in shards {
        trim(tx, &stream, &shard, now)?;
    }
    match next {
        Some(next) => schedule(tx, &stream, now, next),
        None => schedule(tx, &stream, now + TRIM_INTERVAL, 0),
    }
}

fn trim(tx: &mut Tx, stream: &Stream, shard: &Shard, now: Timestamp) -> Result<(), Error> {
    let place = (stream.id, shard.index);
    let horizon = record::horizon(tx, stream, shard.index, now)?;
    let old = BLOCKS.range(place, Bound::Unbounded::<u64>, Bound::Excluded(horizon));
    if tx.scan(old.clone(), Order::Forward)?.next().transpose()?.is_some() {
        tx.delete_range(old)?;
    }
    if shard.closed.is_some_and(|closed| closed <= stream.cutoff(now)) {
        BLOCKS.delete_prefix(tx, place)?;
        SHARDS.delete(tx, place)?;
        TAILS.delete(tx, place)?;
    }
    Ok(())
}
