//! Reading the streams of DynamoDB.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Arn, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::Error;

use super::reader::{Page, Position, Reader, Record, Shard, Stream};

/// How long records are kept.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>
const RETENTION: Duration = Duration::from_secs(24 * 3_600);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    shards: Vec<ShardOutput>,
    last_evaluated_shard_id: Option<String>,
    #[serde(default)]
    key_schema: Vec<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ShardOutput {
    shard_id: String,
    parent_shard_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    records: Vec<Map<String, Value>>,
    next_shard_iterator: Option<String>,
}

pub async fn describe(reader: &Reader) -> Result<Stream, Error> {
    let (mut shards, mut after) = (Vec::new(), None);
    loop {
        let mut input = json!({"StreamArn": reader.stream});
        if let Some(after) = after {
            input["ExclusiveStartShardId"] = Value::String(after);
        }
        let page: Description = reader.described(input).await?;
        let hash = page.key_schema.iter().find(|element| element.get("KeyType").is_some_and(|kind| kind == "HASH"));
        let partition = hash.and_then(|element| element.get("AttributeName"));
        shards.extend(page.shards.into_iter().map(|shard| Shard {
            id: shard.shard_id,
            parents: shard.parent_shard_id.into_iter().collect(),
            partition: partition.cloned(),
        }));
        after = page.last_evaluated_shard_id;
        if after.is_none() {
            // Their ARNs say when they were made.
            return Ok(Stream { created: None, retention: RETENTION, shards });
        }
    }
}

pub async fn iterator(reader: &Reader, shard: &str, position: Position<'_>) -> Result<String, Error> {
    let (kind, sequence) = match position {
        Position::Latest => ("LATEST", None),
        Position::After(sequence) => ("AFTER_SEQUENCE_NUMBER", Some(sequence)),
        // Streams of tables cannot be read from a moment on, and mappings of them are not made to.
        Position::Oldest | Position::At(_) => ("TRIM_HORIZON", None),
    };
    let mut input = json!({"StreamArn": reader.stream, "ShardId": shard, "ShardIteratorType": kind});
    if let Some(sequence) = sequence {
        input["SequenceNumber"] = sequence.into();
    }
    match reader.begun(input.clone()).await {
        Err(error) if sequence.is_some() && error.code == "TrimmedDataAccessException" => {
            let input = json!({"StreamArn": reader.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
            reader.begun(input).await
        }
        answer => answer,
    }
}

/// `None` when a record is none.
pub async fn read(reader: &Reader, shard: &Shard, iterator: &str) -> Result<Option<Page>, Error> {
    let page: Records = reader.call("GetRecords", json!({"ShardIterator": iterator})).await?;
    let records = page.records.into_iter().map(|event| record(&reader.source, shard, event)).collect::<Option<_>>();
    Ok(records.map(|records| Page { records, next: page.next_shard_iterator }))
}

fn record(source: &Arn, shard: &Shard, mut event: Map<String, Value>) -> Option<Record> {
    event.insert("eventSourceARN".into(), source.to_string().into());
    if let Some(identity) = event.get_mut("userIdentity").and_then(Value::as_object_mut) {
        // The API writes these members with capitals, events do not.
        *identity = ["principalId", "type"]
            .into_iter()
            .zip(["PrincipalId", "Type"])
            .filter_map(|(member, written)| Some((member.to_owned(), identity.get(written)?.clone())))
            .collect();
    }
    let change = event.get("dynamodb")?;
    let keys = change.get("Keys")?;
    let partition = shard.partition.as_ref().and_then(|name| keys.get(name)).unwrap_or(keys).to_string();
    let seconds = change.get("ApproximateCreationDateTime")?.as_f64()?;
    Some(Record {
        sequence: change.get("SequenceNumber")?.as_str()?.to_owned(),
        partition,
        at: Timestamp((seconds * 1000.0) as u64),
        event,
    })
}
