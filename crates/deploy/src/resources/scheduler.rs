//! `AWS::Scheduler::Schedule` and `AWS::Scheduler::ScheduleGroup`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Property, Shape, TAGS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, tags, text, without};
use crate::state::Deployed;

pub struct Schedule;

const NAME_CHARACTERS_MAX: usize = 64;

const TARGET: Shape = Shape::Struct(&[
    ("Arn", Shape::Text),
    ("RoleArn", Shape::Text),
    ("Input", Shape::Text),
    (
        "RetryPolicy",
        Shape::Struct(&[("MaximumEventAgeInSeconds", Shape::Integer), ("MaximumRetryAttempts", Shape::Integer)]),
    ),
    ("DeadLetterConfig", Shape::Struct(&[("Arn", Shape::Text)])),
    ("SqsParameters", Shape::Struct(&[("MessageGroupId", Shape::Text)])),
    ("KinesisParameters", Shape::Struct(&[("PartitionKey", Shape::Text)])),
    ("EventBridgeParameters", Shape::Struct(&[("DetailType", Shape::Text), ("Source", Shape::Text)])),
    ("EcsParameters", Shape::Json),
    ("SageMakerPipelineParameters", Shape::Json),
]);

#[async_trait]
impl Resource for Schedule {
    fn kind(&self) -> &'static str {
        "AWS::Scheduler::Schedule"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                fixed("GroupName", Shape::Text),
                property("Description", Shape::Text),
                property("ScheduleExpression", Shape::Text).required(),
                property("ScheduleExpressionTimezone", Shape::Text),
                property("StartDate", Shape::Text),
                property("EndDate", Shape::Text),
                property("State", Shape::Text),
                property("KmsKeyArn", Shape::Text),
                property(
                    "FlexibleTimeWindow",
                    Shape::Struct(&[("Mode", Shape::Text), ("MaximumWindowInMinutes", Shape::Integer)]),
                )
                .required(),
                property("Target", TARGET).required(),
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
        let name = cx.name_or_generated(wanted, "Name", NAME_CHARACTERS_MAX);
        put(cx, "CreateSchedule", &name, wanted).await
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, "UpdateSchedule", &old.physical_id, wanted).await
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let mut input = json!({"Name": old.physical_id});
        if let Some(group) = old.properties.get("GroupName") {
            input["GroupName"] = group.clone();
        }
        deleted(cx.call("scheduler", "DeleteSchedule", input).await)
    }
}

async fn put(cx: &Cx<'_>, operation: &str, name: &str, wanted: &Properties) -> Result<Made> {
    let mut input = without(wanted, &["Name"]);
    input["Name"] = json!(name);
    let made = cx.call("scheduler", operation, input).await?;
    Ok(Made::new(name, [("Arn", json!(text(&made, "ScheduleArn")?))]))
}

pub struct ScheduleGroup;

#[async_trait]
impl Resource for ScheduleGroup {
    fn kind(&self) -> &'static str {
        "AWS::Scheduler::ScheduleGroup"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[fixed("Name", Shape::Text), property("Tags", TAGS)] }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "State"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", NAME_CHARACTERS_MAX);
        let input = json!({"Name": name, "Tags": tags::list(&tags::map(wanted))});
        let made = cx.call("scheduler", "CreateScheduleGroup", input).await?;
        Ok(Made::new(name, [("Arn", json!(text(&made, "ScheduleGroupArn")?)), ("State", json!("ACTIVE"))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let arn = old.attributes.get("Arn").cloned().unwrap_or(Value::Null);
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        if !set.is_empty() {
            cx.call("scheduler", "TagResource", json!({"ResourceArn": arn, "Tags": tags::list(&set)})).await?;
        }
        if !gone.is_empty() {
            cx.call("scheduler", "UntagResource", json!({"ResourceArn": arn, "TagKeys": gone})).await?;
        }
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("scheduler", "DeleteScheduleGroup", json!({"Name": old.physical_id})).await)
    }
}
