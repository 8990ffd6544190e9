//! Every state transition, as plain functions over a transaction.

pub mod account;
pub mod configuration_set;
pub mod event;
pub mod identity;
pub mod message;
pub mod notice;
pub mod statistics;
pub mod suppression;
pub mod template;

use kv::{Order, Read, Stored, Table};

use crate::error::Error;

/// A page of a region's rows in the order of their names, which come with it, and whether there are more. `wanted` says
/// which rows count.
pub fn page<V: Stored>(
    table: &Table<(String, String), V>,
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    items: usize,
    wanted: impl Fn(&V) -> bool,
) -> Result<(Vec<(String, V)>, bool), Error> {
    let rows = match after {
        Some(after) => table.scan_after(read, (region,), (region, after), Order::Forward)?,
        None => table.scan_prefix(read, (region,), Order::Forward)?,
    };
    let mut page = Vec::new();
    for row in rows {
        let ((_, name), value) = row?;
        if !wanted(&value) {
            continue;
        }
        if page.len() == items {
            return Ok((page, true));
        }
        page.push((name, value));
    }
    Ok((page, false))
}

/// How many rows a region has.
fn count<V: Stored>(table: &Table<(String, String), V>, read: &impl Read, region: &str) -> Result<usize, Error> {
    let mut count = 0;
    for key in table.scan_prefix(read, (region,), Order::Forward)?.keys() {
        key?;
        count += 1;
    }
    Ok(count)
}
