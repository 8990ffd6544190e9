//! ListStreams, DescribeStream, GetShardIterator, GetRecords.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html>

use std::sync::Arc;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::describe::key_schema;
use super::permission::resource_arn;
use super::schema::KeySchemaElement;
use crate::DynamoDb;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::limits::{
    ITERATOR_LIFETIME, SHARD_ID_CHARS_MAX, SHARD_ID_CHARS_MIN, STREAM_PAGE_RECORDS_MAX, STREAMS_LISTED_MAX,
};
use crate::model::{stream, table};
use crate::types::{Record, Span, StreamInfo};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListStreamsInput {
    pub table_name: Option<String>,
    pub limit: Option<i64>,
    pub exclusive_start_stream_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListStreamsOutput {
    pub streams: Vec<StreamName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_stream_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamName {
    pub stream_arn: String,
    pub table_name: String,
    pub stream_label: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeStreamInput {
    pub stream_arn: Option<String>,
    pub limit: Option<i64>,
    pub exclusive_start_shard_id: Option<String>,
    pub shard_filter: Option<ShardFilter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ShardFilter {
    pub r#type: Option<String>,
    pub shard_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamOutput {
    pub stream_description: StreamDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamDescription {
    pub stream_arn: String,
    pub stream_label: String,
    pub stream_status: &'static str,
    pub stream_view_type: String,
    pub creation_request_date_time: DateTime,
    pub table_name: String,
    pub key_schema: Vec<KeySchemaElement>,
    pub shards: Vec<Shard>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shard {
    pub shard_id: String,
    pub sequence_number_range: SequenceNumberRange,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SequenceNumberRange {
    pub starting_sequence_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending_sequence_number: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetShardIteratorInput {
    pub stream_arn: Option<String>,
    pub shard_id: Option<String>,
    pub shard_iterator_type: Option<String>,
    pub sequence_number: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetShardIteratorOutput {
    pub shard_iterator: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetRecordsInput {
    pub shard_iterator: Option<String>,
    pub limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRecordsOutput {
    pub records: Vec<RecordOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_shard_iterator: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordOutput {
    #[serde(rename = "eventID")]
    pub event_id: String,
    pub event_name: &'static str,
    pub event_version: &'static str,
    pub event_source: &'static str,
    pub aws_region: String,
    pub dynamodb: StreamRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_identity: Option<Identity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamRecord {
    pub approximate_creation_date_time: DateTime,
    pub keys: StoredItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_image: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_image: Option<StoredItem>,
    pub sequence_number: String,
    pub size_bytes: usize,
    pub stream_view_type: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Identity {
    pub principal_id: &'static str,
    pub r#type: &'static str,
}

/// Who deletes expired items.
const EXPIRY_IDENTITY: Identity = Identity { principal_id: "dynamodb.amazonaws.com", r#type: "Service" };

/// The resource that `ListStreams` needs permission for.
pub fn streams_arn(cx: &Cx, table: Option<&str>) -> String {
    let table = table.map_or("*", table::name);
    cx.arn("dynamodb", format!("table/{table}/stream/*")).to_string()
}

/// A stream given by its ARN; what is none is refused later, by the operation.
pub fn stream_arn(cx: &Cx, arn: Option<&str>) -> String {
    arn.map_or_else(|| streams_arn(cx, None), |arn| resource_arn(cx, Some(arn)))
}

/// The stream that an iterator is of.
pub fn iterator_arn(cx: &Cx, iterator: Option<&str>) -> String {
    stream_arn(cx, iterator.and_then(|iterator| iterator.split('|').next()))
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListStreamsInput) -> Result<ListStreamsOutput, Error> {
    let mut constraints = Constraints::default();
    check_limit(&mut constraints, input.limit, STREAMS_LISTED_MAX);
    if input.table_name.is_some() {
        constraints.table(input.table_name.as_deref());
    }
    constraints.check()?;
    let after = input.exclusive_start_stream_arn.as_deref().map(|text| {
        let place = text.split_once(":table/").and_then(|(_, rest)| rest.split_once("/stream/"));
        place.ok_or_else(|| Error::Validation(format!("Invalid StreamArn: {text}")))
    });
    let (streams, more) = stream::list(
        &cx.db().read()?,
        cx.region().as_str(),
        input.table_name.as_deref().map(table::name),
        after.transpose()?,
        limit(input.limit, STREAMS_LISTED_MAX),
    )?;
    let name = |stream: &StreamInfo| StreamName {
        stream_arn: stream.arn.to_string(),
        table_name: stream.table.clone(),
        stream_label: stream.label.clone(),
    };
    let last = streams.last().filter(|_| more).map(|stream| stream.arn.to_string());
    Ok(ListStreamsOutput { streams: streams.iter().map(name).collect(), last_evaluated_stream_arn: last })
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: DescribeStreamInput) -> Result<DescribeStreamOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&input.stream_arn, "streamArn");
    check_limit(&mut constraints, input.limit, STREAMS_LISTED_MAX);
    let filter = input.shard_filter.as_ref();
    if let Some(filter) = filter {
        constraints.present(&filter.r#type, "shardFilter.type");
        constraints.choice(filter.r#type.as_deref(), "shardFilter.type", &["CHILD_SHARDS"]);
        constraints.present(&filter.shard_id, "shardFilter.shardId");
        check_shard_id(&mut constraints, filter.shard_id.as_deref(), "shardFilter.shardId");
    }
    constraints.check()?;
    let read = cx.db().read()?;
    let stream = stream::find(&read, cx.account().as_str(), &input.stream_arn.unwrap_or_default())?;
    let span = stream::span(&read, &stream)?;
    let ended = stream.closed.is_some();
    let shard = Shard {
        shard_id: shard_id(&stream),
        sequence_number_range: SequenceNumberRange {
            starting_sequence_number: sequence_number(FIRST),
            ending_sequence_number: ended.then(|| sequence_number(span.next.saturating_sub(1).max(FIRST))),
        },
    };
    // There is one shard, and no shard has children.
    let shown = filter.is_none() && input.exclusive_start_shard_id.is_none_or(|after| after < shard.shard_id);
    Ok(DescribeStreamOutput {
        stream_description: StreamDescription {
            stream_arn: stream.arn.to_string(),
            stream_status: if ended { "DISABLED" } else { "ENABLED" },
            creation_request_date_time: stream.created.into(),
            key_schema: key_schema(&stream.key),
            shards: if shown { vec![shard] } else { Vec::new() },
            stream_label: stream.label,
            stream_view_type: stream.view,
            table_name: stream.table,
        },
    })
}

const POSITIONS: [&str; 4] = ["TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"];

pub async fn iterator(_: Arc<DynamoDb>, cx: Cx, input: GetShardIteratorInput) -> Result<GetShardIteratorOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&input.stream_arn, "streamArn");
    constraints.present(&input.shard_id, "shardId");
    constraints.present(&input.shard_iterator_type, "shardIteratorType");
    constraints.choice(input.shard_iterator_type.as_deref(), "shardIteratorType", &POSITIONS);
    constraints.check()?;
    let read = cx.db().read()?;
    let stream = stream::find(&read, cx.account().as_str(), &input.stream_arn.unwrap_or_default())?;
    if input.shard_id.as_deref() != Some(&*shard_id(&stream)) {
        return Err(Error::ResourceNotFound(format!(
            "Requested resource not found: Shard: {} not found in stream {}",
            input.shard_id.unwrap_or_default(),
            stream.arn
        )));
    }
    let span = stream::span(&read, &stream)?;
    let at_number = input.shard_iterator_type.as_deref().is_some_and(|position| position.ends_with("_SEQUENCE_NUMBER"));
    if input.sequence_number.is_some() && !at_number {
        return Err(Error::validation(
            "Invalid SequenceNumber: it can only be given with AT_SEQUENCE_NUMBER and AFTER_SEQUENCE_NUMBER",
        ));
    }
    let number = || numbered(input.sequence_number.as_deref(), span);
    let next = match input.shard_iterator_type.as_deref() {
        Some("LATEST") => span.next,
        Some("AT_SEQUENCE_NUMBER") => number()?,
        Some("AFTER_SEQUENCE_NUMBER") => number()? + 1,
        _ => OLDEST,
    };
    if next != OLDEST && next < span.first {
        return Err(Error::TrimmedData);
    }
    let iterator = ShardIterator { stream: stream.arn.to_string(), next, issued: cx.now() };
    Ok(GetShardIteratorOutput { shard_iterator: iterator.to_text() })
}

fn check_shard_id(constraints: &mut Constraints, id: Option<&str>, at: &str) {
    if let Some(id) = id {
        constraints.length(id, id.chars().count(), at, SHARD_ID_CHARS_MIN, SHARD_ID_CHARS_MAX);
    }
}

/// The number of the record with a sequence number that was given.
fn numbered(text: Option<&str>, span: Span) -> Result<u64, Error> {
    let text = text.ok_or_else(|| {
        Error::validation("Invalid SequenceNumber: it is required for AT_SEQUENCE_NUMBER and AFTER_SEQUENCE_NUMBER")
    })?;
    let invalid = || Error::Validation(format!("Invalid SequenceNumber: {text}"));
    let number = text.parse::<u128>().ok().and_then(|number| number.checked_sub(SEQUENCE_BASE)).ok_or_else(invalid)?;
    u64::try_from(number).ok().filter(|number| (FIRST..span.next.max(FIRST + 1)).contains(number)).ok_or_else(invalid)
}

pub async fn records(_: Arc<DynamoDb>, cx: Cx, input: GetRecordsInput) -> Result<GetRecordsOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&input.shard_iterator, "shardIterator");
    check_limit(&mut constraints, input.limit, STREAM_PAGE_RECORDS_MAX);
    constraints.check()?;
    let iterator = input.shard_iterator.as_deref().and_then(ShardIterator::parse);
    let iterator = iterator.ok_or_else(|| Error::validation("Invalid ShardIterator"))?;
    if iterator.issued + ITERATOR_LIFETIME < cx.now() {
        return Err(Error::ExpiredIterator);
    }
    let read = cx.db().read()?;
    let stream = stream::find(&read, cx.account().as_str(), &iterator.stream)?;
    let page = stream::page(&read, &stream, iterator.next, limit(input.limit, STREAM_PAGE_RECORDS_MAX))?;
    let next = page.next.map(|next| ShardIterator { next, issued: cx.now(), ..iterator }.to_text());
    let records = page.records.into_iter().map(|(number, record)| output(&stream, number, record)).collect();
    Ok(GetRecordsOutput { records, next_shard_iterator: next })
}

fn output(stream: &StreamInfo, number: u64, record: Record) -> RecordOutput {
    RecordOutput {
        event_id: crate::key::hex(&crate::key::digest(&[&stream.id.to_be_bytes(), &number.to_be_bytes()])),
        event_name: record.kind.name(),
        event_version: "1.1",
        event_source: "aws:dynamodb",
        aws_region: stream.arn.region.clone(),
        user_identity: record.expired.then_some(EXPIRY_IDENTITY),
        dynamodb: StreamRecord {
            size_bytes: stream::size(&record),
            approximate_creation_date_time: Timestamp::from_secs(record.at.as_secs()).into(),
            keys: record.keys,
            new_image: record.after,
            old_image: record.before,
            sequence_number: sequence_number(number),
            stream_view_type: stream.view.clone(),
        },
    }
}

/// The number of a stream's first record.
const FIRST: u64 = 1;
/// Where an iterator points that begins with whatever record is the oldest.
const OLDEST: u64 = 0;
/// Sequence numbers have at least 21 digits: records are counted from here.
const SEQUENCE_BASE: u128 = 100_000_000_000_000_000_000;

fn sequence_number(number: u64) -> String {
    (SEQUENCE_BASE + u128::from(number)).to_string()
}

fn shard_id(stream: &StreamInfo) -> String {
    format!("shardId-{:020}-{:08x}", stream.created.as_millis(), stream.id)
}

/// What a `ShardIterator` says: the stream, the number of the next record, and since when.
struct ShardIterator {
    stream: String,
    next: u64,
    issued: Timestamp,
}

impl ShardIterator {
    /// The stream's ARN, the form's version, and both numbers in base64. Who makes one up reads nothing that permission
    /// for the stream does not give.
    fn to_text(&self) -> String {
        let numbers = [self.next.to_be_bytes(), self.issued.0.to_be_bytes()];
        format!("{}|1|{}", self.stream, URL_SAFE_NO_PAD.encode(numbers.as_flattened()))
    }

    fn parse(text: &str) -> Option<ShardIterator> {
        let (stream, rest) = text.split_once("|1|")?;
        stream.parse::<Arn>().ok()?;
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(rest).ok()?.try_into().ok()?;
        let number = u128::from_be_bytes(bytes);
        Some(ShardIterator { stream: stream.to_owned(), next: (number >> 64) as u64, issued: Timestamp(number as u64) })
    }
}

fn check_limit(constraints: &mut Constraints, limit: Option<i64>, most: usize) {
    constraints.at_least(limit, "limit", 1);
    constraints.at_most(limit, "limit", most as i64);
}

fn limit(asked: Option<i64>, most: usize) -> usize {
    asked.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(most)
}
