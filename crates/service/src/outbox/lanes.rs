//! Where deliveries wait: a lane for each target, in it what is due first comes first. What is looked at again and again,
//! and changes with each attempt, is a small row; the delivery itself is written once.

use std::ops::Bound;

use base::{Arn, Timestamp};
use kv::{Order, Read, Table, Tx};
use serde::{Deserialize, Serialize};

use crate::{Cx, Delivery, Failure, prefix};

/// A target's ARN, when it is due, and the delivery's number, which keeps the order of sending.
pub(super) type Key = (String, Timestamp, u64);

/// How far a delivery has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    from: Arn,
    accepted: Timestamp,
    attempts: u32,
    failure: Option<Failure>,
    /// What the delivery takes in memory.
    pub bytes: usize,
}

kv::stored!(Ticket, version = 1);

// Numbers 4 to 6 were given to tables of a build that was never released.
pub(super) const TICKETS: Table<Key, Ticket> = Table::new(prefix::SERVICE, 7);
/// As they were accepted, by number.
const DELIVERIES: Table<u64, Delivery> = Table::new(prefix::SERVICE, 8);
/// Every lane that is not empty, by when its first delivery is due.
pub(super) const LANES: Table<(Timestamp, String), ()> = Table::new(prefix::SERVICE, 9);
/// The entry of a lane in [`LANES`].
const FIRST_DUE: Table<String, u64> = Table::new(prefix::SERVICE, 10);
/// What earlier releases kept in one row, before there were lanes.
const SINGLE: Table<(Timestamp, u64), Delivery> = Table::new(prefix::SERVICE, 2);
const NEXT_NUMBER: Table<(), u64> = Table::new(prefix::SERVICE, 3);
pub(super) const CHANNEL: &[u8] = b"service/outbox";

/// What is due at once. The same moment for all, so that they leave in the order of their transactions, whatever the
/// requests' clocks say.
pub(super) const AT_ONCE: Timestamp = Timestamp::ZERO;
/// Tickets that one transaction moves from one time to another.
const MOVED_PER_TRANSACTION: usize = 1_000;
/// Bytes of deliveries that one transaction takes over from an earlier release.
const ADOPTED_BYTES_MAX: usize = 8 << 20;

/// Sends an event from one resource to another, once `tx` commits; not before `due`, where that is given.
pub fn send(tx: &mut Tx, cx: &Cx, delivery: Delivery, due: Option<Timestamp>) -> Result<(), kv::Error> {
    let undelivered = cx.undelivered(&delivery.event)?;
    send_as_is(tx, Delivery { undelivered, ..delivery }, due)
}

/// The same for what follows from a change of the store, whatever request makes it: never a letter to a dead-letter queue.
pub fn send_as_is(tx: &mut Tx, delivery: Delivery, due: Option<Timestamp>) -> Result<(), kv::Error> {
    let number = NEXT_NUMBER.get(tx, ())?.unwrap_or_default();
    NEXT_NUMBER.put(tx, (), &(number + 1))?;
    enter(tx, number, &delivery, due.unwrap_or(AT_ONCE))
}

fn enter(tx: &mut Tx, number: u64, delivery: &Delivery, due: Timestamp) -> Result<(), kv::Error> {
    let Delivery { to, from, accepted, attempts, failure, .. } = delivery;
    let bytes = size(delivery);
    let (from, accepted, attempts, failure) = (from.clone(), *accepted, *attempts, failure.clone());
    DELIVERIES.put(tx, number, delivery)?;
    put(tx, (to.to_string(), due, number), &Ticket { from, accepted, attempts, failure, bytes })
}

/// What a delivery takes in memory.
fn size(delivery: &Delivery) -> usize {
    delivery.event.len() + delivery.note.len()
}

fn put(tx: &mut Tx, key: Key, ticket: &Ticket) -> Result<(), kv::Error> {
    TICKETS.put(tx, &key, ticket)?;
    tx.wake(CHANNEL);
    let (lane, due, _) = key;
    match first_due(tx, &lane)? {
        Some(first) if first <= due => Ok(()),
        first => register(tx, &lane, first, Some(due)),
    }
}

/// The delivery of a ticket, as it is now.
pub(super) fn load(read: &(impl Read + ?Sized), number: u64, ticket: Ticket) -> Result<Option<Delivery>, kv::Error> {
    let delivery = DELIVERIES.get(read, number)?;
    Ok(delivery.map(|accepted| Delivery { attempts: ticket.attempts, failure: ticket.failure, ..accepted }))
}

/// Takes a ticket out of its lane; `None` where it was not there any more. [`refresh`] comes after the last of a lane.
fn take(tx: &mut Tx, (lane, due, number): &Key) -> Result<Option<Ticket>, kv::Error> {
    // What was made due while it was under way has another place.
    for due in [*due, AT_ONCE] {
        if let Some(ticket) = TICKETS.get(tx, (lane, due, *number))? {
            TICKETS.delete(tx, (lane, due, *number))?;
            return Ok(Some(ticket));
        }
    }
    Ok(None)
}

/// Removes a delivery; false where it was not there any more. [`refresh`] comes after the last of a lane.
pub(super) fn remove(tx: &mut Tx, key: &Key) -> Result<bool, kv::Error> {
    DELIVERIES.delete(tx, key.2)?;
    Ok(take(tx, key)?.is_some())
}

/// Lets a delivery wait until `at`, one attempt further; `next` takes its place, where it is another then.
pub(super) fn postpone(
    tx: &mut Tx,
    key: &Key,
    at: Timestamp,
    failure: Option<&Failure>,
    next: Option<&Delivery>,
) -> Result<(), kv::Error> {
    let Some(ticket) = take(tx, key)? else { return Ok(()) };
    if let Some(next) = next {
        DELIVERIES.put(tx, key.2, next)?;
    }
    let bytes = next.map_or(ticket.bytes, size);
    let again = Ticket { attempts: ticket.attempts + 1, failure: failure.cloned(), bytes, ..ticket };
    put(tx, (key.0.clone(), at, key.2), &again)?;
    refresh(tx, &key.0)
}

/// Registers a lane anew, from which something was removed.
pub(super) fn refresh(tx: &mut Tx, lane: &str) -> Result<(), kv::Error> {
    let next = TICKETS.scan_prefix(tx, (lane,), Order::Forward)?.keys().next().transpose()?.map(|key| key.1);
    match first_due(tx, lane)? {
        first if first == next => Ok(()),
        first => register(tx, lane, first, next),
    }
}

fn first_due(read: &(impl Read + ?Sized), lane: &str) -> Result<Option<Timestamp>, kv::Error> {
    Ok(FIRST_DUE.get(read, lane)?.map(Timestamp))
}

fn register(tx: &mut Tx, lane: &str, old: Option<Timestamp>, new: Option<Timestamp>) -> Result<(), kv::Error> {
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
    let waiting = TICKETS.scan_prefix(read, (name,), Order::Forward)?.keys().take(limit).count();
    let first = TICKETS.scan_prefix(read, (name,), Order::Forward)?.next().transpose()?;
    let lane = first.zip(name.parse().ok()).map(|(((_, due, _), ticket), to)| {
        let Ticket { from, accepted, attempts, failure, .. } = ticket;
        Lane { to, waiting, accepted, from, attempts, failure, due }
    });
    Ok(lane)
}

/// How many deliveries wait, at most `limit`.
pub fn waiting(cx: &Cx, limit: usize) -> Result<usize, kv::Error> {
    Ok(TICKETS.scan(&cx.db().read()?, Order::Forward)?.keys().take(limit).count())
}

/// Makes what waits for a later time due at once; returns how many that were, at most a thousand: call it again, in
/// another transaction, until it returns 0.
pub fn retry_now(tx: &mut Tx, to: &Arn) -> Result<usize, kv::Error> {
    let lane = to.to_string();
    let later =
        TICKETS.scan_range(tx, (&*lane,), Bound::Excluded(AT_ONCE), Bound::Unbounded::<Timestamp>, Order::Forward)?;
    let later: Vec<_> = later.take(MOVED_PER_TRANSACTION).collect::<Result<_, _>>()?;
    for (key, ticket) in &later {
        TICKETS.delete(tx, key)?;
        put(tx, (lane.clone(), AT_ONCE, key.2), ticket)?;
    }
    refresh(tx, &lane)?;
    Ok(later.len())
}

/// Puts what an earlier release left into lanes; returns whether there may be more.
pub(super) fn adopt(tx: &mut Tx) -> Result<bool, kv::Error> {
    let (mut old, mut bytes) = (Vec::new(), 0);
    for row in SINGLE.scan(tx, Order::Forward)? {
        let row = row?;
        bytes += row.1.event.len();
        old.push(row);
        if bytes > ADOPTED_BYTES_MAX || old.len() == MOVED_PER_TRANSACTION {
            break;
        }
    }
    for (key, delivery) in &old {
        SINGLE.delete(tx, key)?;
        enter(tx, key.1, delivery, key.0)?;
    }
    Ok(!old.is_empty())
}
