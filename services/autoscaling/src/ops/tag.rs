//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Tx;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::Empty;
use crate::AutoScaling;
use crate::error::Error;
use crate::keys::TARGETS;
use crate::limits::TAGS_MAX;
use crate::model::target;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    pub tags: BTreeMap<String, String>,
}

pub async fn tag(_: Arc<AutoScaling>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    change(&cx, input.resource_arn, move |tags| tags.extend(input.tags.clone())).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

pub async fn untag(_: Arc<AutoScaling>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    change(&cx, input.resource_arn, move |tags| tags.retain(|key, _| !input.tag_keys.contains(key))).await
}

async fn change(
    cx: &Cx,
    arn: String,
    change: impl Fn(&mut BTreeMap<String, String>) + Send + 'static,
) -> Result<Empty, Error> {
    let region = cx.region().clone();
    let within = move |tx: &mut Tx| {
        let mut found = target::by_arn(tx, region.as_str(), &arn)?;
        change(&mut found.tags);
        if found.tags.len() > TAGS_MAX {
            return Err(Error::TooManyTags);
        }
        Ok(TARGETS.put(tx, found.resource.key(), &found)?)
    };
    cx.db().write(within).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: BTreeMap<String, String>,
}

pub async fn list(_: Arc<AutoScaling>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let found = target::by_arn(&cx.db().read()?, cx.region().as_str(), &input.resource_arn)?;
    Ok(ListOutput { tags: found.tags })
}
