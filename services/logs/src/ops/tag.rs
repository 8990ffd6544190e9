//! TagResource, UntagResource, ListTagsForResource, and the older TagLogGroup, UntagLogGroup, ListTagsLogGroup.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::group::GroupInput;
use super::{Empty, group_in_resource, validate_group};
use crate::Logs;
use crate::error::Error;
use crate::limits;
use crate::model::group;

pub fn validate(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > limits::TAG_KEY_CHARACTERS_MAX || key.starts_with("aws:") {
            let max = limits::TAG_KEY_CHARACTERS_MAX;
            let rule = format!("Map keys must have length from 1 to {max} and must not begin with aws:");
            return Err(Error::constraint(key, "tags", rule));
        }
        if value.chars().count() > limits::TAG_VALUE_CHARACTERS_MAX {
            let max = limits::TAG_VALUE_CHARACTERS_MAX;
            let rule = format!("Map values must have length less than or equal to {max}");
            return Err(Error::constraint(value, "tags", rule));
        }
    }
    Ok(())
}

/// The name of the group that an ARN names.
fn group_of(cx: &Cx, arn: &str) -> Result<String, Error> {
    let invalid = || Error::InvalidParameter(format!("{arn} is not the ARN of a log group."));
    let parsed: Arn = arn.parse().map_err(|_| invalid())?;
    if parsed.service != "logs" {
        return Err(invalid());
    }
    if parsed.account != cx.account().as_str() || parsed.region != cx.region().as_str() {
        return Err(Error::ResourceNotFound);
    }
    group_in_resource(&parsed.resource).map(str::to_owned).ok_or_else(invalid)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    pub tags: BTreeMap<String, String>,
}

pub async fn tag(_: Arc<Logs>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let name = group_of(&cx, &input.resource_arn)?;
    add(cx, name, input.tags).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagGroupInput {
    pub log_group_name: String,
    pub tags: BTreeMap<String, String>,
}

pub async fn tag_group(_: Arc<Logs>, cx: Cx, input: TagGroupInput) -> Result<Empty, Error> {
    validate_group(&input.log_group_name)?;
    add(cx, input.log_group_name, input.tags).await
}

async fn add(cx: Cx, name: String, tags: BTreeMap<String, String>) -> Result<Empty, Error> {
    validate(&tags)?;
    let region = cx.region().to_string();
    cx.db().write(move |tx| group::tag(tx, &region, &name, &tags)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UntagInput {
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

pub async fn untag(_: Arc<Logs>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let name = group_of(&cx, &input.resource_arn)?;
    remove(cx, name, input.tag_keys).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UntagGroupInput {
    pub log_group_name: String,
    /// Keys, whatever the name says.
    pub tags: Vec<String>,
}

pub async fn untag_group(_: Arc<Logs>, cx: Cx, input: UntagGroupInput) -> Result<Empty, Error> {
    validate_group(&input.log_group_name)?;
    remove(cx, input.log_group_name, input.tags).await
}

async fn remove(cx: Cx, name: String, keys: Vec<String>) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| group::untag(tx, &region, &name, &keys)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
pub struct ListOutput {
    pub tags: BTreeMap<String, String>,
}

pub async fn list(_: Arc<Logs>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    tags(&cx, &group_of(&cx, &input.resource_arn)?)
}

pub async fn list_group(_: Arc<Logs>, cx: Cx, input: GroupInput) -> Result<ListOutput, Error> {
    validate_group(&input.log_group_name)?;
    tags(&cx, &input.log_group_name)
}

fn tags(cx: &Cx, name: &str) -> Result<ListOutput, Error> {
    Ok(ListOutput { tags: group::find(&cx.db().read()?, cx.region().as_str(), name)?.tags })
}
