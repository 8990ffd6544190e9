//! PutIdentityPolicy, GetIdentityPolicies, ListIdentityPolicies, DeleteIdentityPolicy.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::super::{Empty, check_policy, put_policy};
use super::identity::{IdentityInput, change};
use crate::Ses;
use crate::error::{Error, OfV1};
use crate::model::identity;
use crate::types::Identity;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PolicyInput {
    pub identity: String,
    policy_name: String,
    policy: String,
}

pub async fn put(_: Arc<Ses>, cx: Cx, input: PolicyInput) -> Result<Empty, OfV1> {
    check_policy(&input.policy_name, &input.policy)?;
    let PolicyInput { identity, policy_name, policy } = input;
    Ok(change(&cx, identity, move |identity| put_policy(identity, &policy_name, &policy)).await?)
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: PolicyInput) -> Result<Empty, OfV1> {
    let name = input.policy_name;
    let remove = move |identity: &mut Identity| {
        identity.policies.remove(&name);
        Ok(())
    };
    Ok(change(&cx, input.identity, remove).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub identity: String,
    policy_names: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    policies: BTreeMap<String, String>,
}

/// The policies of an identity; none where it is not there.
fn policies(cx: &Cx, name: &str) -> Result<BTreeMap<String, String>, Error> {
    match identity::find(&cx.db().read()?, cx.region().as_str(), name) {
        Ok(found) => Ok(found.policies),
        Err(Error::NoIdentity(_)) => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: GetInput) -> Result<GetOutput, OfV1> {
    let mut found = policies(&cx, &input.identity)?;
    found.retain(|name, _| input.policy_names.contains(name));
    Ok(GetOutput { policies: found })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    policy_names: Vec<String>,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: IdentityInput) -> Result<ListOutput, OfV1> {
    Ok(ListOutput { policy_names: policies(&cx, &input.identity)?.into_keys().collect() })
}
