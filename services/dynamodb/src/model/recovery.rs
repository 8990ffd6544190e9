//! Point-in-time recovery: whether a table has it, and how far back.

use std::time::Duration;

use base::Timestamp;
use kv::Tx;

use super::table;
use crate::error::Error;
use crate::limits::{RECOVERY_DAYS_MAX, TRIM_INTERVAL};
use crate::types::{Recovery, Table};
use crate::workers::{self, Kind};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The first moment that can be restored.
pub fn earliest(recovery: &Recovery, now: Timestamp) -> Timestamp {
    recovery.since.max(now - DAY * recovery.days)
}

/// Enables point-in-time recovery, or changes how far back it reaches.
///
/// # Errors
/// `TableNotFound`.
pub fn enable(tx: &mut Tx, region: &str, table: &str, days: Option<u32>, now: Timestamp) -> Result<Table, Error> {
    let table = table::backed_up(tx, region, table)?;
    let recovery = match &table.recovery {
        Some(before) => {
            // What lies before a period may have been forgotten when another begins.
            Recovery { since: earliest(before, now), days: days.unwrap_or(before.days), ..before.clone() }
        }
        None => Recovery { enabled: now, since: now, days: days.unwrap_or(RECOVERY_DAYS_MAX) },
    };
    let is_new = table.recovery.is_none();
    let table = Table { recovery: Some(recovery), ..(*table).clone() };
    table::put(tx, &table)?;
    if is_new {
        workers::schedule(tx, now + TRIM_INTERVAL, &table, Kind::TrimChanges(now), None)?;
    }
    Ok(table)
}

/// Disables point-in-time recovery: no earlier moment can be restored any more.
///
/// # Errors
/// `TableNotFound`.
pub fn disable(tx: &mut Tx, region: &str, table: &str, now: Timestamp) -> Result<Table, Error> {
    let table = Table { recovery: None, ..(*table::backed_up(tx, region, table)?).clone() };
    table::put(tx, &table)?;
    if !table.is_journaled() {
        workers::schedule(tx, now, &table, Kind::ForgetChanges, None)?;
    }
    Ok(table)
}
