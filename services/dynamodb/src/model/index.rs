//! Secondary indexes: which entry an item has in one, and keeping the entries true to the items.

use kv::Tx;

use crate::encoding::{ItemRef, StoredItem};
use crate::error::Error;
use crate::key::{ItemKey, empty_kind};
use crate::keys::{Digest, ENTRIES, partition_channel};
use crate::limits::{STEP, WRITE_UNIT_BYTES};
use crate::model::item::{self, add_volume};
use crate::size::item_size;
use crate::types::{Index, Projected, Table};

/// An item's entry in an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: ItemKey,
    pub item: StoredItem,
}

/// The entry of `item` in `index`; `None` for an item that lacks an attribute of the index's key, or has one that no key
/// can be: it was there before the index was.
pub fn entry(table: &Table, index: &Index, item: &StoredItem) -> Option<Entry> {
    let key = index.key.locate(item.view()).filter(|_| index.key.allows(item.view()))?;
    let is_key = |name: &str| table.key.has(name) || index.key.has(name);
    let item = match &index.projection {
        Projected::All => item.clone(),
        Projected::KeysOnly => item.only(is_key),
        Projected::Include(names) => item.only(|name| is_key(name) || names.iter().any(|projected| projected == name)),
    };
    Some(Entry { key, item })
}

/// Brings `index` from what it held of an item to what it shall hold; the write units that this takes.
pub fn replace(
    tx: &mut Tx,
    index: &Index,
    primary: &Digest,
    before: Option<Entry>,
    after: Option<Entry>,
) -> Result<u64, Error> {
    let size = |entry: &Option<Entry>| entry.as_ref().map_or(0, |entry| item_size(entry.item.view()));
    let (size_before, size_after) = (size(&before), size(&after));
    let unchanged = before == after;
    let moved = match (&before, &after) {
        (Some(before), Some(after)) => before.key != after.key,
        _ => false,
    };
    if unchanged {
        return Ok(0);
    }
    for entry in before.iter().chain(&after) {
        tx.wake(&partition_channel(index.id, &entry.key.partition));
    }
    if let Some(before) = before
        && (moved || after.is_none())
    {
        ENTRIES.delete(tx, (index.id, before.key.partition, before.key.sort, *primary))?;
    }
    let change = i64::from(after.is_some()) - i64::from(size_before > 0);
    if let Some(after) = after {
        ENTRIES.put(tx, (index.id, after.key.partition, after.key.sort, *primary), &after.item)?;
    }
    add_volume(tx, index.id, change, size_before, size_after)?;
    let units = |bytes: usize| bytes.div_ceil(WRITE_UNIT_BYTES) as u64;
    Ok(if moved { units(size_before) + units(size_after) } else { units(size_before.max(size_after)) })
}

/// # Errors
/// When an item cannot be written because of an index: a key of the wrong type, empty, or too long.
pub fn check_keys(table: &Table, item: ItemRef<'_>) -> Result<(), Error> {
    for index in table.indexes() {
        for attribute in index.key.attributes() {
            let Some(value) = item.get(&attribute.name) else { continue };
            let (name, kind) = (&attribute.name, attribute.kind);
            if value.kind() != kind {
                return Err(Error::invalid(format_args!(
                    "Type mismatch for Index Key {name} Expected: {kind} Actual: {} IndexName: {}",
                    value.kind(),
                    index.name
                )));
            }
            // The table's own key has been checked, in other words.
            if let Some(empty) = empty_kind(value).filter(|_| !table.key.has(name)) {
                return Err(Error::Validation(format!(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {empty} value. IndexName: {}, IndexKey: {name}",
                    index.name
                )));
            }
        }
        index.key.check_lengths(item)?;
    }
    Ok(())
}

/// Adds the entries of some items that were there before the index: see [`item::walk`].
///
/// Items written meanwhile have their entries already: adding one again changes nothing.
pub fn backfill(tx: &mut Tx, table: &Table, index: &Index, cursor: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
    item::walk(tx, table.id, cursor, STEP, |tx, place, item| {
        let primary = place.digest();
        let Some(entry) = entry(table, index, item) else { return Ok(()) };
        let key = (index.id, entry.key.partition, entry.key.sort.clone(), primary);
        if !ENTRIES.contains(tx, &key)? {
            ENTRIES.put(tx, &key, &entry.item)?;
            add_volume(tx, index.id, 1, 0, item_size(entry.item.view()))?;
        }
        Ok(())
    })
}
