//! GetOpenIdTokenForDeveloperIdentity, LookupDeveloperIdentity, MergeDeveloperIdentities, UnlinkDeveloperIdentity: for those who sign
//! users in themselves.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/developer-authenticated-identities.html>

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::identity::{IdOutput, TokenOutput, new_identity};
use super::{Empty, Texts, check_id, find_pool, of_pool, page_size};
use crate::credentials;
use crate::error::Error;
use crate::limits::{DEVELOPER_TOKEN_SECONDS, DEVELOPER_TOKEN_SECONDS_RANGE, DEVELOPER_USER_CHARACTERS_MAX};
use crate::logins;
use crate::model::identity::{self, Login};
use crate::types::{Identity, Pool};
use crate::{Identities, signing};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TokenInput {
    pub identity_pool_id: String,
    pub identity_id: Option<String>,
    pub logins: Texts,
    pub principal_tags: Option<Texts>,
    pub token_duration: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LookupInput {
    pub identity_pool_id: String,
    pub identity_id: Option<String>,
    pub developer_user_identifier: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MergeInput {
    pub identity_pool_id: String,
    pub source_user_identifier: String,
    pub destination_user_identifier: String,
    pub developer_provider_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UnlinkInput {
    pub identity_pool_id: String,
    pub identity_id: String,
    pub developer_provider_name: String,
    pub developer_user_identifier: String,
}
of_pool!(TokenInput, LookupInput, MergeInput, UnlinkInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LookupOutput {
    pub identity_id: String,
    pub developer_user_identifier_list: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What the pool's owner's sign-in is called.
///
/// # Errors
/// When there is none.
fn provider(pool: &Pool) -> Result<&str, Error> {
    let told = "The identity pool has no developer provider: set DeveloperProviderName.";
    pool.settings.developer.as_deref().ok_or_else(|| Error::parameter(told))
}

fn check_provider(pool: &Pool, named: &str) -> Result<String, Error> {
    match provider(pool)? {
        own if own == named => Ok(own.to_owned()),
        own => {
            Err(Error::parameter(format!("{named} is not the developer provider of the identity pool: that is {own}.")))
        }
    }
}

fn check_user(subject: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if subject.is_empty() {
        constraints.fail(subject, "developerUserIdentifier", "have length greater than or equal to 1");
    }
    constraints.length(Some(subject), "developerUserIdentifier", DEVELOPER_USER_CHARACTERS_MAX);
    Ok(constraints.check()?)
}

/// The identity of a pool that a request names.
fn of_pool(cx: &Cx, pool: &Pool, id: &str) -> Result<Identity, Error> {
    check_id(id, "identityId")?;
    let found = identity::get(&cx.db().read()?, id)?;
    if found.pool == pool.id { Ok(found) } else { Err(Error::NotFound(format!("Identity '{id}' not found."))) }
}

pub async fn get_token(identities: Arc<Identities>, cx: Cx, input: TokenInput) -> Result<TokenOutput, Error> {
    let pool = find_pool(&cx, &input.identity_pool_id)?;
    if input.principal_tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        return Err(Error::NotImplemented("PrincipalTags of GetOpenIdTokenForDeveloperIdentity".into()));
    }
    let mut constraints = Constraints::default();
    constraints.range(input.token_duration, "tokenDuration", &DEVELOPER_TOKEN_SECONDS_RANGE);
    constraints.check()?;
    let (own, mut others) = (provider(&pool)?.to_owned(), input.logins);
    let told = || Error::parameter(format!("The developer provider {own} is missing in Logins."));
    let subject = others.remove(&own).ok_or_else(told)?;
    check_user(&subject)?;
    let named = input.identity_id.as_deref().map(|id| of_pool(&cx, &pool, id)).transpose()?;
    let shown = logins::read(&identities, &cx, &pool, &others).await?;
    let mut all = shown.logins();
    all.push(Login { provider: own.clone(), subject: subject.clone() });
    let id = linked(&cx, &pool, named.map(|identity| identity.id), all).await?;
    let mut known = credentials::known(&shown.proven, true);
    known.extend([own.clone(), format!("{own}:{}:{}:{subject}", cx.region(), pool.id)]);
    let seconds = input.token_duration.unwrap_or(DEVELOPER_TOKEN_SECONDS).unsigned_abs();
    let until = cx.now() + Duration::from_secs(seconds);
    let token = signing::token(&identities, &cx, &pool.id, &id, &known, until).await?;
    Ok(TokenOutput { identity_id: id, token })
}

/// The identity that logins lead to, or `named`, which is known by them from now on.
async fn linked(cx: &Cx, pool: &Pool, named: Option<String>, logins: Vec<Login>) -> Result<String, Error> {
    let (new, now, pool) = (new_identity(cx, pool), cx.now(), pool.clone());
    let put = move |tx: &mut kv::Tx| {
        let found = identity::of_logins(tx, &pool.id, &logins)?;
        let id = match (found.as_slice(), &named) {
            ([], Some(named)) => named.clone(),
            ([], None) => {
                identity::create(tx, &new)?;
                new.id.clone()
            }
            ([one], None) => one.clone(),
            ([one], Some(named)) if one == named => one.clone(),
            ([_], Some(_)) => {
                let told = "The developer user is registered with another identity already.";
                return Err(Error::AlreadyRegistered(told.into()));
            }
            _ => return Err(identity::mismatch()),
        };
        identity::link(tx, &id, &logins, pool.settings.developer.as_deref(), now)?;
        Ok(id)
    };
    cx.db().write(put).await
}

pub async fn lookup(_: Arc<Identities>, cx: Cx, input: LookupInput) -> Result<LookupOutput, Error> {
    let pool = find_pool(&cx, &input.identity_pool_id)?;
    let own = provider(&pool)?.to_owned();
    let found = match (&input.identity_id, &input.developer_user_identifier) {
        (Some(id), _) => of_pool(&cx, &pool, id)?,
        (None, Some(subject)) => {
            let login = Login { provider: own.clone(), subject: subject.clone() };
            let id = identity::of_login(&cx.db().read()?, &pool.id, &login)?;
            let told = || Error::NotFound("No identity is known by this developer user identifier.".into());
            of_pool(&cx, &pool, &id.ok_or_else(told)?)?
        }
        (None, None) => return Err(Error::parameter("Either IdentityId or DeveloperUserIdentifier is required.")),
    };
    let subjects = found.logins.get(&own).cloned().unwrap_or_default();
    if input.identity_id.is_some()
        && let Some(subject) = &input.developer_user_identifier
        && !subjects.contains(subject)
    {
        return Err(identity::mismatch());
    }
    let (limit, after) = (page_size(input.max_results)?, input.next_token.unwrap_or_default());
    let rest = subjects.into_iter().filter(|subject| after.is_empty() || *subject > after);
    let (page, more) = kv::page(rest.map(Ok::<_, Error>), limit)?;
    let next_token = super::token(more, page.last().map(String::as_str));
    Ok(LookupOutput { identity_id: found.id, developer_user_identifier_list: page, next_token })
}

pub async fn merge(_: Arc<Identities>, cx: Cx, input: MergeInput) -> Result<IdOutput, Error> {
    let pool = find_pool(&cx, &input.identity_pool_id)?;
    let own = check_provider(&pool, &input.developer_provider_name)?;
    let now = cx.now();
    let join = move |tx: &mut kv::Tx| {
        let find = |tx: &mut kv::Tx, subject: &str| {
            let login = Login { provider: own.clone(), subject: subject.to_owned() };
            let found = identity::of_login(tx, &pool.id, &login)?;
            found.ok_or_else(|| {
                Error::NotFound(format!("No identity is known by the developer user identifier {subject}."))
            })
        };
        let from = find(tx, &input.source_user_identifier)?;
        let into = find(tx, &input.destination_user_identifier)?;
        identity::merge(tx, &from, &into, now)?;
        Ok::<_, Error>(into)
    };
    Ok(IdOutput { identity_id: cx.db().write(join).await? })
}

pub async fn unlink(_: Arc<Identities>, cx: Cx, input: UnlinkInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.identity_pool_id)?;
    let own = check_provider(&pool, &input.developer_provider_name)?;
    let found = of_pool(&cx, &pool, &input.identity_id)?;
    if !found.logins.get(&own).is_some_and(|known| known.contains(&input.developer_user_identifier)) {
        return Err(identity::mismatch());
    }
    let (subject, now) = (input.developer_user_identifier, cx.now());
    cx.db().write(move |tx| identity::unlink(tx, &found.id, &own, Some(&subject), now)).await?;
    Ok(Empty {})
}
