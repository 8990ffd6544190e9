//! Reading the streams of Kinesis, and consumers of them.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

use std::time::Duration;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{Caller, CallerKind, Permission};

use super::reader::{Page, Position, Reader, Record, Shard, Stream};

/// What a consumer's records are read by.
pub const SUBSCRIBE: &str = "kinesis:SubscribeToShard";

/// The stream that a consumer is of.
pub fn of_consumer(source: &Arn) -> Option<Arn> {
    let (stream, _) = source.resource.split_once("/consumer/").filter(|_| source.service == "kinesis")?;
    Some(Arn { resource: stream.to_owned(), ..source.clone() })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    shards: Vec<ShardOutput>,
    stream_creation_timestamp: f64,
    retention_period_hours: u32,
    has_more_shards: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ShardOutput {
    shard_id: String,
    parent_shard_id: Option<String>,
    adjacent_parent_shard_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    records: Vec<RecordOutput>,
    next_shard_iterator: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordOutput {
    sequence_number: String,
    approximate_arrival_timestamp: f64,
    /// Base64, as functions get them.
    data: String,
    #[serde(default)]
    partition_key: String,
}

pub async fn describe(reader: &Reader) -> Result<Stream, service::Error> {
    let (mut shards, mut after): (Vec<Shard>, Option<String>) = (Vec::new(), None);
    loop {
        let mut input = json!({"StreamARN": reader.stream});
        if let Some(after) = after {
            input["ExclusiveStartShardId"] = Value::String(after);
        }
        let page: Description = reader.described(input).await?;
        after = page.shards.last().filter(|_| page.has_more_shards).map(|shard| shard.shard_id.clone());
        shards.extend(page.shards.into_iter().map(|shard| Shard {
            id: shard.shard_id,
            parents: shard.parent_shard_id.into_iter().chain(shard.adjacent_parent_shard_id).collect(),
            partition: None,
        }));
        if after.is_none() {
            return Ok(Stream {
                created: Some(Timestamp((page.stream_creation_timestamp * 1000.0).round() as u64)),
                retention: Duration::from_secs(3_600) * page.retention_period_hours,
                shards,
            });
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    policy: String,
}

/// Permission for an action on the stream or consumer, whose own policy has a say too.
///
/// # Errors
/// When it is not there.
pub async fn permission(reader: &Reader, action: &str) -> Result<Permission, service::Error> {
    let Policy { policy } =
        reader.system().call("kinesis", "GetResourcePolicy", json!({"ResourceARN": reader.source})).await?;
    let resource_policy = Some(policy).filter(|policy| policy != "{}");
    Ok(Permission { resource_policy, ..Permission::new(action, &reader.source) })
}

pub async fn iterator(reader: &Reader, shard: &str, position: Position<'_>) -> Result<String, service::Error> {
    let mut input = json!({"StreamARN": reader.stream, "ShardId": shard});
    let kind = match position {
        Position::Oldest => "TRIM_HORIZON",
        Position::Latest => "LATEST",
        Position::At(moment) => {
            // A moment that is yet to come is no place to begin: what comes before it is left out when it is read.
            let moment = moment.min(reader.role.env().now());
            input["Timestamp"] = moment.as_secs_f64().into();
            "AT_TIMESTAMP"
        }
        Position::After(sequence) => {
            input["StartingSequenceNumber"] = sequence.into();
            "AFTER_SEQUENCE_NUMBER"
        }
    };
    input["ShardIteratorType"] = kind.into();
    reader.begun(input).await
}

/// `None` when a record is none.
pub async fn read(reader: &Reader, shard: &Shard, iterator: &str) -> Result<Option<Page>, service::Error> {
    let page: Records = reader.call("GetRecords", json!({"ShardIterator": iterator})).await?;
    let records = page.records.into_iter().map(|output| record(reader, shard, output)).collect::<Option<_>>();
    Ok(records.map(|records| Page { records, next: page.next_shard_iterator }))
}

fn record(reader: &Reader, shard: &Shard, output: RecordOutput) -> Option<Record> {
    let event = json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": output.partition_key,
            "sequenceNumber": output.sequence_number,
            "data": output.data,
            "approximateArrivalTimestamp": output.approximate_arrival_timestamp,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("{}:{}", shard.id, output.sequence_number),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role(reader.role.caller()),
        "awsRegion": reader.stream.region,
        "eventSourceARN": reader.source,
    });
    let Value::Object(event) = event else { return None };
    let at = Timestamp((output.approximate_arrival_timestamp * 1000.0).round() as u64);
    Some(Record { sequence: output.sequence_number, partition: output.partition_key, at, event })
}

fn role(caller: &Caller) -> &Arn {
    match &caller.kind {
        CallerKind::Session { role, .. } => role,
        _ => &caller.arn,
    }
}

/// The `kinesis` member of a record, with its data as JSON, or as text where they are none; without them where they are not
/// even that.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html>
pub fn decoded(record: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = record.clone();
    let data = record.get("data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
    let text = data.and_then(|data| String::from_utf8(data).ok());
    match text {
        Some(text) => {
            let data = serde_json::from_str(&text).unwrap_or(Value::String(text));
            shown.insert("data".into(), data);
        }
        None => {
            shown.remove("data");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_see_what_data_stand_for() {
        let shown = |data: &[u8]| {
            let record = json!({"partitionKey": "k", "data": STANDARD.encode(data)});
            Value::Object(decoded(record.as_object().unwrap()))
        };
        assert_eq!(shown(br#"{"n":1}"#), json!({"partitionKey": "k", "data": {"n": 1}}));
        assert_eq!(shown(b"plain"), json!({"partitionKey": "k", "data": "plain"}));
        assert_eq!(shown(b"\xff"), json!({"partitionKey": "k"}));
    }

    #[test]
    fn a_consumer_is_of_a_stream() {
        let arn = |text: &str| text.parse::<Arn>().unwrap();
        let consumer = arn("arn:aws:kinesis:r:0:stream/s/consumer/c:1");
        assert_eq!(of_consumer(&consumer), Some(arn("arn:aws:kinesis:r:0:stream/s")));
        assert_eq!(of_consumer(&arn("arn:aws:kinesis:r:0:stream/s")), None);
    }
}
