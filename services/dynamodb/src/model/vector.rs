//! Vector indexes: which row an item has in one, and keeping the rows true to the items.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/VectorSearch.html>

use kv::Tx;

use crate::encoding::{ItemRef, StoredItem, ValueRef};
use crate::error::Error;
use crate::key::{empty_kind, partition_digest};
use crate::keys::{Digest, VECTORS};
use crate::limits::{FILTER_BYTES_MAX, PARTITION_KEY_BYTES_MAX, STEP, VECTOR_REQUEST_BYTES_MIN};
use crate::model::item::{self, add_volume};
use crate::size::{item_size, value_size};
use crate::types::{Projected, Role, SearchAttribute, Table, VectorIndex, VectorRow};
use crate::value::Kind;

/// Where the rows are of an index that has no parts.
pub const WHOLE: Digest = [0; 16];

/// An item's row in a vector index.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub partition: Digest,
    pub row: VectorRow,
    /// What it counts for.
    pub bytes: usize,
}

/// The row of `item` in `index`; `None` for an item without a vector or without the attribute that says which part it is in,
/// and for one whose attributes cannot be those: it was there before the index was.
pub fn entry(table: &Table, index: &VectorIndex, item: &StoredItem) -> Option<Entry> {
    let view = item.view();
    let vector = components(view.get(&index.attribute)?, index.dimensions)?;
    let fits = |one: &SearchAttribute| match view.get(&one.attribute.name) {
        Some(value) => check_searched(one, value, index).is_ok(),
        None => one.role == Role::InlineFilter,
    };
    if !index.schema.iter().all(fits) {
        return None;
    }
    let partition = match index.hash() {
        Some(attribute) => partition_digest(view.get(&attribute.name)?),
        None => WHOLE,
    };
    let is_key = |name: &str| table.key.has(name) || index.searched(name).is_some();
    let held = item.only(|name| {
        let projected = match &index.projection {
            Projected::All => true,
            Projected::KeysOnly => false,
            Projected::Include(names) => names.iter().any(|projected| projected == name),
        };
        name != index.attribute && (projected || is_key(name))
    });
    let bytes = vector.len() * size_of::<f32>() + index.attribute.len() + item_size(held.view());
    Some(Entry { partition, row: VectorRow::new(&vector, &held), bytes })
}

/// The components of a vector; `None` for a value that is none of so many dimensions.
pub fn components(value: ValueRef<'_>, dimensions: u32) -> Option<Vec<f32>> {
    let numbers = value.list().map(|element| match element.kind() {
        Kind::N => element.number().to_f32(),
        _ => None,
    });
    numbers.collect::<Option<Vec<f32>>>().filter(|vector| vector.len() == dimensions as usize)
}

/// Brings `index` from what it held of an item to what it shall hold; the bytes that this takes.
pub fn replace(
    tx: &mut Tx,
    index: &VectorIndex,
    primary: &Digest,
    before: Option<Entry>,
    after: Option<Entry>,
) -> Result<u64, Error> {
    if before == after {
        return Ok(0);
    }
    let size = |entry: &Option<Entry>| entry.as_ref().map_or(0, |entry| entry.bytes);
    let (size_before, size_after) = (size(&before), size(&after));
    let change = i64::from(after.is_some()) - i64::from(before.is_some());
    let moved = matches!((&before, &after), (Some(before), Some(after)) if before.partition != after.partition);
    if let Some(before) = before.filter(|_| moved || after.is_none()) {
        VECTORS.delete(tx, (index.id, before.partition, *primary))?;
    }
    if let Some(after) = after {
        VECTORS.put(tx, (index.id, after.partition, *primary), &after.row)?;
    }
    add_volume(tx, index.id, change, size_before, size_after)?;
    let bytes = |bytes: usize| bytes.max(VECTOR_REQUEST_BYTES_MIN) as u64;
    Ok(match (moved, size_after) {
        (true, _) => bytes(size_before) + bytes(size_after),
        (false, 0) => bytes(size_before),
        (false, _) => bytes(size_after),
    })
}

/// # Errors
/// When an item cannot be written because of a vector index: its vector is none of the index, or an attribute that searches
/// may ask for is of the wrong type, empty or too long. What has not changed is left alone.
pub fn check(table: &Table, before: Option<&StoredItem>, item: ItemRef<'_>) -> Result<(), Error> {
    let changed = |name: &str| {
        let value = item.get(name)?;
        (before.and_then(|before| before.view().get(name)) != Some(value)).then_some(value)
    };
    for index in &table.vector_indexes {
        if let Some(value) = changed(&index.attribute) {
            check_vector(index, value)?;
        }
        for one in &index.schema {
            if let Some(value) = changed(&one.attribute.name) {
                check_searched(one, value, index)?;
            }
        }
    }
    Ok(())
}

/// What begins what is said of a vector.
const INVALID: &str = "One or more parameter values are not valid. One or more parameter values were invalid .";

fn check_vector(index: &VectorIndex, value: ValueRef<'_>) -> Result<(), Error> {
    let VectorIndex { name, attribute, dimensions, .. } = index;
    let kind = value.kind();
    if kind != Kind::L {
        return Err(Error::Validation(format!(
            "{INVALID} Invalid type for parameter {attribute}, Expected: L, Actual: {kind}. IndexName: {name}"
        )));
    }
    let count = value.list().count();
    if count != *dimensions as usize {
        return Err(Error::Validation(format!(
            "{INVALID} Invalid size for parameter {attribute}, Expected: {dimensions}, Actual: {count}. IndexName: {name}"
        )));
    }
    for (at, component) in value.list().enumerate() {
        let kind = component.kind();
        if kind != Kind::N {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid. Invalid type for parameter {attribute}[{at}], Expected: 32-bit floating point number, Actual: {kind}. IndexName: {name}"
            )));
        }
        let number = component.number();
        if number.to_f32().is_none() {
            let shown = number.scientific();
            return Err(Error::Validation(format!(
                "{INVALID} Invalid value for parameter {attribute}[{at}], Value: {shown} is outside valid range [-3.4028235E38, 3.4028235E38]. IndexName: {name}"
            )));
        }
    }
    Ok(())
}

fn check_searched(one: &SearchAttribute, value: ValueRef<'_>, index: &VectorIndex) -> Result<(), Error> {
    let (name, expected, index) = (&one.attribute.name, one.attribute.kind, &index.name);
    let actual = value.kind();
    if actual != expected {
        return Err(Error::Validation(format!(
            "One or more parameter values were invalid. Attribute '{name}' type mismatch. Expected: {expected}, Actual: {actual}. IndexName: {index}"
        )));
    }
    let bytes = value_size(value);
    match one.role {
        Role::Hash => {
            if let Some(empty) = empty_kind(value) {
                return Err(Error::Validation(format!(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {empty} value. IndexName: {index}, IndexKey: {name}"
                )));
            }
            if bytes > PARTITION_KEY_BYTES_MAX {
                return Err(Error::invalid(format_args!(
                    "Aggregate size for HASH key attributes exceeds the maximum of {PARTITION_KEY_BYTES_MAX} bytes"
                )));
            }
        }
        Role::InlineFilter if bytes > FILTER_BYTES_MAX => {
            return Err(Error::invalid(format_args!(
                "Size limit exceeded for SearchSchema attribute '{name}': maximum {FILTER_BYTES_MAX} bytes"
            )));
        }
        Role::InlineFilter => {}
    }
    Ok(())
}

/// Adds the rows of some items that were there before the index: see [`item::walk`].
///
/// Items written meanwhile have their rows already: adding one again changes nothing.
pub fn backfill(
    tx: &mut Tx,
    table: &Table,
    index: &VectorIndex,
    cursor: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, Error> {
    item::walk(tx, table.id, cursor, STEP, |tx, place, item| {
        let Some(entry) = entry(table, index, item) else { return Ok(()) };
        let key = (index.id, entry.partition, place.digest());
        if !VECTORS.contains(tx, key)? {
            VECTORS.put(tx, key, &entry.row)?;
            add_volume(tx, index.id, 1, 0, entry.bytes)?;
        }
        Ok(())
    })
}
