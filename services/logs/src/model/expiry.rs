//! Retention: when a group's events are too old to be kept, and removing them.

use std::ops::Bound;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use crate::error::Error;
use crate::keys::{BY_TIME, CHUNKS, GROUPS};
use crate::limits;
use crate::model::group;
use crate::types::Group;

/// Events older than this are past their retention; `None` when all are kept.
pub fn cutoff(group: &Group, now: Timestamp) -> Option<Timestamp> {
    group.retention.map(|days| now - Duration::from_secs(u64::from(days) * 24 * 3600))
}

fn timer_key(group: &Group) -> Vec<u8> {
    let mut key = b"group".to_vec();
    key.extend_from_slice(group.arn.region.as_bytes());
    key.push(b'/');
    key.extend_from_slice(group.name.as_bytes());
    key
}

/// The region and the name of the group that an expiry's timer is for; `None` for other timers.
pub fn of_timer(key: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(key.strip_prefix(b"group")?).ok()?.split_once('/')
}

/// Sets the group's timer, and notes it in the group, which the caller stores.
pub fn schedule(tx: &mut Tx, group: &mut Group, at: Timestamp) -> Result<(), Error> {
    timers::set(tx, "logs", at, &timer_key(group), &Bytes::new())?;
    group.expiry = Some(at);
    Ok(())
}

/// Removes the group's timer, if there is one.
pub fn cancel(tx: &mut Tx, group: &Group) -> Result<(), Error> {
    match group.expiry {
        Some(at) => Ok(timers::cancel(tx, "logs", at, &timer_key(group))?),
        None => Ok(()),
    }
}

/// A group's timer has fired: removes what is past its retention, and sets the next timer.
pub fn expire(tx: &mut Tx, now: Timestamp, region: &str, name: &str) -> Result<(), Error> {
    let Some(mut group) = GROUPS.get(tx, (region, name))? else { return Ok(()) };
    let Some(cutoff) = cutoff(&group, now) else { return Ok(()) };
    let removed = remove_before(tx, &group, cutoff)?;
    let next = if removed == limits::REMOVED_PER_TRANSACTION { now } else { next_look(tx, &group, now)? };
    schedule(tx, &mut group, next)?;
    group::put(tx, &group)
}

/// Removes chunks whose last event may not be younger than `cutoff`, the oldest first.
fn remove_before(tx: &mut Tx, group: &Group, cutoff: Timestamp) -> Result<usize, Error> {
    let end = Bound::Excluded(cutoff - limits::CHUNK_SPAN);
    let keys = BY_TIME.scan_range(tx, group.id, Bound::<Timestamp>::Unbounded, end, Order::Forward)?.keys();
    let keys = keys.take(limits::REMOVED_PER_TRANSACTION).collect::<Result<Vec<_>, _>>()?;
    for (_, time, stream, number) in &keys {
        BY_TIME.delete(tx, (group.id, *time, *stream, *number))?;
        CHUNKS.delete(tx, (group.id, *stream, *time, *number))?;
    }
    Ok(keys.len())
}

/// When the oldest chunk will be past its retention, or an hour from now if that is later.
fn next_look(read: &(impl Read + ?Sized), group: &Group, now: Timestamp) -> Result<Timestamp, Error> {
    let soonest = now + limits::EXPIRY_INTERVAL;
    let oldest = BY_TIME.scan_prefix(read, group.id, Order::Forward)?.keys().next().transpose()?;
    let (Some((_, oldest, ..)), Some(days)) = (oldest, group.retention) else {
        // Whatever arrives from now on is kept for a day at least.
        return Ok(now + Duration::from_secs(24 * 3600));
    };
    let due = oldest + Duration::from_secs(u64::from(days) * 24 * 3600) + limits::CHUNK_SPAN;
    Ok(soonest.max(due))
}
