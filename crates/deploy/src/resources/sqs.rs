//! `AWS::SQS::Queue` and `AWS::SQS::QueuePolicy`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TAGS, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, tags, text};
use crate::state::Deployed;

pub struct Queue;

/// Properties that are attributes of the queue under the same name, with what a queue has where they are not set.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("DelaySeconds", "0"),
    ("MaximumMessageSize", "262144"),
    ("MessageRetentionPeriod", "345600"),
    ("ReceiveMessageWaitTimeSeconds", "0"),
    ("VisibilityTimeout", "30"),
    ("RedrivePolicy", ""),
    ("RedriveAllowPolicy", ""),
    ("ContentBasedDeduplication", "false"),
    ("DeduplicationScope", "queue"),
    ("FifoThroughputLimit", "perQueue"),
    ("KmsMasterKeyId", ""),
    ("KmsDataKeyReusePeriodSeconds", "300"),
    ("SqsManagedSseEnabled", "true"),
];

#[async_trait]
impl Resource for Queue {
    fn kind(&self) -> &'static str {
        "AWS::SQS::Queue"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("QueueName", Shape::Text),
                fixed("FifoQueue", Shape::Boolean),
                property("DelaySeconds", Shape::Integer),
                property("MaximumMessageSize", Shape::Integer),
                property("MessageRetentionPeriod", Shape::Integer),
                property("ReceiveMessageWaitTimeSeconds", Shape::Integer),
                property("VisibilityTimeout", Shape::Integer),
                property("RedrivePolicy", Shape::Document),
                property("RedriveAllowPolicy", Shape::Document),
                property("ContentBasedDeduplication", Shape::Boolean),
                property("DeduplicationScope", Shape::Text),
                property("FifoThroughputLimit", Shape::Text),
                property("KmsMasterKeyId", Shape::Text),
                property("KmsDataKeyReusePeriodSeconds", Shape::Integer),
                property("SqsManagedSseEnabled", Shape::Boolean),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "QueueName", "QueueUrl"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("QueueName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let fifo = wanted.get("FifoQueue") == Some(&Value::Bool(true));
        let suffix = if fifo { ".fifo" } else { "" };
        let name = match wanted.get("QueueName").and_then(Value::as_str) {
            Some(name) => name.to_string(),
            None => format!("{}{suffix}", cx.generated_name(80 - suffix.len())),
        };
        let mut attributes = attributes(wanted);
        if fifo {
            attributes.insert("FifoQueue".into(), json!("true"));
        }
        let made = cx
            .call("sqs", "CreateQueue", json!({"QueueName": name, "Attributes": attributes, "tags": tags::map(wanted)}))
            .await?;
        Ok(made_of(cx, text(&made, "QueueUrl")?, &name))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let url = &old.physical_id;
        let (before, after) = (attributes(&old.properties), attributes(wanted));
        let mut changed: Map<String, Value> =
            after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(owned).collect();
        let defaults = ATTRIBUTES.iter().filter(|(name, _)| before.contains_key(*name) && !after.contains_key(*name));
        changed.extend(defaults.map(|(name, value)| (name.to_string(), json!(value))));
        if !changed.is_empty() {
            cx.call("sqs", "SetQueueAttributes", json!({"QueueUrl": url, "Attributes": changed})).await?;
        }
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        if !set.is_empty() {
            cx.call("sqs", "TagQueue", json!({"QueueUrl": url, "Tags": set})).await?;
        }
        if !gone.is_empty() {
            cx.call("sqs", "UntagQueue", json!({"QueueUrl": url, "TagKeys": gone})).await?;
        }
        Ok(Made { physical_id: url.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("sqs", "DeleteQueue", json!({"QueueUrl": old.physical_id})).await)
    }
}

fn made_of(cx: &Cx<'_>, url: &str, name: &str) -> Made {
    Made::new(url, [("Arn", json!(cx.arn("sqs", name))), ("QueueName", json!(name)), ("QueueUrl", json!(url))])
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// The queue's attributes: texts all, documents as JSON text.
fn attributes(properties: &Properties) -> Map<String, Value> {
    let set = ATTRIBUTES.iter().filter_map(|(name, _)| properties.get(*name).map(|value| (name, value)));
    set.map(|(name, value)| {
        (name.to_string(), value.as_str().map_or_else(|| json!(value.to_string()), |text| json!(text)))
    })
    .collect()
}

pub struct QueuePolicy;

#[async_trait]
impl Resource for QueuePolicy {
    fn kind(&self) -> &'static str {
        "AWS::SQS::QueuePolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[property("PolicyDocument", Shape::Document).required(), property("Queues", TEXTS).required()] }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        set_policy(cx, wanted).await?;
        Ok(Made::new(cx.generated_name(128), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        set_policy(cx, wanted).await?;
        for queue in queues(&old.properties).filter(|queue| queues(wanted).all(|kept| kept != *queue)) {
            clear_policy(cx, queue).await?;
        }
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        for queue in queues(&old.properties) {
            clear_policy(cx, queue).await?;
        }
        Ok(())
    }
}

fn queues(properties: &Properties) -> impl Iterator<Item = &str> {
    properties.get("Queues").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

async fn set_policy(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let policy = wanted.get("PolicyDocument").map(Value::to_string).unwrap_or_default();
    for queue in queues(wanted) {
        cx.call("sqs", "SetQueueAttributes", json!({"QueueUrl": queue, "Attributes": {"Policy": policy}})).await?;
    }
    Ok(())
}

async fn clear_policy(cx: &Cx<'_>, queue: &str) -> Result<()> {
    deleted(cx.call("sqs", "SetQueueAttributes", json!({"QueueUrl": queue, "Attributes": {"Policy": ""}})).await)
}
