//! SplitShard, MergeShards and UpdateShardCount as transitions.

use base::{Arn, Timestamp};
use kv::Tx;

use super::{hash, shard, stream};
use crate::error::Error;
use crate::limits;
use crate::sequence::shard_id;
use crate::types::Stream;

/// Splits a shard at a hash key, which must be inside of it.
pub fn split(tx: &mut Tx, arn: &Arn, id: &str, hash: &str, now: Timestamp) -> Result<(), Error> {
    let mut stream = stream::find(tx, arn)?;
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

/// Gives a stream so many shards with ranges of the same size; how many it had.
///
/// Like AWS, by splits and merges: where a range does not fall together with one there was, shards are made on the way
/// that are closed at once.
pub fn scale(tx: &mut Tx, arn: &Arn, target: u64, now: Timestamp) -> Result<(Stream, u64), Error> {
    let mut stream = stream::find(tx, arn)?;
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
    reshard(tx, &mut stream, target, now)?;
    stream::put(tx, &stream)?;
    Ok((stream, current))
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

fn reshard(tx: &mut Tx, stream: &mut Stream, target: u64, now: Timestamp) -> Result<(), Error> {
    let starts: Vec<u128> = hash::uniform(target).collect();
    for start in &starts {
        let shard = shard::open_at(tx, stream, *start)?;
        if shard.first_hash != *start {
            shard::split(tx, stream, shard, *start, now)?;
        }
    }
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([u128::MAX]);
    for (start, end) in starts.iter().zip(ends) {
        let mut shard = shard::open_at(tx, stream, *start)?;
        while shard.last_hash < end {
            let next = shard::open_at(tx, stream, shard.last_hash + 1)?;
            shard = shard::merge(tx, stream, shard, next, now)?;
        }
    }
    Ok(())
}

/// Changes between provisioned and on-demand capacity; the shards stay.
pub fn set_mode(tx: &mut Tx, arn: &Arn, on_demand: bool, warm_mibps: Option<u32>, now: Timestamp) -> Result<(), Error> {
    let mut stream = stream::find(tx, arn)?;
    if stream.on_demand == on_demand {
        return Ok(());
    }
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
