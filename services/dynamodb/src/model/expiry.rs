//! Time to live: which items expire when, and removing those whose time has come.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>

use std::ops::Bound;

use base::Timestamp;
use kv::{Order, Tx};

use super::item::{self, Transition};
use super::stream::Occasion;
use crate::encoding::{ItemRef, StoredItem};
use crate::error::Error;
use crate::key::ItemKey;
use crate::keys::EXPIRIES;
use crate::limits::{BYTES_PER_STEP, EXPIRED_PER_STEP, EXPIRY_AGE_MAX, STEP};
use crate::size::item_size;
use crate::types::Table;
use crate::value::Kind;

/// When an item expires: its table's attribute, a number of seconds since 1970.
fn moment(table: &Table, item: ItemRef<'_>) -> Option<Timestamp> {
    let expiry = table.expiry.as_ref().filter(|expiry| expiry.enabled)?;
    let value = item.get(&expiry.attribute).filter(|value| value.kind() == Kind::N)?;
    value.number().to_u64().map(Timestamp::from_secs)
}

/// Keeps the list of expiring items true to a change of one.
pub fn follow(tx: &mut Tx, transition: &Transition<'_>) -> Result<(), Error> {
    let Transition { table, key, before, after, .. } = *transition;
    let expires = |item: Option<&StoredItem>| item.and_then(|item| moment(table, item.view()));
    let (before, after) = (expires(before), expires(after));
    if before == after {
        return Ok(());
    }
    if let Some(at) = before {
        EXPIRIES.delete(tx, (table.id, at, key.partition, &key.sort))?;
    }
    if let Some(at) = after {
        EXPIRIES.put(tx, (table.id, at, key.partition, &key.sort), &())?;
    }
    Ok(())
}

/// Lists some of the items that were there before time to live was enabled: see [`item::walk`].
pub fn fill(tx: &mut Tx, table: &Table, cursor: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
    item::walk(tx, table.id, cursor, STEP, |tx, key, item| match moment(table, item.view()) {
        Some(at) => Ok(EXPIRIES.put(tx, (table.id, at, key.partition, &key.sort), &())?),
        None => Ok(()),
    })
}

/// Removes items whose time has come; whether there may be more.
pub fn sweep(tx: &mut Tx, table: &Table, now: Timestamp) -> Result<bool, Error> {
    let oldest = now - EXPIRY_AGE_MAX;
    let due = EXPIRIES.scan_range(tx, table.id, Bound::Included(oldest), Bound::Included(now), Order::Forward)?;
    let due = due.keys().take(EXPIRED_PER_STEP).collect::<Result<Vec<_>, _>>()?;
    let full = due.len() == EXPIRED_PER_STEP;
    let mut bytes = 0;
    for (_, at, partition, sort) in due {
        // Streams are told what the items were: a step must not write more than a transaction holds.
        if bytes >= BYTES_PER_STEP {
            return Ok(true);
        }
        EXPIRIES.delete(tx, (table.id, at, partition, &sort))?;
        let key = ItemKey { partition, sort };
        let item = item::get(tx, table, &key)?;
        bytes += item.as_ref().map_or(0, |item| item_size(item.view()));
        // The list may hold times of another attribute, from before it was changed.
        if item.as_ref().is_some_and(|item| moment(table, item.view()) == Some(at)) {
            let (before, occasion) = (item.as_ref(), Occasion::expiry(now));
            item::store(tx, &Transition { table, key: &key, before, after: None, occasion })?;
        }
    }
    Ok(full)
}

/// Forgets the list, when time to live is disabled.
pub fn clear(tx: &mut Tx, table: &Table) -> Result<(), Error> {
    Ok(EXPIRIES.delete_prefix(tx, table.id)?)
}
