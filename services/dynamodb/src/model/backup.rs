//! Backups: making, finding, listing and removing them. They outlive their table.

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use super::{copy, recovery, table};
use crate::error::Error;
use crate::keys::{BACKUPS, TABLES};
use crate::limits::SYSTEM_BACKUP_LIFETIME;
use crate::types::{Backup, BackupKind, Restore, Table};
use crate::workers::{self, Kind};

/// What a backup's identifier has behind the time where it was not asked for.
const SYSTEM_SUFFIX: &str = "00000000";

/// A backup's identifier: the time of its making, so that a table's backups are in that order, and something that tells
/// those of one moment apart.
pub fn id(created: Timestamp, suffix: &str) -> String {
    format!("{:014}-{suffix}", created.as_millis())
}

fn arn(table: &Arn, id: &str) -> Arn {
    Arn { resource: format!("{}/backup/{id}", table.resource), ..table.clone() }
}

/// The table's name and the identifier in a backup's ARN.
pub fn place(arn: &Arn) -> Option<(&str, &str)> {
    arn.resource.strip_prefix("table/")?.split_once("/backup/")
}

/// Begins a backup of a table as it is now.
///
/// # Errors
/// `TableNotFound`.
pub fn create(tx: &mut Tx, region: &str, table: &str, name: &str, id: &str, now: Timestamp) -> Result<Backup, Error> {
    let source = table::backed_up(tx, region, table)?;
    let backup = Backup {
        arn: arn(&source.arn, id),
        name: name.into(),
        id: table::next_id(tx)?,
        created: now,
        kind: BackupKind::User,
        available: false,
        volume: table::volume(tx, source.id)?,
        source: (*source).clone(),
    };
    put(tx, &backup)?;
    copy::of_table(tx, &source, None, now, backup.id, &backup.arn)?;
    Ok(backup)
}

/// Makes a backup of a table that has just been deleted, and whose items it keeps where they are.
pub fn keep_deleted(tx: &mut Tx, table: &Table, now: Timestamp) -> Result<(), Error> {
    let expires = now + SYSTEM_BACKUP_LIFETIME;
    let backup = Backup {
        arn: arn(&table.arn, &id(now, SYSTEM_SUFFIX)),
        name: format!("{}$DeletedTableBackup", table.name),
        id: table.id,
        created: now,
        kind: BackupKind::System(expires),
        available: true,
        volume: table::volume(tx, table.id)?,
        source: table.clone(),
    };
    put(tx, &backup)?;
    workers::start(tx, expires, &table.arn, table.id, Kind::Expire(backup.arn.clone()))
}

fn put(tx: &mut Tx, backup: &Backup) -> Result<(), Error> {
    let Some((table, id)) = place(&backup.arn) else { return Ok(()) };
    Ok(BACKUPS.put(tx, (&*backup.arn.region, table, id), backup)?)
}

/// # Errors
/// `BackupNotFound`.
pub fn find(read: &(impl Read + ?Sized), region: &str, arn: &Arn) -> Result<Backup, Error> {
    let found = match place(arn) {
        Some((table, id)) => BACKUPS.get(read, (region, table, id))?,
        None => None,
    };
    found.ok_or_else(|| Error::BackupNotFound(arn.to_string()))
}

/// Notes that all items of a backup have been copied.
pub fn complete(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let backup = find(tx, &arn.region, arn)?;
    put(tx, &Backup { available: true, ..backup })
}

/// Removes a backup that a client made.
///
/// # Errors
/// `BackupNotFound`; `BackupInUse` while it is made or restored; a validation error where no client made it.
pub fn delete(tx: &mut Tx, region: &str, arn: &Arn, now: Timestamp) -> Result<Backup, Error> {
    let backup = find(tx, region, arn)?;
    if let BackupKind::System(expires) = backup.kind {
        return Err(Error::Validation(format!(
            "User is not allowed to delete the system backup with arn {}. It will automatically expire on {}",
            backup.arn,
            expires.iso8601()
        )));
    }
    if !backup.available {
        return Err(Error::BackupInUse(format!("Backup is being created: {}", backup.arn)));
    }
    if copy::is_source(tx, backup.id)? {
        return Err(Error::BackupInUse(format!("Backup is being used to restore table: {}", backup.arn)));
    }
    remove(tx, &backup, now)?;
    Ok(backup)
}

/// Removes a backup, with all its items.
pub fn remove(tx: &mut Tx, backup: &Backup, now: Timestamp) -> Result<(), Error> {
    forget(tx, &backup.arn)?;
    workers::clear(tx, now, &backup.source.arn, backup.id)
}

/// Removes a backup. What it holds is still to be cleared away.
pub fn forget(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let Some((table, id)) = place(arn) else { return Ok(()) };
    Ok(BACKUPS.delete(tx, (&*arn.region, table, id))?)
}

/// Which backups are listed.
#[derive(Debug, Default)]
pub struct Filter<'f> {
    pub table: Option<&'f str>,
    /// Those that clients made, those of deleted tables.
    pub user: bool,
    pub system: bool,
    /// Made at or after, and made before.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl Filter<'_> {
    fn fits(&self, backup: &Backup) -> bool {
        let kind = match backup.kind {
            BackupKind::User => self.user,
            BackupKind::System(_) => self.system,
        };
        kind && self.from.is_none_or(|from| backup.created >= from) && self.to.is_none_or(|to| backup.created < to)
    }
}

/// A page of a region's backups after the one in the place `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    filter: &Filter<'_>,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<(Vec<Backup>, bool), Error> {
    let range = match filter.table {
        Some(table) => BACKUPS.prefix_range((region, table)),
        None => BACKUPS.prefix_range(region),
    };
    let range = match after {
        Some((table, id)) => range.after(&BACKUPS.key_bytes((region, table, id)), Order::Forward),
        None => range,
    };
    let mut backups = Vec::new();
    for backup in BACKUPS.scan_bytes(read, range, Order::Forward)?.values() {
        let backup = backup?;
        if !filter.fits(&backup) {
            continue;
        }
        if backups.len() == limit {
            return Ok((backups, true));
        }
        backups.push(backup);
    }
    Ok((backups, false))
}

/// Makes a table of what a backup holds, whose numbers are given here. It is to be used once all is there.
///
/// # Errors
/// `BackupInUse` while the backup is made or restored otherwise; as for [`check_free`].
pub fn restore(tx: &mut Tx, backup: &Backup, wanted: &Table, now: Timestamp) -> Result<Table, Error> {
    check_free(tx, wanted)?;
    let backup = find(tx, &backup.arn.region, &backup.arn)?;
    if !backup.available {
        return Err(Error::BackupInUse(format!("Backup is being created: {}", backup.arn)));
    }
    if copy::is_source(tx, backup.id)? {
        return Err(Error::BackupInUse(format!("Backup is being used to restore another table: {}", backup.arn)));
    }
    let table = table::create(tx, wanted)?;
    copy::of_backup(tx, &backup.source.arn, backup.id, now, table.id, &table.arn)?;
    Ok(table)
}

/// Makes a table of another as it was at `asked`, or as it is, whose numbers are given here. It is to be used once all is there.
///
/// # Errors
/// `TableNotFound`; as for [`check_free`] and [`recovery::restorable`].
pub fn restore_moment(
    tx: &mut Tx,
    source: &Table,
    wanted: &Table,
    asked: Option<Timestamp>,
    now: Timestamp,
) -> Result<Table, Error> {
    check_free(tx, wanted)?;
    // It may have been deleted, or its recovery disabled, since the request was looked at.
    let source = table::same(tx, &source.arn, source.id)?.filter(|source| source.recovery.is_some());
    let source = source.ok_or_else(|| Error::TableNotFound(wanted.name.clone()))?;
    // So may changes have been forgotten.
    let at = recovery::restorable(&source, asked, now)?;
    let table = table::create(tx, wanted)?;
    copy::of_table(tx, &source, at, now, table.id, &table.arn)?;
    Ok(table)
}

/// # Errors
/// `TableAlreadyExists`; `TableInUse` where it is being restored.
fn check_free(read: &impl Read, wanted: &Table) -> Result<(), Error> {
    let Some(present) = TABLES.get(read, (&*wanted.arn.region, &*wanted.name))? else { return Ok(()) };
    Err(match &present.restore {
        None => Error::TableAlreadyExists(present.name.clone()),
        Some(Restore { backup: Some(backup), .. }) => {
            Error::TableInUse(format!("Table: {} is already being restored from backup: {backup}", present.name))
        }
        Some(Restore { table, .. }) => {
            Error::TableInUse(format!("Table: {} is already being restored from table: {table}", present.name))
        }
    })
}
