//! CreateRole, GetRole, ListRoles, UpdateRole, UpdateRoleDescription, UpdateAssumeRolePolicy, DeleteRole.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::page::{PathInput, list_output};
use super::{Empty, NameInput, Tag, check, encode_document, new_id, owner_resource, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::keys::ROLES;
use crate::limits::{MAX_SESSION_SECONDS_DEFAULT, MAX_SESSION_SECONDS_RANGE, NAME_CHARACTERS_MAX};
use crate::model::entity;
use crate::model::owner;
use crate::ops::boundary::BoundaryOutput;
use crate::types::{Role, Tags, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub role_name: String,
    pub path: Option<String>,
    pub assume_role_policy_document: String,
    pub description: Option<String>,
    pub max_session_duration: Option<i64>,
    pub permissions_boundary: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleOutput {
    pub path: String,
    pub role_name: String,
    pub role_id: String,
    pub arn: String,
    pub create_date: DateTime,
    pub assume_role_policy_document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_session_duration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_last_used: Option<RoleLastUsed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<BoundaryOutput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleLastUsed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub role: RoleOutput,
}

fn output(cx: &Cx, role: Role) -> RoleOutput {
    RoleOutput {
        arn: arn(cx.account(), "role", &role.path, &role.name).to_string(),
        path: role.path,
        role_name: role.name,
        role_id: role.id,
        create_date: role.created.into(),
        assume_role_policy_document: encode_document(&role.trust),
        description: role.description,
        max_session_duration: Some(role.max_session_seconds),
        role_last_used: None,
        permissions_boundary: role.boundary.map(BoundaryOutput::from),
        tags: tag_list(&role.tags),
    }
}

/// A role as the answer to its creation shows it: without what can be changed later.
pub fn created(cx: &Cx, role: Role) -> RoleOutput {
    RoleOutput { max_session_duration: None, ..output(cx, role) }
}

/// A role as lists show it.
pub fn brief(cx: &Cx, role: Role) -> RoleOutput {
    output(cx, Role { boundary: None, tags: Tags::new(), ..role })
}

/// When sessions of a role last called something.
pub fn last_used(identity: &Identity, arn: &str) -> RoleLastUsed {
    let used = identity.db.read().ok().and_then(|snap| identity.usage.last_used(&snap, arn));
    let region = used.as_ref().map(|used| used.region.clone()).filter(|region| !region.is_empty());
    RoleLastUsed { last_used_date: used.map(|used| used.at.into()), region }
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<GetOutput, Error> {
    check::name("roleName", &input.role_name, NAME_CHARACTERS_MAX)?;
    check::trust(&input.assume_role_policy_document)?;
    let path = check::path(input.path.as_deref())?;
    if path.starts_with(owner::SERVICE_ROLE_PATH) {
        return Err(Error::Validation(format!(
            "The specified value for path is invalid. {} is for roles of CreateServiceLinkedRole.",
            owner::SERVICE_ROLE_PATH
        )));
    }
    let role = Role {
        path,
        id: new_id(&cx, "AROA"),
        created: cx.now(),
        trust: input.assume_role_policy_document,
        description: check::description(input.description)?,
        max_session_seconds: max_session(input.max_session_duration.unwrap_or(MAX_SESSION_SECONDS_DEFAULT))?,
        boundary: input.permissions_boundary,
        tags: check::tags(&input.tags)?,
        name: input.role_name,
    };
    let stored = role.clone();
    cx.db().write(move |tx| entity::create(tx, stored.clone())).await?;
    Ok(GetOutput { role: created(&cx, role) })
}

fn max_session(seconds: i64) -> Result<i64, Error> {
    check::number("maxSessionDuration", seconds, &MAX_SESSION_SECONDS_RANGE)
}

pub async fn get(identity: Arc<Identity>, cx: Cx, input: NameInput) -> Result<GetOutput, Error> {
    check::name("roleName", &input.name, NAME_CHARACTERS_MAX)?;
    let role = output(&cx, owner::find(&cx.db().read()?, &input.name)?);
    let role_last_used = Some(last_used(&identity, &role.arn));
    Ok(GetOutput { role: RoleOutput { role_last_used, ..role } })
}

list_output!(ListOutput { roles: RoleOutput });

/// Lists leave tags and boundaries out, as AWS's do.
pub async fn list(_: Arc<Identity>, cx: Cx, input: PathInput) -> Result<ListOutput, Error> {
    let snap = cx.db().read()?;
    let page = input.page(ROLES.scan(&snap, Order::Forward)?, |role| role.path.as_str())?;
    Ok(page.map(|role| brief(&cx, role)).into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub role_name: String,
    pub description: Option<String>,
    pub max_session_duration: Option<i64>,
}

/// Source for what is not given: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html>
pub async fn update(_: Arc<Identity>, cx: Cx, input: UpdateInput) -> Result<Empty, Error> {
    let seconds = input.max_session_duration.unwrap_or(MAX_SESSION_SECONDS_DEFAULT);
    change(&cx, UpdateInput { max_session_duration: Some(seconds), ..input }).await?;
    Ok(Empty {})
}

/// The older operation, which answers with the role.
pub async fn update_description(_: Arc<Identity>, cx: Cx, input: UpdateInput) -> Result<GetOutput, Error> {
    let name = input.role_name.clone();
    change(&cx, UpdateInput { max_session_duration: None, ..input }).await?;
    Ok(GetOutput { role: output(&cx, owner::find(&cx.db().read()?, &name)?) })
}

async fn change(cx: &Cx, input: UpdateInput) -> Result<(), Error> {
    check::name("roleName", &input.role_name, NAME_CHARACTERS_MAX)?;
    let seconds = input.max_session_duration.map(max_session).transpose()?;
    let (name, given) = (input.role_name, input.description.is_some());
    let description = check::description(input.description)?;
    let update = move |role: &mut Role| {
        role.max_session_seconds = seconds.unwrap_or(role.max_session_seconds);
        if given {
            role.description.clone_from(&description);
        }
        Ok(())
    };
    cx.db().write(move |tx| entity::update(tx, &name, &update)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TrustInput {
    pub role_name: String,
    pub policy_document: String,
}

pub async fn update_trust(_: Arc<Identity>, cx: Cx, input: TrustInput) -> Result<Empty, Error> {
    check::name("roleName", &input.role_name, NAME_CHARACTERS_MAX)?;
    check::trust(&input.policy_document)?;
    let TrustInput { role_name, policy_document } = input;
    let update = move |role: &mut Role| {
        owner::modifiable(role)?;
        role.trust.clone_from(&policy_document);
        Ok(())
    };
    cx.db().write(move |tx| entity::update(tx, &role_name, &update)).await?;
    Ok(Empty {})
}

pub async fn delete(identity: Arc<Identity>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    check::name("roleName", &input.name, NAME_CHARACTERS_MAX)?;
    let arn = owner_resource::<Role>(&cx, &input.name).to_string();
    cx.db().write(move |tx| entity::delete_role(tx, &input.name)).await?;
    identity.usage.forget(&arn);
    Ok(Empty {})
}
