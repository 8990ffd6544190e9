//! Credentials for an identity: which role it gets, and the session of it.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html>

use std::sync::Arc;
use std::time::Duration;

use jwt::Claims;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Caller, Cx};

use crate::error::Error;
use crate::limits::CREDENTIALS_SECONDS;
use crate::logins::Proven;
use crate::types::{Matching, Pool, RoleMapping, Rule};
use crate::{Identities, signing};

pub const AUTHENTICATED: &str = "authenticated";
pub const UNAUTHENTICATED: &str = "unauthenticated";
/// What sessions are called.
const SESSION: &str = "CognitoIdentityCredentials";

/// What STS gives.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: Credentials,
}

/// How an identity is known.
pub fn known(proven: &[Proven], is_authenticated: bool) -> Vec<String> {
    let mut known = match is_authenticated {
        true => vec![AUTHENTICATED.to_owned()],
        false => vec![UNAUTHENTICATED.to_owned()],
    };
    for entry in proven.iter().flat_map(|proven| &proven.known) {
        if !known.contains(entry) {
            known.push(entry.clone());
        }
    }
    known
}

/// A session of the role that an identity gets.
pub async fn issue(
    identities: &Arc<Identities>,
    cx: &Cx,
    pool: &Pool,
    identity: &str,
    known: &[String],
    role: &str,
) -> Result<Credentials, Error> {
    let until = cx.now() + Duration::from_secs(CREDENTIALS_SECONDS);
    let token = signing::token(identities, cx, &pool.id, identity, known, until).await?;
    let input = json!({
        "RoleArn": role, "RoleSessionName": SESSION, "WebIdentityToken": token, "DurationSeconds": CREDENTIALS_SECONDS,
    });
    // As the identity itself would ask: the role has to trust it.
    let nobody = cx.with_caller(Caller::anonymous(cx.account()));
    let assumed: Result<Assumed, _> = nobody.call("sts", "AssumeRoleWithWebIdentity", input).await;
    match assumed {
        Ok(assumed) => Ok(assumed.credentials),
        Err(error) if error.status < 500 => Err(Error::Configuration),
        Err(error) => Err(error.into()),
    }
}

/// The role that somebody gets.
///
/// # Errors
/// When the pool has none for them, or they ask for one that is not theirs.
pub fn role(pool: &Pool, proven: &[Proven], is_authenticated: bool, custom: Option<&str>) -> Result<String, Error> {
    let kind = if is_authenticated { AUTHENTICATED } else { UNAUTHENTICATED };
    let standard = || pool.roles.get(kind).cloned().ok_or(Error::Configuration);
    let mapped = proven.iter().find_map(|proven| Some((pool.mappings.get(&proven.mapping)?, &proven.claims)));
    let Some((mapping, claims)) = mapped else {
        return match custom {
            Some(_) => {
                Err(Error::not_authorized("Access to the role is forbidden: no provider chooses roles by its tokens."))
            }
            None => standard(),
        };
    };
    match chosen(mapping, claims, custom)? {
        Some(role) => Ok(role),
        None if mapping.denies => Err(Error::not_authorized("No role can be found for this identity.")),
        None => standard(),
    }
}

/// What a mapping finds; `None` where that is not clear.
fn chosen(mapping: &RoleMapping, claims: &Claims, custom: Option<&str>) -> Result<Option<String>, Error> {
    let Some(rules) = &mapping.rules else {
        let roles = texts(claims.get("cognito:roles"));
        return match custom {
            Some(role) if roles.iter().any(|own| own == role) => Ok(Some(role.to_owned())),
            Some(_) => Err(Error::not_authorized("Access to the role is forbidden: the token does not have it.")),
            None => Ok(claims.text("cognito:preferred_role").map(str::to_owned).or_else(|| match roles.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            })),
        };
    };
    if custom.is_some() {
        return Err(Error::not_authorized("Access to the role is forbidden: rules choose it."));
    }
    Ok(rules.iter().find(|rule| applies(rule, claims)).map(|rule| rule.role.clone()))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Bool(flag)) => vec![flag.to_string()],
        Some(Value::Number(number)) => vec![number.to_string()],
        _ => Vec::new(),
    }
}

/// A claim of several values is each of them; one that is not there is nothing that a rule could be about.
fn applies(rule: &Rule, claims: &Claims) -> bool {
    let values = texts(claims.get(&rule.claim));
    let any = |is: &dyn Fn(&str) -> bool| values.iter().any(|value| is(value));
    match rule.matching {
        Matching::Equals => any(&|value| value == rule.value),
        Matching::Contains => any(&|value| value.contains(&rule.value)),
        Matching::StartsWith => any(&|value| value.starts_with(&rule.value)),
        Matching::NotEqual => !values.is_empty() && !any(&|value| value == rule.value),
    }
}
