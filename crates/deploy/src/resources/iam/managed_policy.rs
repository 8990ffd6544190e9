//! `AWS::IAM::ManagedPolicy`: a policy of its own, attached to roles and users.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TEXTS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, only, or_delete, text};
use super::policy::{as_owner, owners};
use crate::state::Deployed;

pub struct ManagedPolicy;

#[async_trait]
impl Resource for ManagedPolicy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::ManagedPolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ManagedPolicyName", Shape::Text),
                fixed("Path", Shape::Text),
                fixed("Description", Shape::Text),
                property("PolicyDocument", Shape::Document).required(),
                property("Roles", TEXTS),
                property("Users", TEXTS),
                property("Groups", TEXTS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["PolicyArn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("ManagedPolicyName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, &["Path", "Description"]);
        input["PolicyName"] = json!(cx.name_or_generated(wanted, "ManagedPolicyName", 128));
        input["PolicyDocument"] = json!(document(wanted));
        let made = cx.call("iam", "CreatePolicy", input).await?;
        let arn = text(made.get("Policy").unwrap_or(&Value::Null), "Arn")?;
        let attached = attach(cx, arn, &Properties::new(), wanted).await;
        if attached.is_err() {
            attach(cx, arn, wanted, &Properties::new()).await?;
        }
        or_delete(attached, cx.call("iam", "DeletePolicy", json!({"PolicyArn": arn}))).await?;
        Ok(Made::new(arn, [("PolicyArn", json!(arn))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let arn = &old.physical_id;
        if document(&old.properties) != document(wanted) {
            prune_versions(cx, arn).await?;
            let input = json!({"PolicyArn": arn, "PolicyDocument": document(wanted), "SetAsDefault": true});
            cx.call("iam", "CreatePolicyVersion", input).await?;
        }
        attach(cx, arn, &old.properties, wanted).await?;
        Ok(Made { physical_id: arn.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let arn = &old.physical_id;
        attach(cx, arn, &old.properties, &Properties::new()).await?;
        if let Err(error) = prune_versions(cx, arn).await {
            return if error.is_absent() { Ok(()) } else { Err(error) };
        }
        deleted(cx.call("iam", "DeletePolicy", json!({"PolicyArn": arn})).await)
    }
}

fn document(properties: &Properties) -> String {
    properties.get("PolicyDocument").map(Value::to_string).unwrap_or_default()
}

async fn attach(cx: &Cx<'_>, arn: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    let (before, after) = (owners(old), owners(wanted));
    for owner in after.iter().filter(|owner| !before.contains(owner)) {
        as_owner(owner).attach(cx, arn).await?;
    }
    for owner in before.iter().filter(|owner| !after.contains(owner)) {
        as_owner(owner).detach(cx, arn).await?;
    }
    Ok(())
}

/// Deletes every version but the default one: a policy holds five, and can be deleted with its default only.
async fn prune_versions(cx: &Cx<'_>, arn: &str) -> Result<()> {
    let answer = cx.call("iam", "ListPolicyVersions", json!({"PolicyArn": arn})).await?;
    for version in answer.get("Versions").and_then(Value::as_array).into_iter().flatten() {
        if version.get("IsDefaultVersion").and_then(Value::as_bool) != Some(true) {
            let input = json!({"PolicyArn": arn, "VersionId": text(version, "VersionId")?});
            deleted(cx.call("iam", "DeletePolicyVersion", input).await)?;
        }
    }
    Ok(())
}
