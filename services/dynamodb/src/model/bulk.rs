//! Bulk puts: beginning them, what they put and what they refuse, stopping them, and their end.

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};
use serde::Serialize;
use serde_json::json;

use super::item::WriteUnits;
use super::table;
use super::transfer::{self, Kind, Put, Record};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::keys::{BULKS, EXPORT_FILES, REPORTS, TRANSFERS, transfer_channel};
use crate::limits::{BULKS_MAX, WRITE_UNIT_BYTES};
use crate::types::{Bulk, BulkUsed, Ended, ExportFile, Failure, ReadSoFar, Report, Table, Written};
use crate::workers;

/// The kinds of reports.
pub const ERROR: &str = "ERROR";
pub const CONDITION_CHECK_FAILURE: &str = "CONDITION_CHECK_FAILURE";

/// Begins a bulk put, whose number is given here; one that its client's token stands for is given instead.
///
/// # Errors
/// `IdempotentParameterMismatch` where the token stands for another request; `ResourceNotFound` or `ResourceInUse` where the
/// table cannot be written so; `LimitExceeded`.
pub fn begin(tx: &mut Tx, wanted: &Bulk, now: Timestamp) -> Result<Bulk, Error> {
    let (account, token) = (&*wanted.arn.account, &*wanted.asked.token);
    if let Some(earlier) = transfer::begun(tx, account, Kind::Bulk, token, now)? {
        let earlier = find(tx, &earlier)?;
        let same = earlier.asked == wanted.asked && earlier.table == wanted.table;
        return if same { Ok(earlier) } else { Err(Error::IdempotentParameterMismatch(OTHER_REQUEST)) };
    }
    let into = table::same(tx, &wanted.table, wanted.table_id)?.filter(|table| table.is_made());
    let into = into.ok_or_else(|| table::missing(&wanted.table.to_string()))?;
    if into.is_backfilling() {
        return Err(Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: an index of table {} is being created",
            into.name
        )));
    }
    if under_way(tx)? >= BULKS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Too many operations for a given subscriber: {BULKS_MAX} bulk operations are under way. Try again when some are done"
        )));
    }
    let bulk = Bulk { id: table::next_id(tx)?, ..wanted.clone() };
    put(tx, &bulk)?;
    transfer::begin(tx, Kind::Bulk, &bulk.arn, (bulk.id, &bulk.table), token, now)?;
    Ok(bulk)
}

const OTHER_REQUEST: &str = "The provided client token is already in use by another request with different parameters";

fn under_way(read: &impl Read) -> Result<usize, Error> {
    let mut count = 0;
    for arn in TRANSFERS.scan(read, Order::Forward)?.values() {
        count += usize::from(arn?.parse::<Arn>().is_ok_and(|arn| Kind::of(&arn) == Some(Kind::Bulk)));
    }
    Ok(count)
}

/// # Errors
/// `ResourceNotFound`.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Bulk, Error> {
    transfer::find(read, &BULKS, Kind::Bulk, arn)?.ok_or_else(|| missing(arn))
}

fn missing(arn: &Arn) -> Error {
    Error::ResourceNotFound(format!("Requested resource not found: Bulk operation: {arn} not found"))
}

fn put(tx: &mut Tx, bulk: &Bulk) -> Result<(), Error> {
    transfer::put(tx, &BULKS, Kind::Bulk, &bulk.arn, bulk)
}

/// Changes a bulk put that is under way; one that is over stays as it is.
fn change(tx: &mut Tx, arn: &Arn, change: impl FnOnce(&mut Bulk)) -> Result<Bulk, Error> {
    let mut bulk = find(tx, arn)?;
    if bulk.ended.is_none() {
        change(&mut bulk);
        put(tx, &bulk)?;
    }
    Ok(bulk)
}

/// Notes how many bytes the objects have.
///
/// # Errors
/// `ResourceNotFound`.
pub fn note_total(tx: &mut Tx, arn: &Arn, total: u64) -> Result<(), Error> {
    change(tx, arn, |bulk| bulk.total = Some(total)).map(drop)
}

/// Notes a file of reports that has been written, and how far that is.
///
/// # Errors
/// `ResourceNotFound`.
pub fn note_file(tx: &mut Tx, arn: &Arn, file: &ExportFile, written: &Written) -> Result<(), Error> {
    let bulk = change(tx, arn, |bulk| bulk.written = written.clone())?;
    match bulk.ended {
        None => Ok(EXPORT_FILES.put(tx, (bulk.id, written.files), file)?),
        Some(_) => Ok(()),
    }
}

/// Asks for a bulk put to be stopped. What it has put stays.
///
/// # Errors
/// `ResourceNotFound`.
pub fn cancel(tx: &mut Tx, arn: &Arn) -> Result<Bulk, Error> {
    let bulk = change(tx, arn, |bulk| bulk.cancelled = true)?;
    tx.wake(&transfer_channel());
    Ok(bulk)
}

/// What some records came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Write units that their puts took.
    pub units: u64,
    /// Whether no more shall come: they were not put then.
    pub cancelled: bool,
}

/// Puts the items of some records, and notes how far that is. `bytes` are those of the object that they were read from.
///
/// # Errors
/// `ResourceNotFound`, also where it has ended, or its table is gone; when the store refuses.
pub fn store(
    tx: &mut Tx,
    arn: &Arn,
    records: &[Record],
    (read, first): (&ReadSoFar, u64),
    bytes: u64,
    now: Timestamp,
) -> Result<Stored, Error> {
    let mut bulk = find(tx, arn)?;
    if bulk.cancelled || bulk.ended.is_some() {
        return Ok(Stored { units: 0, cancelled: true });
    }
    let into = table::same(tx, &bulk.table, bulk.table_id)?;
    let into = into.ok_or_else(|| table::missing(&bulk.table.to_string()))?;
    let mut units = 0;
    for (at, record) in (first..).zip(records) {
        units += store_record(tx, &mut bulk, &into, record, (read.key.as_deref(), at), now)?;
    }
    bulk.tally.processed += records.len() as u64;
    bulk.tally.bytes += bytes;
    bulk.read = read.clone();
    put(tx, &bulk)?;
    Ok(Stored { units, cancelled: false })
}

/// Where a record is: its object, and its place among that one's records.
type Place<'k> = (Option<&'k str>, u64);

/// Puts one, or keeps why not; the write units that it took.
fn store_record(
    tx: &mut Tx,
    bulk: &mut Bulk,
    into: &Table,
    record: &Record,
    place: Place<'_>,
    now: Timestamp,
) -> Result<u64, Error> {
    let error = match record {
        Err(reason) => Error::Validation(reason.clone()),
        Ok(put) => match transfer::put_item(tx, into, put, now) {
            Ok(units) => return Ok(bulk.used.add(&units)),
            Err(error) => error,
        },
    };
    let item = record.as_ref().ok().map(|put: &Put| &put.item);
    if let Error::ConditionalCheckFailed(existing) = error {
        report(tx, bulk, CONDITION_CHECK_FAILURE, place, &Details { item, existing, message: None })?;
        return Ok(0);
    }
    let message = Some(transfer::refusal(error)?);
    bulk.tally.failed += 1;
    report(tx, bulk, ERROR, place, &Details { item, existing: None, message })?;
    Ok(0)
}

/// What a report tells beside where the record is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details<'i> {
    #[serde(rename = "ErrorMessage", skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'i StoredItem>,
    #[serde(rename = "ExistingItem", skip_serializing_if = "Option::is_none")]
    existing: Option<StoredItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'i> {
    output_type: &'i str,
    #[serde(rename = "S3Bucket")]
    bucket: &'i str,
    #[serde(rename = "S3Key")]
    key: Option<&'i str>,
    item_index: u64,
    #[serde(flatten)]
    details: &'i Details<'i>,
}

/// Keeps a report, where reports of its kind are wanted.
fn report(
    tx: &mut Tx,
    bulk: &mut Bulk,
    kind: &str,
    (key, item_index): Place<'_>,
    details: &Details<'_>,
) -> Result<(), Error> {
    if !bulk.reports(kind) {
        return Ok(());
    }
    let line = Line { output_type: kind, bucket: &bulk.asked.bucket, key, item_index, details };
    let line = serde_json::to_string(&line).map_err(|error| kv::Error::corrupt("an item", error.to_string()))?;
    bulk.reports += 1;
    Ok(REPORTS.put(tx, (bulk.id, bulk.reports), &Report { line })?)
}

impl BulkUsed {
    /// Adds what a put took; its write units, those of all indexes included.
    fn add(&mut self, units: &WriteUnits) -> u64 {
        let bytes = |units: u64| units * WRITE_UNIT_BYTES as u64;
        self.table += bytes(units.table);
        let mut all = units.table;
        for (by_name, used) in [(&mut self.local, &units.local), (&mut self.global, &units.global)] {
            for (name, units) in used {
                *by_name.entry(name.clone()).or_default() += bytes(*units);
                all += units;
            }
        }
        for (name, bytes) in &units.vectors {
            *self.vectors.entry(name.clone()).or_default() += bytes;
        }
        all
    }

    /// Those of the table and of all secondary indexes.
    pub fn bytes(&self) -> u64 {
        self.table + self.local.values().sum::<u64>() + self.global.values().sum::<u64>()
    }
}

/// Ends a bulk put, and lets go of its reports.
///
/// # Errors
/// `ResourceNotFound`.
pub fn end(tx: &mut Tx, arn: &Arn, failure: Option<&Failure>, now: Timestamp) -> Result<(), Error> {
    let bulk = find(tx, arn)?;
    if bulk.ended.is_some() {
        return Ok(());
    }
    let ended = Some(Ended { at: now, failure: failure.cloned(), bytes: bulk.used.bytes() });
    put(tx, &Bulk { ended, ..bulk.clone() })?;
    transfer::over(tx, bulk.id)?;
    workers::clear(tx, now, &bulk.table, bulk.id)
}

/// Forgets a bulk put that is over.
///
/// # Errors
/// When the store refuses.
pub fn forget(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    match find(tx, arn) {
        Ok(bulk) => transfer::forget(tx, &BULKS, Kind::Bulk, arn, &bulk.asked.token),
        Err(Error::ResourceNotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

impl Bulk {
    /// What its manifest tells.
    pub fn summary(&self, status: &str, now: Timestamp) -> serde_json::Value {
        json!({
            "version": "2026-11-30",
            "bulkOperationArn": self.arn,
            "status": status,
            "startTime": self.started.iso8601(),
            "endTime": now.iso8601(),
            "tableArn": self.table,
            "tableId": self.uuid,
            "s3Bucket": self.asked.output.bucket,
            "s3KeyPrefix": self.asked.output.prefix,
            "outputType": self.asked.output.kinds,
            "manifestFilesS3Key": format!("{}/manifest-files.json", self.folder()),
            "processedItemCount": self.tally.processed,
            "failedItemCount": self.tally.failed,
            "reportedItemCount": self.reports,
        })
    }
}
