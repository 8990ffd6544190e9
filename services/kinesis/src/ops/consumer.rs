//! RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers, DeregisterStreamConsumer.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::{Empty, OfStream, from_token, of_stream, own, page_size, permission, tag, token};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{consumer, stream};
use crate::types::{Consumer, Stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RegisterInput {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(skip)]
    stream_name: Option<String>,
    pub consumer_name: Option<String>,
    pub tags: BTreeMap<String, String>,
}
of_stream!(RegisterInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterOutput {
    pub consumer: ConsumerOutput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConsumerOutput {
    pub consumer_name: String,
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: String,
    pub consumer_status: &'static str,
    pub consumer_creation_timestamp: DateTime,
    #[serde(rename = "StreamARN", skip_serializing_if = "Option::is_none")]
    pub stream_arn: Option<String>,
}

fn output(consumer: Consumer, status: &'static str, stream: Option<&Stream>) -> ConsumerOutput {
    ConsumerOutput {
        consumer_name: consumer.name,
        consumer_arn: consumer.arn.to_string(),
        consumer_status: status,
        consumer_creation_timestamp: Timestamp::from_secs(consumer.created.as_secs()).into(),
        stream_arn: stream.map(|stream| stream.arn.to_string()),
    }
}

/// With tags, also for tagging.
pub fn register_permissions(_: &Kinesis, cx: &Cx, input: &RegisterInput) -> Result<Vec<Permission>, ServiceError> {
    let arn = input.resource(cx);
    let mut all = vec![permission(cx, "kinesis:RegisterStreamConsumer", arn.clone())?];
    if !input.tags.is_empty() {
        let name = input.consumer_name.as_deref().unwrap_or_default();
        all.push(Permission::new("kinesis:TagResource", format_args!("{arn}/consumer/{name}:*")));
    }
    Ok(all)
}

pub async fn register(_: Arc<Kinesis>, cx: Cx, input: RegisterInput) -> Result<RegisterOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.stream_arn, "streamARN");
    constraints.arn(input.stream_arn(), "streamARN");
    constraints.required(&input.consumer_name, "consumerName");
    constraints.name(input.consumer_name.as_deref(), "consumerName");
    tag::constrain(&input.tags, &mut constraints);
    constraints.check()?;
    let (arn, now) = (input.arn(&cx)?, cx.now());
    tag::check(&arn, &input.tags)?;
    let name = input.consumer_name.unwrap_or_default();
    let consumer = cx.db().write(move |tx| consumer::register(tx, now, &arn, &name, &input.tags)).await?;
    // AWS says so of every one that is new, and then makes it ACTIVE, which here it is at once.
    Ok(RegisterOutput { consumer: output(consumer, "CREATING", None) })
}

/// A consumer by its ARN, or by its stream's and its name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConsumerInput {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(skip)]
    stream_name: Option<String>,
    pub consumer_name: Option<String>,
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: Option<String>,
}
of_stream!(ConsumerInput);

/// What permission is needed for. By its name, a consumer's ARN is known only when it is there.
pub fn consumer_permissions(
    action: &'static str,
) -> impl Fn(&Kinesis, &Cx, &ConsumerInput) -> Result<Vec<Permission>, ServiceError> {
    move |_, cx, input| {
        let named = || {
            let name = input.consumer_name.as_deref().unwrap_or("*");
            let found = find(cx, input).map(|(_, consumer)| consumer.arn.to_string());
            found.unwrap_or_else(|_| format!("{}/consumer/{name}:*", input.resource(cx)))
        };
        let arn = input.consumer_arn.clone().unwrap_or_else(named);
        Ok(vec![permission(cx, action, arn)?])
    }
}

fn find(cx: &Cx, input: &ConsumerInput) -> Result<(Stream, Consumer), Error> {
    let read = cx.db().read()?;
    let (stream, consumer) = match (&input.consumer_arn, &input.consumer_name) {
        (Some(arn), _) => consumer::find(&read, &own(cx, arn)?)?,
        (None, Some(name)) if input.stream_arn.is_some() => consumer::find_by_name(&read, &input.arn(cx)?, name)?,
        _ => {
            let text = "Either the ConsumerARN, or the StreamARN and the ConsumerName must be given.";
            return Err(Error::InvalidArgument(text.into()));
        }
    };
    let of_other = input.stream_arn.as_ref().is_some_and(|arn| *arn != stream.arn.to_string());
    if of_other || input.consumer_name.as_ref().is_some_and(|name| *name != consumer.name) {
        return Err(Error::InvalidArgument(
            "StreamARN, ConsumerName and ConsumerARN are of different consumers.".into(),
        ));
    }
    Ok((stream, consumer))
}

fn check(input: &ConsumerInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.arn(input.stream_arn(), "streamARN");
    constraints.arn(input.consumer_arn.as_deref(), "consumerARN");
    constraints.name(input.consumer_name.as_deref(), "consumerName");
    constraints.check()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub consumer_description: ConsumerOutput,
}

pub async fn describe(_: Arc<Kinesis>, cx: Cx, input: ConsumerInput) -> Result<DescribeOutput, Error> {
    check(&input)?;
    let (stream, consumer) = find(&cx, &input)?;
    Ok(DescribeOutput { consumer_description: output(consumer, "ACTIVE", Some(&stream)) })
}

pub async fn deregister(kinesis: Arc<Kinesis>, cx: Cx, input: ConsumerInput) -> Result<Empty, Error> {
    check(&input)?;
    let (stream, consumer) = find(&cx, &input)?;
    let arn = consumer.arn.clone();
    cx.db().write(move |tx| consumer::deregister(tx, &stream, &consumer)).await?;
    kinesis.subscriptions.end_all(&arn);
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(skip)]
    stream_name: Option<String>,
    pub next_token: Option<String>,
    pub max_results: Option<i64>,
    pub stream_creation_timestamp: Option<DateTime>,
}
of_stream!(ListInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub consumers: Vec<ConsumerOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What the next page is of.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    after: String,
    issued: u64,
}

pub async fn list(_: Arc<Kinesis>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.stream_arn, "streamARN");
    constraints.arn(input.stream_arn(), "streamARN");
    constraints.range(input.max_results, "maxResults", &limits::PAGE_SIZE_RANGE);
    constraints.check()?;
    if input.next_token.is_some() && input.stream_creation_timestamp.is_some() {
        let text = "NextToken and StreamCreationTimestamp cannot be provided together.";
        return Err(Error::InvalidArgument(text.into()));
    }
    let read = cx.db().read()?;
    let stream = stream::find(&read, &input.arn(&cx)?)?;
    if input.stream_creation_timestamp.is_some_and(|then| then.0.as_secs() != stream.created.as_secs()) {
        return Err(stream::missing(&stream.arn));
    }
    let after = match &input.next_token {
        None => String::new(),
        Some(token) => {
            let Token { after, issued } = from_token(token)?;
            if Timestamp(issued) + limits::TOKEN_LIFETIME < cx.now() {
                return Err(Error::ExpiredToken);
            }
            after
        }
    };
    let limit = page_size(input.max_results, limits::CONSUMERS_LISTED_MAX);
    let (consumers, more) = consumer::list(&read, &stream, &after, limit)?;
    let last = consumers.last().filter(|_| more);
    let next = last.map(|last| token(&Token { after: last.name.clone(), issued: cx.now().as_millis() }));
    Ok(ListOutput {
        next_token: next.transpose()?,
        consumers: consumers.into_iter().map(|consumer| output(consumer, "ACTIVE", None)).collect(),
    })
}
