//! Imports: beginning them, what they bring in, and their end. The table is there from the beginning, and can be used at the end.

use base::{Arn, Timestamp};
use kv::{Read, Tx};

use super::table;
use super::transfer::{self, Kind, Record};
use crate::error::Error;
use crate::keys::IMPORTS;
use crate::types::{Ended, Failure, Import, ReadSoFar, Table, Tally};
use crate::workers;

/// Begins an import into a table, whose numbers are given here; one that its client's token stands for is given instead.
///
/// # Errors
/// `ImportConflict` where the token stands for another request; `ResourceInUse` where there is such a table.
pub fn begin(tx: &mut Tx, wanted: &Import, into: &Table, now: Timestamp) -> Result<Import, Error> {
    let (account, token) = (&*wanted.arn.account, &*wanted.asked.token);
    if let Some(earlier) = transfer::begun(tx, account, Kind::Import, token, now)? {
        let earlier = find(tx, &earlier)?;
        return if earlier.asked == wanted.asked { Ok(earlier) } else { Err(Error::ImportConflict) };
    }
    let into = table::create(tx, into)?;
    let import = Import { id: into.id, ..wanted.clone() };
    transfer::put(tx, &IMPORTS, Kind::Import, &import.arn, &import)?;
    transfer::begin(tx, Kind::Import, &import.arn, (import.id, &import.table), token, now)?;
    Ok(import)
}

/// # Errors
/// `ImportNotFound`.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Import, Error> {
    let found = transfer::find(read, &IMPORTS, Kind::Import, arn)?;
    found.ok_or_else(|| Error::ImportNotFound(format!("Import not found: {arn}")))
}

/// Brings some records in, and notes how far that is. `bytes` are those that they were read from. Gives why some were not
/// brought in: by their place in `records`.
///
/// # Errors
/// `ImportNotFound`, also where it has ended; when the store refuses.
pub fn store(
    tx: &mut Tx,
    arn: &Arn,
    records: &[Record],
    read: &ReadSoFar,
    bytes: u64,
    now: Timestamp,
) -> Result<Vec<(usize, String)>, Error> {
    let import = find(tx, arn)?;
    let gone = || Error::ImportNotFound(format!("Import not found: {arn}"));
    let into = table::same(tx, &import.table, import.id)?.filter(|_| import.ended.is_none()).ok_or_else(gone)?;
    let mut refused = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let stored = match record {
            Ok(put) => transfer::put_item(tx, &into, put, now).map(drop),
            Err(reason) => Err(Error::Validation(reason.clone())),
        };
        if let Err(error) = stored {
            refused.push((at, transfer::refusal(error)?));
        }
    }
    let errors = refused.len() as u64;
    let tally = Tally {
        processed: import.tally.processed + records.len() as u64,
        imported: import.tally.imported + records.len() as u64 - errors,
        errors: import.tally.errors + errors,
        bytes: import.tally.bytes + bytes,
    };
    let import = Import { read: read.clone(), tally, ..import };
    transfer::put(tx, &IMPORTS, Kind::Import, arn, &import)?;
    Ok(refused)
}

/// Ends an import: its table can be used from now on.
///
/// # Errors
/// `ImportNotFound`.
pub fn end(tx: &mut Tx, arn: &Arn, failure: Option<&Failure>, now: Timestamp) -> Result<(), Error> {
    let import = find(tx, arn)?;
    if import.ended.is_some() {
        return Ok(());
    }
    close(tx, &import, failure, now)?;
    if let Some(into) = table::same(tx, &import.table, import.id)? {
        table::put(tx, &Table { importing: false, ..(*into).clone() })?;
    }
    Ok(())
}

/// Ends an import that cannot go on. Where it has read nothing yet, nothing is left of its table.
///
/// # Errors
/// `ImportNotFound`.
pub fn fail(tx: &mut Tx, arn: &Arn, failure: &Failure, now: Timestamp) -> Result<(), Error> {
    let import = find(tx, arn)?;
    if import.ended.is_some() || import.read.key.is_some() {
        return end(tx, arn, Some(failure), now);
    }
    close(tx, &import, Some(failure), now)?;
    let Some(into) = table::same(tx, &import.table, import.id)? else { return Ok(()) };
    table::remove(tx, &into)?;
    into.index_ids().try_for_each(|id| workers::clear(tx, now, &into.arn, id))?;
    workers::clear(tx, now, &into.arn, into.id)
}

fn close(tx: &mut Tx, import: &Import, failure: Option<&Failure>, now: Timestamp) -> Result<(), Error> {
    let ended = Some(Ended { at: now, failure: failure.cloned(), bytes: import.tally.bytes });
    transfer::put(tx, &IMPORTS, Kind::Import, &import.arn, &Import { ended, ..import.clone() })?;
    transfer::over(tx, import.id)
}

/// Forgets an import that is over.
///
/// # Errors
/// When the store refuses.
pub fn forget(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    match find(tx, arn) {
        Ok(import) => transfer::forget(tx, &IMPORTS, Kind::Import, arn, &import.asked.token),
        Err(Error::ImportNotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
