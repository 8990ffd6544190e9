//! Reading streams as a function's role: the same steps whatever service keeps the stream, and what differs between
//! them in one place each. A further kind of stream is another arm in these functions.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::Cx;

use crate::error::Error;

/// The permissions that reading needs, as `service:Action`.
pub fn actions(stream: &Arn) -> [String; 4] {
    ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"]
        .map(|action| format!("{}:{action}", stream.service))
}

/// A stream, and as whom it is read.
pub struct Reader {
    pub role: Cx,
    pub stream: Arn,
}

pub struct Shard {
    pub id: String,
    pub parent: Option<String>,
    /// The attribute of the partition key, where records do not say theirs.
    pub partition: Option<String>,
}

/// Where reading begins in a shard.
pub enum Position<'a> {
    Oldest,
    Latest,
    After(&'a str),
}

pub struct Page {
    pub records: Vec<Record>,
    /// `None` after the last record of a shard that has ended.
    pub next: Option<String>,
}

/// A record as functions and filters see it, with what the reading of a stream goes by.
pub struct Record {
    pub sequence: String,
    /// Records with the same one stay in order.
    pub partition: String,
    pub at: Timestamp,
    pub event: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    stream_description: Description,
}

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
struct Begun {
    shard_iterator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    records: Vec<Map<String, Value>>,
    next_shard_iterator: Option<String>,
}

impl Reader {
    async fn call<O: serde::de::DeserializeOwned>(&self, operation: &str, input: Value) -> Result<O, service::Error> {
        self.role.renew().call("dynamodbstreams", operation, input).await
    }

    pub async fn shards(&self) -> Result<Vec<Shard>, service::Error> {
        let (mut shards, mut after) = (Vec::new(), None);
        loop {
            let mut input = json!({"StreamArn": self.stream});
            if let Some(after) = after {
                input["ExclusiveStartShardId"] = Value::String(after);
            }
            let Described { stream_description: page } = self.call("DescribeStream", input).await?;
            let hash = page.key_schema.iter().find(|element| element.get("KeyType").is_some_and(|kind| kind == "HASH"));
            let partition = hash.and_then(|element| element.get("AttributeName"));
            shards.extend(page.shards.into_iter().map(|shard| Shard {
                id: shard.shard_id,
                parent: shard.parent_shard_id,
                partition: partition.cloned(),
            }));
            after = page.last_evaluated_shard_id;
            if after.is_none() {
                return Ok(shards);
            }
        }
    }

    /// Begins after a record that is not kept any more with the oldest that is.
    pub async fn iterator(&self, shard: &str, position: Position<'_>) -> Result<String, service::Error> {
        let (kind, sequence) = match position {
            Position::Oldest => ("TRIM_HORIZON", None),
            Position::Latest => ("LATEST", None),
            Position::After(sequence) => ("AFTER_SEQUENCE_NUMBER", Some(sequence)),
        };
        let mut input = json!({"StreamArn": self.stream, "ShardId": shard, "ShardIteratorType": kind});
        if let Some(sequence) = sequence {
            input["SequenceNumber"] = sequence.into();
        }
        let answer = match self.call::<Begun>("GetShardIterator", input.clone()).await {
            Err(error) if sequence.is_some() && error.code == "TrimmedDataAccessException" => {
                let input = json!({"StreamArn": self.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
                self.call::<Begun>("GetShardIterator", input).await
            }
            answer => answer,
        };
        Ok(answer?.shard_iterator)
    }

    pub async fn read(&self, shard: &Shard, iterator: &str) -> Result<Page, service::Error> {
        let page: Records = self.call("GetRecords", json!({"ShardIterator": iterator})).await?;
        let records = page.records.into_iter().map(|record| self.record(shard, record)).collect::<Option<Vec<_>>>();
        let records = records.ok_or_else(|| service::Error::internal("a record of a stream lacks what all have"))?;
        Ok(Page { records, next: page.next_shard_iterator })
    }

    fn record(&self, shard: &Shard, mut event: Map<String, Value>) -> Option<Record> {
        event.insert("eventSourceARN".into(), self.stream.to_string().into());
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
}

/// What the message about a batch that was given up calls where its records are.
pub fn batch_info_member(stream: &Arn) -> &'static str {
    match stream.service.as_str() {
        "dynamodb" => "DDBStreamBatchInfo",
        _ => "KinesisBatchInfo",
    }
}

/// # Errors
/// When the role lacks a permission, or the stream is not there.
pub async fn check(reader: &Reader) -> Result<Vec<Shard>, Error> {
    for action in actions(&reader.stream) {
        reader.role.authorize(&service::Permission::new(action, &reader.stream)).map_err(|_| {
            Error::invalid(format!(
                "Cannot access stream {}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in DynamoDB.",
                reader.stream
            ))
        })?;
    }
    reader.shards().await.map_err(|error| match &*error.code {
        "ResourceNotFoundException" => Error::invalid(format!("Stream not found: {}", reader.stream)),
        _ => error.into(),
    })
}
