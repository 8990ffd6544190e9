//! The items that changed in a period: what an incremental export is of.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::key::ItemKey;
use crate::keys::{CHANGED, UNDOS};
use crate::size::item_size;
use crate::types::{Changed, Moment};

/// Notes some of the changes of a table behind `after`, up to `until`: so many of them, or of so many bytes. Returns the
/// moment that was reached.
///
/// # Errors
/// When the store refuses.
pub fn gather(
    tx: &mut Tx,
    source: u64,
    target: u64,
    after: Moment,
    until: Moment,
    (changes_max, bytes_max): (usize, usize),
) -> Result<Moment, Error> {
    let range = UNDOS.prefix_range(source).after(&UNDOS.key_bytes((source, after.at, after.number)), Order::Forward);
    let (mut seen, mut bytes) = (Vec::new(), 0);
    let mut reached = until;
    for row in UNDOS.scan_bytes(&*tx, range, Order::Forward)? {
        let ((_, at, number), undo) = row?;
        let moment = Moment { at, number };
        if moment > until {
            break;
        }
        bytes += undo.before.as_ref().map_or(0, |item| item_size(item.view()));
        seen.push((at, undo));
        if seen.len() >= changes_max || bytes >= bytes_max {
            reached = moment;
            break;
        }
    }
    for (at, undo) in seen {
        let place = (target, undo.key.partition, &undo.key.sort);
        let changed = match CHANGED.get(tx, place)? {
            Some(earlier) => Changed { at, ..earlier },
            None => Changed { at, before: undo.before },
        };
        CHANGED.put(tx, place, &changed)?;
    }
    Ok(reached)
}

/// Whether an item is one of those that changed.
///
/// # Errors
/// When the store cannot be read.
pub fn has(read: &impl Read, target: u64, key: &ItemKey) -> Result<bool, Error> {
    Ok(CHANGED.contains(read, (target, key.partition, &key.sort))?)
}

/// Visits some of the items that changed, behind `cursor`: so many, or until what `visit` tells of them adds up to so many bytes.
/// Returns the cursor of the next step, or `None` when all have been visited.
///
/// # Errors
/// When the store refuses.
pub fn walk(
    tx: &mut Tx,
    target: u64,
    cursor: Option<&[u8]>,
    (items_max, bytes_max): (usize, usize),
    mut visit: impl FnMut(&mut Tx, &ItemKey) -> Result<usize, Error>,
) -> Result<Option<Vec<u8>>, Error> {
    let range = CHANGED.prefix_range(target);
    let range = match cursor {
        Some(cursor) => range.after(cursor, Order::Forward),
        None => range,
    };
    let rows = CHANGED.scan_bytes(&*tx, range, Order::Forward)?.keys().take(items_max);
    let keys = rows.map(|key| key.map(|(_, partition, sort)| ItemKey { partition, sort }));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut bytes = 0;
    for (at, key) in keys.iter().enumerate() {
        bytes += visit(tx, key)?;
        if bytes >= bytes_max || at + 1 == items_max {
            return Ok(Some(CHANGED.key_bytes((target, key.partition, &key.sort))));
        }
    }
    Ok(None)
}
