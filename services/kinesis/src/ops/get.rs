//! GetShardIterator, GetRecords.

use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::{Blob, DateTime};

use super::describe::{HashKeyRange, hash_key_range};
use super::{OfStream, of_stream, page_size};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::iterator::ShardIterator;
use crate::keys::ShardIndex;
use crate::limits;
use crate::model::record::{self, Found};
use crate::model::{shard, stream};
use crate::sequence::{Sequence, shard_id, shard_index};
use crate::types::{Shard, Stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IteratorInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub shard_id: Option<String>,
    pub shard_iterator_type: Option<String>,
    pub starting_sequence_number: Option<String>,
    pub timestamp: Option<DateTime>,
    pub dry_run: Option<bool>,
}
of_stream!(IteratorInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IteratorOutput {
    pub shard_iterator: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RecordsInput {
    pub shard_iterator: Option<String>,
    pub limit: Option<i64>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub dry_run: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordsOutput {
    pub records: Vec<RecordOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_shard_iterator: Option<String>,
    pub millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub child_shards: Vec<ChildShard>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordOutput {
    pub sequence_number: String,
    pub approximate_arrival_timestamp: DateTime,
    pub data: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_type: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChildShard {
    pub shard_id: String,
    pub parent_shards: Vec<String>,
    pub hash_key_range: HashKeyRange,
}

pub const POSITIONS: [&str; 5] =
    ["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"];

/// Where reading begins in a shard.
pub struct Start<'a> {
    pub kind: &'a str,
    pub sequence: Option<&'a str>,
    pub timestamp: Option<Timestamp>,
}

impl Start<'_> {
    /// The number of the first record to be read; zero is the oldest that there is.
    pub fn number(&self, cx: &Cx, read: &kv::Snap, stream: &Stream, shard: &Shard) -> Result<u64, Error> {
        let by_number = matches!(self.kind, "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER");
        match (self.kind, self.sequence) {
            (kind, Some(_)) if !by_number => Err(mixed(kind, "also a")),
            (kind, None) if by_number => Err(mixed(kind, "no")),
            ("AT_SEQUENCE_NUMBER", Some(number)) => Ok(numbered(stream, shard, number)?),
            (_, Some(number)) => Ok(numbered(stream, shard, number)? + 1),
            ("LATEST", None) => Ok(shard::tail(read, stream, shard.index)?.next),
            ("AT_TIMESTAMP", None) => record::at_or_after(read, stream, shard.index, self.moment(cx)?),
            _ => Ok(0),
        }
    }

    fn moment(&self, cx: &Cx) -> Result<Timestamp, Error> {
        let invalid = |text: String| Err(Error::InvalidArgument(text));
        match self.timestamp {
            None => invalid(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.".into(),
            ),
            Some(moment) if moment > cx.env().now() => invalid(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {}, currentTimestampInMillis: {}",
                moment.as_millis(),
                cx.env().now().as_millis()
            )),
            Some(moment) => Ok(moment),
        }
    }
}

fn mixed(kind: &str, has: &str) -> Error {
    Error::InvalidArgument(format!(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} and {has} StartingSequenceNumber."
    ))
}

/// The number of the record with a sequence number, of which only that is asked that it is of this shard.
fn numbered(stream: &Stream, shard: &Shard, text: &str) -> Result<u64, Error> {
    let invalid = |why: &str| {
        Error::InvalidArgument(format!(
            "StartingSequenceNumber {text} used in GetShardIterator on shard {} in stream {} under account {} is invalid{why}.",
            shard_id(shard.index),
            stream.name,
            stream.arn.account
        ))
    };
    let sequence = Sequence::parse(text).ok_or_else(|| invalid(""))?;
    if sequence.shard != shard.index {
        return Err(Error::InvalidArgument(format!(
            "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
            shard_id(sequence.shard),
            shard_id(shard.index)
        )));
    }
    if sequence.epoch != shard.epoch {
        return Err(invalid(" because it did not come from this stream"));
    }
    Ok(sequence.number)
}

pub async fn iterator(_: Arc<Kinesis>, cx: Cx, input: IteratorInput) -> Result<IteratorOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.shard_id, "shardId");
    constraints.name(input.shard_id.as_deref(), "shardId");
    constraints.required(&input.shard_iterator_type, "shardIteratorType");
    constraints.one_of(input.shard_iterator_type.as_deref(), "shardIteratorType", &POSITIONS);
    constraints.sequence_number(input.starting_sequence_number.as_deref(), "startingSequenceNumber");
    input.check_stream(&mut constraints);
    constraints.check()?;
    let arn = input.arn(&cx)?;
    let id = input.shard_id.as_deref().unwrap_or_default();
    let index = shard_index(id).ok_or_else(|| shard::unknown(stream::name(&arn), &arn.account, id))?;
    let read = cx.db().read()?;
    let (stream, shard) = find(&read, &arn, index)?;
    let start = Start {
        kind: input.shard_iterator_type.as_deref().unwrap_or_default(),
        sequence: input.starting_sequence_number.as_deref(),
        timestamp: input.timestamp.map(|moment| moment.0),
    };
    let next = start.number(&cx, &read, &stream, &shard)?;
    if input.dry_run.unwrap_or_default() {
        return Err(Error::DryRun);
    }
    Ok(IteratorOutput { shard_iterator: iterator_at(&cx, &stream, index, next).to_text() })
}

fn iterator_at(cx: &Cx, stream: &Stream, shard: ShardIndex, next: u64) -> ShardIterator {
    ShardIterator {
        region: stream.arn.region.clone(),
        stream: stream.name.clone(),
        id: stream.id,
        shard,
        next,
        issued: cx.now(),
    }
}

/// A shard of a stream; where there is no such stream, there is no such shard.
pub fn find(read: &kv::Snap, arn: &Arn, index: ShardIndex) -> Result<(Stream, Shard), Error> {
    let stream = match stream::find(read, arn) {
        Err(Error::ResourceNotFound(_)) => return Err(shard::missing(stream::name(arn), &arn.account, index)),
        found => found?,
    };
    let shard = shard::find(read, &stream, index)?;
    Ok((stream, shard))
}

/// The stream that an iterator is of; what is none is refused later, by the operation.
pub fn resource(cx: &Cx, input: &RecordsInput) -> String {
    let iterator = input.shard_iterator.as_deref().and_then(|text| ShardIterator::parse(text).ok());
    match iterator {
        Some(iterator) => arn_of(cx, &iterator).to_string(),
        None => cx.arn("kinesis", "stream/*").to_string(),
    }
}

fn arn_of(cx: &Cx, iterator: &ShardIterator) -> Arn {
    Arn { region: iterator.region.clone(), ..cx.arn("kinesis", format!("stream/{}", iterator.stream)) }
}

pub async fn records(kinesis: Arc<Kinesis>, cx: Cx, input: RecordsInput) -> Result<RecordsOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.limit, "limit", &(1..=limits::PAGE_RECORDS_MAX as i64));
    constraints.required(&input.shard_iterator, "shardIterator");
    if let Some(text) = &input.shard_iterator {
        constraints.length(text, "shardIterator", 1..=512);
    }
    constraints.arn(input.stream_arn.as_deref(), "streamARN");
    constraints.check()?;
    let iterator = ShardIterator::parse(input.shard_iterator.as_deref().unwrap_or_default())?;
    let arn = arn_of(&cx, &iterator);
    if input.stream_arn.is_some_and(|text| text != arn.to_string()) {
        return Err(Error::InvalidArgument("The ShardIterator is not of the stream with this StreamARN.".into()));
    }
    iterator.check_age(cx.now())?;
    let read = cx.db().read()?;
    let (stream, shard) = find(&read, &arn, iterator.shard)?;
    if stream.id != iterator.id {
        return Err(shard::missing(&stream.name, &arn.account, iterator.shard));
    }
    if input.dry_run.unwrap_or_default() {
        return Err(Error::DryRun);
    }
    let throttle = kinesis.throttle_of(&cx, &stream);
    if throttle.is_some_and(|throttle| !throttle.read(stream.id, shard.index, cx.env().now())) {
        return Err(Error::ThroughputExceeded(format!(
            "Rate exceeded for shard {} in stream {} under account {}.",
            shard_id(shard.index),
            stream.name,
            arn.account
        )));
    }
    let bounds = (page_size(input.limit, limits::PAGE_RECORDS_MAX), limits::PAGE_BYTES_MAX);
    let page = record::page(&read, &stream, &shard, iterator.next, bounds, cx.env().now())?;
    if let Some(throttle) = throttle {
        let bytes = page.records.iter().map(|found| found.record.size()).sum();
        throttle.have_read(stream.id, shard.index, bytes, cx.env().now());
    }
    Ok(RecordsOutput {
        next_shard_iterator: (!page.ended).then(|| iterator_at(&cx, &stream, shard.index, page.next).to_text()),
        millis_behind_latest: page.behind.as_millis() as u64,
        child_shards: if page.ended { children(&read, &stream, &shard)? } else { Vec::new() },
        records: page.records.into_iter().map(|found| output(&shard, found)).collect(),
    })
}

/// The shards that a closed one became.
pub fn children(read: &kv::Snap, stream: &Stream, shard: &Shard) -> Result<Vec<ChildShard>, Error> {
    let children = shard::children(read, stream.id, shard.index)?;
    let child = |child: Shard| ChildShard {
        shard_id: shard_id(child.index),
        parent_shards: child.parents.iter().copied().map(shard_id).collect(),
        hash_key_range: hash_key_range(&child),
    };
    Ok(children.into_iter().map(child).collect())
}

pub fn output(shard: &Shard, found: Found) -> RecordOutput {
    RecordOutput {
        sequence_number: Sequence::new(shard.epoch, shard.index, found.number, found.at).to_string(),
        approximate_arrival_timestamp: found.at.into(),
        data: found.record.data.into(),
        partition_key: found.record.key,
        encryption_type: found.encrypted.then_some("KMS"),
    }
}
