//! SplitShard, MergeShards and UpdateShardCount as transitions.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use service::timers::{self, Timer};

use super::{hash, shard, stream};
use crate::error::Error;
use crate::keys::StreamId;
use crate::limits;
use crate::sequence::shard_id;
use crate::types::{Scaling, Stream};

/// Splits a shard at a hash key, which must be inside of it.
pub fn split(tx: &mut Tx, arn: &Arn, id: &str, hash: &str, now: Timestamp) -> Result<(), Error> {
    let mut stream = stream::find(tx, arn)?;
    stream::check_active(&stream)?;
    let shard = shard::to_close(tx, &stream, id)?;
    stream::check_shards(tx, arn, 1)?;
    let at = hash.parse::<u128>().ok().filter(|at| *at > shard.first_hash.saturating_add(1) && *at < shard.last_hash);
    let at = at.ok_or_else(|| {
        Error::InvalidArgument(format!(
            "NewStartingHashKey {hash} used in SplitShard() on shard {} in stream {} under account {} is not both greater than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
            shard_id(shard.index), stream.name, arn.account, shard.first_hash, shard.last_hash
        ))
    })?;
    shard::split(tx, &mut stream, shard, at, now)?;
    stream::put(tx, &stream)
}

/// Merges a shard with the one after it.
pub fn merge(tx: &mut Tx, arn: &Arn, id: &str, adjacent: &str, now: Timestamp) -> Result<(), Error> {
    let mut stream = stream::find(tx, arn)?;
    stream::check_active(&stream)?;
    let one = shard::to_close(tx, &stream, id)?;
    let other = shard::to_close(tx, &stream, adjacent)?;
    if one.last_hash.checked_add(1) != Some(other.first_hash) {
        return Err(Error::InvalidArgument(format!(
            "Shards {} and {} in stream {} under account {} are not an adjacent pair of shards eligible for merging",
            shard_id(one.index),
            shard_id(other.index),
            stream.name,
            arn.account
        )));
    }
    shard::merge(tx, &mut stream, one, other, now)?;
    stream::put(tx, &stream)
}

/// Begins to give a stream so many shards with ranges of the same size; how many it had. What is too much for one
/// transaction goes on by timers, while the stream is `UPDATING`.
///
/// Like AWS, by splits and merges: where a range does not fall together with one there was, shards are made on the way
/// that are closed at once.
pub fn scale(tx: &mut Tx, arn: &Arn, target: u64, now: Timestamp) -> Result<(Stream, u64), Error> {
    let mut stream = stream::find(tx, arn)?;
    stream::check_active(&stream)?;
    let current = stream.open_shards;
    check(tx, &stream, target)?;
    if target == current {
        return Ok((stream, current));
    }
    forget_old(&mut stream.scalings, now);
    if stream.scalings.len() >= limits::SCALINGS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Stream {} under account {} has been scaled {} times within 24 hours, which is the most that is allowed.",
            stream.name,
            arn.account,
            limits::SCALINGS_MAX
        )));
    }
    stream.scalings.push(now);
    reshard(tx, &mut stream, Scaling { target, done: 0 }, now)?;
    stream::put(tx, &stream)?;
    Ok((stream, current))
}

const TIMER: &str = "scaling/";

/// The stream's number and ARN, of a timer that goes on with its shards.
pub fn of_timer(timer: &Timer) -> Option<(StreamId, Arn)> {
    let (id, arn) = std::str::from_utf8(&timer.key).ok()?.strip_prefix(TIMER)?.split_once('/')?;
    Some((id.parse().ok()?, arn.parse().ok()?))
}

/// Goes on with a stream's shards; a stream that is gone meanwhile has none.
pub fn go_on(tx: &mut Tx, id: StreamId, arn: &Arn, now: Timestamp) -> Result<(), Error> {
    let mut stream = match stream::find(tx, arn) {
        Ok(stream) if stream.id == id => stream,
        Ok(_) | Err(Error::ResourceNotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(scaling) = stream.scaling else { return Ok(()) };
    reshard(tx, &mut stream, scaling, now)?;
    stream::put(tx, &stream)
}

fn check(tx: &Tx, stream: &Stream, target: u64) -> Result<(), Error> {
    let current = stream.open_shards;
    if stream.on_demand {
        return Err(Error::Validation(format!(
            "Request is invalid. Stream {} under account {} is in On-Demand mode.",
            stream.name, stream.arn.account
        )));
    }
    let counts = format!("Current open shard count: {current} Target shard count: {target}");
    if target > current.saturating_mul(2) {
        return Err(Error::LimitExceeded(format!(
            "UpdateShardCount cannot scale up over double your current open shard count. {counts}"
        )));
    }
    if target.saturating_mul(2) < current {
        return Err(Error::LimitExceeded(format!(
            "UpdateShardCount cannot scale down below half your current open shard count. {counts}"
        )));
    }
    if target > limits::SHARDS_PER_SCALING_MAX {
        return Err(Error::LimitExceeded(format!(
            "UpdateShardCount cannot scale to more than {} shards. {counts}",
            limits::SHARDS_PER_SCALING_MAX
        )));
    }
    stream::check_shards(tx, &stream.arn, target.saturating_sub(current))
}

/// Splits and merges as often as one transaction may, and sets the timer for what is left.
fn reshard(tx: &mut Tx, stream: &mut Stream, mut scaling: Scaling, now: Timestamp) -> Result<(), Error> {
    let mut changes = 0..limits::CHANGES_PER_SCALING_STEP;
    while scaling.done < scaling.target {
        let range = hash::uniform(scaling.target, scaling.done);
        if !reshard_range(tx, stream, range, &mut changes, now)? {
            stream.scaling = Some(scaling);
            let key = format!("{TIMER}{}/{}", stream.id, stream.arn);
            return Ok(timers::set(tx, "kinesis", now, key.as_bytes(), &Bytes::new())?);
        }
        scaling.done += 1;
    }
    stream.scaling = None;
    Ok(())
}

/// Gives a range, at whose beginning a shard begins, a shard of its own: splits the one that reaches beyond its end, and merges
/// those within it. `false` when that takes more changes than there may be.
fn reshard_range(
    tx: &mut Tx,
    stream: &mut Stream,
    (first, last): (u128, u128),
    changes: &mut impl Iterator,
    now: Timestamp,
) -> Result<bool, Error> {
    let at_end = shard::open_at(tx, stream, last)?;
    if at_end.last_hash > last {
        if changes.next().is_none() {
            return Ok(false);
        }
        shard::split(tx, stream, at_end, last + 1, now)?;
    }
    let mut shard = shard::open_at(tx, stream, first)?;
    while shard.last_hash < last {
        if changes.next().is_none() {
            return Ok(false);
        }
        let next = shard::open_at(tx, stream, shard.last_hash + 1)?;
        shard = shard::merge(tx, stream, shard, next, now)?;
    }
    Ok(true)
}

/// Changes between provisioned and on-demand capacity; the shards stay.
pub fn set_mode(tx: &mut Tx, arn: &Arn, on_demand: bool, warm_mibps: Option<u32>, now: Timestamp) -> Result<(), Error> {
    let mut stream = stream::find(tx, arn)?;
    if stream.on_demand == on_demand {
        return Ok(());
    }
    stream::check_active(&stream)?;
    if on_demand {
        stream::check_on_demand(tx, arn)?;
    }
    forget_old(&mut stream.mode_changes, now);
    if stream.mode_changes.len() >= limits::MODE_CHANGES_MAX {
        return Err(Error::LimitExceeded(format!(
            "Stream {} under account {} has switched its capacity mode {} times within 24 hours, which is the most that is allowed.",
            stream.name,
            arn.account,
            limits::MODE_CHANGES_MAX
        )));
    }
    stream.mode_changes.push(now);
    stream.on_demand = on_demand;
    stream.spread &= on_demand;
    stream.warm_mibps = warm_mibps.filter(|_| on_demand);
    stream::put(tx, &stream)
}

fn forget_old(moments: &mut Vec<Timestamp>, now: Timestamp) {
    moments.retain(|moment| *moment + limits::DAY > now);
}
