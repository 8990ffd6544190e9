//! CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::tag::{self, Tag};
use super::{decode_token, encode_token, topic_arn};
use crate::error::Error;
use crate::model::{subscription, topic};
use crate::types::Topic;
use crate::{Sns, limits, topic_attributes};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateTopicInput {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub tags: Vec<Tag>,
    pub data_protection_policy: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TopicArn {
    pub topic_arn: String,
}

/// A request that names nothing but a topic.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TopicInput {
    pub topic_arn: String,
}

pub async fn create(sns: Arc<Sns>, cx: Cx, input: CreateTopicInput) -> Result<TopicArn, Error> {
    let fifo = match input.attributes.get("FifoTopic").map(|value| value.to_ascii_lowercase()).as_deref() {
        Some("true") => true,
        None | Some("false") => false,
        Some(_) => return Err(Error::reason("Attributes", "FifoTopic: Must be true or false.")),
    };
    validate_name(&input.name, fifo)?;
    let attributes = topic_attributes::apply(&input.attributes, fifo, cx.now()).map_err(|error| match error {
        Error::InvalidParameter(reason) => Error::reason("Attributes", reason),
        other => other,
    })?;
    let arn = cx.arn("sns", &input.name);
    let wanted = topic::Wanted {
        arn: arn.clone(),
        attributes,
        stated: input.attributes,
        tags: tag::checked(input.tags)?,
        data_protection_policy: input.data_protection_policy.filter(|policy| !policy.is_empty()),
    };
    // Its messages will be signed.
    sns.prepare_signer(&cx).await?;
    let now = cx.now();
    cx.db().write(move |tx| topic::create(tx, now, &wanted)).await?;
    Ok(TopicArn { topic_arn: arn.to_string() })
}

fn validate_name(name: &str, fifo: bool) -> Result<(), Error> {
    let stem = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match stem {
        Some(stem)
            if !stem.is_empty() && stem.bytes().all(valid) && name.len() <= limits::TOPIC_NAME_CHARACTERS_MAX =>
        {
            Ok(())
        }
        _ => Err(Error::parameter("Topic Name")),
    }
}

pub async fn delete(_: Arc<Sns>, cx: Cx, input: TopicInput) -> Result<(), Error> {
    let arn = topic_arn(&cx, &input.topic_arn)?;
    cx.db().write(move |tx| topic::delete(tx, &arn)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub topics: Vec<TopicArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Sns>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let after = decode_token(input.next_token.as_deref())?;
    let (topics, more) = topic::list(&cx.db().read()?, cx.region().as_str(), after.as_deref())?;
    let next_token = topics.last().filter(|_| more).map(|topic| encode_token(&topic.name));
    let topics = topics.into_iter().map(|topic| TopicArn { topic_arn: topic.arn.to_string() }).collect();
    Ok(ListOutput { topics, next_token })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributesOutput {
    pub attributes: BTreeMap<String, String>,
}

pub async fn get_attributes(_: Arc<Sns>, cx: Cx, input: TopicInput) -> Result<AttributesOutput, Error> {
    let read = cx.db().read()?;
    let topic = topic::find(&read, &topic_arn(&cx, &input.topic_arn)?)?;
    let shown = topic_attributes::shown(&topic, topic::counters(&read, topic.id)?, cx.now());
    let attributes = shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(AttributesOutput { attributes })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetAttributesInput {
    pub topic_arn: String,
    pub attribute_name: String,
    pub attribute_value: String,
}

pub async fn set_attributes(_: Arc<Sns>, cx: Cx, input: SetAttributesInput) -> Result<(), Error> {
    let (arn, now) = (topic_arn(&cx, &input.topic_arn)?, cx.now());
    cx.db()
        .write(move |tx| {
            let before = topic::find(tx, &arn)?;
            let mut attributes = before.attributes.clone();
            topic_attributes::set(
                &mut attributes,
                &input.attribute_name,
                &input.attribute_value,
                before.is_fifo(),
                now,
            )?;
            let after = Topic { attributes, ..before };
            check_large(tx, &after)?;
            topic::put(tx, &after)
        })
        .await
}

/// A topic that takes large messages has few subscriptions, all of which can carry them.
fn check_large(tx: &kv::Tx, topic: &Topic) -> Result<(), Error> {
    if !subscription::takes_large_messages(topic) {
        return Ok(());
    }
    let counters = topic::counters(tx, topic.id)?;
    if counters.confirmed + counters.pending > limits::FIFO_SUBSCRIPTIONS_MAX {
        return Err(Error::TooManySubscriptions);
    }
    let (subscriptions, _) = subscription::list(tx, &topic.arn.region, Some(&topic.name), None)?;
    subscriptions.iter().try_for_each(|one| subscription::check_large(topic, one.protocol))
}
