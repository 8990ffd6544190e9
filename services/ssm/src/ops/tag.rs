//! AddTagsToResource, RemoveTagsFromResource, ListTagsForResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Permission};

use super::{Empty, find, permission};
use crate::Ssm;
use crate::error::Error;
use crate::limits;
use crate::model::parameter;
use crate::types::Parameter;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// What tags may be.
pub fn check(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut constraints = Constraints::default();
    for (index, tag) in (1..).zip(&tags) {
        let place = |member| format!("tags.{index}.member.{member}");
        constraints.length(Some(&tag.key), &place("key"), limits::TAG_KEY_CHARACTERS_MAX);
        constraints.length(Some(&tag.value), &place("value"), limits::TAG_VALUE_CHARACTERS_MAX);
        if tag.key.is_empty() {
            constraints.fail("", &place("key"), "have length greater than or equal to 1");
        }
    }
    constraints.check()?;
    if tags.iter().any(|tag| tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))) {
        return Err(Error::Validation("Tag keys that begin with aws: are reserved.".into()));
    }
    let all = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    check_count(&all)?;
    Ok(all)
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::TooManyTags(format!("A parameter has at most {} tags.", limits::TAGS_MAX)));
    }
    Ok(())
}

const TYPES: [&str; 10] = [
    "Document",
    "ManagedInstance",
    "MaintenanceWindow",
    "Parameter",
    "PatchBaseline",
    "OpsItem",
    "OpsMetadata",
    "Automation",
    "Association",
    "CloudConnector",
];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceInput {
    pub resource_type: String,
    pub resource_id: String,
    /// Of AddTagsToResource.
    pub tags: Vec<Tag>,
    /// Of RemoveTagsFromResource.
    pub tag_keys: Vec<String>,
}

impl ResourceInput {
    pub fn permissions(&self, cx: &Cx, action: &str) -> Vec<Permission> {
        vec![permission(cx, action, &self.resource_id)]
    }

    fn find(&self, cx: &Cx) -> Result<Parameter, Error> {
        let mut constraints = Constraints::default();
        constraints.one_of(Some(&self.resource_type), "resourceType", &TYPES);
        constraints.check()?;
        if self.resource_type != "Parameter" {
            return Err(Error::NotImplemented(format!("Systems Manager's {}", self.resource_type)));
        }
        find(&cx.db().read()?, cx, &self.resource_id).map_err(|error| match error {
            Error::NotFound(_) => Error::InvalidResourceId(
                "The resource ID is not valid. Verify that you entered the correct ID and try again.".into(),
            ),
            error => error,
        })
    }

    async fn change(
        self,
        cx: &Cx,
        set: impl Fn(&mut Parameter) -> Result<(), Error> + Send + 'static,
    ) -> Result<Empty, Error> {
        let arn = self.find(cx)?.arn;
        let change = move |tx: &mut Tx| {
            let found = parameter::of_arn(tx, &arn)?;
            let mut found = found.ok_or_else(|| Error::not_found(&arn.to_string()))?;
            set(&mut found)?;
            parameter::put(tx, &found)
        };
        cx.db().write(change).await?;
        Ok(Empty {})
    }
}

pub async fn add(_: Arc<Ssm>, cx: Cx, input: ResourceInput) -> Result<Empty, Error> {
    let tags = check(input.tags.clone())?;
    let set = move |parameter: &mut Parameter| {
        parameter.tags.extend(tags.clone());
        check_count(&parameter.tags)
    };
    input.change(&cx, set).await
}

pub async fn remove(_: Arc<Ssm>, cx: Cx, input: ResourceInput) -> Result<Empty, Error> {
    let keys = input.tag_keys.clone();
    let set = move |parameter: &mut Parameter| {
        parameter.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    };
    input.change(&cx, set).await
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tag_list: Vec<Tag>,
}

pub async fn list(_: Arc<Ssm>, cx: Cx, input: ResourceInput) -> Result<ListOutput, Error> {
    let tags = input.find(&cx)?.tags;
    Ok(ListOutput { tag_list: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
