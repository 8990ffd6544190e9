//! Exports: beginning them, what they are of, and their end. What is exported is copied as backups are, under the export's
//! number, and written to the bucket from there.

use base::{Arn, Timestamp};
use kv::{Read, Tx};

use super::transfer::{self, Kind};
use super::{copy, table};
use crate::error::Error;
use crate::keys::{EXPORT_FILES, EXPORTS, transfer_channel};
use crate::types::{Ended, Export, ExportFile, Failure, Written};
use crate::workers;

/// Begins an export, whose number is given here; one that its client's token stands for is given instead.
///
/// # Errors
/// `ExportConflict` where the token stands for another request; `TableNotFound`; that there are too many copies.
pub fn begin(tx: &mut Tx, wanted: &Export, now: Timestamp) -> Result<Export, Error> {
    let (account, token) = (&*wanted.arn.account, &*wanted.asked.token);
    if let Some(earlier) = transfer::begun(tx, account, Kind::Export, token, now)? {
        let earlier = find(tx, &earlier)?;
        let same = earlier.asked == wanted.asked && earlier.source.table == wanted.source.table;
        return if same { Ok(earlier) } else { Err(Error::ExportConflict) };
    }
    // The table may have been deleted, or its recovery disabled, since the request was looked at.
    let source = table::same(tx, &wanted.source.table, wanted.source.id)?.filter(|source| source.recovery.is_some());
    let source = source.ok_or_else(|| Error::TableNotFound(wanted.source.table.to_string()))?;
    let export = Export { id: table::next_id(tx)?, ..wanted.clone() };
    match &export.asked.period {
        Some(period) => copy::of_changes(tx, &source, (period.from, export.at), now, export.id, &export.arn)?,
        None => {
            let at = export.asked.at.map(|_| export.at);
            copy::of_table(tx, &source, at, now, export.id, &export.arn)?;
        }
    }
    transfer::put(tx, &EXPORTS, Kind::Export, &export.arn, &export)?;
    transfer::begin(tx, Kind::Export, &export.arn, (export.id, &export.source.table), token, now)?;
    Ok(export)
}

/// # Errors
/// `ExportNotFound`.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Export, Error> {
    let found = transfer::find(read, &EXPORTS, Kind::Export, arn)?;
    found.ok_or_else(|| Error::ExportNotFound(format!("Export not found: {arn}")))
}

/// Changes an export that is under way; one that is over stays as it is.
///
/// # Errors
/// `ExportNotFound`.
fn change(tx: &mut Tx, arn: &Arn, change: impl FnOnce(&mut Export)) -> Result<Option<Export>, Error> {
    let mut export = find(tx, arn)?;
    if export.ended.is_some() {
        return Ok(None);
    }
    change(&mut export);
    transfer::put(tx, &EXPORTS, Kind::Export, arn, &export)?;
    Ok(Some(export))
}

/// Notes that the bucket takes objects.
///
/// # Errors
/// `ExportNotFound`.
pub fn note_begun(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    change(tx, arn, |export| export.begun = true).map(drop)
}

/// Notes that all of it has been copied, and can be written.
///
/// # Errors
/// `ExportNotFound`.
pub fn note_copied(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    change(tx, arn, |export| export.copied = true)?;
    tx.wake(&transfer_channel());
    Ok(())
}

/// Notes a file that has been written, and how far that is.
///
/// # Errors
/// `ExportNotFound`.
pub fn note_file(tx: &mut Tx, arn: &Arn, file: &ExportFile, written: &Written) -> Result<(), Error> {
    let Some(export) = change(tx, arn, |export| export.written = written.clone())? else { return Ok(()) };
    Ok(EXPORT_FILES.put(tx, (export.id, written.files), file)?)
}

/// Ends an export, and lets go of what was copied for it.
///
/// # Errors
/// `ExportNotFound`.
pub fn end(tx: &mut Tx, arn: &Arn, ended: &Ended, now: Timestamp) -> Result<(), Error> {
    let Some(export) = change(tx, arn, |export| export.ended = Some(ended.clone()))? else { return Ok(()) };
    transfer::over(tx, export.id)?;
    if !export.copied {
        copy::cancel(tx, &export.source.table, export.source.id, export.id, now)?;
    }
    workers::clear(tx, now, &export.source.table, export.id)
}

/// Ends an export that cannot be made.
///
/// # Errors
/// `ExportNotFound`.
pub fn fail(tx: &mut Tx, arn: &Arn, failure: &Failure, now: Timestamp) -> Result<(), Error> {
    end(tx, arn, &Ended { at: now, failure: Some(failure.clone()), bytes: 0 }, now)
}

/// Forgets an export that is over.
///
/// # Errors
/// When the store refuses.
pub fn forget(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    match find(tx, arn) {
        Ok(export) => transfer::forget(tx, &EXPORTS, Kind::Export, arn, &export.asked.token),
        Err(Error::ExportNotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
