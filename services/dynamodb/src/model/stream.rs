//! Streams: a record of every change of an item, written with the change, in the order of the commits, and kept for a day.
//!
//! A stream has one shard. The store's writer puts all changes in one order anyway, so that more shards would only take
//! from readers what they have here: the order between items.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>

use std::ops::Bound;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use super::item::Transition;
use super::table;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::keys::{POLICIES, RECORDS, SPANS, STREAMS};
use crate::limits::{BYTES_PER_STEP, ITEMS_PER_STEP, STREAM_PAGE_BYTES_MAX, STREAM_RETENTION, TRIM_INTERVAL};
use crate::size::item_size;
use crate::types::{Record, RecordKind, Span, Stream, StreamInfo, Table};
use crate::workers::{self, Kind};

/// When an item changes, and whether time to live is the reason.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    pub at: Timestamp,
    pub expired: bool,
}

impl Occasion {
    pub fn request(at: Timestamp) -> Occasion {
        Occasion { at, expired: false }
    }

    pub fn expiry(at: Timestamp) -> Occasion {
        Occasion { at, expired: true }
    }
}

/// Makes the stream that was enabled on a table, and notes its number there.
pub fn open(tx: &mut Tx, table: &mut Table, now: Timestamp) -> Result<(), Error> {
    let id = table::next_id(tx)?;
    let Some(stream) = &mut table.stream else { return Ok(()) };
    stream.id = id;
    let info = StreamInfo {
        id,
        arn: arn(&table.arn, &stream.label),
        table: table.name.clone(),
        label: stream.label.clone(),
        view: stream.view.clone().unwrap_or_default(),
        key: table.key.clone(),
        created: now,
        closed: None,
    };
    put(tx, &info)?;
    SPANS.put(tx, id, &Span::default())?;
    workers::schedule(tx, now + TRIM_INTERVAL, table, Kind::Trim(info.label), None)?;
    table::put(tx, table)
}

/// Ends a table's stream, if it has one: it takes no more records, and can be read for another day.
pub fn close(tx: &mut Tx, table: &Table, now: Timestamp) -> Result<(), Error> {
    let Some(stream) = table.stream.as_ref().filter(|stream| stream.enabled) else { return Ok(()) };
    let key = (&*table.arn.region, &*table.name, &*stream.label);
    let Some(info) = STREAMS.get(tx, key)? else { return Ok(()) };
    service::streams::wake(tx, &info.arn);
    put(tx, &StreamInfo { closed: Some(now), ..info })
}

fn put(tx: &mut Tx, info: &StreamInfo) -> Result<(), Error> {
    Ok(STREAMS.put(tx, (&*info.arn.region, &*info.table, &*info.label), info)?)
}

/// The ARN of a table's stream.
pub fn arn(table: &Arn, label: &str) -> Arn {
    Arn { resource: format!("{}/stream/{label}", table.resource), ..table.clone() }
}

/// Records a change of an item, where its table has a stream.
pub fn append(tx: &mut Tx, transition: &Transition<'_>) -> Result<(), Error> {
    let Transition { table, before, after, occasion, .. } = *transition;
    let Some(stream) = table.stream.as_ref().filter(|stream| stream.enabled) else { return Ok(()) };
    let Some((kind, item)) = kind(before, after) else { return Ok(()) };
    let view = stream.view.as_deref().unwrap_or_default();
    let shows = |views: [&str; 2], item: Option<&StoredItem>| item.filter(|_| views.contains(&view)).cloned();
    let record = Record {
        at: occasion.at,
        kind,
        expired: occasion.expired,
        keys: item.only(|name| table.key.has(name)),
        before: shows(["OLD_IMAGE", "NEW_AND_OLD_IMAGES"], before),
        after: shows(["NEW_IMAGE", "NEW_AND_OLD_IMAGES"], after),
    };
    let id = number(tx, table, stream, occasion.at)?;
    let span = SPANS.get(tx, id)?.unwrap_or_default();
    RECORDS.put(tx, (id, span.next), &record)?;
    SPANS.put(tx, id, &Span { next: span.next + 1, ..span })?;
    service::streams::wake(tx, &arn(&table.arn, &stream.label));
    Ok(())
}

/// What kind of change leads from one state of an item to the other, and a state that has its key.
pub fn kind<'i>(before: Option<&'i StoredItem>, after: Option<&'i StoredItem>) -> Option<(RecordKind, &'i StoredItem)> {
    match (before, after) {
        (None, Some(item)) => Some((RecordKind::Insert, item)),
        (Some(_), Some(item)) => Some((RecordKind::Modify, item)),
        (Some(item), None) => Some((RecordKind::Remove, item)),
        (None, None) => None,
    }
}

/// A stream that was enabled before records were kept gets its number with its first record.
fn number(tx: &mut Tx, table: &Table, stream: &Stream, now: Timestamp) -> Result<u64, Error> {
    if stream.id != 0 {
        return Ok(stream.id);
    }
    // An earlier change of the same transaction may have opened it.
    let mut table = Table::clone(&*table::find(tx, &table.arn.region, &table.name)?);
    if table.stream.as_ref().is_some_and(|stream| stream.id == 0) {
        open(tx, &mut table, now)?;
    }
    Ok(table.stream.map(|stream| stream.id).unwrap_or_default())
}

/// # Errors
/// `ResourceNotFound`.
pub fn find(read: &(impl Read + ?Sized), account: &str, arn: &str) -> Result<StreamInfo, Error> {
    let missing = || Error::ResourceNotFound(format!("Requested resource not found: Stream: {arn} not found"));
    let invalid = || Error::Validation(format!("Invalid StreamArn: {arn}"));
    let parsed: Arn = arn.parse().map_err(|_| invalid())?;
    let place = parsed.resource.strip_prefix("table/").and_then(|rest| rest.split_once("/stream/"));
    let (table, label) = place.ok_or_else(invalid)?;
    if parsed.account != account {
        return Err(missing());
    }
    STREAMS.get(read, (&*parsed.region, table, label))?.ok_or_else(missing)
}

pub fn span(read: &(impl Read + ?Sized), stream: &StreamInfo) -> Result<Span, Error> {
    Ok(SPANS.get(read, stream.id)?.unwrap_or_default())
}

/// A page of a region's streams after the one with the table and label `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    table: Option<&str>,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<(Vec<StreamInfo>, bool), Error> {
    let range = match table {
        Some(table) => STREAMS.prefix_range((region, table)),
        None => STREAMS.prefix_range(region),
    };
    let range = match after {
        Some((table, label)) => range.after(&STREAMS.key_bytes((region, table, label)), Order::Forward),
        None => range,
    };
    let mut streams = Vec::new();
    for stream in STREAMS.scan_bytes(read, range, Order::Forward)?.values() {
        if streams.len() == limit {
            return Ok((streams, true));
        }
        streams.push(stream?);
    }
    Ok((streams, false))
}

/// Records with their numbers, and where the next page begins; `None` after the last record of a stream that has ended.
pub struct Page {
    pub records: Vec<(u64, Record)>,
    pub next: Option<u64>,
}

/// Reads a page of records that begins with number `from`, or with the oldest record where that is zero.
///
/// # Errors
/// `TrimmedData` when that record is not kept any more.
pub fn page(read: &(impl Read + ?Sized), stream: &StreamInfo, from: u64, limit: usize) -> Result<Page, Error> {
    let span = span(read, stream)?;
    if from != 0 && from < span.first {
        return Err(Error::TrimmedData);
    }
    let (mut records, mut bytes) = (Vec::new(), 0);
    let mut next = from.max(span.first);
    let rows = RECORDS.scan_range(read, stream.id, Bound::Included(next), Bound::Unbounded::<u64>, Order::Forward)?;
    for row in rows.take(limit) {
        let ((_, number), record) = row?;
        next = number + 1;
        bytes += size(&record);
        records.push((number, record));
        if bytes >= STREAM_PAGE_BYTES_MAX {
            break;
        }
    }
    let ended = stream.closed.is_some() && next >= span.next;
    Ok(Page { records, next: (!ended).then_some(next) })
}

/// `SizeBytes`: of the keys and the images.
pub fn size(record: &Record) -> usize {
    let parts = [Some(&record.keys), record.before.as_ref(), record.after.as_ref()];
    parts.into_iter().flatten().map(|part| item_size(part.view())).sum()
}

/// What is left after [`trim`].
pub enum Trimmed {
    /// Perhaps more records whose time is over.
    More,
    /// None of them.
    All,
    /// Not even the stream.
    Gone,
}

/// Deletes some of the records that have been kept long enough; a stream that has ended goes with its last one.
pub fn trim(tx: &mut Tx, table: &Arn, label: &str, now: Timestamp) -> Result<Trimmed, Error> {
    let name = table.resource.strip_prefix("table/").unwrap_or_default();
    let key = (&*table.region, name, label);
    let Some(stream) = STREAMS.get(tx, key)? else { return Ok(Trimmed::Gone) };
    let is_over = |since: Timestamp| since + STREAM_RETENTION <= now;
    let (mut last, mut count, mut bytes) = (None, 0, 0);
    for row in RECORDS.scan_prefix(tx, stream.id, Order::Forward)? {
        let ((_, number), record) = row?;
        if !is_over(record.at) || count == ITEMS_PER_STEP || bytes >= BYTES_PER_STEP {
            break;
        }
        (last, count, bytes) = (Some(number), count + 1, bytes + size(&record));
    }
    if let Some(last) = last {
        let span = span(tx, &stream)?;
        tx.delete_range(RECORDS.range(stream.id, Bound::Unbounded::<u64>, Bound::Included(last)))?;
        SPANS.put(tx, stream.id, &Span { first: last + 1, ..span })?;
        return Ok(Trimmed::More);
    }
    if !stream.closed.is_some_and(is_over) {
        return Ok(Trimmed::All);
    }
    STREAMS.delete(tx, key)?;
    SPANS.delete(tx, stream.id)?;
    POLICIES.delete(tx, stream.arn.to_string())?;
    Ok(Trimmed::Gone)
}
