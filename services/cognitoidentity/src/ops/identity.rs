//! GetId, GetCredentialsForIdentity, GetOpenIdToken, UnlinkIdentity, ListIdentities, DescribeIdentity, DeleteIdentities.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Cx;
use wire::DateTime;

use super::{Empty, Texts, check_id, find_pool, new_id, of_pool, page_size, token};
use crate::credentials;
use crate::error::Error;
use crate::limits::{DELETED_AT_ONCE_MAX, TOKEN_LIFETIME};
use crate::logins::{self, Shown};
use crate::model::{identity, pool as pools};
use crate::types::{Identity, Pool};
use crate::{Identities, signing};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetIdInput {
    pub account_id: Option<String>,
    pub identity_pool_id: String,
    pub logins: Texts,
}
of_pool!(ListInput);

/// A request of somebody who is known already.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub identity_id: String,
    pub logins: Texts,
    pub custom_role_arn: Option<String>,
    pub logins_to_remove: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IdOutput {
    pub identity_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TokenOutput {
    pub identity_id: String,
    pub token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialsOutput {
    pub identity_id: String,
    pub credentials: CredentialsType,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialsType {
    pub access_key_id: String,
    pub secret_key: String,
    pub session_token: String,
    pub expiration: Value,
}

/// The pool that an unsigned request names.
fn open_pool(cx: &Cx, id: &str) -> Result<Pool, Error> {
    check_id(id, "identityPoolId")?;
    pools::get(&cx.db().read()?, id)
}

pub fn new_identity(cx: &Cx, pool: &Pool) -> Identity {
    let (created, modified) = (cx.now(), cx.now());
    Identity { id: new_id(cx), pool: pool.id.clone(), logins: Default::default(), created, modified }
}

pub async fn get_id(identities: Arc<Identities>, cx: Cx, input: GetIdInput) -> Result<IdOutput, Error> {
    let pool = open_pool(&cx, &input.identity_pool_id)?;
    let shown = logins::read(&identities, &cx, &pool, &input.logins).await?;
    if shown.is_empty() && !pool.settings.unauthenticated {
        return Err(Error::not_authorized("Unauthenticated access is not supported for this identity pool."));
    }
    let (new, logins, now) = (new_identity(&cx, &pool), shown.logins(), cx.now());
    let known = shown.own;
    let put = move |tx: &mut kv::Tx| {
        let mut found = identity::of_logins(tx, &pool.id, &logins)?;
        found.extend(known.clone());
        let id = match found.as_slice() {
            [] => {
                identity::create(tx, &new)?;
                new.id.clone()
            }
            [first, others @ ..] if others.iter().all(|other| other == first) => first.clone(),
            _ => return Err(identity::mismatch()),
        };
        identity::link(tx, &id, &logins, None, now)?;
        Ok(id)
    };
    Ok(IdOutput { identity_id: cx.db().write(put).await? })
}

/// Somebody who shows who they are.
struct Known {
    pool: Pool,
    id: String,
    shown: Shown,
}

impl Known {
    fn is_authenticated(&self) -> bool {
        !self.shown.is_empty()
    }

    fn ways(&self) -> Vec<String> {
        credentials::known(&self.shown.proven, self.is_authenticated())
    }
}

/// Reads what somebody shows for an identity, and lets it be known by what is new of that. An identity that nobody knew yet, and whose
/// login leads to another one, is that other one.
///
/// # Errors
/// When it is known by something, and nothing of that is shown.
async fn known(identities: &Arc<Identities>, cx: &Cx, id: &str, shown: &Texts) -> Result<Known, Error> {
    check_id(id, "identityId")?;
    let (pool, found) = {
        let read = cx.db().read()?;
        let found = identity::get(&read, id)?;
        (pools::get(&read, &found.pool)?, found)
    };
    let shown = logins::read(identities, cx, &pool, shown).await?;
    let forbidden = || Error::not_authorized(format!("Access to Identity '{id}' is forbidden."));
    if shown.is_empty() {
        let may = found.logins.is_empty() && pool.settings.unauthenticated;
        return if may { Ok(Known { pool, id: found.id, shown }) } else { Err(forbidden()) };
    }
    if shown.own.as_deref().is_some_and(|own| own != id) {
        return Err(forbidden());
    }
    let (logins, own, now, id, pool_id) =
        (shown.logins(), shown.own.is_some(), cx.now(), found.id.clone(), pool.id.clone());
    let link = move |tx: &mut kv::Tx| {
        let leads_to = identity::of_logins(tx, &pool_id, &logins)?;
        let kept = identity::get(tx, &id)?;
        let target = match leads_to.as_slice() {
            [] if own || kept.logins.is_empty() => id.clone(),
            [] => return Err(identity::mismatch()),
            [one] if *one == id || kept.logins.is_empty() => one.clone(),
            _ => return Err(identity::mismatch()),
        };
        identity::link(tx, &target, &logins, None, now)?;
        Ok(target)
    };
    let id = cx.db().write(link).await?;
    Ok(Known { pool, id, shown })
}

pub async fn get_credentials(identities: Arc<Identities>, cx: Cx, input: Input) -> Result<CredentialsOutput, Error> {
    let known = known(&identities, &cx, &input.identity_id, &input.logins).await?;
    let custom = input.custom_role_arn.as_deref().filter(|role| !role.is_empty());
    let role = credentials::role(&known.pool, &known.shown.proven, known.is_authenticated(), custom)?;
    let made = credentials::issue(&identities, &cx, &known.pool, &known.id, &known.ways(), &role).await?;
    let credentials = CredentialsType {
        access_key_id: made.access_key_id,
        secret_key: made.secret_access_key,
        session_token: made.session_token,
        expiration: made.expiration,
    };
    Ok(CredentialsOutput { identity_id: known.id, credentials })
}

pub async fn get_token(identities: Arc<Identities>, cx: Cx, input: Input) -> Result<TokenOutput, Error> {
    let known = known(&identities, &cx, &input.identity_id, &input.logins).await?;
    if !known.pool.settings.classic {
        return Err(Error::parameter("Basic (classic) flow is not enabled, please use enhanced flow."));
    }
    // Else who has one keeps it for ever, whatever becomes of the login that it was given for.
    if known.shown.is_own_alone() {
        return Err(Error::not_authorized("A token of an identity pool is not exchanged for another one."));
    }
    let (pool, until) = (&known.pool.id, cx.now() + TOKEN_LIFETIME);
    let token = signing::token(&identities, &cx, pool, &known.id, &known.ways(), until).await?;
    Ok(TokenOutput { identity_id: known.id, token })
}

pub async fn unlink(identities: Arc<Identities>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let known = known(&identities, &cx, &input.identity_id, &input.logins).await?;
    let (id, now) = (known.id, cx.now());
    let remove = move |tx: &mut kv::Tx| {
        input.logins_to_remove.iter().try_for_each(|provider| identity::unlink(tx, &id, provider, None, now))
    };
    cx.db().write(remove).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub identity_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<String>,
    pub creation_date: DateTime,
    pub last_modified_date: DateTime,
}

impl From<Identity> for Described {
    fn from(identity: Identity) -> Described {
        let date = |at: Timestamp| at.into();
        Described {
            identity_id: identity.id,
            logins: identity.logins.into_keys().collect(),
            creation_date: date(identity.created),
            last_modified_date: date(identity.modified),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub identity_pool_id: String,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub identity_pool_id: String,
    pub identities: Vec<Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Identities>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let pool = find_pool(&cx, &input.identity_pool_id)?;
    let (limit, after) = (page_size(input.max_results)?, input.next_token.unwrap_or_default());
    let (found, more) = identity::list(&cx.db().read()?, &pool.id, &after, limit)?;
    let next_token = token(more, found.last().map(|identity| identity.id.as_str()));
    let identities = found.into_iter().map(Described::from).collect();
    Ok(ListOutput { identity_pool_id: pool.id, identities, next_token })
}

pub async fn describe(_: Arc<Identities>, cx: Cx, input: Input) -> Result<Described, Error> {
    check_id(&input.identity_id, "identityId")?;
    Ok(identity::get(&cx.db().read()?, &input.identity_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub identity_ids_to_delete: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteOutput {
    pub unprocessed_identity_ids: Vec<Value>,
}

/// One that is not there is deleted already.
pub async fn delete(_: Arc<Identities>, cx: Cx, input: DeleteInput) -> Result<DeleteOutput, Error> {
    let ids = input.identity_ids_to_delete;
    if ids.is_empty() || ids.len() > DELETED_AT_ONCE_MAX {
        return Err(Error::parameter(format!("Between 1 and {DELETED_AT_ONCE_MAX} identities are deleted at once.")));
    }
    ids.iter().try_for_each(|id| check_id(id, "identityIdsToDelete"))?;
    let remove = move |tx: &mut kv::Tx| ids.iter().try_for_each(|id| identity::delete(tx, id).map(drop));
    cx.db().write(remove).await?;
    Ok(DeleteOutput { unprocessed_identity_ids: Vec::new() })
}
