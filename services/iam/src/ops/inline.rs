//! PutUserPolicy, GetUserPolicy, ListUserPolicies, DeleteUserPolicy, and the same four for roles and groups.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::page::{OfInput, list_output, page};
use super::{Empty, check, encode_document};
use crate::Identity;
use crate::error::Error;
use crate::keys::{INLINE, Kind, fold};
use crate::limits::POLICY_NAME_CHARACTERS_MAX;
use crate::model::inline;
use crate::model::owner::{self, Owner};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PolicyInput {
    #[serde(alias = "UserName", alias = "RoleName", alias = "GroupName")]
    pub name: String,
    pub policy_name: String,
    pub policy_document: String,
}

impl PolicyInput {
    fn check<O: Owner>(&self) -> Result<(), Error> {
        check::name(O::NAME_MEMBER, &self.name, O::NAME_CHARACTERS_MAX)?;
        check::name("policyName", &self.policy_name, POLICY_NAME_CHARACTERS_MAX)
    }
}

pub async fn put<O: Owner>(_: Arc<Identity>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    input.check::<O>()?;
    if input.policy_document.is_empty() {
        return Err(Error::missing("policyDocument"));
    }
    cx.db().write(move |tx| inline::put::<O>(tx, &input.name, &input.policy_name, &input.policy_document)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    pub policy_name: String,
    pub policy_document: String,
}

pub async fn get<O: Owner>(_: Arc<Identity>, cx: Cx, input: PolicyInput) -> Result<PolicyOutput, Error> {
    input.check::<O>()?;
    let document = inline::get::<O>(&cx.db().read()?, &input.name, &input.policy_name)?;
    let name = |kind| (O::KIND == kind).then(|| input.name.clone());
    Ok(PolicyOutput {
        user_name: name(Kind::User),
        role_name: name(Kind::Role),
        group_name: name(Kind::Group),
        policy_name: input.policy_name,
        policy_document: encode_document(&document),
    })
}

pub async fn delete<O: Owner>(_: Arc<Identity>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    input.check::<O>()?;
    cx.db().write(move |tx| inline::delete::<O>(tx, &input.name, &input.policy_name)).await?;
    Ok(Empty {})
}

list_output!(ListOutput { policy_names: String });

pub async fn list<O: Owner>(_: Arc<Identity>, cx: Cx, input: OfInput) -> Result<ListOutput, Error> {
    check::name(O::NAME_MEMBER, &input.name, O::NAME_CHARACTERS_MAX)?;
    let snap = cx.db().read()?;
    owner::find::<O>(&snap, &input.name)?;
    let keys = INLINE.scan_prefix(&snap, (O::KIND.code(), fold(&input.name)), Order::Forward)?.keys();
    let rows = keys.map(|key| key.map(|(_, _, name)| (name.clone(), name)).map_err(Error::from));
    Ok(page(rows, input.marker.as_deref(), input.max_items)?.into())
}
