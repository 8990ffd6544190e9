//! Point-in-time recovery: whether a table has it, and how far back.

use std::time::Duration;

use base::Timestamp;
use kv::Tx;

use super::{copy, table, undo};
use crate::error::Error;
use crate::limits::{RECOVERY_DAYS_MAX, TRIM_INTERVAL};
use crate::types::{Recovery, Table};
use crate::workers::{self, Kind};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The first moment that can be restored.
pub fn earliest(recovery: &Recovery, now: Timestamp) -> Timestamp {
    recovery.since.max(now - DAY * recovery.days)
}

/// The moment to restore, where it is not the present one. Clients ask for whole seconds: those of the first and last
/// moment stand for these.
///
/// # Errors
/// `PointInTimeRecoveryUnavailable`; `InvalidRestoreTime`.
pub fn restorable(source: &Table, asked: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let unavailable = || Error::PointInTimeRecoveryUnavailable(source.name.clone());
    let earliest = earliest(source.recovery.as_ref().ok_or_else(unavailable)?, now);
    let Some(at) = asked else { return Ok(None) };
    if at.as_secs() < earliest.as_secs() || at.as_secs() > now.as_secs() {
        return Err(Error::InvalidRestoreTime(format!(
            "RestoreDateTime '{}' must be within EarliestRestorableDateTime '{}' and LatestRestorableDateTime '{}'",
            shown(at),
            shown(earliest),
            shown(now)
        )));
    }
    Ok(Some(at.max(earliest)).filter(|at| *at < now))
}

fn shown(moment: Timestamp) -> String {
    Timestamp::from_secs(moment.as_secs()).iso8601().replace(".000Z", "Z")
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
            let since = earliest(before, now);
            Recovery { enabled: now, since, days: days.unwrap_or(before.days), looked: now }
        }
        None => Recovery { enabled: now, since: now, days: days.unwrap_or(RECOVERY_DAYS_MAX), looked: now },
    };
    let table = Table { recovery: Some(recovery), ..(*table).clone() };
    table::put(tx, &table)?;
    workers::schedule(tx, now + TRIM_INTERVAL, &table, Kind::TrimChanges(now), None)?;
    Ok(table)
}

/// Has the next look come in time where the clock was ahead at the last one, and is set back: it would be put off for as long.
pub fn follow_clock(tx: &mut Tx, table: &Table, now: Timestamp) -> Result<(), Error> {
    if table.recovery.as_ref().is_none_or(|recovery| recovery.looked <= now + TRIM_INTERVAL) {
        return Ok(());
    }
    // An earlier change of the same transaction may have done so.
    let table = table::find(tx, &table.arn.region, &table.name)?;
    let Some(recovery) = table.recovery.clone().filter(|recovery| recovery.looked > now) else { return Ok(()) };
    workers::schedule(tx, now + TRIM_INTERVAL, &table, Kind::TrimChanges(recovery.enabled), None)?;
    table::put(tx, &Table { recovery: Some(Recovery { looked: now, ..recovery }), ..(*table).clone() })
}

/// Looks for changes that lie too far back, and forgets some; when to look next, if this is not a second round of looks: one that
/// was put off by a clock that was ahead, and comes after all.
pub fn look(tx: &mut Tx, table: &Table, recovery: &Recovery, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    if now < recovery.looked + TRIM_INTERVAL / 2 {
        return Ok(None);
    }
    if trim(tx, table, recovery, now)? {
        return Ok(Some(now));
    }
    let table = table::find(tx, &table.arn.region, &table.name)?;
    let recovery = table.recovery.clone().map(|recovery| Recovery { looked: now, ..recovery });
    table::put(tx, &Table { recovery, ..(*table).clone() })?;
    Ok(Some(now + TRIM_INTERVAL))
}

/// Forgets some of the changes that neither recovery nor a copy needs any more; whether there may be more.
///
/// What has been forgotten cannot be restored, also where the clock was ahead then and is set back later.
pub fn trim(tx: &mut Tx, table: &Table, recovery: &Recovery, now: Timestamp) -> Result<bool, Error> {
    let since = earliest(recovery, now);
    if since > recovery.since {
        let recovery = Recovery { since, ..recovery.clone() };
        table::put(tx, &Table { recovery: Some(recovery), ..table.clone() })?;
    }
    undo::trim(tx, table.id, copy::needs(tx, table.id)?.map_or(since, |needed| needed.min(since)))
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
