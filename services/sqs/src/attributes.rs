//! Queue attributes between their form on the wire (text by name) and the stored one.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base::Arn;
use serde::Deserialize;

use crate::error::Error;
use crate::limits;
use crate::types::{Attributes, Redrive, RedriveAllow};

impl Default for Attributes {
    fn default() -> Attributes {
        Attributes {
            delay_seconds: 0,
            maximum_message_bytes: limits::MESSAGE_BYTES_MAX,
            retention_seconds: 345_600,
            wait_seconds: 0,
            visibility_seconds: 30,
            policy: None,
            redrive: None,
            redrive_allow: None,
            kms_master_key: None,
            kms_reuse_seconds: 300,
            sqs_managed_sse: true,
            content_based_deduplication: false,
            deduplicate_by_group: false,
            throughput_by_group: false,
        }
    }
}

/// Applies what a request states to `base`. `FifoQueue` may only repeat what the queue's name says.
pub fn apply(base: &Attributes, stated: &BTreeMap<String, String>, fifo: bool) -> Result<Attributes, Error> {
    let mut attributes = base.clone();
    for (name, value) in stated {
        set(&mut attributes, name, value, fifo)?;
    }
    // A queue has one kind of encryption, and the key stated last decides which.
    if stated.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty()) {
        if stated.contains_key("SqsManagedSseEnabled") && attributes.sqs_managed_sse {
            return Err(Error::attribute("SqsManagedSseEnabled", ONE_ENCRYPTION));
        }
        attributes.sqs_managed_sse = false;
    } else if stated.contains_key("SqsManagedSseEnabled") && attributes.sqs_managed_sse {
        attributes.kms_master_key = None;
    }
    if attributes.throughput_by_group && !attributes.deduplicate_by_group {
        return Err(Error::attribute(
            "FifoThroughputLimit",
            "perMessageGroupId needs DeduplicationScope messageGroup.",
        ));
    }
    Ok(attributes)
}

const ONE_ENCRYPTION: &str =
    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.";

/// Whether a request for a new queue states that it is FIFO: the name then has to say so too, and only then.
pub fn states_fifo(stated: &BTreeMap<String, String>) -> Result<bool, Error> {
    stated.get("FifoQueue").map_or(Ok(false), |value| boolean("FifoQueue", value))
}

fn set(attributes: &mut Attributes, name: &str, value: &str, fifo: bool) -> Result<(), Error> {
    match name {
        "DelaySeconds" => attributes.delay_seconds = number(name, value, limits::DELAY_SECONDS_RANGE)?,
        "MaximumMessageSize" => attributes.maximum_message_bytes = number(name, value, limits::MESSAGE_BYTES_RANGE)?,
        "MessageRetentionPeriod" => {
            attributes.retention_seconds = number(name, value, limits::RETENTION_SECONDS_RANGE)?
        }
        "ReceiveMessageWaitTimeSeconds" => attributes.wait_seconds = number(name, value, limits::WAIT_SECONDS_RANGE)?,
        "VisibilityTimeout" => attributes.visibility_seconds = number(name, value, limits::VISIBILITY_SECONDS_RANGE)?,
        "Policy" => attributes.policy = policy(value)?,
        "RedrivePolicy" => attributes.redrive = redrive(value)?,
        "RedriveAllowPolicy" => attributes.redrive_allow = redrive_allow(value)?,
        "KmsMasterKeyId" => attributes.kms_master_key = Some(value.to_owned()).filter(|key| !key.is_empty()),
        "KmsDataKeyReusePeriodSeconds" => {
            attributes.kms_reuse_seconds = number(name, value, limits::KMS_REUSE_SECONDS_RANGE)?
        }
        "SqsManagedSseEnabled" => attributes.sqs_managed_sse = boolean(name, value)?,
        "FifoQueue" if fifo => {
            if !boolean(name, value)? {
                return Err(Error::attribute(name, "Modifying queue type is not supported."));
            }
        }
        "ContentBasedDeduplication" if fifo => attributes.content_based_deduplication = boolean(name, value)?,
        "DeduplicationScope" if fifo => attributes.deduplicate_by_group = choice(name, value, "queue", "messageGroup")?,
        "FifoThroughputLimit" if fifo => {
            attributes.throughput_by_group = choice(name, value, "perQueue", "perMessageGroupId")?
        }
        "DeduplicationScope" | "FifoThroughputLimit" => return Err(Error::OnlyFifo(name.into())),
        _ => return Err(Error::InvalidAttributeName(name.into())),
    }
    Ok(())
}

fn number(name: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64, Error> {
    let reason = || format!("Must be an integer from {} to {}.", range.start(), range.end());
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| Error::attribute(name, reason()))
}

fn boolean(name: &str, value: &str) -> Result<bool, Error> {
    value.to_ascii_lowercase().parse().map_err(|_| Error::attribute(name, "Must be true or false."))
}

/// Whether the value is the second of two.
fn choice(name: &str, value: &str, first: &str, second: &str) -> Result<bool, Error> {
    match value {
        _ if value == first => Ok(false),
        _ if value == second => Ok(true),
        _ => Err(Error::attribute(name, format!("Must be {first} or {second}."))),
    }
}

fn policy(value: &str) -> Result<Option<String>, Error> {
    if value.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str::<serde_json::Value>(value) {
        Ok(serde_json::Value::Object(_)) => Ok(Some(value.to_owned())),
        _ => Err(Error::attribute("Policy", "Must be a policy document in JSON.")),
    }
}

fn redrive(value: &str) -> Result<Option<Redrive>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        dead_letter_target_arn: Arn,
        /// A number, or its text: SDKs and templates send both.
        max_receive_count: serde_json::Value,
    }
    if value.is_empty() || value == "{}" {
        return Ok(None);
    }
    let invalid = |reason: String| {
        Error::InvalidParameterValue(format!("Value {value} for parameter RedrivePolicy is invalid. Reason: {reason}"))
    };
    let wire: Wire = serde_json::from_str(value)
        .map_err(|error| invalid(format!("Redrive policy is not a valid JSON map: {error}.")))?;
    let count = match &wire.max_receive_count {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let range = limits::MAX_RECEIVE_COUNT_RANGE;
    let max_receive_count = count.filter(|count| range.contains(count)).ok_or_else(|| {
        invalid(format!(
            "Invalid value for maxReceiveCount: {}, valid values are from {} to {} both inclusive.",
            wire.max_receive_count,
            range.start(),
            range.end()
        ))
    })?;
    Ok(Some(Redrive { target: wire.dead_letter_target_arn, max_receive_count }))
}

fn redrive_allow(value: &str) -> Result<Option<RedriveAllow>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        redrive_permission: String,
        #[serde(default)]
        source_queue_arns: Vec<Arn>,
    }
    if value.is_empty() || value == "{}" {
        return Ok(None);
    }
    let invalid = |reason: &str| {
        Error::InvalidParameterValue(format!(
            "Value {value} for parameter RedriveAllowPolicy is invalid. Reason: {reason}"
        ))
    };
    let wire: Wire = serde_json::from_str(value)
        .map_err(|_| invalid("Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."))?;
    match (wire.redrive_permission.as_str(), wire.source_queue_arns.as_slice()) {
        ("allowAll", []) => Ok(Some(RedriveAllow::All)),
        ("denyAll", []) => Ok(Some(RedriveAllow::None)),
        ("byQueue", [_, ..]) if wire.source_queue_arns.len() <= 10 => {
            Ok(Some(RedriveAllow::ByQueue(wire.source_queue_arns)))
        }
        ("byQueue", _) => Err(invalid("byQueue needs from 1 to 10 sourceQueueArns.")),
        ("allowAll" | "denyAll", _) => Err(invalid("sourceQueueArns is only for byQueue.")),
        _ => Err(invalid("redrivePermission must be allowAll, denyAll or byQueue.")),
    }
}

/// The attributes that can be set, as clients see them. Unset ones are left out.
pub fn shown(attributes: &Attributes, fifo: bool) -> BTreeMap<&'static str, String> {
    let mut shown = BTreeMap::from([
        ("DelaySeconds", attributes.delay_seconds.to_string()),
        ("MaximumMessageSize", attributes.maximum_message_bytes.to_string()),
        ("MessageRetentionPeriod", attributes.retention_seconds.to_string()),
        ("ReceiveMessageWaitTimeSeconds", attributes.wait_seconds.to_string()),
        ("VisibilityTimeout", attributes.visibility_seconds.to_string()),
        ("SqsManagedSseEnabled", attributes.sqs_managed_sse.to_string()),
    ]);
    if let Some(policy) = &attributes.policy {
        shown.insert("Policy", policy.clone());
    }
    if let Some(redrive) = &attributes.redrive {
        let document =
            serde_json::json!({"deadLetterTargetArn": redrive.target, "maxReceiveCount": redrive.max_receive_count});
        shown.insert("RedrivePolicy", document.to_string());
    }
    if let Some(allow) = &attributes.redrive_allow {
        let document = match allow {
            RedriveAllow::All => serde_json::json!({"redrivePermission": "allowAll"}),
            RedriveAllow::None => serde_json::json!({"redrivePermission": "denyAll"}),
            RedriveAllow::ByQueue(sources) => {
                serde_json::json!({"redrivePermission": "byQueue", "sourceQueueArns": sources})
            }
        };
        shown.insert("RedriveAllowPolicy", document.to_string());
    }
    if let Some(key) = &attributes.kms_master_key {
        shown.insert("KmsMasterKeyId", key.clone());
        shown.insert("KmsDataKeyReusePeriodSeconds", attributes.kms_reuse_seconds.to_string());
    }
    if fifo {
        shown.insert("FifoQueue", "true".into());
        shown.insert("ContentBasedDeduplication", attributes.content_based_deduplication.to_string());
        shown.insert(
            "DeduplicationScope",
            if attributes.deduplicate_by_group { "messageGroup" } else { "queue" }.into(),
        );
        shown.insert(
            "FifoThroughputLimit",
            if attributes.throughput_by_group { "perMessageGroupId" } else { "perQueue" }.into(),
        );
    }
    shown
}
