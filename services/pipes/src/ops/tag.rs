//! TagResource, UntagResource, ListTagsForResource.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::Empty;
use crate::Pipes;
use crate::error::Error;
use crate::limits::{TAG_KEY_CHARACTERS_MAX, TAG_VALUE_CHARACTERS_MAX, TAGS_MAX};
use crate::model::pipe;
use crate::types::{Pipe, Tags};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    pub tags: Tags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UntagInput {
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
pub struct ListOutput {
    tags: Tags,
}

/// Refuses tags that are too many or too long.
pub fn check(tags: &Tags) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    for (key, value) in tags {
        if key.is_empty() {
            constraints.fail(key, "tags", "have length greater than or equal to 1");
        }
        constraints.length(Some(key), "tags", TAG_KEY_CHARACTERS_MAX);
        constraints.length(Some(value), "tags", TAG_VALUE_CHARACTERS_MAX);
    }
    constraints.check()?;
    if tags.len() > TAGS_MAX {
        return Err(Error::validation(format!("A pipe has {TAGS_MAX} tags at most.")));
    }
    Ok(())
}

pub async fn tag(_: Arc<Pipes>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    check(&input.tags)?;
    change(&cx, &input.resource_arn, move |tags| tags.extend(input.tags.clone())).await
}

pub async fn untag(_: Arc<Pipes>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    change(&cx, &input.resource_arn, move |tags| tags.retain(|key, _| !input.tag_keys.contains(key))).await
}

pub async fn list(_: Arc<Pipes>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let name = name_of(&cx, &input.resource_arn)?;
    Ok(ListOutput { tags: pipe::find(&cx.db().read()?, cx.region().as_str(), &name)?.tags })
}

async fn change(cx: &Cx, arn: &str, change: impl Fn(&mut Tags) + Send + 'static) -> Result<Empty, Error> {
    let (name, region) = (name_of(cx, arn)?, cx.region().clone());
    let change = move |mut pipe: Pipe| {
        change(&mut pipe.tags);
        check(&pipe.tags).map(|()| pipe)
    };
    cx.db().write(move |tx| pipe::update(tx, region.as_str(), &name, &[], &change)).await?;
    Ok(Empty {})
}

/// The name of the pipe that an ARN is of: one of the account and the region that are asked.
fn name_of(cx: &Cx, text: &str) -> Result<String, Error> {
    let arn: Option<Arn> = text.parse().ok();
    let name = arn.as_ref().and_then(|arn| arn.resource.strip_prefix("pipe/"));
    let name = name.filter(|name| crate::arn(cx, name).to_string() == text);
    name.map(str::to_owned).ok_or_else(|| Error::NotFound(text.to_owned()))
}
