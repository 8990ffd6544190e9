//! Items: reading one, and changing one with everything that follows from it.

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::stream::{self, Occasion};
use super::{collection, destination, expiry, index, table, undo, vector};
use crate::encoding::{ItemRef, StoredItem};
use crate::error::Error;
use crate::expression::{ApplyError, Condition, Update};
use crate::key::ItemKey;
use crate::keys::{ITEMS, VOLUMES, partition_channel};
use crate::limits::{ITEM_BYTES_MAX, NESTING_LEVELS_MAX, WRITE_UNIT_BYTES};
use crate::size::item_size;
use crate::types::{SharedTable, Table, Volume};
use crate::value::{InvalidValue, Item, Value};

/// One change of one item, as a request asks for it.
#[derive(Debug)]
pub struct Write {
    pub table: String,
    pub condition: Option<Condition>,
    /// Whether a failed condition's error shows the item.
    pub show_on_failure: bool,
    pub change: Change,
}

#[derive(Debug)]
pub enum Change {
    Put(StoredItem),
    /// Puts an item where none is.
    Insert(StoredItem),
    /// Of the item with this key.
    Delete(StoredItem),
    /// Of the item with this key, which is made when it is not there.
    Update(StoredItem, UpdateRequest),
    /// Only the condition.
    Check(StoredItem),
}

#[derive(Debug)]
pub struct UpdateRequest {
    pub update: Update,
    /// Whether it was given as `AttributeUpdates`, whose complaints differ.
    pub legacy: bool,
}

impl Change {
    /// The item, or its key.
    pub fn item(&self) -> &StoredItem {
        match self {
            Change::Put(item)
            | Change::Insert(item)
            | Change::Delete(item)
            | Change::Update(item, _)
            | Change::Check(item) => item,
        }
    }
}

/// What a write did.
#[derive(Debug)]
pub struct Written {
    pub table: SharedTable,
    pub before: Option<StoredItem>,
    pub after: Option<StoredItem>,
    pub units: WriteUnits,
}

/// Write capacity units by where they were used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteUnits {
    pub table: u64,
    /// By index name, those that were touched.
    pub local: Vec<(String, u64)>,
    pub global: Vec<(String, u64)>,
    /// Bytes, of the vector indexes that were touched.
    pub vectors: Vec<(String, u64)>,
}

/// What becomes of one item: all that is kept beside it follows from this.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    pub table: &'a Table,
    pub key: &'a ItemKey,
    pub before: Option<&'a StoredItem>,
    pub after: Option<&'a StoredItem>,
    pub occasion: Occasion,
}

pub fn get(read: &(impl Read + ?Sized), table: &Table, key: &ItemKey) -> Result<Option<StoredItem>, Error> {
    Ok(ITEMS.get(read, (table.id, key.partition, &key.sort))?)
}

/// Where the item of a write is.
///
/// # Errors
/// When its key does not fit the table.
pub fn locate(table: &Table, change: &Change) -> Result<ItemKey, Error> {
    match change {
        Change::Put(item) | Change::Insert(item) => {
            let key = table.key.locate_item(item.view())?;
            index::check_keys(table, item.view())?;
            vector::check(table, None, item.view())?;
            Ok(key)
        }
        Change::Delete(key) | Change::Check(key) => table.key.locate_key(key.view()),
        Change::Update(key, request) => {
            let located = table.key.locate_key(key.view())?;
            check_update(table, &request.update)?;
            Ok(located)
        }
    }
}

/// Does one write, all of it or nothing.
///
/// # Errors
/// `ConditionalCheckFailed`; whatever is wrong with the item or its key.
pub fn write(tx: &mut Tx, region: &str, now: Timestamp, write: &Write) -> Result<Written, Error> {
    let table = table::find(tx, region, &write.table)?;
    let key = locate(&table, &write.change)?;
    let before = get(tx, &table, &key)?;
    check(write, before.as_ref())?;
    let after = outcome(&table, &write.change, before.as_ref())?;
    let (old, new) = (before.as_ref(), after.as_ref());
    let occasion = Occasion::request(now);
    let units = match write.change {
        Change::Check(_) => WriteUnits { table: units(old, None), ..WriteUnits::default() },
        _ => store(tx, &Transition { table: &table, key: &key, before: old, after: new, occasion })?,
    };
    Ok(Written { table, before, after, units })
}

/// # Errors
/// `ConditionalCheckFailed`; `DuplicateItem`.
pub fn check(write: &Write, before: Option<&StoredItem>) -> Result<(), Error> {
    if before.is_some() && matches!(write.change, Change::Insert(_)) {
        return Err(Error::DuplicateItem);
    }
    let item = before.map_or(ItemRef::EMPTY, StoredItem::view);
    match &write.condition {
        Some(condition) if !condition.holds(item) => {
            Err(Error::ConditionalCheckFailed(before.filter(|_| write.show_on_failure).cloned()))
        }
        _ => Ok(()),
    }
}

/// What becomes of the item.
pub fn outcome(table: &Table, change: &Change, before: Option<&StoredItem>) -> Result<Option<StoredItem>, Error> {
    match change {
        Change::Put(item) | Change::Insert(item) => Ok(Some(item.clone())),
        Change::Delete(_) => Ok(None),
        Change::Check(_) => Ok(before.cloned()),
        // What only takes away makes no item, except that of an update with nothing in it.
        Change::Update(_, request) if before.is_none() && request.update.only_takes() => Ok(None),
        Change::Update(key, request) => update(table, key, request, before).map(Some),
    }
}

fn update(
    table: &Table,
    key: &StoredItem,
    request: &UpdateRequest,
    before: Option<&StoredItem>,
) -> Result<StoredItem, Error> {
    let mut item = before.unwrap_or(key).view().to_item();
    request.update.apply(&mut item).map_err(|error| match error {
        ApplyError::IncorrectType if request.legacy => Error::validation("Type mismatch for attribute to update"),
        error => Error::Validation(error.to_string()),
    })?;
    check_depth(&request.update, &item)?;
    let after = StoredItem::new(&item);
    if item_size(after.view()) > ITEM_BYTES_MAX {
        return Err(Error::validation("Item size to update has exceeded the maximum allowed size"));
    }
    check_index_keys_after_update(table, &after)?;
    vector::check(table, before, after.view())?;
    Ok(after)
}

/// An update can nest values deeper than any request could.
fn check_depth(update: &Update, item: &Item) -> Result<(), Error> {
    let touched = update.paths().filter_map(|path| item.get(&path.attribute));
    match touched.map(Value::depth).max() {
        Some(depth) if depth > NESTING_LEVELS_MAX => Err(InvalidValue::TooDeep.into()),
        _ => Ok(()),
    }
}

fn check_index_keys_after_update(table: &Table, after: &StoredItem) -> Result<(), Error> {
    for index in table.indexes() {
        for attribute in index.key.attributes() {
            let Some(value) = after.view().get(&attribute.name) else { continue };
            if value.kind() != attribute.kind {
                return Err(Error::validation(
                    "The update expression attempted to update the secondary index key to unsupported type",
                ));
            }
            if let Some(empty) = crate::key::empty_kind(value) {
                return Err(Error::Validation(format!(
                    "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty {empty} value."
                )));
            }
        }
        index.key.check_lengths(after.view())?;
    }
    Ok(())
}

/// What an update must not do whatever item it meets.
fn check_update(table: &Table, update: &Update) -> Result<(), Error> {
    for attribute in table.key.attributes() {
        if let Some(path) = update.paths().find(|path| path.attribute == attribute.name) {
            let name = &path.attribute;
            if path.is_nested() {
                return Err(Error::Validation(format!(
                    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: {name}"
                )));
            }
            return Err(Error::invalid(format_args!(
                "Cannot update attribute {name}. This attribute is part of the key"
            )));
        }
    }
    for index in table.indexes() {
        for attribute in index.key.attributes() {
            let name = &attribute.name;
            for action in update.actions.iter().filter(|action| action.path().attribute == *name) {
                if action.path().is_nested() {
                    return Err(Error::Validation(format!(
                        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: {name}"
                    )));
                }
                if let Some(kind) = action.kind().filter(|kind| *kind != attribute.kind) {
                    return Err(Error::invalid(format_args!(
                        "Type mismatch for Index Key {name} Expected: {} Actual: {kind} IndexName: {}",
                        attribute.kind, index.name
                    )));
                }
            }
        }
    }
    Ok(())
}

/// Stores what became of an item, with its entries in all indexes, and its record in the table's streams.
pub fn store(tx: &mut Tx, transition: &Transition<'_>) -> Result<WriteUnits, Error> {
    let Transition { table, key, before, after, .. } = *transition;
    let mut used = WriteUnits { table: units(before, after), ..WriteUnits::default() };
    if before == after {
        return Ok(used);
    }
    let place = (table.id, key.partition, &key.sort);
    match after {
        Some(item) => ITEMS.put(tx, place, item)?,
        None => ITEMS.delete(tx, place)?,
    }
    tx.wake(&partition_channel(table.id, &key.partition));
    let size = |item: Option<&StoredItem>| item.map_or(0, |item| item_size(item.view()));
    let change = i64::from(after.is_some()) - i64::from(before.is_some());
    add_volume(tx, table.id, change, size(before), size(after))?;
    expiry::follow(tx, transition)?;
    stream::append(tx, transition)?;
    destination::append(tx, transition)?;
    undo::append(tx, transition)?;
    collection::follow(tx, transition)?;
    if table.index_ids().next().is_none() {
        return Ok(used);
    }
    let primary = key.digest();
    for index in &table.vector_indexes {
        let entry = |item: Option<&StoredItem>| item.and_then(|item| vector::entry(table, index, item));
        let bytes = vector::replace(tx, index, &primary, entry(before), entry(after))?;
        if bytes > 0 {
            used.vectors.push((index.name.clone(), bytes));
        }
    }
    for (indexes, used) in [(&table.local_indexes, &mut used.local), (&table.global_indexes, &mut used.global)] {
        for index in indexes {
            let entry = |item: Option<&StoredItem>| item.and_then(|item| index::entry(table, index, item));
            let units = index::replace(tx, index, &primary, entry(before), entry(after))?;
            if units > 0 {
                used.push((index.name.clone(), units));
            }
        }
    }
    Ok(used)
}

/// The write units of the larger of two states of an item.
pub fn units(before: Option<&StoredItem>, after: Option<&StoredItem>) -> u64 {
    let size = |item: Option<&StoredItem>| item.map_or(0, |item| item_size(item.view()));
    size(before).max(size(after)).div_ceil(WRITE_UNIT_BYTES).max(1) as u64
}

/// Counts an item (`change` is 1, 0 or -1) and its bytes.
pub fn add_volume(tx: &mut Tx, id: u64, change: i64, bytes_before: usize, bytes_after: usize) -> Result<(), Error> {
    let Volume { items, bytes } = VOLUMES.get(tx, id)?.unwrap_or_default();
    let volume = Volume {
        items: items.saturating_add_signed(change),
        bytes: (bytes + bytes_after as u64).saturating_sub(bytes_before as u64),
    };
    Ok(VOLUMES.put(tx, id, &volume)?)
}

/// Visits some of the items kept under a table's or backup's number, beginning after `cursor`: so many of them, or of so many
/// bytes. Returns the cursor of the next step, or `None` when all items have been visited.
pub fn walk(
    tx: &mut Tx,
    id: u64,
    cursor: Option<&[u8]>,
    (items_max, bytes_max): (usize, usize),
    mut visit: impl FnMut(&mut Tx, &ItemKey, &StoredItem) -> Result<(), Error>,
) -> Result<Option<Vec<u8>>, Error> {
    let range = ITEMS.prefix_range(id);
    let range = match cursor {
        Some(cursor) => range.after(cursor, Order::Forward),
        None => range,
    };
    let mut items = Vec::new();
    let mut bytes = 0;
    let is_full = |count: usize, bytes: usize| count == items_max || bytes >= bytes_max;
    for row in ITEMS.scan_bytes(tx, range, Order::Forward)? {
        let ((_, partition, sort), item) = row?;
        bytes += item_size(item.view());
        items.push((ItemKey { partition, sort }, item));
        if is_full(items.len(), bytes) {
            break;
        }
    }
    for (key, item) in &items {
        visit(tx, key, item)?;
    }
    let last = items.last().filter(|_| is_full(items.len(), bytes));
    Ok(last.map(|(key, _)| ITEMS.key_bytes((id, key.partition, &key.sort))))
}
