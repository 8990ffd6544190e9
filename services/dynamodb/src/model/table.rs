//! Tables: making, finding, changing and removing them.

use std::ops::Bound;

use base::Arn;
use kv::{KeyRange, Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    ABSENT, CHANGED, COLLECTIONS, ENTRIES, EXPIRIES, EXPORT_FILES, ITEMS, LAST_UNDO, NEXT_ID, POLICIES, REPORTS, SENT,
    TABLES, UNDOS, VECTORS, VOLUMES, table_channel,
};
use crate::limits::CLEARED_PER_STEP;
use crate::types::{SharedTable, Table, Volume};

/// The name in a request's `TableName`, which may be an ARN.
pub fn name(table: &str) -> &str {
    match table.strip_prefix("arn:") {
        Some(arn) => arn.split_once("table/").map_or(table, |(_, name)| name),
        None => table,
    }
}

/// A table that items are read from or written to.
///
/// # Errors
/// `ResourceNotFound`, without the name, as operations on items say it.
pub fn find(read: &(impl Read + ?Sized), region: &str, table: &str) -> Result<SharedTable, Error> {
    usable(TABLES.get(read, (region, name(table)))?)
        .ok_or_else(|| Error::ResourceNotFound("Requested resource not found".into()))
}

/// A table that is not being restored or imported.
fn usable(table: Option<SharedTable>) -> Option<SharedTable> {
    table.filter(|table| table.is_made())
}

/// # Errors
/// `ResourceNotFound`, with the name, as operations on tables say it.
pub fn describe(read: &(impl Read + ?Sized), region: &str, table: &str) -> Result<SharedTable, Error> {
    usable(TABLES.get(read, (region, name(table)))?).ok_or_else(|| missing(table))
}

/// The same for operations that see a table which is being restored.
///
/// # Errors
/// `ResourceNotFound`, with the name.
pub fn any(read: &(impl Read + ?Sized), region: &str, table: &str) -> Result<SharedTable, Error> {
    TABLES.get(read, (region, name(table)))?.ok_or_else(|| missing(table))
}

/// `ResourceNotFound`, with the name.
pub fn missing(table: &str) -> Error {
    Error::ResourceNotFound(format!("Requested resource not found: Table: {} not found", name(table)))
}

/// A table of which there are, or will be, backups.
///
/// # Errors
/// `TableNotFound`.
pub fn backed_up(read: &(impl Read + ?Sized), region: &str, table: &str) -> Result<SharedTable, Error> {
    let name = name(table);
    usable(TABLES.get(read, (region, name))?).ok_or_else(|| Error::TableNotFound(name.into()))
}

/// The table with this ARN, if it is still the one with this number.
pub fn same(read: &(impl Read + ?Sized), arn: &Arn, id: u64) -> Result<Option<SharedTable>, Error> {
    let table = TABLES.get(read, (&*arn.region, name(&arn.to_string())))?;
    Ok(table.filter(|table| table.id == id))
}

pub fn volume(read: &(impl Read + ?Sized), id: u64) -> Result<Volume, Error> {
    Ok(VOLUMES.get(read, id)?.unwrap_or_default())
}

/// A number for a new table or index.
pub fn next_id(tx: &mut Tx) -> Result<u64, Error> {
    let id = NEXT_ID.get(tx, ())?.unwrap_or(1);
    NEXT_ID.put(tx, (), &(id + 1))?;
    Ok(id)
}

/// Makes a table and its indexes, whose numbers are given here.
///
/// # Errors
/// `ResourceInUse` when there is one of that name.
pub fn create(tx: &mut Tx, table: &Table) -> Result<Table, Error> {
    if let Some(present) = TABLES.get(tx, (&*table.arn.region, &*table.name))? {
        let problem = if !present.is_made() { "Table is being used" } else { "Table already exists" };
        return Err(Error::ResourceInUse(format!("{problem}: {}", table.name)));
    }
    let mut table = table.clone();
    table.id = next_id(tx)?;
    for index in table.local_indexes.iter_mut().chain(&mut table.global_indexes) {
        index.id = next_id(tx)?;
    }
    for index in &mut table.vector_indexes {
        index.id = next_id(tx)?;
    }
    put(tx, &table)?;
    Ok(table)
}

/// Stores a table that has changed.
pub fn put(tx: &mut Tx, table: &Table) -> Result<(), Error> {
    tx.wake(&table_channel(table.id));
    let key = (&*table.arn.region, &*table.name);
    Ok(TABLES.put(tx, key, &SharedTable::new(table.clone()))?)
}

/// Removes a table. What it and its indexes hold is still to be [cleared](clear).
///
/// # Errors
/// `ResourceNotFound`; `ResourceInUse` while it is being restored or imported; a validation error when it is protected.
pub fn delete(tx: &mut Tx, region: &str, table: &str) -> Result<SharedTable, Error> {
    let table = any(tx, region, table)?;
    if !table.is_made() {
        let name = &table.name;
        return Err(Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: Table is being created: {name}"
        )));
    }
    if table.deletion_protected {
        return Err(Error::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ));
    }
    remove(tx, &table)?;
    Ok(table)
}

/// Removes a table, whatever its state. What it and its indexes hold is still to be [cleared](clear).
pub fn remove(tx: &mut Tx, table: &Table) -> Result<(), Error> {
    TABLES.delete(tx, (&*table.arn.region, &*table.name))?;
    tx.wake(&table_channel(table.id));
    Ok(POLICIES.delete(tx, table.arn.to_string())?)
}

/// What is kept under the number of a table, an index or a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    All,
    /// All but the items: of a table that has become a backup.
    AllButItems,
}

/// Deletes some of what is kept under the number of something that is gone; whether there may be more.
pub fn clear(tx: &mut Tx, id: u64, extent: Extent) -> Result<bool, Error> {
    let ranges = [
        ENTRIES.prefix_range(id),
        EXPIRIES.prefix_range(id),
        UNDOS.prefix_range(id),
        ABSENT.prefix_range(id),
        COLLECTIONS.prefix_range(id),
        CHANGED.prefix_range(id),
        EXPORT_FILES.prefix_range(id),
        REPORTS.prefix_range(id),
        VECTORS.prefix_range(id),
    ];
    LAST_UNDO.delete(tx, id)?;
    SENT.delete(tx, id)?;
    for range in ranges {
        if clear_range(tx, range)? {
            return Ok(true);
        }
    }
    if extent == Extent::AllButItems {
        return Ok(false);
    }
    VOLUMES.delete(tx, id)?;
    clear_range(tx, ITEMS.prefix_range(id))
}

/// Deletes some of the rows in a range; whether there may be more.
pub fn clear_range(tx: &mut Tx, range: KeyRange) -> Result<bool, Error> {
    let last = tx.scan(range.clone(), Order::Forward)?.take(CLEARED_PER_STEP).enumerate().last();
    let Some((at, row)) = last else { return Ok(false) };
    if at + 1 < CLEARED_PER_STEP {
        tx.delete_range(range)?;
        return Ok(false);
    }
    let past = row?.0;
    tx.delete_range(KeyRange::new(Bound::Included(range.start()), Bound::Included(&past)))?;
    Ok(true)
}

/// A page of a region's table names after `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<String>, bool), Error> {
    let range = TABLES.prefix_range(region);
    let range = match after {
        Some(after) => range.after(&TABLES.key_bytes((region, after)), Order::Forward),
        None => range,
    };
    let mut names = Vec::new();
    for key in TABLES.scan_bytes(read, range, Order::Forward)?.keys() {
        if names.len() == limit {
            return Ok((names, true));
        }
        names.push(key?.1);
    }
    Ok((names, false))
}

/// Changes a table by `change`, which sees it as it is.
pub fn update(
    tx: &mut Tx,
    region: &str,
    table: &str,
    change: impl Fn(&mut Table) -> Result<(), Error>,
) -> Result<Table, Error> {
    let mut table = Table::clone(&*describe(tx, region, table)?);
    change(&mut table)?;
    for index in table.global_indexes.iter_mut().filter(|index| index.id == NEW_INDEX) {
        index.id = next_id(tx)?;
    }
    for index in table.vector_indexes.iter_mut().filter(|index| index.id == NEW_INDEX) {
        index.id = next_id(tx)?;
    }
    put(tx, &table)?;
    Ok(table)
}

/// The number of an index that has none yet.
pub const NEW_INDEX: u64 = 0;
