//! Tokens: made when a user has signed in, and read when they come back.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html>

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use kv::Tx;
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::Cx;

use crate::error::Error;
use crate::model::{client as clients, grant, group, pool as pools, user as users};
use crate::ops::Metadata;
use crate::session::Session;
use crate::triggers::{self, Event, PRE_TOKEN_GENERATION};
use crate::types::{Client, Grant, Group, Pool, User};
use crate::{Cognito, crypto, signing};

/// What lets a user manage themselves.
const SCOPE: &str = "aws.cognito.signin.user.admin";
/// Claims that functions can neither set nor take away.
const PROTECTED: [&str; 19] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "cognito:username",
    "event_id",
    "exp",
    "iat",
    "identities",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "origin_jti",
    "sub",
    "token_use",
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AuthenticationResult {
    pub access_token: String,
    pub expires_in: u64,
    pub token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub id_token: String,
}

/// Why tokens are made: the moment of `PreTokenGeneration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Authentication,
    NewPasswordChallenge,
    RefreshTokens,
}

impl Moment {
    fn source(self) -> &'static str {
        match self {
            Moment::Authentication => "TokenGeneration_Authentication",
            Moment::NewPasswordChallenge => "TokenGeneration_NewPasswordChallenge",
            Moment::RefreshTokens => "TokenGeneration_RefreshTokens",
        }
    }
}

/// Who gets tokens, through which client.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    pub pool: &'a Pool,
    pub client: &'a Client,
    pub user: &'a User,
}

/// Tokens for who has just signed in, with one that refreshes them. The session, where there was one, is used up.
pub async fn first(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    of: Of<'_>,
    session: Option<&Session>,
    moment: Moment,
    metadata: &Metadata,
) -> Result<AuthenticationResult, Error> {
    let token = crypto::random_token(cx.env());
    let (now, pool, user) = (cx.now(), of.pool.clone(), of.user.clone());
    let kept = Grant {
        client: of.client.id.clone(),
        user: user.key.clone(),
        sub: user.sub.clone(),
        origin: cx.env().uuid(),
        signed_in: now,
        expires: now + of.client.settings.refresh_time(),
    };
    let made = make(cognito, cx, of, &kept, moment, metadata).await?;
    let began = session.map_or(now, |session| session.began);
    let (hash, spent) = (hash(&token), session.map(|session| (session.id.clone(), session.expires)));
    let keep = move |tx: &mut Tx| {
        if let Some((session, expires)) = &spent {
            grant::spend(tx, &pool.id, session, *expires)?;
        }
        let change = |user: &mut User| {
            check_may_sign_in(user)?;
            if user.is_signed_out_since(began) {
                return Err(Error::not_authorized("Invalid session for the user."));
            }
            users::clear_failures(user);
            Ok(())
        };
        users::change(tx, &pool, &user.key, change)?;
        grant::put(tx, &pool.id, &hash, &kept)
    };
    cx.db().write(keep).await?;
    Ok(AuthenticationResult { refresh_token: Some(token), ..made })
}

/// # Errors
/// When an administrator has disabled the user.
pub fn check_may_sign_in(user: &User) -> Result<(), Error> {
    if user.enabled { Ok(()) } else { Err(Error::not_authorized("User is disabled.")) }
}

/// New tokens for a refresh token.
pub async fn refreshed(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    pool: &Pool,
    client: &Client,
    token: &str,
    metadata: &Metadata,
) -> Result<(User, AuthenticationResult), Error> {
    let (grant, user) = {
        let read = cx.db().read()?;
        let grant = grant::find(&read, &pool.id, &hash(token), cx.now())?.filter(|grant| grant.client == client.id);
        let grant = grant.ok_or_else(|| Error::not_authorized("Invalid Refresh Token"))?;
        let user = users::by_key(&read, &pool.id, &grant.user)?;
        (grant, user)
    };
    if user.sub != grant.sub {
        return Err(Error::not_authorized("Invalid Refresh Token"));
    }
    check_may_sign_in(&user)?;
    let made = make(cognito, cx, Of { pool, client, user: &user }, &grant, Moment::RefreshTokens, metadata).await?;
    Ok((user, made))
}

/// Refresh tokens are kept by their hash: they are random enough.
pub fn hash(token: &str) -> Bytes {
    Bytes::copy_from_slice(&crypto::sha256(token))
}

/// The issuer of a pool's tokens.
pub fn issuer(cognito: &Cognito, pool: &str) -> String {
    format!("{}/{pool}", cognito.base)
}

async fn make(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    of: Of<'_>,
    grant: &Grant,
    moment: Moment,
    metadata: &Metadata,
) -> Result<AuthenticationResult, Error> {
    let key = signing::current(cognito, cx, &of.pool.id).await?;
    let groups = group::of_user(&cx.db().read()?, of.user)?;
    let settings = &of.client.settings;
    let mut claims =
        Claims { id: id_claims(of, &groups), access: access_claims(of, &groups), scopes: vec![SCOPE.to_owned()] };
    override_claims(cx, of, moment, metadata, &groups, &mut claims).await?;
    claims.access.insert("scope".into(), json!(claims.scopes.join(" ")));
    let event_id = cx.env().uuid();
    let common = |claims: &mut Map<String, Value>, token_use: &str, lives: Duration| {
        let own = [
            ("iss", json!(issuer(cognito, &of.pool.id))),
            ("sub", json!(of.user.sub)),
            ("origin_jti", json!(grant.origin)),
            ("event_id", json!(event_id)),
            ("token_use", json!(token_use)),
            ("auth_time", json!(grant.signed_in.as_secs())),
            ("exp", json!((cx.now() + lives).as_secs())),
            ("iat", json!(cx.now().as_secs())),
            ("jti", json!(cx.env().uuid())),
        ];
        claims.extend(own.map(|(name, value)| (name.to_owned(), value)));
    };
    common(&mut claims.id, "id", settings.id_time());
    common(&mut claims.access, "access", settings.access_time());
    let expires_in = settings.access_time().as_secs();
    cognito
        .signed(move || {
            let sign = |claims: &Map<String, Value>| jwt::sign(&key, claims).map_err(Error::internal);
            let (access_token, id_token) = (sign(&claims.access)?, sign(&claims.id)?);
            Ok(AuthenticationResult { access_token, expires_in, token_type: "Bearer", refresh_token: None, id_token })
        })
        .await
}

struct Claims {
    id: Map<String, Value>,
    access: Map<String, Value>,
    scopes: Vec<String>,
}

fn id_claims(of: Of, groups: &[Group]) -> Map<String, Value> {
    let readable = |(name, _): &(&String, &String)| of.client.settings.may_read(name);
    let claim = |(name, value): (&String, &String)| {
        let is_flag = name.ends_with("_verified");
        (name.clone(), if is_flag { json!(value == "true") } else { json!(value) })
    };
    let mut claims: Map<String, Value> = of.user.attributes.iter().filter(readable).map(claim).collect();
    claims.insert("cognito:username".into(), json!(of.user.name));
    claims.insert("aud".into(), json!(of.client.id));
    set_groups(&mut claims, &names(groups));
    let roles: Vec<&String> = groups.iter().filter_map(|group| group.role.as_ref()).collect();
    if !roles.is_empty() {
        claims.insert("cognito:roles".into(), json!(roles));
    }
    if let Some(preferred) = preferred_role(groups) {
        claims.insert("cognito:preferred_role".into(), json!(preferred));
    }
    claims
}

fn access_claims(of: Of, groups: &[Group]) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("client_id".into(), json!(of.client.id));
    claims.insert("username".into(), json!(of.user.name));
    set_groups(&mut claims, &names(groups));
    claims
}

fn names(groups: &[Group]) -> Vec<String> {
    groups.iter().map(|group| group.name.clone()).collect()
}

fn set_groups(claims: &mut Map<String, Value>, names: &[String]) {
    claims.remove("cognito:groups");
    if !names.is_empty() {
        claims.insert("cognito:groups".into(), json!(names));
    }
}

/// The role of the group that comes first; of none, where two do with different roles.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html>
fn preferred_role(groups: &[Group]) -> Option<&String> {
    let first = groups.iter().find(|group| group.role.is_some())?;
    let rivals = groups.iter().filter(|group| group.precedence == first.precedence && group.role.is_some());
    let rivals = rivals.filter(|group| group.role != first.role).count();
    first.role.as_ref().filter(|_| rivals == 0)
}

/// Lets the pool's function change the claims.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html>
async fn override_claims(
    cx: &Cx,
    of: Of<'_>,
    moment: Moment,
    metadata: &Metadata,
    groups: &[Group],
    claims: &mut Claims,
) -> Result<(), Error> {
    let is_second = of.pool.settings.token_event == 2;
    let roles: Vec<&String> = groups.iter().filter_map(|group| group.role.as_ref()).collect();
    let mut request = triggers::about(of.user, metadata);
    request["groupConfiguration"] = json!({
        "groupsToOverride": names(groups), "iamRolesToOverride": roles, "preferredRole": preferred_role(groups),
    });
    if is_second {
        request["scopes"] = json!(claims.scopes);
    }
    let member = if is_second { "claimsAndScopeOverrideDetails" } else { "claimsOverrideDetails" };
    let client = Some(of.client.id.as_str());
    let (source, response) = (moment.source(), json!({ member: null }));
    let event = Event { pool: of.pool, client, user: &of.user.name, source, request, response };
    let Some(answer) = triggers::ask(cx, PRE_TOKEN_GENERATION, event).await? else { return Ok(()) };
    let details = answer.get(member).cloned().unwrap_or_default();
    if let Some(groups) = details["groupOverrideDetails"]["groupsToOverride"].as_array() {
        let names: Vec<String> = groups.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        set_groups(&mut claims.id, &names);
        set_groups(&mut claims.access, &names);
    }
    for (claim, member) in [("cognito:roles", "iamRolesToOverride"), ("cognito:preferred_role", "preferredRole")] {
        let given = &details["groupOverrideDetails"][member];
        if given.is_array() || given.is_string() {
            claims.id.insert(claim.into(), given.clone());
        }
    }
    if !is_second {
        change_claims(&mut claims.id, &details);
        return Ok(());
    }
    change_claims(&mut claims.id, &details["idTokenGeneration"]);
    let access = &details["accessTokenGeneration"];
    change_claims(&mut claims.access, access);
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let suppressed = texts(&access["scopesToSuppress"]);
    claims.scopes.retain(|scope| !suppressed.contains(scope));
    claims.scopes.extend(texts(&access["scopesToAdd"]));
    Ok(())
}

fn change_claims(claims: &mut Map<String, Value>, details: &Value) {
    let may_change = |name: &str| !PROTECTED.contains(&name);
    for name in details["claimsToSuppress"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if may_change(name) {
            claims.remove(name);
        }
    }
    for (name, value) in details["claimsToAddOrOverride"].as_object().into_iter().flatten() {
        if may_change(name) && !value.is_null() {
            claims.insert(name.clone(), value.clone());
        }
    }
}

/// Who an access token is of.
pub struct Bearer {
    pub pool: Pool,
    pub client: Client,
    pub user: User,
}

/// Reads an access token of any pool.
///
/// # Errors
/// When it is none, has expired, or was revoked.
pub fn bearer(cognito: &Cognito, cx: &Cx, text: &str) -> Result<Bearer, Error> {
    let invalid = |_| Error::not_authorized("Invalid Access Token");
    let token = jwt::Token::parse(text).map_err(invalid)?;
    let client = token.unverified_claims().get("client_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = cx.db().read()?;
    let client = clients::get(&read, &client).map_err(|_| Error::not_authorized("Invalid Access Token"))?;
    let keys = signing::key_set(&read, cx, &client.pool)?.to_string();
    let keys = jwt::KeySet::parse(keys.as_bytes()).map_err(Error::internal)?;
    let claims = token.verify(&keys, &[jwt::Algorithm::Rs256]).map_err(invalid)?;
    let issuer = issuer(cognito, &client.pool);
    claims.check(cx.now(), &issuer, std::slice::from_ref(&client.id), Duration::ZERO).map_err(|error| match error {
        jwt::Error::Expired => Error::not_authorized("Access Token has expired"),
        _ => Error::not_authorized("Invalid Access Token"),
    })?;
    let scopes = claims.text("scope").unwrap_or_default();
    if claims.text("token_use") != Some("access") {
        return Err(Error::not_authorized("Invalid Access Token"));
    }
    if !scopes.split(' ').any(|scope| scope == SCOPE) {
        return Err(Error::not_authorized("Access Token does not have required scopes"));
    }
    let pool = pools::get(&read, &client.pool)?;
    let user = users::get(&read, &pool, claims.text("username").unwrap_or_default())?;
    if Some(user.sub.as_str()) != claims.text("sub") {
        return Err(Error::UserNotFound);
    }
    let issued = Timestamp::from_secs(claims.get("iat").and_then(Value::as_u64).unwrap_or_default());
    let origin = claims.text("origin_jti").unwrap_or_default();
    // A token is from a second: one of the same second as the sign-out counts as older.
    let is_signed_out = user.signed_out.is_some_and(|at| issued.as_secs() <= at.as_secs());
    if is_signed_out || grant::is_revoked(&read, &pool.id, origin)? {
        return Err(Error::not_authorized("Access Token has been revoked"));
    }
    check_may_sign_in(&user)?;
    Ok(Bearer { pool, client, user })
}
