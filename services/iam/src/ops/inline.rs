//! PutUserPolicy, GetUserPolicy, ListUserPolicies, DeleteUserPolicy, and the same four for roles.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::page::page;
use super::{Empty, check, encode_document};
use crate::Identity;
use crate::error::Error;
use crate::keys::{INLINE, Kind, fold};
use crate::limits::{NAME_CHARACTERS_MAX, POLICY_NAME_CHARACTERS_MAX};
use crate::model::entity::{self, Entity};
use crate::model::inline;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PolicyInput {
    #[serde(alias = "UserName", alias = "RoleName")]
    pub name: String,
    pub policy_name: String,
    pub policy_document: String,
}

impl PolicyInput {
    fn check<E: Entity>(&self) -> Result<(), Error> {
        check::name(E::NAME_MEMBER, &self.name, NAME_CHARACTERS_MAX)?;
        check::name("policyName", &self.policy_name, POLICY_NAME_CHARACTERS_MAX)
    }
}

pub async fn put<E: Entity>(_: Arc<Identity>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    input.check::<E>()?;
    if input.policy_document.is_empty() {
        return Err(Error::missing("policyDocument"));
    }
    cx.db().write(move |tx| inline::put::<E>(tx, &input.name, &input.policy_name, &input.policy_document)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    pub policy_name: String,
    pub policy_document: String,
}

pub async fn get<E: Entity>(_: Arc<Identity>, cx: Cx, input: PolicyInput) -> Result<PolicyOutput, Error> {
    input.check::<E>()?;
    let document = inline::get::<E>(&cx.db().read()?, &input.name, &input.policy_name)?;
    let (user_name, role_name) = match E::KIND {
        Kind::User => (Some(input.name), None),
        Kind::Role => (None, Some(input.name)),
    };
    Ok(PolicyOutput {
        user_name,
        role_name,
        policy_name: input.policy_name,
        policy_document: encode_document(&document),
    })
}

pub async fn delete<E: Entity>(_: Arc<Identity>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    input.check::<E>()?;
    cx.db().write(move |tx| inline::delete::<E>(tx, &input.name, &input.policy_name)).await?;
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
    pub policy_names: Vec<String>,
    pub is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

pub async fn list<E: Entity>(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    check::name(E::NAME_MEMBER, &input.name, NAME_CHARACTERS_MAX)?;
    let snap = cx.db().read()?;
    entity::find::<E>(&snap, &input.name)?;
    let keys = INLINE.scan_prefix(&snap, (E::KIND.code(), fold(&input.name)), Order::Forward)?.keys();
    let rows = keys.map(|key| key.map(|(_, _, name)| (name.clone(), name)).map_err(Error::from));
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    Ok(ListOutput { is_truncated: page.is_truncated(), policy_names: page.items, marker: page.marker })
}
