//! CreateGroup, GetGroup, ListGroups, UpdateGroup, DeleteGroup, AddUserToGroup, RemoveUserFromGroup, ListGroupsForUser.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::page::{OfInput, PathInput, list_output, page};
use super::user::{self, UserOutput};
use super::{Empty, NameInput, check, new_id};
use crate::Identity;
use crate::error::Error;
use crate::keys::{GROUPS, fold};
use crate::limits::{GROUP_NAME_CHARACTERS_MAX, NAME_CHARACTERS_MAX};
use crate::model::{group, owner};
use crate::types::{Group, User, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub group_name: String,
    pub path: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupOutput {
    pub path: String,
    pub group_name: String,
    pub group_id: String,
    pub arn: String,
    pub create_date: DateTime,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    pub group: GroupOutput,
}

fn output(cx: &Cx, group: Group) -> GroupOutput {
    GroupOutput {
        arn: arn(cx.account(), "group", &group.path, &group.name).to_string(),
        path: group.path,
        group_name: group.name,
        group_id: group.id,
        create_date: group.created.into(),
    }
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<CreateOutput, Error> {
    check::name("groupName", &input.group_name, GROUP_NAME_CHARACTERS_MAX)?;
    let path = check::path(input.path.as_deref())?;
    let group = Group { path, id: new_id(&cx, "AGPA"), created: cx.now(), name: input.group_name };
    let stored = group.clone();
    cx.db().write(move |tx| owner::create(tx, &stored)).await?;
    Ok(CreateOutput { group: output(&cx, group) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub group_name: String,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub group: GroupOutput,
    pub users: Vec<UserOutput>,
    pub is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

/// The group, and a page of the users in it.
pub async fn get(_: Arc<Identity>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    check::name("groupName", &input.group_name, GROUP_NAME_CHARACTERS_MAX)?;
    let snap = cx.db().read()?;
    let found: Group = owner::find(&snap, &input.group_name)?;
    let rows = group::members(&snap, &input.group_name)?.into_iter().map(Ok);
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    let is_truncated = page.is_truncated();
    let users = page.items.into_iter().map(|user| user::brief(&cx, user)).collect();
    Ok(GetOutput { group: output(&cx, found), users, is_truncated, marker: page.marker })
}

list_output!(ListOutput { groups: GroupOutput });

pub async fn list(_: Arc<Identity>, cx: Cx, input: PathInput) -> Result<ListOutput, Error> {
    let snap = cx.db().read()?;
    let page = input.page(GROUPS.scan(&snap, Order::Forward)?, |group| group.path.as_str())?;
    Ok(page.map(|group| output(&cx, group)).into())
}

pub async fn of_user(_: Arc<Identity>, cx: Cx, input: OfInput) -> Result<ListOutput, Error> {
    check::name("userName", &input.name, NAME_CHARACTERS_MAX)?;
    let snap = cx.db().read()?;
    owner::find::<User>(&snap, &input.name)?;
    let rows = group::of(&snap, &input.name)?.into_iter().map(|group| Ok((fold(&group.name), group)));
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    Ok(page.map(|group| output(&cx, group)).into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub group_name: String,
    pub new_path: Option<String>,
    pub new_group_name: Option<String>,
}

pub async fn update(_: Arc<Identity>, cx: Cx, input: UpdateInput) -> Result<Empty, Error> {
    let UpdateInput { group_name, new_path, new_group_name } = input;
    check::rename::<Group>(&group_name, "newGroupName", new_group_name.as_deref(), new_path.as_deref())?;
    let change = move |tx: &mut kv::Tx| group::rename(tx, &group_name, new_group_name.as_deref(), new_path.as_deref());
    cx.db().write(change).await?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    check::name("groupName", &input.name, GROUP_NAME_CHARACTERS_MAX)?;
    cx.db().write(move |tx| group::delete(tx, &input.name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MemberInput {
    pub group_name: String,
    pub user_name: String,
}

impl MemberInput {
    fn check(&self) -> Result<(), Error> {
        check::name("groupName", &self.group_name, GROUP_NAME_CHARACTERS_MAX)?;
        check::name("userName", &self.user_name, NAME_CHARACTERS_MAX)
    }
}

pub async fn add_user(_: Arc<Identity>, cx: Cx, input: MemberInput) -> Result<Empty, Error> {
    input.check()?;
    cx.db().write(move |tx| group::add(tx, &input.group_name, &input.user_name)).await?;
    Ok(Empty {})
}

pub async fn remove_user(_: Arc<Identity>, cx: Cx, input: MemberInput) -> Result<Empty, Error> {
    input.check()?;
    cx.db().write(move |tx| group::remove(tx, &input.group_name, &input.user_name)).await?;
    Ok(Empty {})
}
