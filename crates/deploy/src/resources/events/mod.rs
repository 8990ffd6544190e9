//! `AWS::Events::Rule`, `AWS::Events::EventBus` and `AWS::Events::Archive`; in files of their own what requests go to, and
//! statements of policies.

mod connection;
mod policy;

use async_trait::async_trait;
use serde_json::{Value, json};

pub use connection::{ApiDestination, Connection};
pub use policy::EventBusPolicy;

use super::shape::{Property, Shape, TAGS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, only, tags, text, text_of};
use crate::state::Deployed;

pub struct Rule;

#[async_trait]
impl Resource for Rule {
    fn kind(&self) -> &'static str {
        "AWS::Events::Rule"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                fixed("EventBusName", Shape::Text),
                property("Description", Shape::Text),
                property("EventPattern", Shape::Json),
                property("ScheduleExpression", Shape::Text),
                property("State", Shape::Text),
                property("RoleArn", Shape::Text),
                property("Targets", Shape::List(&Shape::Json)),
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
        put_rule(cx, &cx.name_or_generated(wanted, "Name", 64), wanted).await
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let made = put_rule(cx, &old.physical_id, wanted).await?;
        let kept = target_ids(wanted);
        let gone: Vec<Value> = target_ids(&old.properties).into_iter().filter(|id| !kept.contains(id)).collect();
        remove_targets(cx, old, gone).await?;
        Ok(made)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        remove_targets(cx, old, target_ids(&old.properties)).await?;
        let rule = on_bus(&old.properties, json!({"Name": old.physical_id}));
        deleted(cx.call("events", "DeleteRule", rule).await)
    }
}

/// Puts a rule with its targets; both replace what is there under the same names.
async fn put_rule(cx: &Cx<'_>, name: &str, wanted: &Properties) -> Result<Made> {
    let mut rule = only(wanted, &["Description", "ScheduleExpression", "State", "RoleArn"]);
    rule["Name"] = json!(name);
    if let Some(pattern) = wanted.get("EventPattern") {
        rule["EventPattern"] = as_text(pattern);
    }
    let made = cx.call("events", "PutRule", on_bus(wanted, rule)).await?;
    if let Some(targets) = wanted.get("Targets").filter(|targets| **targets != json!([])) {
        cx.call("events", "PutTargets", on_bus(wanted, json!({"Rule": name, "Targets": targets}))).await?;
    }
    Ok(Made::new(name, [("Arn", json!(text(&made, "RuleArn")?))]))
}

async fn remove_targets(cx: &Cx<'_>, old: &Deployed, ids: Vec<Value>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let input = on_bus(&old.properties, json!({"Rule": old.physical_id, "Ids": ids}));
    deleted(cx.call("events", "RemoveTargets", input).await)
}

fn target_ids(properties: &Properties) -> Vec<Value> {
    let targets = properties.get("Targets").and_then(Value::as_array).into_iter().flatten();
    targets.filter_map(|target| target.get("Id").cloned()).collect()
}

/// The input with the bus that the properties name.
fn on_bus(properties: &Properties, mut input: Value) -> Value {
    if let Some(bus) = properties.get("EventBusName") {
        input["EventBusName"] = bus.clone();
    }
    input
}

/// JSON as text, where it is not text already.
fn as_text(value: &Value) -> Value {
    value.as_str().map_or_else(|| json!(value.to_string()), |text| json!(text))
}

pub struct EventBus;

#[async_trait]
impl Resource for EventBus {
    fn kind(&self) -> &'static str {
        "AWS::Events::EventBus"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text).required(),
                property("Description", Shape::Text),
                property("KmsKeyIdentifier", Shape::Text),
                property("DeadLetterConfig", Shape::Json),
                property("Policy", Shape::Document),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "Name"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, &["Name", "Description", "KmsKeyIdentifier", "DeadLetterConfig"]);
        input["Tags"] = tags::list(&tags::map(wanted));
        let made = cx.call("events", "CreateEventBus", input).await?;
        let name = text_of(wanted, "Name")?;
        set_policy(cx, name, wanted).await?;
        Ok(Made::new(name, [("Arn", json!(text(&made, "EventBusArn")?)), ("Name", json!(name))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let input = only(wanted, &["Name", "Description", "KmsKeyIdentifier", "DeadLetterConfig"]);
        cx.call("events", "UpdateEventBus", input).await?;
        match (old.properties.get("Policy"), wanted.get("Policy")) {
            (Some(_), None) => remove_policy(cx, &old.physical_id).await?,
            _ => set_policy(cx, &old.physical_id, wanted).await?,
        }
        let arn = old.attributes.get("Arn").cloned().unwrap_or_default();
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        if !set.is_empty() {
            cx.call("events", "TagResource", json!({"ResourceARN": arn, "Tags": tags::list(&set)})).await?;
        }
        if !gone.is_empty() {
            cx.call("events", "UntagResource", json!({"ResourceARN": arn, "TagKeys": gone})).await?;
        }
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("events", "DeleteEventBus", json!({"Name": old.physical_id})).await)
    }
}

async fn set_policy(cx: &Cx<'_>, bus: &str, wanted: &Properties) -> Result<()> {
    if let Some(policy) = wanted.get("Policy") {
        cx.call("events", "PutPermission", json!({"EventBusName": bus, "Policy": as_text(policy)})).await?;
    }
    Ok(())
}

async fn remove_policy(cx: &Cx<'_>, bus: &str) -> Result<()> {
    let all = json!({"EventBusName": bus, "RemoveAllPermissions": true});
    deleted(cx.call("events", "RemovePermission", all).await)
}

pub struct Archive;

#[async_trait]
impl Resource for Archive {
    fn kind(&self) -> &'static str {
        "AWS::Events::Archive"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ArchiveName", Shape::Text),
                fixed("SourceArn", Shape::Text).required(),
                property("Description", Shape::Text),
                property("EventPattern", Shape::Json),
                property("RetentionDays", Shape::Integer),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ArchiveName", "Arn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("ArchiveName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "ArchiveName", 48);
        let mut input = archive(&name, wanted);
        input["EventSourceArn"] = json!(text_of(wanted, "SourceArn")?);
        let made = cx.call("events", "CreateArchive", input).await?;
        Ok(Made::new(name.clone(), [("ArchiveName", json!(name)), ("Arn", json!(text(&made, "ArchiveArn")?))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = archive(&old.physical_id, wanted);
        // What is not wanted any more is set to what an archive has without it.
        for (name, without) in [("Description", json!("")), ("EventPattern", json!("")), ("RetentionDays", json!(0))] {
            if input.get(name).is_none() {
                input[name] = without;
            }
        }
        cx.call("events", "UpdateArchive", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("events", "DeleteArchive", json!({"ArchiveName": old.physical_id})).await)
    }
}

fn archive(name: &str, wanted: &Properties) -> Value {
    let mut input = only(wanted, &["Description", "RetentionDays"]);
    input["ArchiveName"] = json!(name);
    if let Some(pattern) = wanted.get("EventPattern") {
        input["EventPattern"] = as_text(pattern);
    }
    input
}
