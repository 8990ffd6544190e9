//! Tables: making, finding, changing and removing them.

use std::ops::Bound;

use kv::{KeyRange, Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ENTRIES, EXPIRIES, ITEMS, NEXT_ID, POLICIES, TABLES, VOLUMES, table_channel};
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
    TABLES
        .get(read, (region, name(table)))?
        .ok_or_else(|| Error::ResourceNotFound("Requested resource not found".into()))
}

/// # Errors
/// `ResourceNotFound`, with the name, as operations on tables say it.
pub fn describe(read: &(impl Read + ?Sized), region: &str, table: &str) -> Result<SharedTable, Error> {
    let name = name(table);
    TABLES
        .get(read, (region, name))?
        .ok_or_else(|| Error::ResourceNotFound(format!("Requested resource not found: Table: {name} not found")))
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
    if TABLES.contains(tx, (&*table.arn.region, &*table.name))? {
        return Err(Error::ResourceInUse(format!("Table already exists: {}", table.name)));
    }
    let mut table = table.clone();
    table.id = next_id(tx)?;
    for index in table.local_indexes.iter_mut().chain(&mut table.global_indexes) {
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
/// `ResourceNotFound`; a validation error when it is protected.
pub fn delete(tx: &mut Tx, region: &str, table: &str) -> Result<SharedTable, Error> {
    let table = describe(tx, region, table)?;
    if table.deletion_protected {
        return Err(Error::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ));
    }
    TABLES.delete(tx, (region, &*table.name))?;
    tx.wake(&table_channel(table.id));
    POLICIES.delete(tx, table.arn.to_string())?;
    Ok(table)
}

/// Deletes some of what is kept under the number of a table or index that is gone; whether there may be more.
pub fn clear(tx: &mut Tx, id: u64) -> Result<bool, Error> {
    VOLUMES.delete(tx, id)?;
    for range in [ITEMS.prefix_range(id), ENTRIES.prefix_range(id), EXPIRIES.prefix_range(id)] {
        let last = tx.scan(range.clone(), Order::Forward)?.take(CLEARED_PER_STEP).enumerate().last();
        let Some((at, row)) = last else { continue };
        if at + 1 < CLEARED_PER_STEP {
            tx.delete_range(range)?;
            continue;
        }
        let past = row?.0;
        tx.delete_range(KeyRange::new(Bound::Included(range.start()), Bound::Included(&past)))?;
        return Ok(true);
    }
    Ok(false)
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
    put(tx, &table)?;
    Ok(table)
}

/// The number of an index that has none yet.
pub const NEW_INDEX: u64 = 0;
