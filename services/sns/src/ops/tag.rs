//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Empty;
use crate::error::Error;
use crate::model::topic;
use crate::{Sns, limits};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// The tags by name.
pub fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let count = tags.len();
    if tags.iter().any(|tag| tag.key.is_empty() || tag.key.chars().count() > 128 || tag.value.chars().count() > 256) {
        return Err(Error::reason("Tags", "keys have 1 to 128 characters and values at most 256"));
    }
    let by_name: BTreeMap<_, _> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    if by_name.len() < count {
        return Err(Error::parameter("Duplicated keys are not allowed."));
    }
    if by_name.len() > limits::TOPIC_TAGS_MAX {
        return Err(Error::TooManyTags);
    }
    Ok(by_name)
}

/// The topic of a request on tags: these have a word of their own for one that is not there.
fn resource(cx: &Cx, arn: &str) -> Result<base::Arn, Error> {
    super::topic_arn(cx, arn).map_err(|error| match error {
        Error::InvalidParameter(reason) => Error::InvalidParameter(reason.replace("TopicArn", "ResourceArn")),
        other => other,
    })
}

fn absent(error: Error) -> Error {
    if matches!(error, Error::NoSuchTopic) { Error::NoSuchResource } else { error }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    pub tags: Vec<Tag>,
}

pub async fn tag(_: Arc<Sns>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (arn, tags) = (resource(&cx, &input.resource_arn)?, checked(input.tags)?);
    let change = move |topic: &mut crate::types::Topic| {
        topic.tags.extend(tags.clone());
        if topic.tags.len() > limits::TOPIC_TAGS_MAX { Err(Error::TooManyTags) } else { Ok(()) }
    };
    cx.db().write(move |tx| topic::update(tx, &arn, &change)).await.map_err(absent)?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

pub async fn untag(_: Arc<Sns>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let arn = resource(&cx, &input.resource_arn)?;
    let change = move |topic: &mut crate::types::Topic| {
        topic.tags.retain(|name, _| !input.tag_keys.contains(name));
        Ok(())
    };
    cx.db().write(move |tx| topic::update(tx, &arn, &change)).await.map_err(absent)?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Vec<Tag>,
}

pub async fn list(_: Arc<Sns>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let topic = topic::find(&cx.db().read()?, &resource(&cx, &input.resource_arn)?).map_err(absent)?;
    Ok(ListOutput { tags: topic.tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
