//! CreateEmailIdentityPolicy, UpdateEmailIdentityPolicy, DeleteEmailIdentityPolicy, GetEmailIdentityPolicies.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::super::{Empty, check_policy, put_policy};
use super::identity::IdentityInput;
use crate::Ses;
use crate::error::Error;
use crate::model::identity;
use crate::types::Identity;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PolicyInput {
    pub email_identity: String,
    policy_name: String,
    policy: String,
}

async fn put(cx: &Cx, input: PolicyInput, exists: bool) -> Result<Empty, Error> {
    check_policy(&input.policy_name, &input.policy)?;
    let region = cx.region().to_string();
    let PolicyInput { email_identity, policy_name, policy } = input;
    let set = move |identity: &mut Identity| match (identity.policies.contains_key(&policy_name), exists) {
        (true, false) => Err(Error::PolicyExists(policy_name.clone())),
        (false, true) => Err(Error::NoPolicy(policy_name.clone())),
        _ => put_policy(identity, &policy_name, &policy),
    };
    cx.db().write(move |tx| identity::change(tx, &region, &email_identity, &set)).await?;
    Ok(Empty {})
}

pub async fn create(_: Arc<Ses>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    put(&cx, input, false).await
}

pub async fn update(_: Arc<Ses>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    put(&cx, input, true).await
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let name = input.policy_name;
    let remove = move |identity: &mut Identity| {
        identity.policies.remove(&name).map(drop).ok_or_else(|| Error::NoPolicy(name.clone()))
    };
    cx.db().write(move |tx| identity::change(tx, &region, &input.email_identity, &remove)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    policies: BTreeMap<String, String>,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: IdentityInput) -> Result<GetOutput, Error> {
    let found = identity::find(&cx.db().read()?, cx.region().as_str(), &input.email_identity)?;
    Ok(GetOutput { policies: found.policies })
}
