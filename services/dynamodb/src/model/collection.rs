//! Item collections: the items with one partition key, with their entries in local indexes, whose size is limited where a
//! table has such indexes.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html#LSI.ItemCollections>

use kv::{Read, Tx};

use super::index;
use super::item::Transition;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::keys::{COLLECTIONS, Digest};
use crate::limits::COLLECTION_BYTES_MAX;
use crate::size::item_size;
use crate::types::Table;

/// Keeps the size of an item's collection true to a change of the item.
///
/// # Errors
/// See [`check`].
pub fn follow(tx: &mut Tx, transition: &Transition<'_>) -> Result<(), Error> {
    let place = (transition.table.id, transition.key.partition);
    match after(tx, transition)? {
        None => Ok(()),
        Some(0) => Ok(COLLECTIONS.delete(tx, place)?),
        Some(bytes) => Ok(COLLECTIONS.put(tx, place, &bytes)?),
    }
}

/// Whether the change can be made.
///
/// # Errors
/// `CollectionTooLarge` when the collection would grow past the limit, unless the table is being restored: what was there,
/// comes back.
pub fn check(read: &impl Read, transition: &Transition<'_>) -> Result<(), Error> {
    after(read, transition).map(drop)
}

/// The bytes of the item's collection after the change, where they are counted.
fn after(read: &impl Read, transition: &Transition<'_>) -> Result<Option<u64>, Error> {
    let Transition { table, key, before, after, .. } = *transition;
    if table.local_indexes.is_empty() || !table.counts_collections {
        return Ok(None);
    }
    let (was, will_be) = (share(table, before), share(table, after));
    let bytes = (size(read, table, key.partition)? + will_be).saturating_sub(was);
    if will_be > was && bytes > COLLECTION_BYTES_MAX && table.restore.is_none() {
        return Err(Error::CollectionTooLarge);
    }
    Ok(Some(bytes))
}

/// What an item adds to its collection.
fn share(table: &Table, item: Option<&StoredItem>) -> u64 {
    let Some(item) = item else { return 0 };
    let entries = table.local_indexes.iter().filter_map(|index| index::entry(table, index, item));
    (item_size(item.view()) + entries.map(|entry| item_size(entry.item.view())).sum::<usize>()) as u64
}

/// The bytes of a collection.
pub fn size(read: &impl Read, table: &Table, partition: Digest) -> Result<u64, Error> {
    Ok(COLLECTIONS.get(read, (table.id, partition))?.unwrap_or_default())
}
