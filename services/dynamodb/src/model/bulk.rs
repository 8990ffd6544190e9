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
use crate::limits::{BULK_STEP_BYTES, BULKS_MAX, REPORT_BYTES_MAX, REPORT_MESSAGE_CHARS_MAX, WRITE_UNIT_BYTES};
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
    /// How many of them are done: the others would be too much for one transaction.
    pub done: usize,
    /// Whether no more shall come: none were put then.
    pub cancelled: bool,
}

/// Puts the items of some records, as many as one transaction can hold, and notes how far that is. `first` is the place of the
/// first among those of its object, and `bytes` are those of the object that they were read from.
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
        return Ok(Stored { cancelled: true, ..Stored::default() });
    }
    let into = table::same(tx, &bulk.table, bulk.table_id)?;
    let into = into.ok_or_else(|| table::missing(&bulk.table.to_string()))?;
    let (mut stored, mut written) = (Stored::default(), 0);
    for (at, record) in (first..).zip(records) {
        let took = store_record(tx, &mut bulk, &into, record, (read.key.as_deref(), at), now)?;
        stored.units += took.units;
        stored.done += 1;
        written += took.bytes;
        if written >= BULK_STEP_BYTES {
            break;
        }
    }
    let all = stored.done == records.len();
    bulk.tally.processed += stored.done as u64;
    bulk.tally.bytes += if all { bytes } else { 0 };
    bulk.read = ReadSoFar { key: read.key.clone(), records: first + stored.done as u64, whole: read.whole && all };
    put(tx, &bulk)?;
    Ok(stored)
}

/// Where a record is: its object, and its place among that one's records.
type Place<'k> = (Option<&'k str>, u64);

/// What one record took: write units, and bytes of the transaction.
struct Took {
    units: u64,
    bytes: usize,
}

/// Puts one, or keeps why not.
fn store_record(
    tx: &mut Tx,
    bulk: &mut Bulk,
    into: &Table,
    record: &Record,
    place: Place<'_>,
    now: Timestamp,
) -> Result<Took, Error> {
    let error = match record {
        Err(reason) => Error::Validation(reason.clone()),
        Ok(put) => match transfer::put_item(tx, into, put, now) {
            Ok(done) => {
                // Beside the indexes, there are the item, what undoes the change, and a stream's two images.
                let copies = into.index_ids().count() + 4;
                return Ok(Took { units: bulk.used.add(&done.units), bytes: done.bytes * copies });
            }
            Err(error) => error,
        },
    };
    let item = record.as_ref().ok().map(|put: &Put| put.item.clone());
    let (kind, details) = match error {
        Error::ConditionalCheckFailed(existing) => (CONDITION_CHECK_FAILURE, Details { item, existing, message: None }),
        error => {
            bulk.tally.failed += 1;
            let message = transfer::refusal(error)?.chars().take(REPORT_MESSAGE_CHARS_MAX).collect();
            (ERROR, Details { item, existing: None, message: Some(message) })
        }
    };
    let bytes = report(tx, bulk, into, kind, place, &details)?;
    Ok(Took { units: 0, bytes })
}

/// What a report tells beside where the record is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    #[serde(rename = "ErrorMessage", skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<StoredItem>,
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
    details: &'i Details,
}

/// Keeps a report, where reports of its kind are wanted; its bytes.
fn report(
    tx: &mut Tx,
    bulk: &mut Bulk,
    into: &Table,
    kind: &str,
    (key, item_index): Place<'_>,
    details: &Details,
) -> Result<usize, Error> {
    if !bulk.reports(kind) {
        return Ok(0);
    }
    let line = |details: &Details| {
        let line = Line { output_type: kind, bucket: &bulk.asked.bucket, key, item_index, details };
        serde_json::to_string(&line).map_err(|error| kv::Error::corrupt("an item", error.to_string()))
    };
    let mut text = line(details)?;
    if text.len() > REPORT_BYTES_MAX {
        let keys = |item: &StoredItem| item.only(|name| into.key.has(name));
        let item = details.item.as_ref().map(keys);
        text = line(&Details { item, existing: None, message: details.message.clone() })?;
    }
    bulk.reports += 1;
    let bytes = text.len();
    REPORTS.put(tx, (bulk.id, bulk.reports), &Report { line: text })?;
    Ok(bytes)
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
            "version": "1",
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
