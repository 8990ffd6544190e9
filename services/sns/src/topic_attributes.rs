//! Topic attributes between their form on the wire (text by name) and the stored one.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html>

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::delivery_policy::{Effective, TopicPolicy};
use crate::error::Error;
use crate::limits;
use crate::model::archive::beginning;
use crate::topic_policy;
use crate::types::{Archive, Counters, Topic, TopicAttributes, Tracing};

/// The protocols that have attributes for the logging of delivery status.
const LOGGED: [&str; 5] = ["HTTP", "Firehose", "Lambda", "Application", "SQS"];

/// Applies what a request states to a new topic's attributes.
pub fn apply(stated: &BTreeMap<String, String>, fifo: bool, now: Timestamp) -> Result<TopicAttributes, Error> {
    let mut attributes = TopicAttributes::default();
    for (name, value) in stated.iter().filter(|(name, _)| *name != "FifoTopic") {
        set(&mut attributes, name, value, fifo, now)?;
    }
    Ok(attributes)
}

/// Sets one attribute.
pub fn set(attributes: &mut TopicAttributes, name: &str, value: &str, fifo: bool, now: Timestamp) -> Result<(), Error> {
    let invalid = |reason: String| Err(Error::parameter(format!("{name}: {reason}")));
    let choice = |first: &str, second: &str| match value {
        _ if value.eq_ignore_ascii_case(first) => Ok(false),
        _ if value.eq_ignore_ascii_case(second) => Ok(true),
        _ => Err(Error::parameter(format!("{name}: Invalid value [{value}]. Must be {first} or {second}."))),
    };
    match name {
        "DisplayName" if value.chars().count() > limits::DISPLAY_NAME_CHARACTERS_MAX => {
            return invalid(format!("must be at most {} characters long", limits::DISPLAY_NAME_CHARACTERS_MAX));
        }
        // It names the sender of mails.
        "DisplayName" if value.chars().any(char::is_control) => {
            return invalid("must not contain control characters".into());
        }
        "DisplayName" => attributes.display_name = value.to_owned(),
        "Policy" => attributes.policy = topic_policy::check(value)?,
        "DeliveryPolicy" => attributes.delivery_policy = TopicPolicy::parse(value)?,
        "KmsMasterKeyId" => attributes.kms_master_key = Some(value.to_owned()).filter(|key| !key.is_empty()),
        "SignatureVersion" => match value {
            "1" | "2" => attributes.signature_version = value.parse().ok(),
            _ => return invalid(format!("Invalid value [{value}]. Must be 1 or 2.")),
        },
        "TracingConfig" => {
            let active = choice("PassThrough", "Active")?;
            attributes.tracing = Some(if active { Tracing::Active } else { Tracing::PassThrough });
        }
        "MaximumMessageSize" => {
            let range = limits::MESSAGE_BYTES_RANGE;
            let Some(bytes) = value.parse().ok().filter(|bytes| range.contains(bytes)) else {
                return invalid(format!("Must be an integer from {} to {}.", range.start(), range.end()));
            };
            attributes.maximum_message_bytes = Some(bytes);
        }
        "ContentBasedDeduplication" if fifo => attributes.content_based_deduplication = choice("false", "true")?,
        "FifoThroughputScope" if fifo => attributes.deduplicate_by_group = Some(choice("Topic", "MessageGroup")?),
        "ArchivePolicy" if fifo => attributes.archive = archive(value, attributes.archive, now)?,
        _ if is_feedback(name) => {
            attributes.feedback.insert(name.to_owned(), value.to_owned());
        }
        _ => return Err(Error::parameter("AttributeName")),
    }
    Ok(())
}

/// Whether it is an attribute for the logging of delivery status.
fn is_feedback(name: &str) -> bool {
    LOGGED.iter().any(|protocol| {
        name.strip_prefix(protocol).is_some_and(|rest| {
            matches!(rest, "SuccessFeedbackRoleArn" | "SuccessFeedbackSampleRate" | "FailureFeedbackRoleArn")
        })
    })
}

fn archive(value: &str, before: Option<Archive>, now: Timestamp) -> Result<Option<Archive>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Wire {
        /// A number, or its text: SDKs and templates send both.
        message_retention_period: serde_json::Value,
    }
    if value.is_empty() || value.trim() == "{}" {
        return Ok(None);
    }
    let invalid = |reason: &str| Error::parameter(format!("ArchivePolicy: {reason}"));
    let wire: Wire = serde_json::from_str(value).map_err(|_| invalid("failed to parse JSON."))?;
    let days = match &wire.message_retention_period {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|days| u32::try_from(days).ok()),
    };
    let days = days.filter(|days| limits::ARCHIVE_DAYS_RANGE.contains(days));
    let days = days.ok_or_else(|| invalid("MessageRetentionPeriod must be from 1 to 365."))?;
    Ok(Some(Archive { days, since: before.map_or(now, |archive| archive.since) }))
}

/// The attributes that can be set, as clients see them. Unset ones are left out.
pub fn settable(topic: &Topic) -> BTreeMap<&str, String> {
    let attributes = &topic.attributes;
    let mut shown =
        BTreeMap::from([("DisplayName", attributes.display_name.clone()), ("Policy", topic_policy::document(topic))]);
    if let Some(policy) = &attributes.delivery_policy {
        shown.insert("DeliveryPolicy", json!(policy).to_string());
    }
    if let Some(key) = &attributes.kms_master_key {
        shown.insert("KmsMasterKeyId", key.clone());
    }
    if let Some(version) = attributes.signature_version {
        shown.insert("SignatureVersion", version.to_string());
    }
    if let Some(tracing) = attributes.tracing {
        shown.insert("TracingConfig", format!("{tracing:?}"));
    }
    if let Some(bytes) = attributes.maximum_message_bytes {
        shown.insert("MaximumMessageSize", bytes.to_string());
    }
    if topic.is_fifo() {
        shown.insert("FifoTopic", "true".into());
        shown.insert("ContentBasedDeduplication", attributes.content_based_deduplication.to_string());
    }
    if let Some(by_group) = attributes.deduplicate_by_group {
        shown.insert("FifoThroughputScope", if by_group { "MessageGroup" } else { "Topic" }.into());
    }
    if let Some(archive) = &attributes.archive {
        shown.insert("ArchivePolicy", json!({"MessageRetentionPeriod": archive.days.to_string()}).to_string());
    }
    shown.extend(attributes.feedback.iter().map(|(name, value)| (name.as_str(), value.clone())));
    shown
}

/// Every attribute, as `GetTopicAttributes` shows it.
pub fn shown(topic: &Topic, counters: Counters, now: Timestamp) -> BTreeMap<&str, String> {
    let mut shown = settable(topic);
    shown.extend([
        ("EffectiveDeliveryPolicy", Effective::of(topic, None).topic_document(topic)),
        ("Owner", topic.arn.account.clone()),
        ("SubscriptionsConfirmed", counters.confirmed.to_string()),
        ("SubscriptionsDeleted", counters.deleted.to_string()),
        ("SubscriptionsPending", counters.pending.to_string()),
        ("TopicArn", topic.arn.to_string()),
    ]);
    if let Some(archive) = &topic.attributes.archive {
        shown.insert("BeginningArchiveTime", beginning(archive, now).iso8601());
    }
    shown
}
