//! `AWS::KMS::Key` and `AWS::KMS::Alias`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TAGS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, only, tags, text, text_of};
use crate::state::Deployed;

pub struct Key;

#[async_trait]
impl Resource for Key {
    fn kind(&self) -> &'static str {
        "AWS::KMS::Key"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("Description", Shape::Text),
                property("Enabled", Shape::Boolean),
                property("EnableKeyRotation", Shape::Boolean),
                property("RotationPeriodInDays", Shape::Integer),
                property("KeyPolicy", Shape::Document),
                property("BypassPolicyLockoutSafetyCheck", Shape::Boolean),
                property("PendingWindowInDays", Shape::Integer),
                fixed("KeySpec", Shape::Text),
                fixed("KeyUsage", Shape::Text),
                fixed("MultiRegion", Shape::Boolean),
                fixed("Origin", Shape::Text),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "KeyId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let names = ["Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin", "BypassPolicyLockoutSafetyCheck"];
        let mut input = only(wanted, &names);
        input["Tags"] = tag_list(&tags::map(wanted));
        if let Some(policy) = wanted.get("KeyPolicy") {
            input["Policy"] = json!(policy.to_string());
        }
        let made = cx.call("kms", "CreateKey", input).await?;
        let metadata = made.get("KeyMetadata").cloned().unwrap_or_default();
        let (id, arn) = (text(&metadata, "KeyId")?, text(&metadata, "Arn")?);
        let before = Properties::new();
        set_rotation(cx, id, &before, wanted).await?;
        set_enabled(cx, id, &before, wanted).await?;
        Ok(Made::new(id, [("Arn", json!(arn)), ("KeyId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let (id, before) = (&old.physical_id, &old.properties);
        let changed = |name: &str| before.get(name) != wanted.get(name);
        if changed("Description") {
            let description = wanted.get("Description").and_then(Value::as_str).unwrap_or_default();
            cx.call("kms", "UpdateKeyDescription", json!({"KeyId": id, "Description": description})).await?;
        }
        if let Some(policy) = wanted.get("KeyPolicy").filter(|_| changed("KeyPolicy")) {
            let bypass = is(wanted, "BypassPolicyLockoutSafetyCheck", false);
            let input = json!({"KeyId": id, "Policy": policy.to_string(), "BypassPolicyLockoutSafetyCheck": bypass});
            cx.call("kms", "PutKeyPolicy", input).await?;
        }
        // A key that is disabled cannot have its rotation changed.
        if is(wanted, "Enabled", true) {
            set_enabled(cx, id, before, wanted).await?;
            set_rotation(cx, id, before, wanted).await?;
        } else {
            set_rotation(cx, id, before, wanted).await?;
            set_enabled(cx, id, before, wanted).await?;
        }
        let (set, gone) = tags::changes(&tags::map(before), &tags::map(wanted));
        if !set.is_empty() {
            cx.call("kms", "TagResource", json!({"KeyId": id, "Tags": tag_list(&set)})).await?;
        }
        if !gone.is_empty() {
            cx.call("kms", "UntagResource", json!({"KeyId": id, "TagKeys": gone})).await?;
        }
        Ok(Made { physical_id: id.clone(), attributes: old.attributes.clone() })
    }

    /// Never at once: what it encrypted can be read until its waiting period ends.
    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let mut input = only(&old.properties, &["PendingWindowInDays"]);
        input["KeyId"] = json!(old.physical_id);
        match cx.call("kms", "ScheduleKeyDeletion", input).await {
            Err(error) if error.has_code("KMSInvalidStateException") => Ok(()),
            result => deleted(result),
        }
    }
}

/// KMS has names of its own for what tags are made of.
fn tag_list(tags: &Map<String, Value>) -> Value {
    Value::Array(tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value})).collect())
}

fn is(properties: &Properties, name: &str, unset: bool) -> bool {
    properties.get(name).and_then(Value::as_bool).unwrap_or(unset)
}

async fn set_enabled(cx: &Cx<'_>, id: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let (was, enabled) = (is(before, "Enabled", true), is(wanted, "Enabled", true));
    if was != enabled {
        let operation = if enabled { "EnableKey" } else { "DisableKey" };
        cx.call("kms", operation, json!({"KeyId": id})).await?;
    }
    Ok(())
}

async fn set_rotation(cx: &Cx<'_>, id: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let rotates = |properties| is(properties, "EnableKeyRotation", false);
    let period = |properties: &Properties| properties.get("RotationPeriodInDays").cloned();
    match (rotates(before), rotates(wanted)) {
        (true, false) => cx.call("kms", "DisableKeyRotation", json!({"KeyId": id})).await.map(drop),
        (was, true) if !was || period(before) != period(wanted) => {
            let mut input = only(wanted, &["RotationPeriodInDays"]);
            input["KeyId"] = json!(id);
            cx.call("kms", "EnableKeyRotation", input).await.map(drop)
        }
        _ => Ok(()),
    }
}

pub struct Alias;

#[async_trait]
impl Resource for Alias {
    fn kind(&self) -> &'static str {
        "AWS::KMS::Alias"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[fixed("AliasName", Shape::Text).required(), property("TargetKeyId", Shape::Text).required()] }
    }

    fn name(&self) -> Option<&'static str> {
        Some("AliasName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call("kms", "CreateAlias", only(wanted, &["AliasName", "TargetKeyId"])).await?;
        Ok(Made::new(text_of(wanted, "AliasName")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        cx.call("kms", "UpdateAlias", only(wanted, &["AliasName", "TargetKeyId"])).await?;
        Ok(Made::new(&old.physical_id, []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("kms", "DeleteAlias", json!({"AliasName": old.physical_id})).await)
    }
}
