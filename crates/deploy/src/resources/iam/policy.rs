//! `AWS::IAM::Policy`: one inline policy on several roles, users and groups.

use async_trait::async_trait;
use serde_json::Value;

use super::super::shape::{Property, Shape, TEXTS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, ResourceError, Result, text_of};
use super::grants::{Owner, texts};
use crate::state::Deployed;

pub struct Policy;

#[async_trait]
impl Resource for Policy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Policy"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("PolicyName", Shape::Text).required(),
                property("PolicyDocument", Shape::Document).required(),
                property("Roles", TEXTS),
                property("Users", TEXTS),
                property("Groups", TEXTS),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        if owners(wanted).is_empty() {
            return Err(ResourceError::Unfit("a policy needs `Roles`, `Users` or `Groups` to belong to".into()));
        }
        put(cx, wanted).await?;
        Ok(Made::new(text_of(wanted, "PolicyName")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, wanted).await?;
        let kept = owners(wanted);
        for owner in owners(&old.properties).into_iter().filter(|owner| !kept.contains(owner)) {
            as_owner(&owner).delete(cx, &old.physical_id).await?;
        }
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        for owner in owners(&old.properties) {
            as_owner(&owner).delete(cx, &old.physical_id).await?;
        }
        Ok(())
    }
}

async fn put(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let document = wanted.get("PolicyDocument").unwrap_or(&Value::Null);
    for owner in owners(wanted) {
        as_owner(&owner).put(cx, text_of(wanted, "PolicyName")?, document).await?;
    }
    Ok(())
}

/// Roles, users and groups, each with its kind.
pub fn owners(properties: &Properties) -> Vec<(&'static str, String)> {
    let named = |kind, list| texts(properties, list).into_iter().map(move |name| (kind, name));
    named("Role", "Roles").chain(named("User", "Users")).chain(named("Group", "Groups")).collect()
}

pub fn as_owner<'a>((kind, name): &'a (&'static str, String)) -> Owner<'a> {
    Owner { kind, name }
}
