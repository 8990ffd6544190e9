//! TagResource, UntagResource, ListTagsForResource: of distributions.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Cx, Nothing};

use super::Answer;
use crate::CloudFront;
use crate::error::Error;
use crate::model::distribution;
use crate::types::Tags;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagList {
    pub items: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl TagList {
    /// # Errors
    /// When a key comes twice.
    pub fn map(&self) -> Result<Tags, Error> {
        let map: Tags = self.items.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        if map.len() == self.items.len() {
            return Ok(map);
        }
        Err(Error::new(400, "InvalidTagging", "The tagging specified is not valid: a key comes twice."))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource: String,
    pub tags: TagList,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub resource: String,
    pub tag_keys: Keys,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Keys {
    pub items: Vec<String>,
}

/// The id of the distribution that an ARN names.
fn id_of(arn: &str) -> Result<String, Error> {
    let arn: Option<Arn> = arn.parse().ok();
    let id = arn.as_ref().filter(|arn| arn.service == "cloudfront").and_then(|arn| arn.resource.split_once('/'));
    match id {
        Some(("distribution", id)) => Ok(id.to_owned()),
        _ => Err(Error::argument("The resource is not the ARN of a distribution.")),
    }
}

pub async fn tag(state: Arc<CloudFront>, cx: Cx, input: TagInput) -> Result<Nothing, Error> {
    let (id, new) = (id_of(&input.resource)?, input.tags.map()?);
    cx.db().write(move |tx| distribution::retag(tx, &id, |tags| tags.extend(new.clone()))).await?;
    state.sites.forget();
    Ok(Nothing)
}

pub async fn untag(state: Arc<CloudFront>, cx: Cx, input: UntagInput) -> Result<Nothing, Error> {
    let (id, gone) = (id_of(&input.resource)?, input.tag_keys.items);
    cx.db().write(move |tx| distribution::retag(tx, &id, |tags| tags.retain(|key, _| !gone.contains(key)))).await?;
    state.sites.forget();
    Ok(Nothing)
}

pub async fn list(_: Arc<CloudFront>, cx: Cx, input: TagInput) -> Result<Answer, Error> {
    let id = id_of(&input.resource)?;
    let no_such = |_| Error::new(404, "NoSuchResource", "The resource that was specified is not valid.");
    let found = distribution::find(&cx.db().read()?, &id).map_err(no_such)?;
    let items = found.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(Answer::from_iter([("Tags".to_owned(), json!(TagList { items }))]))
}
