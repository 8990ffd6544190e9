//! Tokens: made when a user has signed in, and read when they come back.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html>

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use kv::Tx;
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::Cx;

use crate::error::Error;
use crate::model::user::{EMAIL, EMAIL_VERIFIED, PHONE_NUMBER, PHONE_NUMBER_VERIFIED};
use crate::model::{client as clients, device as devices, grant, group, pool as pools, provider, user as users};
use crate::ops::Metadata;
use crate::session::Session;
use crate::triggers::{self, Event, PRE_TOKEN_GENERATION};
use crate::types::{Client, Grant, Group, Pool, User};
use crate::{Cognito, crypto, signing};

/// What lets a user manage themselves.
const SCOPE: &str = "aws.cognito.signin.user.admin";
/// What asks for the tokens of OpenID Connect, and for attributes in them.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html>
pub const OPENID: &str = "openid";
/// What every client may be given without a resource server.
pub const STANDARD_SCOPES: [&str; 5] = [OPENID, "email", "phone", "profile", SCOPE];
/// The device that an access token was given to.
const DEVICE_KEY: &str = "device_key";
/// Claims that functions can neither set nor take away.
const PROTECTED: [&str; 20] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "cognito:username",
    DEVICE_KEY,
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
    /// For who comes with a device that is not known, where the pool remembers them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_device_metadata: Option<NewDevice>,
}

/// What a device is called, once it is confirmed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewDevice {
    pub device_key: String,
    pub device_group_key: String,
}

/// Why tokens are made: the moment of `PreTokenGeneration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Authentication,
    NewPasswordChallenge,
    RefreshTokens,
    /// A code is exchanged, or tokens are given by the authorization endpoint.
    HostedAuth,
}

impl Moment {
    fn source(self) -> &'static str {
        match self {
            Moment::Authentication => "TokenGeneration_Authentication",
            Moment::NewPasswordChallenge => "TokenGeneration_NewPasswordChallenge",
            Moment::RefreshTokens => "TokenGeneration_RefreshTokens",
            Moment::HostedAuth => "TokenGeneration_HostedAuth",
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
    device: Option<&str>,
    moment: Moment,
    metadata: &Metadata,
) -> Result<AuthenticationResult, Error> {
    let token = crypto::random_token(cx.env());
    let (now, pool, user) = (cx.now(), of.pool.clone(), of.user.clone());
    let kept = Grant { device: device.map(str::to_owned), ..new_grant(cx, of, now, None) };
    let made = make(cognito, cx, of, &kept, None, moment, metadata).await?;
    let (hash, ended) = (hash(&token), Ended::new(cx, session));
    let keep = move |tx: &mut Tx| {
        ended.keep(tx, &pool, &user)?;
        kept.device.as_ref().map_or(Ok(()), |device| devices::used(tx, &user, device, now))?;
        grant::put(tx, &pool.id, &hash, &kept)
    };
    cx.db().write(keep).await?;
    Ok(AuthenticationResult { refresh_token: Some(token), ..made })
}

/// What a sign-in at this time is granted: the rest of it is made anew each time.
pub fn new_grant(cx: &Cx, of: Of<'_>, signed_in: Timestamp, scopes: Option<Vec<String>>) -> Grant {
    Grant {
        client: of.client.id.clone(),
        user: of.user.key.clone(),
        sub: of.user.sub.clone(),
        origin: cx.env().uuid(),
        signed_in,
        expires: cx.now() + of.client.settings.refresh_time(),
        scopes,
        device: None,
    }
}

/// A sign-in that has come to its end: its session, where there was one, is used up.
pub struct Ended {
    began: Timestamp,
    session: Option<(String, Timestamp)>,
}

impl Ended {
    pub fn new(cx: &Cx, session: Option<&Session>) -> Ended {
        let began = session.map_or(cx.now(), |session| session.began);
        Ended { began, session: session.map(|session| (session.id.clone(), session.expires)) }
    }

    /// Keeps that, and forgets wrong passwords before it.
    ///
    /// # Errors
    /// When the session was used before, or the user may not sign in any more.
    pub fn keep(&self, tx: &mut Tx, pool: &Pool, user: &User) -> Result<(), Error> {
        if let Some((session, expires)) = &self.session {
            grant::spend(tx, &pool.id, session, *expires)?;
        }
        let change = |user: &mut User| {
            check_may_sign_in(user)?;
            if user.is_signed_out_since(self.began) {
                return Err(Error::not_authorized("Invalid session for the user."));
            }
            users::clear_failures(user);
            Ok(())
        };
        users::change(tx, pool, &user.key, change)
    }
}

/// # Errors
/// When an administrator has disabled the user.
pub fn check_may_sign_in(user: &User) -> Result<(), Error> {
    if user.enabled { Ok(()) } else { Err(Error::not_authorized("User is disabled.")) }
}

/// What a refresh token is exchanged for.
pub struct Refreshed {
    pub user: User,
    pub tokens: AuthenticationResult,
    /// As in [`Grant`].
    pub scopes: Option<Vec<String>>,
}

/// New tokens for a refresh token, which a device that is known brings with its key.
pub async fn refreshed(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    pool: &Pool,
    client: &Client,
    token: &str,
    device: Option<&str>,
    metadata: &Metadata,
) -> Result<Refreshed, Error> {
    let (grant, user) = {
        let read = cx.db().read()?;
        let grant = grant::find(&read, &pool.id, &hash(token), cx.now())?.filter(|grant| grant.client == client.id);
        let grant = grant.ok_or_else(|| Error::not_authorized("Invalid Refresh Token"))?;
        let user = users::by_key(&read, &pool.id, &grant.user)?;
        (grant, user)
    };
    let is_known = |own: &&str| devices::find(&cx.db().read()?, &user, own).map(|found| found.is_some());
    let of_device = grant.device.as_deref().filter(|own| device != Some(own));
    if user.sub != grant.sub || of_device.as_ref().map_or(Ok(false), is_known)? {
        return Err(Error::not_authorized("Invalid Refresh Token"));
    }
    check_may_sign_in(&user)?;
    let of = Of { pool, client, user: &user };
    let made = make(cognito, cx, of, &grant, None, Moment::RefreshTokens, metadata).await?;
    Ok(Refreshed { user, tokens: made, scopes: grant.scopes })
}

/// Refresh tokens are kept by their hash: they are random enough.
pub fn hash(token: &str) -> Bytes {
    Bytes::copy_from_slice(&crypto::sha256(token))
}

/// The issuer of a pool's tokens.
pub fn issuer(cognito: &Cognito, pool: &str) -> String {
    format!("{}/{pool}", cognito.base)
}

/// Tokens of a grant. An identity token has the `nonce` that the client asked for it with.
pub async fn make(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    of: Of<'_>,
    grant: &Grant,
    nonce: Option<&str>,
    moment: Moment,
    metadata: &Metadata,
) -> Result<AuthenticationResult, Error> {
    let key = signing::current(cognito, cx, &of.pool.id).await?;
    let groups = group::of_user(&cx.db().read()?, of.user)?;
    let (settings, asked) = (&of.client.settings, grant.scopes.as_deref());
    let scopes = grant.scopes.clone().unwrap_or_else(|| vec![SCOPE.to_owned()]);
    let mut claims = Claims { id: id_claims(of, &groups, asked), access: access_claims(of, &groups), scopes };
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
    let is_oauth = asked.is_some();
    if is_oauth {
        claims.access.insert("version".into(), json!(2));
    }
    if let Some(device) = &grant.device {
        claims.access.insert(DEVICE_KEY.into(), json!(device));
    }
    if let Some(nonce) = nonce {
        claims.id.insert("nonce".into(), json!(nonce));
    }
    let expires_in = settings.access_time().as_secs();
    cognito
        .signed(move || {
            let sign = |claims: &Map<String, Value>| jwt::sign(&key, claims).map_err(Error::internal);
            let access_token = sign(&claims.access)?;
            if is_oauth {
                claims.id.insert("at_hash".into(), json!(half_hash(&access_token)));
            }
            let id_token = sign(&claims.id)?;
            let (refresh_token, new_device_metadata) = (None, None);
            Ok(AuthenticationResult {
                access_token,
                expires_in,
                token_type: "Bearer",
                refresh_token,
                id_token,
                new_device_metadata,
            })
        })
        .await
}

/// What an identity token says of the access token beside it.
///
/// Source: OpenID Connect Core 1.0, section 3.1.3.6.
fn half_hash(token: &str) -> String {
    let hash = crypto::sha256(token);
    URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2).unwrap_or_default())
}

/// An access token for a client itself, of which no user is the owner.
pub async fn of_client(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    pool: &Pool,
    client: &Client,
    scopes: &[String],
) -> Result<(String, u64), Error> {
    let key = signing::current(cognito, cx, &pool.id).await?;
    let (now, lives) = (cx.now(), client.settings.access_time());
    let claims = json!({
        "sub": client.id,
        "token_use": "access",
        "scope": scopes.join(" "),
        "auth_time": now.as_secs(),
        "iss": issuer(cognito, &pool.id),
        "exp": (now + lives).as_secs(),
        "iat": now.as_secs(),
        "version": 2,
        "jti": cx.env().uuid(),
        "client_id": client.id,
    });
    let token = cognito.heavy(move || jwt::sign(&key, &claims).map_err(Error::internal)).await?;
    Ok((token, lives.as_secs()))
}

struct Claims {
    id: Map<String, Value>,
    access: Map<String, Value>,
    scopes: Vec<String>,
}

/// The attributes of a user that a client may read, of those that are asked for.
///
/// Source: the scopes of OpenID Connect in
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html>: `openid` alone asks for
/// all of them.
pub fn shown<'a>(of: Of<'a>, scopes: Option<&'a [String]>) -> impl Iterator<Item = (&'a String, &'a String)> {
    let asks = move |name: &str| scopes.unwrap_or_default().iter().any(|scope| scope == name);
    let all = asks("profile") || !(asks("email") || asks("phone"));
    let is_asked = move |name: &str| match name {
        EMAIL | EMAIL_VERIFIED => all || asks("email"),
        PHONE_NUMBER | PHONE_NUMBER_VERIFIED => all || asks("phone"),
        _ => all,
    };
    let is_shown = move |(name, _): &(&String, &String)| {
        *name == provider::IDENTITIES || (of.client.settings.may_read(name) && is_asked(name))
    };
    of.user.attributes.iter().filter(is_shown)
}

fn id_claims(of: Of, groups: &[Group], scopes: Option<&[String]>) -> Map<String, Value> {
    let claim = |(name, value): (&String, &String)| {
        let value = match name.as_str() {
            provider::IDENTITIES => provider::claim_of_identities(value),
            name if name.ends_with("_verified") => json!(value == "true"),
            _ => json!(value),
        };
        (name.clone(), value)
    };
    let mut claims: Map<String, Value> = shown(of, scopes).map(claim).collect();
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
    pub scopes: Vec<String>,
    /// The key of the device that it was given to.
    pub device: Option<String>,
}

/// Reads an access token of any pool, with which users manage themselves.
///
/// # Errors
/// When it is none, is not for that, has expired, or was revoked.
pub fn bearer(cognito: &Cognito, cx: &Cx, text: &str) -> Result<Bearer, Error> {
    let bearer = bearer_for(cognito, cx, text, SCOPE)?;
    bearer.ok_or_else(|| Error::not_authorized("Access Token does not have required scopes"))
}

/// Reads an access token of any pool; `None` where it does not have the scope.
///
/// # Errors
/// When it is none, has expired, or was revoked.
pub fn bearer_for(cognito: &Cognito, cx: &Cx, text: &str, scope: &str) -> Result<Option<Bearer>, Error> {
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
    if claims.text("token_use") != Some("access") {
        return Err(Error::not_authorized("Invalid Access Token"));
    }
    let scopes: Vec<String> = claims.text("scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
    if !scopes.iter().any(|own| own == scope) {
        return Ok(None);
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
    let device = claims.text(DEVICE_KEY).map(str::to_owned);
    Ok(Some(Bearer { pool, client, user, scopes, device }))
}
