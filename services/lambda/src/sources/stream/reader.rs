//! Reading streams as a function's role: the same steps whatever service keeps the stream; what differs between them is in
//! a file for each.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

use std::borrow::Cow;
use std::time::Duration;

use base::{Arn, Region, Timestamp};
use serde_json::{Map, Value};
use service::{Caller, Cx, Permission};

use super::{dynamodb, kinesis};
use crate::error::Error;

/// A stream, and as whom it is read.
pub struct Reader {
    pub role: Cx,
    /// What the mapping names: a stream, or a consumer of one.
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
    pub(super) async fn call<O: serde::de::DeserializeOwned>(
        &self,
        operation: &str,
        input: Value,
    ) -> Result<O, service::Error> {
        let role = self.role.renew();
        let api = if self.is_kinesis() { "kinesis" } else { "dynamodbstreams" };
        if self.source == self.stream {
            return role.call(api, operation, input).await;
        }
        role.authorize(&kinesis::permission(self, kinesis::SUBSCRIBE).await?)?;
        self.system().call(api, operation, input).await
    }

    /// Acts as the server itself, where the role's permission was asked for.
    pub(super) fn system(&self) -> Cx {
        let role = self.role.renew();
        role.with_caller(Caller::system(role.account()))
    }

    pub async fn describe(&self) -> Result<Stream, service::Error> {
        if self.is_kinesis() { kinesis::describe(self).await } else { dynamodb::describe(self).await }
    }

    /// Begins after a record that is not kept any more with the oldest that is.
    pub async fn iterator(&self, shard: &str, position: Position<'_>) -> Result<String, service::Error> {
        if self.is_kinesis() {
            kinesis::iterator(self, shard, position).await
        } else {
            dynamodb::iterator(self, shard, position).await
        }
    }

    pub async fn read(&self, shard: &Shard, iterator: &str) -> Result<Page, service::Error> {
        let page = if self.is_kinesis() {
            kinesis::read(self, shard, iterator).await
        } else {
            dynamodb::read(self, shard, iterator).await
        };
        page?.ok_or_else(|| service::Error::internal("a record of a stream lacks what all have"))
    }

    /// The channel that tells of new records.
    pub fn channel(&self, shard: &Shard) -> Vec<u8> {
        match self.is_kinesis() {
            true => service::streams::channel(&service::streams::shard(&self.stream, &shard.id)),
            false => service::streams::channel(&self.stream),
        }
    }

    /// What reading needs permission for.
    async fn permissions(&self) -> Result<Vec<Permission>, service::Error> {
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
    pub async fn check(&self) -> Result<Stream, Error> {
        for permission in self.permissions().await.map_err(|error| self.missing(error))? {
            self.role.authorize(&permission).map_err(|_| {
                let place = if self.is_kinesis() { "IAM" } else { "DynamoDB" };
                Error::invalid(format!(
                    "Cannot access stream {}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in {place}.",
                    self.source
                ))
            })?;
        }
        self.describe().await.map_err(|error| self.missing(error))
    }

    fn missing(&self, error: service::Error) -> Error {
        let what = if self.source == self.stream { "Stream" } else { "Stream consumer" };
        match &*error.code {
            "ResourceNotFoundException" => Error::invalid(format!("{what} not found: {}", self.source)),
            _ => error.into(),
        }
    }
}

/// What filters look at: the record, of Kinesis with its data as what they stand for.
pub fn for_filter(event: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    match event.get("kinesis").and_then(Value::as_object) {
        Some(record) => Cow::Owned(kinesis::for_filter(record)),
        None => Cow::Borrowed(event),
    }
}

/// What the message about a batch that was given up calls where its records are.
pub fn batch_info_member(stream: &Arn) -> &'static str {
    match stream.service.as_str() {
        "dynamodb" => "DDBStreamBatchInfo",
        _ => "KinesisBatchInfo",
    }
}
