//! TagResource, UntagResource, ListTagsForResource.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, Tag, tags};
use crate::Events;
use crate::error::Error;
use crate::model::tag;
use crate::name::is_own;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    pub tags: Vec<Tag>,
    pub tag_keys: Vec<String>,
}

fn arn(cx: &Cx, text: &str) -> Result<Arn, Error> {
    let arn = text.parse().ok().filter(|arn| is_own(cx, arn));
    arn.ok_or_else(|| Error::parameter("ResourceARN", "Provided Arn is not in correct format."))
}

pub async fn tag(_: Arc<Events>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (arn, new) = (arn(&cx, &input.resource_arn)?, tags(input.tags));
    cx.db().write(move |tx| tag::change(tx, &arn, |tags| tags.extend(new.clone()))).await?;
    Ok(Empty {})
}

pub async fn untag(_: Arc<Events>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (arn, keys) = (arn(&cx, &input.resource_arn)?, input.tag_keys);
    cx.db().write(move |tx| tag::change(tx, &arn, |tags| tags.retain(|key, _| !keys.contains(key)))).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Vec<Tag>,
}

pub async fn list(_: Arc<Events>, cx: Cx, input: TagInput) -> Result<ListOutput, Error> {
    let tags = tag::of(&cx.db().read()?, &arn(&cx, &input.resource_arn)?)?;
    Ok(ListOutput { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
