//! CreateQueue, DeleteQueue, GetQueueUrl, ListQueues, GetQueueAttributes, SetQueueAttributes, PurgeQueue,
//! ListDeadLetterSourceQueues.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, queue_arn, queue_url};
use crate::Sqs;
use crate::attributes;
use crate::error::Error;
use crate::limits;
use crate::model::queue;
use crate::types::{Attributes, Queue};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateQueueInput {
    /// Set where a Query request was sent to a queue's URL.
    pub queue_url: Option<String>,
    pub queue_name: String,
    pub attributes: BTreeMap<String, String>,
    #[serde(rename = "tags", alias = "Tags")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueUrl {
    pub queue_url: String,
}

/// A request that names nothing but a queue.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueueInput {
    pub queue_url: String,
}

pub async fn create(_: Arc<Sqs>, cx: Cx, input: CreateQueueInput) -> Result<QueueUrl, Error> {
    not_of_a_queue("CreateQueue", input.queue_url.as_ref())?;
    let name = &input.queue_name;
    let fifo = attributes::states_fifo(&input.attributes)?;
    validate_name(name, fifo)?;
    let attributes = attributes::apply(&Attributes::default(), &input.attributes, fifo)?;
    if input.tags.len() > limits::QUEUE_TAGS_MAX {
        return Err(Error::InvalidParameterValue(format!("Too many tags added for queue {name}.")));
    }
    let (arn, now) = (cx.arn("sqs", name), cx.now());
    let queue =
        cx.db().write(move |tx| queue::create(tx, now, &arn, &attributes, &input.attributes, &input.tags)).await?;
    Ok(QueueUrl { queue_url: queue_url(&cx, &queue.arn) })
}

/// What is asked of the service is not asked of one of its queues.
fn not_of_a_queue(action: &'static str, url: Option<&String>) -> Result<(), Error> {
    url.map_or(Ok(()), |_| Err(Error::InvalidAction(action)))
}

fn validate_name(name: &str, fifo: bool) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::MissingParameter("QueueName"));
    }
    let (stem, reason) = if fifo {
        let reason = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.";
        (name.strip_suffix(".fifo").unwrap_or_default(), reason)
    } else {
        (name, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if stem.is_empty() || !stem.bytes().all(valid) || name.len() > limits::QUEUE_NAME_CHARACTERS_MAX {
        return Err(Error::InvalidParameterValue(reason.into()));
    }
    Ok(())
}

pub async fn delete(_: Arc<Sqs>, cx: Cx, input: QueueInput) -> Result<Empty, Error> {
    let arn = queue_arn(&cx, &input.queue_url)?;
    cx.db().write(move |tx| queue::delete(tx, &arn)).await?;
    Ok(Empty {})
}

pub async fn purge(_: Arc<Sqs>, cx: Cx, input: QueueInput) -> Result<Empty, Error> {
    let arn = queue_arn(&cx, &input.queue_url)?;
    cx.db().write(move |tx| queue::purge(tx, &arn)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetQueueUrlInput {
    pub queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    pub owner: Option<String>,
}

pub async fn url(_: Arc<Sqs>, cx: Cx, input: GetQueueUrlInput) -> Result<QueueUrl, Error> {
    if input.queue_name.is_empty() {
        return Err(Error::MissingParameter("QueueName"));
    }
    if input.owner.is_some_and(|owner| owner != cx.account().as_str()) {
        return Err(Error::QueueDoesNotExist);
    }
    let queue = queue::find(&cx.db().read()?, &cx.arn("sqs", input.queue_name))?;
    Ok(QueueUrl { queue_url: queue_url(&cx, &queue.arn) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListQueuesInput {
    /// Set where a Query request was sent to a queue's URL.
    pub queue_url: Option<String>,
    pub queue_name_prefix: String,
    pub next_token: Option<String>,
    pub max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListQueuesOutput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Sqs>, cx: Cx, input: ListQueuesInput) -> Result<ListQueuesOutput, Error> {
    not_of_a_queue("ListQueues", input.queue_url.as_ref())?;
    let keep = |queue: &Queue| queue.name.starts_with(&input.queue_name_prefix);
    let (queue_urls, next_token) = page(&cx, input.next_token.as_deref(), input.max_results, keep)?;
    Ok(ListQueuesOutput { queue_urls, next_token })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListSourcesInput {
    pub queue_url: String,
    pub next_token: Option<String>,
    pub max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
pub struct ListSourcesOutput {
    #[serde(rename = "queueUrls")]
    pub queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list_dead_letter_sources(
    _: Arc<Sqs>,
    cx: Cx,
    input: ListSourcesInput,
) -> Result<ListSourcesOutput, Error> {
    let target = queue::find(&cx.db().read()?, &queue_arn(&cx, &input.queue_url)?)?.arn;
    let keep = |queue: &Queue| queue.attributes.redrive.as_ref().is_some_and(|redrive| redrive.target == target);
    let (queue_urls, next_token) = page(&cx, input.next_token.as_deref(), input.max_results, keep)?;
    Ok(ListSourcesOutput { queue_urls, next_token })
}

/// A page of queue URLs and the token of the next one, which is given only to clients that ask for pages.
fn page(
    cx: &Cx,
    token: Option<&str>,
    max_results: Option<i64>,
    keep: impl Fn(&Queue) -> bool,
) -> Result<(Vec<String>, Option<String>), Error> {
    let in_range = |max: &usize| (1..=limits::LIST_RESULTS_MAX).contains(max);
    let limit = match max_results {
        None => limits::LIST_RESULTS_MAX,
        Some(max) => usize::try_from(max)
            .ok()
            .filter(in_range)
            .ok_or_else(|| Error::invalid(max, "MaxResults", "Must be between 1 and 1000, if provided."))?,
    };
    let after = token.map(decode_token).transpose()?;
    let (queues, more) = queue::list(&cx.db().read()?, cx.region().as_str(), after.as_deref(), limit, keep)?;
    let next = queues.last().filter(|_| more && max_results.is_some()).map(|queue| URL_SAFE_NO_PAD.encode(&queue.name));
    Ok((queues.iter().map(|queue| queue_url(cx, &queue.arn)).collect(), next))
}

fn decode_token(token: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::invalid(token, "NextToken", "Invalid NextToken value."))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetAttributesInput {
    pub queue_url: String,
    pub attribute_names: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAttributesOutput {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<&'static str, String>,
}

/// Attributes that a client may ask for by name, set or not.
const ATTRIBUTE_NAMES: [&str; 21] = [
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
];

pub async fn get_attributes(_: Arc<Sqs>, cx: Cx, input: GetAttributesInput) -> Result<GetAttributesOutput, Error> {
    let known = |name: &&String| !ATTRIBUTE_NAMES.contains(&name.as_str()) && *name != "VisibilityTimeout";
    if let Some(unknown) = input.attribute_names.iter().find(known) {
        return Err(Error::InvalidAttributeName(unknown.clone()));
    }
    let read = cx.db().read()?;
    let queue = queue::find(&read, &queue_arn(&cx, &input.queue_url)?)?;
    let counts = queue::counts(&read, queue.id, cx.now())?;
    let mut attributes = attributes::shown(&queue.attributes, queue.is_fifo());
    attributes.extend([
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("CreatedTimestamp", queue.created.as_secs().to_string()),
        ("LastModifiedTimestamp", queue.modified.as_secs().to_string()),
        ("QueueArn", queue.arn.to_string()),
    ]);
    if !input.attribute_names.iter().any(|name| name == "All") {
        attributes.retain(|name, _| input.attribute_names.iter().any(|wanted| wanted == name));
    }
    Ok(GetAttributesOutput { attributes })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetAttributesInput {
    pub queue_url: String,
    pub attributes: BTreeMap<String, String>,
}

pub async fn set_attributes(_: Arc<Sqs>, cx: Cx, input: SetAttributesInput) -> Result<Empty, Error> {
    if input.attributes.is_empty() {
        return Err(Error::MissingParameter("Attribute.Name"));
    }
    let (arn, now) = (queue_arn(&cx, &input.queue_url)?, cx.now());
    let change = move |queue: &Queue| attributes::apply(&queue.attributes, &input.attributes, queue.is_fifo());
    cx.db().write(move |tx| queue::set_attributes(tx, now, &arn, &change)).await?;
    Ok(Empty {})
}
