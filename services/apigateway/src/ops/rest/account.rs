//! GetAccount, UpdateAccount: what the APIs of a region have in common.

use std::sync::Arc;

use kv::Read;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::method_settings::THROTTLE;
use super::patch::{self, Op, Patch, PatchOperation};
use super::usage_plan::ThrottleShape;
use crate::ApiGateway;
use crate::error::Error;
use crate::keys::ACCOUNTS;
use crate::ops::{PATCH, resource};
use crate::roles;
use crate::types::account::Account;

/// The path of the account in permissions.
pub const PATH: &str = "/account";
const ROLE: &str = "/cloudwatchRoleArn";

#[derive(Debug, Default, Deserialize)]
pub struct GetInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloudwatch_role_arn: Option<String>,
    pub throttle_settings: ThrottleShape,
    pub features: [&'static str; 1],
    pub api_key_version: &'static str,
}

impl From<Account> for AccountOutput {
    fn from(account: Account) -> AccountOutput {
        AccountOutput {
            cloudwatch_role_arn: account.log_role,
            throttle_settings: THROTTLE.into(),
            features: ["UsagePlans"],
            api_key_version: "4",
        }
    }
}

/// What is said of a region; nothing where nobody has said anything.
pub fn find(read: &(impl Read + ?Sized), region: &str) -> Result<Account, Error> {
    Ok(ACCOUNTS.get(read, region)?.unwrap_or_default())
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, _: GetInput) -> Result<AccountOutput, Error> {
    Ok(find(&cx.db().read()?, cx.region().as_str())?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub patch_operations: Vec<PatchOperation>,
}

impl UpdateInput {
    /// To change the account, and to give its role away.
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let own = Permission::new(PATCH, resource(cx, PATH));
        let roles = self.patch_operations.iter().filter_map(|patch| roles::pass(patch.value_at(ROLE)));
        [own].into_iter().chain(roles).collect()
    }
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<AccountOutput, Error> {
    let patches = patch::parse(input.patch_operations)?;
    let (region, id) = (cx.region().to_string(), cx.account().to_string());
    let changed = cx.db().write(move |tx| {
        let mut account = find(tx, &region)?;
        patches.iter().try_for_each(|patch| apply(&mut account, patch, &id))?;
        ACCOUNTS.put(tx, &region, &account)?;
        Ok::<_, Error>(account)
    });
    Ok(changed.await?.into())
}

fn apply(account: &mut Account, patch: &Patch, id: &str) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (_, ["cloudwatchRoleArn"]) => {
            account.log_role = patch.text();
            account.log_role.as_deref().map_or(Ok(()), |role| roles::check(role, id))
        }
        // What it would turn on is on.
        (Op::Add, ["features"]) if patch.value == "UsagePlans" => Ok(()),
        _ => Err(patch.not_among(&[ROLE])),
    }
}
