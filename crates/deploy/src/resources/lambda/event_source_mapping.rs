//! `AWS::Lambda::EventSourceMapping`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TAGS, TEXTS, fixed, ignored, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, tags, text, without};
use crate::state::Deployed;

pub struct EventSourceMapping;

const FILTERS: Shape = Shape::Struct(&[("Filters", Shape::List(&Shape::Struct(&[("Pattern", Shape::Text)])))]);

#[async_trait]
impl Resource for EventSourceMapping {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::EventSourceMapping"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("EventSourceArn", Shape::Text).required(),
                fixed("StartingPosition", Shape::Text),
                fixed("StartingPositionTimestamp", Shape::Integer),
                property("FunctionName", Shape::Text).required(),
                property("BatchSize", Shape::Integer),
                property("MaximumBatchingWindowInSeconds", Shape::Integer),
                property("Enabled", Shape::Boolean),
                property("FunctionResponseTypes", TEXTS),
                property("FilterCriteria", FILTERS),
                property("ScalingConfig", Shape::Struct(&[("MaximumConcurrency", Shape::Integer)])),
                property("MaximumRetryAttempts", Shape::Integer),
                property("MaximumRecordAgeInSeconds", Shape::Integer),
                property("BisectBatchOnFunctionError", Shape::Boolean),
                property("ParallelizationFactor", Shape::Integer),
                property("DestinationConfig", Shape::Json),
                property("TumblingWindowInSeconds", Shape::Integer),
                property("Tags", TAGS),
                ignored("KmsKeyArn"),
                ignored("MetricsConfig"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id", "EventSourceMappingArn"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["Tags", "KmsKeyArn", "MetricsConfig"]);
        input["Tags"] = Value::Object(tags::map(wanted));
        made_of(cx, &cx.call("lambda", "CreateEventSourceMapping", input).await?)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(
            wanted,
            &["Tags", "KmsKeyArn", "MetricsConfig", "EventSourceArn", "StartingPosition", "StartingPositionTimestamp"],
        );
        for (key, unset) in
            UNSET.iter().filter(|(key, _)| old.properties.contains_key(*key) && !wanted.contains_key(*key))
        {
            input[*key] = unset(wanted);
        }
        input["UUID"] = json!(old.physical_id);
        made_of(cx, &cx.call("lambda", "UpdateEventSourceMapping", input).await?)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("lambda", "DeleteEventSourceMapping", json!({"UUID": old.physical_id})).await)
    }
}

type Unset = fn(&Properties) -> Value;

/// What a property that was taken away is set back to.
const UNSET: &[(&str, Unset)] = &[
    ("BatchSize", |wanted| json!(if is_stream(wanted) { 100 } else { 10 })),
    ("MaximumBatchingWindowInSeconds", |_| json!(0)),
    ("Enabled", |_| json!(true)),
    ("FunctionResponseTypes", |_| json!([])),
    ("FilterCriteria", |_| json!({})),
    ("ScalingConfig", |_| json!({})),
    ("MaximumRetryAttempts", |_| json!(-1)),
    ("MaximumRecordAgeInSeconds", |_| json!(-1)),
    ("BisectBatchOnFunctionError", |_| json!(false)),
    ("ParallelizationFactor", |_| json!(1)),
    ("TumblingWindowInSeconds", |_| json!(0)),
    ("DestinationConfig", |_| json!({"OnFailure": {}})),
];

/// Only streams have a position to start from.
fn is_stream(wanted: &Properties) -> bool {
    wanted.contains_key("StartingPosition")
}

fn made_of(cx: &Cx<'_>, mapping: &Value) -> Result<Made> {
    let id = text(mapping, "UUID")?;
    let arn = cx.arn("lambda", &format!("event-source-mapping:{id}"));
    Ok(Made::new(id, [("Id", json!(id)), ("EventSourceMappingArn", json!(arn))]))
}
