//! CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::{CallerKind, Cx};
use wire::DateTime;

use super::page::{PathInput, list_output};
use super::{Empty, NameInput, Tag, check, new_id, owner_resource, require_user_name, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::keys::USERS;
use crate::limits::NAME_CHARACTERS_MAX;
use crate::model::{entity, owner, user};
use crate::ops::boundary::BoundaryOutput;
use crate::types::{Tags, User, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub user_name: String,
    pub path: Option<String>,
    pub permissions_boundary: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserOutput {
    pub path: String,
    pub user_name: String,
    pub user_id: String,
    pub arn: String,
    pub create_date: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<BoundaryOutput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub user: UserOutput,
}

fn output(cx: &Cx, user: User) -> UserOutput {
    UserOutput {
        arn: arn(cx.account(), "user", &user.path, &user.name).to_string(),
        path: user.path,
        user_name: user.name,
        user_id: user.id,
        create_date: user.created.into(),
        permissions_boundary: user.boundary.map(BoundaryOutput::from),
        tags: tag_list(&user.tags),
    }
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<GetOutput, Error> {
    check::name("userName", &input.user_name, NAME_CHARACTERS_MAX)?;
    let user = User {
        path: check::path(input.path.as_deref())?,
        id: new_id(&cx, "AIDA"),
        created: cx.now(),
        boundary: input.permissions_boundary,
        tags: check::tags(&input.tags)?,
        name: input.user_name,
    };
    let stored = user.clone();
    cx.db().write(move |tx| entity::create(tx, stored.clone())).await?;
    Ok(GetOutput { user: output(&cx, user) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub user_name: Option<String>,
}

/// Without a name, the user who asks; that may be the account itself.
pub async fn get(identity: Arc<Identity>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    if input.user_name.is_none() && matches!(cx.caller().kind, CallerKind::Root) {
        return Ok(GetOutput { user: root(&identity, &cx) });
    }
    let name = require_user_name(&cx, input.user_name.as_deref())?;
    Ok(GetOutput { user: output(&cx, owner::find(&cx.db().read()?, &name)?) })
}

fn root(identity: &Identity, cx: &Cx) -> UserOutput {
    UserOutput {
        path: "/".into(),
        user_name: "root".into(),
        user_id: cx.account().to_string(),
        arn: cx.caller().arn.to_string(),
        create_date: identity.created.into(),
        permissions_boundary: None,
        tags: Vec::new(),
    }
}

list_output!(ListOutput { users: UserOutput });

/// Lists leave tags and boundaries out, as AWS's do.
pub async fn list(_: Arc<Identity>, cx: Cx, input: PathInput) -> Result<ListOutput, Error> {
    let snap = cx.db().read()?;
    let page = input.page(USERS.scan(&snap, Order::Forward)?, |user| user.path.as_str())?;
    Ok(page.map(|user| brief(&cx, user)).into())
}

/// A user as lists show them.
pub fn brief(cx: &Cx, user: User) -> UserOutput {
    output(cx, User { boundary: None, tags: Tags::new(), ..user })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub user_name: String,
    pub new_path: Option<String>,
    pub new_user_name: Option<String>,
}

pub async fn update(_: Arc<Identity>, cx: Cx, input: UpdateInput) -> Result<Empty, Error> {
    let UpdateInput { user_name, new_path, new_user_name } = input;
    check::rename::<User>(&user_name, "newUserName", new_user_name.as_deref(), new_path.as_deref())?;
    let change = move |tx: &mut kv::Tx| user::rename(tx, &user_name, new_user_name.as_deref(), new_path.as_deref());
    cx.db().write(change).await?;
    Ok(Empty {})
}

pub async fn delete(identity: Arc<Identity>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    check::name("userName", &input.name, NAME_CHARACTERS_MAX)?;
    let arn = owner_resource::<User>(&cx, &input.name).to_string();
    cx.db().write(move |tx| user::delete(tx, &input.name)).await?;
    identity.usage.forget(&arn);
    Ok(Empty {})
}
