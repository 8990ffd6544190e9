//! TagResource, UntagResource, ListTagsForResource: of groups, for schedules have none.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::{Empty, Tag, tags};
use crate::error::Error;
use crate::model::group;
use crate::name::group_of;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    pub tags: Vec<Tag>,
    pub tag_keys: Vec<String>,
}

const PATTERN: &str = r"arn:aws[a-z-]*:scheduler:[a-z0-9\-]+:\d{12}:schedule-group\/[0-9a-zA-Z-_.]+";

/// The group of this account and region that the ARN names.
fn named(cx: &Cx, text: &str) -> Result<(Arn, String), Error> {
    let mut constraints = Constraints::default();
    let parsed: Option<Arn> = text.parse().ok();
    let name = parsed.as_ref().and_then(group_of);
    constraints.pattern(Some(text), "resourceArn", PATTERN, |_| name.is_some());
    constraints.check()?;
    let own = parsed
        .as_ref()
        .zip(name)
        .filter(|(arn, _)| arn.account == cx.account().as_str() && arn.region == cx.region().as_str());
    let (arn, name) = own.ok_or_else(|| Error::group_not_found(text))?;
    Ok((arn.clone(), name.to_owned()))
}

pub async fn tag(_: Arc<()>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    let new = tags(&mut constraints, input.tags);
    constraints.check()?;
    let (now, (arn, name)) = (cx.now(), named(&cx, &input.resource_arn)?);
    cx.db().write(move |tx| group::retag(tx, now, &arn, &name, |tags| tags.extend(new.clone()))).await?;
    Ok(Empty {})
}

pub async fn untag(_: Arc<()>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (now, (arn, name), keys) = (cx.now(), named(&cx, &input.resource_arn)?, input.tag_keys);
    cx.db()
        .write(move |tx| group::retag(tx, now, &arn, &name, |tags| tags.retain(|key, _| !keys.contains(key))))
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Vec<Tag>,
}

pub async fn list(_: Arc<()>, cx: Cx, input: TagInput) -> Result<ListOutput, Error> {
    let (arn, name) = named(&cx, &input.resource_arn)?;
    let tags = group::find(&cx.db().read()?, &arn, &name)?.tags;
    Ok(ListOutput { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
