//! `AWS::IAM::InstanceProfile`: nothing starts with one here, but templates that were written for EC2 have them.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TEXTS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, only, or_delete, text};
use super::grants::texts;
use crate::state::Deployed;

pub struct InstanceProfile;

#[async_trait]
impl Resource for InstanceProfile {
    fn kind(&self) -> &'static str {
        "AWS::IAM::InstanceProfile"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("InstanceProfileName", Shape::Text),
                fixed("Path", Shape::Text),
                property("Roles", TEXTS).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("InstanceProfileName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "InstanceProfileName", 128);
        let mut input = only(wanted, &["Path"]);
        input["InstanceProfileName"] = json!(name);
        let made = cx.call("iam", "CreateInstanceProfile", input).await?;
        let filled = change_roles(cx, &name, &[], &texts(wanted, "Roles")).await;
        or_delete(filled, cx.call("iam", "DeleteInstanceProfile", json!({"InstanceProfileName": name}))).await?;
        let profile = made.get("InstanceProfile").unwrap_or(&Value::Null);
        Ok(Made::new(name.clone(), [("Arn", json!(text(profile, "Arn")?))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let (before, after) = (texts(&old.properties, "Roles"), texts(wanted, "Roles"));
        change_roles(cx, &old.physical_id, &before, &after).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        change_roles(cx, &old.physical_id, &texts(&old.properties, "Roles"), &[]).await?;
        deleted(cx.call("iam", "DeleteInstanceProfile", json!({"InstanceProfileName": old.physical_id})).await)
    }
}

/// A profile has one role, so the old one goes first.
async fn change_roles(cx: &Cx<'_>, profile: &str, before: &[String], after: &[String]) -> Result<()> {
    let input = |role: &String| json!({"InstanceProfileName": profile, "RoleName": role});
    for role in before.iter().filter(|role| !after.contains(role)) {
        deleted(cx.call("iam", "RemoveRoleFromInstanceProfile", input(role)).await)?;
    }
    for role in after.iter().filter(|role| !before.contains(role)) {
        cx.call("iam", "AddRoleToInstanceProfile", input(role)).await?;
    }
    Ok(())
}
