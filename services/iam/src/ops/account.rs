//! CreateAccountAlias, ListAccountAliases, DeleteAccountAlias, GetAccountSummary.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::{Order, Read, Stored, Table};
use serde::{Deserialize, Serialize};
use service::Cx;

use super::Empty;
use crate::Identity;
use crate::error::Error;
use crate::keys::{ACCOUNT_ALIAS, GROUPS, POLICIES, POLICY_VERSIONS, ROLES, USERS};
use crate::limits::{
    ACCESS_KEYS_PER_USER_MAX, ACCOUNT_ALIAS_CHARACTERS_RANGE, ATTACHED_POLICIES_MAX, GROUP_INLINE_CHARACTERS_MAX,
    GROUPS_PER_USER_MAX, MANAGED_POLICY_CHARACTERS_MAX, POLICY_VERSIONS_MAX, ROLE_INLINE_CHARACTERS_MAX,
    TRUST_POLICY_CHARACTERS_MAX, USER_INLINE_CHARACTERS_MAX,
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AliasInput {
    pub account_alias: String,
}

impl AliasInput {
    /// Lower-case letters, digits and single hyphens inside.
    fn check(&self) -> Result<(), Error> {
        let alias = &self.account_alias;
        let fits = ACCOUNT_ALIAS_CHARACTERS_RANGE.contains(&alias.len())
            && alias.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !alias.starts_with('-')
            && !alias.ends_with('-')
            && !alias.contains("--");
        if fits {
            return Ok(());
        }
        Err(Error::constraint(
            "accountAlias",
            format_args!("'{alias}'"),
            "Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        ))
    }
}

/// An account has one alias; another takes its place.
pub async fn create_alias(_: Arc<Identity>, cx: Cx, input: AliasInput) -> Result<Empty, Error> {
    input.check()?;
    cx.db().write(move |tx| ACCOUNT_ALIAS.put(tx, (), &input.account_alias)).await?;
    Ok(Empty {})
}

pub async fn delete_alias(_: Arc<Identity>, cx: Cx, input: AliasInput) -> Result<Empty, Error> {
    input.check()?;
    cx.db()
        .write(move |tx| match ACCOUNT_ALIAS.get(&*tx, ())? {
            Some(alias) if alias == input.account_alias => Ok(ACCOUNT_ALIAS.delete(tx, ())?),
            _ => Err(Error::NoSuchEntity(format!(
                "The account alias with name {} cannot be found.",
                input.account_alias
            ))),
        })
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
pub struct NoInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasesOutput {
    pub account_aliases: Vec<String>,
    pub is_truncated: bool,
}

pub async fn aliases(_: Arc<Identity>, cx: Cx, _: NoInput) -> Result<AliasesOutput, Error> {
    let alias = ACCOUNT_ALIAS.get(&cx.db().read()?, ())?;
    Ok(AliasesOutput { account_aliases: alias.into_iter().collect(), is_truncated: false })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SummaryOutput {
    pub summary_map: BTreeMap<&'static str, usize>,
}

/// How much there is of what is built, and the limits that there are.
pub async fn summary(identity: Arc<Identity>, cx: Cx, _: NoInput) -> Result<SummaryOutput, Error> {
    let snap = cx.db().read()?;
    let summary_map = BTreeMap::from([
        ("Users", count(&snap, &USERS)?),
        ("Groups", count(&snap, &GROUPS)?),
        ("Roles", count(&snap, &ROLES)?),
        ("Policies", count(&snap, &POLICIES)?),
        ("PolicyVersionsInUse", count(&snap, &POLICY_VERSIONS)?),
        ("AccountAccessKeysPresent", usize::from(!identity.root_keys.is_empty())),
        ("AccessKeysPerUserQuota", ACCESS_KEYS_PER_USER_MAX),
        ("AssumeRolePolicySizeQuota", TRUST_POLICY_CHARACTERS_MAX),
        ("AttachedPoliciesPerGroupQuota", ATTACHED_POLICIES_MAX),
        ("AttachedPoliciesPerRoleQuota", ATTACHED_POLICIES_MAX),
        ("AttachedPoliciesPerUserQuota", ATTACHED_POLICIES_MAX),
        ("GroupPolicySizeQuota", GROUP_INLINE_CHARACTERS_MAX),
        ("GroupsPerUserQuota", GROUPS_PER_USER_MAX),
        ("PolicySizeQuota", MANAGED_POLICY_CHARACTERS_MAX),
        ("RolePolicySizeQuota", ROLE_INLINE_CHARACTERS_MAX),
        ("UserPolicySizeQuota", USER_INLINE_CHARACTERS_MAX),
        ("VersionsPerPolicyQuota", POLICY_VERSIONS_MAX),
    ]);
    Ok(SummaryOutput { summary_map })
}

fn count<K: kv::DecodeKey, V: Stored>(read: &impl Read, table: &Table<K, V>) -> Result<usize, Error> {
    Ok(table.scan(read, Order::Forward)?.keys().count())
}
