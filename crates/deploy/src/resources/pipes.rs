//! `AWS::Pipes::Pipe`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Property, Shape, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, or_delete, tags, text};
use crate::state::Deployed;

pub struct Pipe;

const QUEUE: Shape =
    Shape::Struct(&[("BatchSize", Shape::Integer), ("MaximumBatchingWindowInSeconds", Shape::Integer)]);
const STREAM: Shape = Shape::Struct(&[
    ("BatchSize", Shape::Integer),
    ("DeadLetterConfig", Shape::Struct(&[("Arn", Shape::Text)])),
    ("MaximumBatchingWindowInSeconds", Shape::Integer),
    ("MaximumRecordAgeInSeconds", Shape::Integer),
    ("MaximumRetryAttempts", Shape::Integer),
    ("OnPartialBatchItemFailure", Shape::Text),
    ("ParallelizationFactor", Shape::Integer),
    ("StartingPosition", Shape::Text),
    ("StartingPositionTimestamp", Shape::Text),
]);
const SOURCE: Shape = Shape::Struct(&[
    ("FilterCriteria", Shape::Struct(&[("Filters", Shape::List(&Shape::Struct(&[("Pattern", Shape::Text)])))])),
    ("SqsQueueParameters", QUEUE),
    ("KinesisStreamParameters", STREAM),
    ("DynamoDBStreamParameters", STREAM),
]);
const HTTP: Shape = Shape::Struct(&[
    ("PathParameterValues", TEXTS),
    ("HeaderParameters", Shape::TextMap),
    ("QueryStringParameters", Shape::TextMap),
]);
const ENRICHMENT: Shape = Shape::Struct(&[("InputTemplate", Shape::Text), ("HttpParameters", HTTP)]);
const TARGET: Shape = Shape::Struct(&[
    ("InputTemplate", Shape::Text),
    ("LambdaFunctionParameters", Shape::Struct(&[("InvocationType", Shape::Text)])),
    ("SqsQueueParameters", Shape::Struct(&[("MessageGroupId", Shape::Text), ("MessageDeduplicationId", Shape::Text)])),
    ("KinesisStreamParameters", Shape::Struct(&[("PartitionKey", Shape::Text)])),
    (
        "EventBridgeEventBusParameters",
        Shape::Struct(&[
            ("DetailType", Shape::Text),
            ("Source", Shape::Text),
            ("Resources", TEXTS),
            ("Time", Shape::Text),
        ]),
    ),
    ("CloudWatchLogsParameters", Shape::Struct(&[("LogStreamName", Shape::Text), ("Timestamp", Shape::Text)])),
    ("HttpParameters", HTTP),
]);
const LOG: Shape = Shape::Struct(&[
    ("CloudwatchLogsLogDestination", Shape::Struct(&[("LogGroupArn", Shape::Text)])),
    ("Level", Shape::Text),
    ("IncludeExecutionData", TEXTS),
]);

#[async_trait]
impl Resource for Pipe {
    fn kind(&self) -> &'static str {
        "AWS::Pipes::Pipe"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                fixed("Source", Shape::Text).required(),
                property("Description", Shape::Text),
                property("DesiredState", Shape::Text),
                property("SourceParameters", SOURCE),
                property("Enrichment", Shape::Text),
                property("EnrichmentParameters", ENRICHMENT),
                property("Target", Shape::Text).required(),
                property("TargetParameters", TARGET),
                property("RoleArn", Shape::Text).required(),
                property("LogConfiguration", LOG),
                property("KmsKeyIdentifier", Shape::Text),
                property("Tags", Shape::TextMap),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "CurrentState"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 64);
        let mut input = Value::Object(wanted.clone());
        input["Name"] = json!(name);
        cx.call("pipes", "CreatePipe", input).await?;
        or_delete(made(cx, &name).await, cx.call("pipes", "DeletePipe", json!({"Name": name}))).await
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let name = &old.physical_id;
        let mut input =
            only(wanted, &["Target", "RoleArn", "Description", "DesiredState", "Enrichment", "KmsKeyIdentifier"]);
        for (member, unset) in
            [("Description", ""), ("DesiredState", "RUNNING"), ("Enrichment", ""), ("KmsKeyIdentifier", "")]
        {
            if old.properties.contains_key(member) && !wanted.contains_key(member) {
                input[member] = json!(unset);
            }
        }
        input["Name"] = json!(name);
        input["SourceParameters"] = source_parameters(&old.properties, wanted)?;
        for member in ["EnrichmentParameters", "TargetParameters"] {
            input[member] = wanted.get(member).cloned().unwrap_or_else(|| json!({}));
            if input[member].get("InputTemplate").is_none() {
                input[member]["InputTemplate"] = json!("");
            }
        }
        match (old.properties.get("LogConfiguration"), wanted.get("LogConfiguration")) {
            (_, Some(log)) => input["LogConfiguration"] = log.clone(),
            (Some(_), None) => input["LogConfiguration"] = json!({"Level": "OFF"}),
            (None, None) => {}
        }
        cx.call("pipes", "UpdatePipe", input).await?;
        let made = made(cx, name).await?;
        let arn = made.attributes.get("Arn").cloned().unwrap_or_default();
        let (set, gone) = tags::changes(&tags_of(&old.properties), &tags_of(wanted));
        if !set.is_empty() {
            cx.call("pipes", "TagResource", json!({"resourceArn": arn, "tags": set})).await?;
        }
        if !gone.is_empty() {
            cx.call("pipes", "UntagResource", json!({"resourceArn": arn, "tagKeys": gone})).await?;
        }
        Ok(made)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("pipes", "DeletePipe", json!({"Name": old.physical_id})).await)
    }
}

fn tags_of(properties: &Properties) -> Properties {
    properties.get("Tags").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The members of a source's parameters.
const KINDS: [&str; 3] = ["SqsQueueParameters", "KinesisStreamParameters", "DynamoDBStreamParameters"];
/// What of them is said when a pipe is made, and never again.
const STARTS: [&str; 2] = ["StartingPosition", "StartingPositionTimestamp"];

/// The parameters for an update: what is not there any more is set back.
fn source_parameters(old: &Properties, wanted: &Properties) -> Result<Value> {
    let of = |properties: &Properties| properties.get("SourceParameters").cloned().unwrap_or_else(|| json!({}));
    let (old, mut wanted) = (of(old), of(wanted));
    if wanted.get("FilterCriteria").is_none() {
        wanted["FilterCriteria"] = json!({"Filters": []});
    }
    for kind in KINDS {
        if wanted.get(kind).is_none() {
            if old.get(kind).is_some() {
                wanted[kind] = json!({});
            }
            continue;
        }
        if STARTS.iter().any(|start| old[kind].get(start) != wanted[kind].get(start)) {
            let told =
                "a pipe's starting position cannot be changed: give the pipe another Name, or another logical id";
            return Err(ResourceError::Unfit(told.into()));
        }
        if let Some(parameters) = wanted[kind].as_object_mut() {
            parameters.retain(|name, _| !STARTS.contains(&name.as_str()));
        }
    }
    Ok(wanted)
}

/// The pipe as it has become; one that has failed says why.
async fn made(cx: &Cx<'_>, name: &str) -> Result<Made> {
    let pipe = cx.call("pipes", "DescribePipe", json!({"Name": name})).await?;
    let state = pipe.get("CurrentState").and_then(Value::as_str).unwrap_or_default();
    if state.ends_with("_FAILED") {
        let reason = pipe.get("StateReason").and_then(Value::as_str).unwrap_or_default();
        return Err(ResourceError::Unfit(format!("the pipe is {state}: {reason}")));
    }
    Ok(Made::new(name, [("Arn", json!(text(&pipe, "Arn")?)), ("CurrentState", json!(state))]))
}
