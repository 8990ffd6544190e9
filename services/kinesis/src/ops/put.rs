//! PutRecord, PutRecords.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::Blob;

use super::{OfStream, of_stream};
use crate::Kinesis;
use crate::block::Record;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::record::{self, NewRecord, Placed, Router};
use crate::model::{hash, stream};
use crate::sequence::{Sequence, shard_id};
use crate::types::Stream;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutRecordInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub data: Option<Blob>,
    pub partition_key: Option<String>,
    pub explicit_hash_key: Option<String>,
    pub sequence_number_for_ordering: Option<String>,
    pub dry_run: Option<bool>,
}
of_stream!(PutRecordInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordOutput {
    pub shard_id: String,
    pub sequence_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_type: Option<&'static str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutRecordsInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub records: Option<Vec<Entry>>,
    pub dry_run: Option<bool>,
}
of_stream!(PutRecordsInput);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Entry {
    pub data: Option<Blob>,
    pub partition_key: Option<String>,
    pub explicit_hash_key: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordsOutput {
    pub failed_record_count: usize,
    pub records: Vec<EntryOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_type: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EntryOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// The encryption that answers name: none is not named.
fn encryption(stream: &Stream) -> Option<&'static str> {
    stream.key.as_ref().map(|_| "KMS")
}

/// What a record must be, whatever its stream. `at` is what its members are called before their own names.
fn constrain(entry: &Entry, at: &str, spread: bool, kib_max: u32, constraints: &mut Constraints) {
    if !spread {
        constraints.required(&entry.partition_key, format_args!("{at}partitionKey"));
    }
    if let Some(key) = &entry.partition_key {
        constraints.length(key, format_args!("{at}partitionKey"), 1..=limits::PARTITION_KEY_CHARACTERS_MAX);
    }
    constraints.hash_key(entry.explicit_hash_key.as_deref(), format_args!("{at}explicitHashKey"));
    constraints.required(&entry.data, format_args!("{at}data"));
    if let Some(data) = &entry.data {
        let (length, most) = (data.len(), kib_max as usize * 1_024);
        let shown = format_args!("java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]");
        let size = length + entry.partition_key.as_ref().map_or(0, String::len);
        constraints.size(shown, size, format_args!("{at}data"), 0..=most);
    }
}

/// The record, and where it is to go. `turn` decides in streams that take no notice of keys.
fn new_record(entry: Entry, stream: &Stream, turn: u128) -> Result<NewRecord, Error> {
    let hash = match (&entry.explicit_hash_key, &entry.partition_key) {
        _ if stream.spread => turn,
        (Some(key), _) => hash::explicit(key)?,
        (None, key) => hash::of_partition_key(key.as_deref().unwrap_or_default()),
    };
    let data = entry.data.unwrap_or_default().0;
    Ok(NewRecord { hash, record: Record { key: entry.partition_key, data } })
}

pub async fn put_record(kinesis: Arc<Kinesis>, cx: Cx, input: PutRecordInput) -> Result<PutRecordOutput, Error> {
    let named = input.arn(&cx);
    let stream = found(&cx, &named);
    let mut constraints = Constraints::default();
    constraints.sequence_number(input.sequence_number_for_ordering.as_deref(), "sequenceNumberForOrdering");
    let (spread, kib_max) = bounds(stream.as_ref());
    let (ordering, dry_run) = (input.sequence_number_for_ordering.clone(), input.dry_run.unwrap_or_default());
    input.check_stream(&mut constraints);
    let entry =
        Entry { data: input.data, partition_key: input.partition_key, explicit_hash_key: input.explicit_hash_key };
    constrain(&entry, "", spread, kib_max, &mut constraints);
    constraints.check()?;
    let arn = named?;
    let stream = stream.ok_or_else(|| stream::missing(&arn))?;
    if let Some(number) = ordering {
        check_ordering(&cx, &stream, &number)?;
    }
    let new = new_record(entry, &stream, turn(&cx, 0))?;
    if dry_run {
        return Err(Error::DryRun);
    }
    let mut router = Router::default();
    if let Err(shard) = admit(&kinesis, &cx, &stream, &mut router, &new)? {
        return Err(Error::ThroughputExceeded(shard));
    }
    let (stream, placed) = write(&cx, arn, vec![new]).await?;
    let placed = placed.first().ok_or_else(|| stream::missing(&stream.arn))?;
    Ok(PutRecordOutput {
        shard_id: shard_id(placed.shard),
        sequence_number: placed.sequence.to_string(),
        encryption_type: encryption(&stream),
    })
}

pub async fn put_records(kinesis: Arc<Kinesis>, cx: Cx, input: PutRecordsInput) -> Result<PutRecordsOutput, Error> {
    let named = input.arn(&cx);
    let stream = found(&cx, &named);
    let (spread, kib_max) = bounds(stream.as_ref());
    let mut constraints = Constraints::default();
    constraints.required(&input.records, "records");
    if let Some(records) = &input.records {
        if !(1..=limits::BATCH_RECORDS_MAX).contains(&records.len()) {
            let shown = records.len().min(limits::BATCH_RECORDS_MAX + 1);
            let shown = vec!["com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry"; shown].join(", ");
            constraints.size(format_args!("[{shown}]"), records.len(), "records", 1..=limits::BATCH_RECORDS_MAX);
        }
        for (number, entry) in records.iter().enumerate() {
            constrain(entry, &format!("records.{}.member.", number + 1), spread, kib_max, &mut constraints);
        }
    }
    input.check_stream(&mut constraints);
    constraints.check()?;
    let dry_run = input.dry_run.unwrap_or_default();
    let arn = named?;
    let stream = stream.ok_or_else(|| stream::missing(&arn))?;
    let all = input.records.unwrap_or_default().into_iter().enumerate();
    let all = all.map(|(place, entry)| new_record(entry, &stream, turn(&cx, place))).collect::<Result<Vec<_>, _>>()?;
    if all.iter().map(|new| new.record.size()).sum::<usize>() > limits::BATCH_BYTES_MAX {
        return Err(Error::InvalidArgument(format!("Records size exceeds {} MB limit", limits::BATCH_BYTES_MAX >> 20)));
    }
    if dry_run {
        return Err(Error::DryRun);
    }
    let (mut admitted, mut output, mut router) = (Vec::new(), Vec::new(), Router::default());
    for new in all {
        let refused = admit(&kinesis, &cx, &stream, &mut router, &new)?.err();
        output.push(EntryOutput {
            error_code: refused.is_some().then_some("ProvisionedThroughputExceededException"),
            error_message: refused.clone(),
            ..EntryOutput::default()
        });
        if refused.is_none() {
            admitted.push(new);
        }
    }
    let failed_record_count = output.len() - admitted.len();
    let (stream, placed) = write(&cx, arn, admitted).await?;
    let written = output.iter_mut().filter(|entry| entry.error_code.is_none());
    for (entry, placed) in written.zip(placed) {
        entry.shard_id = Some(shard_id(placed.shard));
        entry.sequence_number = Some(placed.sequence.to_string());
    }
    Ok(PutRecordsOutput { failed_record_count, records: output, encryption_type: encryption(&stream) })
}

/// The stream as it is now, where there is one: what records may be depends on it.
fn found(cx: &Cx, named: &Result<Arn, Error>) -> Option<Stream> {
    let arn = named.as_ref().ok()?;
    stream::find(&cx.db().read().ok()?, arn).ok()
}

/// Whether records may go without keys, and how large they may be.
fn bounds(stream: Option<&Stream>) -> (bool, u32) {
    stream.map_or((false, *limits::RECORD_KIB_RANGE.start() as u32), |stream| (stream.spread, stream.record_kib_max))
}

/// A hash key that each record of each request has another of.
fn turn(cx: &Cx, place: usize) -> u128 {
    hash::of_partition_key(&format!("{}/{place}", cx.request_id()))
}

/// # Errors
/// `InvalidArgument` for a number that no record can have yet.
fn check_ordering(cx: &Cx, stream: &Stream, number: &str) -> Result<(), Error> {
    let is_past = |sequence: &Sequence| sequence.at <= cx.now().as_secs();
    Sequence::parse(number).filter(is_past).map(|_| ()).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream {} under account {} is invalid.",
            stream.name, stream.arn.account
        ))
    })
}

/// Whether the record's shard takes it now; else what to say of it.
fn admit(
    kinesis: &Kinesis,
    cx: &Cx,
    stream: &Stream,
    router: &mut Router,
    new: &NewRecord,
) -> Result<Result<(), String>, Error> {
    let Some(throttle) = kinesis.throttle_of(cx, stream) else { return Ok(Ok(())) };
    let shard = router.route(&cx.db().read()?, stream, new.hash)?.index;
    if throttle.write(stream.id, shard, new.record.size(), cx.env().now()) {
        return Ok(Ok(()));
    }
    Ok(Err(format!(
        "Rate exceeded for shard {} in stream {} under account {}.",
        shard_id(shard),
        stream.name,
        stream.arn.account
    )))
}

async fn write(cx: &Cx, arn: Arn, records: Vec<NewRecord>) -> Result<(Stream, Vec<Placed>), Error> {
    let now = cx.now();
    cx.db()
        .write(move |tx| {
            let stream = stream::find(tx, &arn)?;
            let placed = record::put(tx, now, &stream, &records)?;
            Ok((stream, placed))
        })
        .await
}
