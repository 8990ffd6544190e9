//! TagUser, UntagUser, ListUserTags, and the same three for roles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::page::page;
use super::{Empty, Tag, check, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::limits::NAME_CHARACTERS_MAX;
use crate::model::entity::{self, Entity};
use crate::model::owner;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    #[serde(alias = "UserName", alias = "RoleName")]
    pub name: String,
    pub tags: Vec<Tag>,
}

pub async fn tag<E: Entity>(_: Arc<Identity>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    check::name(E::NAME_MEMBER, &input.name, NAME_CHARACTERS_MAX)?;
    let tags = check::tags(&input.tags)?;
    cx.db().write(move |tx| entity::tag::<E>(tx, &input.name, &tags)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    #[serde(alias = "UserName", alias = "RoleName")]
    pub name: String,
    pub tag_keys: Vec<String>,
}

pub async fn untag<E: Entity>(_: Arc<Identity>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    check::name(E::NAME_MEMBER, &input.name, NAME_CHARACTERS_MAX)?;
    cx.db().write(move |tx| entity::untag::<E>(tx, &input.name, &input.tag_keys)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    #[serde(alias = "UserName", alias = "RoleName")]
    pub name: String,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Vec<Tag>,
    pub is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

pub async fn list<E: Entity>(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    check::name(E::NAME_MEMBER, &input.name, NAME_CHARACTERS_MAX)?;
    let mut entity = owner::find::<E>(&cx.db().read()?, &input.name)?;
    let rows = tag_list(entity.tags()).into_iter().map(|tag| Ok((tag.key.clone(), tag)));
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    Ok(ListOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}
