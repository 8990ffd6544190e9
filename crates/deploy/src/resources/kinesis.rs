//! `AWS::Kinesis::Stream`, `AWS::Kinesis::StreamConsumer` and `AWS::Kinesis::ResourcePolicy`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Property, Shape, TAGS, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, tags, text, text_of};
use crate::state::Deployed;

pub struct Stream;

const MODE: Shape = Shape::Struct(&[("StreamMode", Shape::Text)]);
const ENCRYPTION: Shape = Shape::Struct(&[("EncryptionType", Shape::Text), ("KeyId", Shape::Text)]);
/// What a stream has where it is not set.
const RETENTION_HOURS: i64 = 24;
const RECORD_KIB: i64 = 1_024;

#[async_trait]
impl Resource for Stream {
    fn kind(&self) -> &'static str {
        "AWS::Kinesis::Stream"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property("ShardCount", Shape::Integer),
                property("StreamModeDetails", MODE),
                property("RetentionPeriodHours", Shape::Integer),
                property("StreamEncryption", ENCRYPTION),
                property("DesiredShardLevelMetrics", TEXTS),
                property("MaxRecordSizeInKiB", Shape::Integer),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 128);
        let mut input = json!({
            "StreamName": name, "StreamModeDetails": {"StreamMode": mode(wanted)}, "Tags": tags::map(wanted),
            "MaxRecordSizeInKiB": record_kib(wanted),
        });
        if mode(wanted) == PROVISIONED {
            input["ShardCount"] = json!(shards(wanted));
        }
        cx.call("kinesis", "CreateStream", input).await?;
        let made = made_of(cx, &name);
        let before = Properties::new();
        set_retention(cx, &name, &before, wanted).await?;
        set_encryption(cx, &name, &before, wanted).await?;
        set_metrics(cx, &name, &before, wanted).await?;
        Ok(made)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let (name, before) = (&old.physical_id, &old.properties);
        let arn = cx.arn("kinesis", &format!("stream/{name}"));
        if mode(before) != mode(wanted) {
            let input = json!({"StreamARN": arn, "StreamModeDetails": {"StreamMode": mode(wanted)}});
            cx.call("kinesis", "UpdateStreamMode", input).await?;
        }
        if mode(wanted) == PROVISIONED && (shards(before) != shards(wanted) || mode(before) != mode(wanted)) {
            let input =
                json!({"StreamName": name, "TargetShardCount": shards(wanted), "ScalingType": "UNIFORM_SCALING"});
            cx.call("kinesis", "UpdateShardCount", input).await?;
        }
        if record_kib(before) != record_kib(wanted) {
            let input = json!({"StreamARN": arn, "MaxRecordSizeInKiB": record_kib(wanted)});
            cx.call("kinesis", "UpdateMaxRecordSize", input).await?;
        }
        set_retention(cx, name, before, wanted).await?;
        set_encryption(cx, name, before, wanted).await?;
        set_metrics(cx, name, before, wanted).await?;
        set_tags(cx, &arn, before, wanted).await?;
        Ok(made_of(cx, name))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"StreamName": old.physical_id, "EnforceConsumerDeletion": true});
        deleted(cx.call("kinesis", "DeleteStream", input).await)
    }
}

const PROVISIONED: &str = "PROVISIONED";

fn mode(properties: &Properties) -> &str {
    let mode = properties.get("StreamModeDetails").and_then(|details| details.get("StreamMode"));
    mode.and_then(Value::as_str).unwrap_or(PROVISIONED)
}

fn integer(properties: &Properties, name: &str, unset: i64) -> i64 {
    properties.get(name).and_then(Value::as_i64).unwrap_or(unset)
}

fn shards(properties: &Properties) -> i64 {
    integer(properties, "ShardCount", 1)
}

fn record_kib(properties: &Properties) -> i64 {
    integer(properties, "MaxRecordSizeInKiB", RECORD_KIB)
}

fn made_of(cx: &Cx<'_>, name: &str) -> Made {
    Made::new(name, [("Arn", json!(cx.arn("kinesis", &format!("stream/{name}"))))])
}

async fn set_retention(cx: &Cx<'_>, name: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let hours = |properties| integer(properties, "RetentionPeriodHours", RETENTION_HOURS);
    let operation = match hours(before).cmp(&hours(wanted)) {
        std::cmp::Ordering::Less => "IncreaseStreamRetentionPeriod",
        std::cmp::Ordering::Greater => "DecreaseStreamRetentionPeriod",
        std::cmp::Ordering::Equal => return Ok(()),
    };
    let input = json!({"StreamName": name, "RetentionPeriodHours": hours(wanted)});
    cx.call("kinesis", operation, input).await.map(|_| ())
}

async fn set_encryption(cx: &Cx<'_>, name: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let input = |encryption: &Value| json!({"StreamName": name, "EncryptionType": encryption["EncryptionType"], "KeyId": encryption["KeyId"]});
    match (before.get("StreamEncryption"), wanted.get("StreamEncryption")) {
        (before, wanted) if before == wanted => Ok(()),
        (_, Some(encryption)) => cx.call("kinesis", "StartStreamEncryption", input(encryption)).await.map(|_| ()),
        (Some(encryption), None) => cx.call("kinesis", "StopStreamEncryption", input(encryption)).await.map(|_| ()),
        (None, None) => Ok(()),
    }
}

async fn set_metrics(cx: &Cx<'_>, name: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let metrics = |properties: &Properties| -> Vec<Value> {
        properties.get("DesiredShardLevelMetrics").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (before, wanted) = (metrics(before), metrics(wanted));
    let gone: Vec<&Value> = before.iter().filter(|metric| !wanted.contains(metric)).collect();
    let new: Vec<&Value> = wanted.iter().filter(|metric| !before.contains(metric)).collect();
    for (operation, metrics) in [("DisableEnhancedMonitoring", gone), ("EnableEnhancedMonitoring", new)] {
        if !metrics.is_empty() {
            cx.call("kinesis", operation, json!({"StreamName": name, "ShardLevelMetrics": metrics})).await?;
        }
    }
    Ok(())
}

async fn set_tags(cx: &Cx<'_>, arn: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let (set, gone) = tags::changes(&tags::map(before), &tags::map(wanted));
    if !set.is_empty() {
        cx.call("kinesis", "TagResource", json!({"ResourceARN": arn, "Tags": set})).await?;
    }
    if !gone.is_empty() {
        cx.call("kinesis", "UntagResource", json!({"ResourceARN": arn, "TagKeys": gone})).await?;
    }
    Ok(())
}

pub struct StreamConsumer;

#[async_trait]
impl Resource for StreamConsumer {
    fn kind(&self) -> &'static str {
        "AWS::Kinesis::StreamConsumer"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("StreamARN", Shape::Text).required(),
                fixed("ConsumerName", Shape::Text).required(),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ConsumerARN", "ConsumerCreationTimestamp", "ConsumerName", "ConsumerStatus", "StreamARN"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let (stream, name) = (text_of(wanted, "StreamARN")?, text_of(wanted, "ConsumerName")?);
        let input = json!({"StreamARN": stream, "ConsumerName": name, "Tags": tags::map(wanted)});
        let made = cx.call("kinesis", "RegisterStreamConsumer", input).await?;
        let consumer = made.get("Consumer").cloned().unwrap_or_default();
        let arn = text(&consumer, "ConsumerARN")?;
        let created = consumer.get("ConsumerCreationTimestamp").map(Value::to_string);
        Ok(Made::new(
            arn,
            [
                ("ConsumerARN", json!(arn)),
                ("ConsumerCreationTimestamp", json!(created)),
                ("ConsumerName", json!(name)),
                ("ConsumerStatus", json!("ACTIVE")),
                ("StreamARN", json!(stream)),
            ],
        ))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        set_tags(cx, &old.physical_id, &old.properties, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("kinesis", "DeregisterStreamConsumer", json!({"ConsumerARN": old.physical_id})).await)
    }
}

pub struct ResourcePolicy;

#[async_trait]
impl Resource for ResourcePolicy {
    fn kind(&self) -> &'static str {
        "AWS::Kinesis::ResourcePolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[fixed("ResourceArn", Shape::Text).required(), property("ResourcePolicy", Shape::Document).required()] }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let arn = text_of(wanted, "ResourceArn")?;
        let policy = wanted.get("ResourcePolicy").map(Value::to_string).unwrap_or_default();
        cx.call("kinesis", "PutResourcePolicy", json!({"ResourceARN": arn, "Policy": policy})).await?;
        Ok(Made::new(arn, []))
    }

    async fn update(&self, cx: &Cx<'_>, _: &Deployed, wanted: &Properties) -> Result<Made> {
        self.create(cx, wanted).await
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("kinesis", "DeleteResourcePolicy", json!({"ResourceARN": old.physical_id})).await)
    }
}
