//! Reading streams as a role: the same steps whatever service keeps the stream; what differs between them is in
//! a file for each.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

use std::time::Duration;

use base::{Arn, Region, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use service::{Caller, Cx, Error, Permission};

use super::{dynamodb, kinesis};
use crate::types::{Checkpoint, Latest, StreamSettings};

/// A stream, and as whom it is read.
pub struct Reader {
    pub role: Cx,
    /// What is named as the source: a stream, or a consumer of one.
    pub source: Arn,
    pub stream: Arn,
}

/// A stream as it is now.
pub struct Stream {
    /// When it was made, where another may get its ARN.
    pub created: Option<Timestamp>,
    /// How long it keeps its records.
    pub retention: Duration,
    pub shards: Vec<Shard>,
}

impl Stream {
    /// Whether it has a shard that was read when the stream was made at `created`.
    pub fn has(&self, created: Option<Timestamp>, shard: &str) -> bool {
        self.created == created && self.shards.iter().any(|listed| listed.id == shard)
    }
}

pub struct Shard {
    pub id: String,
    pub parents: Vec<String>,
    /// The attribute of the partition key, where records do not say theirs.
    pub partition: Option<String>,
}

/// Where reading begins in a shard.
#[derive(Clone, Copy)]
pub enum Position<'a> {
    Oldest,
    Latest,
    /// With the first record that arrived then, or later.
    At(Timestamp),
    After(&'a str),
}

pub struct Page {
    pub records: Vec<Record>,
    /// `None` after the last record of a shard that has ended.
    pub next: Option<String>,
}

/// A record as functions see it, with what the reading of a stream goes by.
pub struct Record {
    pub sequence: String,
    /// Records with the same one stay in order.
    pub partition: String,
    pub at: Timestamp,
    pub event: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described<T> {
    stream_description: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    shard_iterator: String,
}

impl Reader {
    pub fn new(role: Cx, source: &Arn) -> Reader {
        let stream = kinesis::of_consumer(source).unwrap_or_else(|| source.clone());
        Reader {
            role: role.cloud().cx(role.caller().clone(), Region::new(stream.region.as_str()), None),
            source: source.clone(),
            stream,
        }
    }

    fn is_kinesis(&self) -> bool {
        self.stream.service == "kinesis"
    }

    /// Calls an operation as the role. A consumer is read by the server itself, where the role may subscribe to it.
    pub(super) async fn call<O: DeserializeOwned>(&self, operation: &str, input: Value) -> Result<O, Error> {
        let role = self.role.renew();
        let api = if self.is_kinesis() { "kinesis" } else { "dynamodbstreams" };
        if self.source == self.stream {
            return role.call(api, operation, input).await;
        }
        role.authorize(&kinesis::permission(self, kinesis::SUBSCRIBE).await?)?;
        self.system().call(api, operation, input).await
    }

    /// A page of a stream's description, as its service words it.
    pub(super) async fn described<T: DeserializeOwned>(&self, input: Value) -> Result<T, Error> {
        Ok(self.call::<Described<T>>("DescribeStream", input).await?.stream_description)
    }

    pub(super) async fn begun(&self, input: Value) -> Result<String, Error> {
        Ok(self.call::<Begun>("GetShardIterator", input).await?.shard_iterator)
    }

    /// Acts as the server itself, where the role's permission was asked for.
    pub(super) fn system(&self) -> Cx {
        let role = self.role.renew();
        role.with_caller(Caller::system(role.account()))
    }

    pub async fn describe(&self) -> Result<Stream, Error> {
        if self.is_kinesis() { kinesis::describe(self).await } else { dynamodb::describe(self).await }
    }

    /// Begins after a record that is not kept any more with the oldest that is.
    pub async fn iterator(&self, shard: &str, position: Position<'_>) -> Result<String, Error> {
        if self.is_kinesis() {
            kinesis::iterator(self, shard, position).await
        } else {
            dynamodb::iterator(self, shard, position).await
        }
    }

    pub async fn read(&self, shard: &Shard, iterator: &str) -> Result<Page, Error> {
        let page = if self.is_kinesis() {
            kinesis::read(self, shard, iterator).await
        } else {
            dynamodb::read(self, shard, iterator).await
        };
        page?.ok_or_else(|| Error::internal("a record of a stream lacks what all have"))
    }

    /// The channel that tells of new records.
    pub fn channel(&self, shard: &Shard) -> Vec<u8> {
        match self.is_kinesis() {
            true => service::streams::channel(&service::streams::shard(&self.stream, &shard.id)),
            false => service::streams::channel(&self.stream),
        }
    }

    /// What reading needs permission for.
    async fn permissions(&self) -> Result<Vec<Permission>, Error> {
        if self.source != self.stream {
            return Ok(vec![kinesis::permission(self, kinesis::SUBSCRIBE).await?]);
        }
        let mut permissions = Vec::new();
        for action in ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"] {
            let action = format!("{}:{action}", self.stream.service);
            permissions.push(match self.is_kinesis() {
                true => kinesis::permission(self, &action).await?,
                false => Permission::new(action, &self.stream),
            });
        }
        Ok(permissions)
    }

    /// # Errors
    /// When the role lacks a permission, or the stream is not there.
    pub async fn check(&self) -> Result<Stream, Unreadable> {
        for permission in self.permissions().await? {
            self.role.authorize(&permission).map_err(|_| Unreadable::Denied)?;
        }
        Ok(self.describe().await?)
    }

    /// Whether it is not the stream itself that is read, but one of its consumers.
    pub fn is_consumer(&self) -> bool {
        self.source != self.stream
    }
}

/// Why a stream cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// The role lacks a permission.
    Denied,
    Missing,
    Failed(Error),
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Unreadable {
        match &*error.code {
            "ResourceNotFoundException" => Unreadable::Missing,
            _ => Unreadable::Failed(error),
        }
    }
}

/// Where reading begins in each shard of a stream, for one who begins now with what comes next.
///
/// # Errors
/// When the role lacks a permission, or the stream is not there.
pub async fn starts(
    reader: &Reader,
    settings: &StreamSettings,
    now: Timestamp,
) -> Result<Vec<(String, Checkpoint)>, Unreadable> {
    let stream = reader.check().await?;
    if settings.start != "LATEST" {
        return Ok(Vec::new());
    }
    let mut starts = Vec::new();
    for shard in stream.shards {
        let iterator = reader.iterator(&shard.id, Position::Latest).await?;
        let latest = Some(Latest { iterator, since: now });
        starts.push((shard.id, Checkpoint { latest, lanes: Vec::new(), stream: stream.created }));
    }
    Ok(starts)
}
