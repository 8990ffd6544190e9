//! TagPolicy, UntagPolicy, ListPolicyTags.

use std::sync::Arc;

use serde::Deserialize;
use service::Cx;

use super::page::page;
use super::tag::ListOutput;
use super::{Empty, Tag, check, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::model::managed;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub policy_arn: String,
    pub tags: Vec<Tag>,
    pub tag_keys: Vec<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

pub async fn tag(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let tags = check::tags(&input.tags)?;
    cx.db().write(move |tx| managed::change_tags(tx, &input.policy_arn, |all| all.extend(tags.clone()))).await?;
    Ok(Empty {})
}

pub async fn untag(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let Input { policy_arn, tag_keys, .. } = input;
    cx.db()
        .write(move |tx| managed::change_tags(tx, &policy_arn, |all| all.retain(|key, _| !tag_keys.contains(key))))
        .await?;
    Ok(Empty {})
}

pub async fn list(_: Arc<Identity>, cx: Cx, input: Input) -> Result<ListOutput, Error> {
    let policy = managed::find(&cx.db().read()?, &input.policy_arn)?;
    let rows = tag_list(&policy.tags).into_iter().map(|tag| Ok((tag.key.clone(), tag)));
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    Ok(ListOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}
