//! How the changes of a table are undone: for each the item as it was before, kept with the change, in the order of the
//! commits. From the table as it is and what undoes the changes since, any earlier moment can be made.

use std::ops::Bound;

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::item::Transition;
use super::recovery;
use super::table::clear_range;
use crate::error::Error;
use crate::key::ItemKey;
use crate::keys::{LAST_UNDO, UNDOS};
use crate::size::item_size;
use crate::types::{Moment, Undo};

/// Keeps how a change of an item is undone, where its table needs that.
pub fn append(tx: &mut Tx, transition: &Transition<'_>) -> Result<(), Error> {
    let Transition { table, key, before, occasion, .. } = *transition;
    if !table.is_journaled() {
        return Ok(());
    }
    let last = LAST_UNDO.get(tx, table.id)?.unwrap_or_default();
    // A request's time is when it began, but the order of the changes is that of the commits.
    let moment = Moment { at: occasion.at.max(last.at), number: last.number + 1 };
    LAST_UNDO.put(tx, table.id, &moment)?;
    let undo = Undo { key: key.clone(), before: before.cloned() };
    UNDOS.put(tx, (table.id, moment.at, moment.number), &undo)?;
    recovery::follow_clock(tx, table, occasion.at)
}

/// The place of a time, which must not be yet to come, among the changes of a table: after all that were made by then, and
/// before all others, also those still to come.
pub fn moment(tx: &mut Tx, id: u64, at: Timestamp) -> Result<Moment, Error> {
    let last = LAST_UNDO.get(tx, id)?.unwrap_or_default();
    if at < last.at {
        return Ok(Moment { at, number: u64::MAX });
    }
    let moment = Moment { at, number: last.number };
    LAST_UNDO.put(tx, id, &moment)?;
    Ok(moment)
}

/// The place after all changes that were made, also where the clock has been set back since.
pub fn present(tx: &mut Tx, id: u64, now: Timestamp) -> Result<Moment, Error> {
    let last = LAST_UNDO.get(tx, id)?.unwrap_or_default();
    moment(tx, id, now.max(last.at))
}

/// Reads some of what undoes the changes after a moment: the moment that was reached, and whether it is the present one.
///
/// Looks at as many changes, and bytes, as are in `sight`, of which it returns those whose item is not settled, until there are
/// `most` items and bytes in them.
pub fn read(
    read: &impl Read,
    id: u64,
    after: Moment,
    sight: (usize, usize),
    most: (usize, usize),
    is_settled: impl Fn(&ItemKey) -> Result<bool, Error>,
) -> Result<(Vec<Undo>, Moment, bool), Error> {
    let (mut undos, mut reached, mut seen, mut taken) = (Vec::new(), after, (0, 0), (0, 0));
    let is_over = |(changes, bytes): (usize, usize), most: (usize, usize)| changes >= most.0 || bytes >= most.1;
    let range = UNDOS.prefix_range(id).after(&UNDOS.key_bytes((id, after.at, after.number)), Order::Forward);
    for row in UNDOS.scan_bytes(read, range, Order::Forward)? {
        if is_over(seen, sight) || is_over(taken, most) {
            return Ok((undos, reached, false));
        }
        let ((_, at, number), undo) = row?;
        reached = Moment { at, number };
        let bytes = undo.before.as_ref().map_or(0, |item| item_size(item.view()));
        seen = (seen.0 + 1, seen.1 + bytes);
        if is_settled(&undo.key)? {
            continue;
        }
        taken = (taken.0 + usize::from(undo.before.is_some()), taken.1 + bytes);
        undos.push(undo);
    }
    Ok((undos, reached, true))
}

/// Forgets some of the changes before a time; whether there may be more.
pub fn trim(tx: &mut Tx, id: u64, before: Timestamp) -> Result<bool, Error> {
    clear_range(tx, UNDOS.range(id, Bound::Unbounded::<Timestamp>, Bound::Excluded(before)))
}

/// Forgets some of the changes; whether there may be more.
pub fn clear(tx: &mut Tx, id: u64) -> Result<bool, Error> {
    clear_range(tx, UNDOS.prefix_range(id))
}
