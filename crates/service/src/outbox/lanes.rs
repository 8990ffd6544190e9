//! Where deliveries wait: a lane for each target, in it what is due first comes first.

use std::ops::Bound;

use base::{Arn, Timestamp};
use kv::{Order, Read, Table, Tx};
use serde::Serialize;

use crate::{Cx, Delivery, Failure, prefix};

/// A target's ARN, when it is due, and a number that keeps the order of sending.
pub(super) type Key = (String, Timestamp, u64);

pub(super) const WAITING: Table<Key, Delivery> = Table::new(prefix::SERVICE, 4);
/// Every lane that is not empty, by when its first delivery is due.
pub(super) const LANES: Table<(Timestamp, String), ()> = Table::new(prefix::SERVICE, 5);
/// The entry of a lane in [`LANES`].
const FIRST_DUE: Table<String, u64> = Table::new(prefix::SERVICE, 6);
/// What earlier releases kept in one row, before there were lanes.
const SINGLE: Table<(Timestamp, u64), Delivery> = Table::new(prefix::SERVICE, 2);
const NEXT_NUMBER: Table<(), u64> = Table::new(prefix::SERVICE, 3);
pub(super) const CHANNEL: &[u8] = b"service/outbox";

/// What is due at once. The same moment for all, so that they leave in the order of their transactions, whatever the
/// requests' clocks say.
const AT_ONCE: Timestamp = Timestamp::ZERO;
/// Deliveries that one transaction moves from one time to another.
const MOVED_PER_TRANSACTION: usize = 1_000;

/// Sends an event from one resource to another, once `tx` commits; not before `due`, where that is given.
pub fn send(tx: &mut Tx, _: &Cx, delivery: Delivery, due: Option<Timestamp>) -> Result<(), kv::Error> {
    let number = NEXT_NUMBER.get(tx, ())?.unwrap_or_default();
    NEXT_NUMBER.put(tx, (), &(number + 1))?;
    put(tx, (delivery.to.to_string(), due.unwrap_or(AT_ONCE), number), &delivery)
}

pub(super) fn put(tx: &mut Tx, key: Key, delivery: &Delivery) -> Result<(), kv::Error> {
    WAITING.put(tx, &key, delivery)?;
    tx.wake(CHANNEL);
    let (lane, due, _) = key;
    match first_due(tx, &lane)? {
        Some(first) if first <= due => Ok(()),
        first => enter(tx, &lane, first, Some(due)),
    }
}

/// Removes a delivery; false where it was not there any more. [`refresh`] comes after the last of a lane.
pub(super) fn remove(tx: &mut Tx, key: &Key) -> Result<bool, kv::Error> {
    let was_there = WAITING.contains(tx, key)?;
    WAITING.delete(tx, key)?;
    Ok(was_there)
}

/// Enters a lane anew, from which something was removed.
pub(super) fn refresh(tx: &mut Tx, lane: &str) -> Result<(), kv::Error> {
    let next = WAITING.scan_prefix(tx, (lane,), Order::Forward)?.keys().next().transpose()?.map(|key| key.1);
    match first_due(tx, lane)? {
        first if first == next => Ok(()),
        first => enter(tx, lane, first, next),
    }
}

fn first_due(read: &(impl Read + ?Sized), lane: &str) -> Result<Option<Timestamp>, kv::Error> {
    Ok(FIRST_DUE.get(read, lane)?.map(Timestamp))
}

fn enter(tx: &mut Tx, lane: &str, old: Option<Timestamp>, new: Option<Timestamp>) -> Result<(), kv::Error> {
    if let Some(old) = old {
        LANES.delete(tx, (old, lane))?;
    }
    match new {
        Some(new) => {
            LANES.put(tx, (new, lane), &())?;
            FIRST_DUE.put(tx, lane, &new.0)
        }
        None => FIRST_DUE.delete(tx, lane),
    }
}

/// A target that something waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    pub to: Arn,
    /// How many deliveries, of at most as many as were asked to be counted.
    pub waiting: usize,
    /// When the one that is delivered next was accepted, where it comes from, how often it was tried, why that failed,
    /// and when it is tried again.
    pub accepted: Timestamp,
    pub from: Arn,
    pub attempts: u32,
    pub failure: Option<Failure>,
    pub due: Timestamp,
}

/// The lanes that are not empty, in the order of their targets' ARNs; counts up to `limit` deliveries of each.
pub fn lanes(read: &(impl Read + ?Sized), limit: usize) -> Result<Vec<Lane>, kv::Error> {
    let names: Vec<String> = FIRST_DUE.scan(read, Order::Forward)?.keys().collect::<Result<_, _>>()?;
    let lanes = names.iter().map(|name| lane(read, name, limit));
    lanes.filter_map(Result::transpose).collect()
}

fn lane(read: &(impl Read + ?Sized), name: &str, limit: usize) -> Result<Option<Lane>, kv::Error> {
    let waiting = WAITING.scan_prefix(read, (name,), Order::Forward)?.keys().take(limit).count();
    let first = WAITING.scan_prefix(read, (name,), Order::Forward)?.next().transpose()?;
    Ok(first.map(|((_, due, _), delivery)| {
        let Delivery { to, from, accepted, attempts, failure, .. } = delivery;
        Lane { to, waiting, accepted, from, attempts, failure, due }
    }))
}

/// How many deliveries wait, at most `limit`.
pub fn waiting(cx: &Cx, limit: usize) -> Result<usize, kv::Error> {
    Ok(WAITING.scan(&cx.db().read()?, Order::Forward)?.keys().take(limit).count())
}

/// Makes what waits for a later time due at once; returns how many that were, at most a thousand: call it again, in
/// another transaction, until it returns 0.
pub fn retry_now(tx: &mut Tx, to: &Arn) -> Result<usize, kv::Error> {
    let lane = to.to_string();
    let later =
        WAITING.scan_range(tx, (&*lane,), Bound::Excluded(AT_ONCE), Bound::Unbounded::<Timestamp>, Order::Forward)?;
    let later: Vec<_> = later.take(MOVED_PER_TRANSACTION).collect::<Result<_, _>>()?;
    for (key, delivery) in &later {
        WAITING.delete(tx, key)?;
        put(tx, (lane.clone(), AT_ONCE, key.2), delivery)?;
    }
    refresh(tx, &lane)?;
    Ok(later.len())
}

/// Puts what an earlier release left into lanes; returns whether there may be more.
pub(super) fn adopt(tx: &mut Tx) -> Result<bool, kv::Error> {
    let old: Vec<_> = SINGLE.scan(tx, Order::Forward)?.take(MOVED_PER_TRANSACTION).collect::<Result<_, _>>()?;
    for (key, delivery) in &old {
        SINGLE.delete(tx, key)?;
        put(tx, (delivery.to.to_string(), key.0, key.1), delivery)?;
    }
    Ok(old.len() == MOVED_PER_TRANSACTION)
}
