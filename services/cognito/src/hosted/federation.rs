//! Signing in with another identity provider: a browser goes there and comes back, and who it is becomes a user here.

use std::collections::BTreeMap;

use base::Timestamp;
use http::StatusCode;
use kv::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::Cx;
use subtle::ConstantTimeEq as _;

use super::authorize::Asked;
use super::provider::{Asking, Endpoints, Refused};
use super::reply::{Halt, Reply, redirect};
use super::sign_in::signed_in;
use super::visit::{Visit, challenge_of, open, seal};
use crate::crypto::random_token;
use crate::error::Error;
use crate::limits::FEDERATION_LIFETIME;
use crate::model::provider::{self as providers, IDENTITIES};
use crate::model::user::{self as users, Conflict};
use crate::ops::provider::USERNAME;
use crate::ops::{Metadata, check_name, sign_up};
use crate::schema::{self, Attribute, Author};
use crate::types::{Client, MfaSettings, Pool, Provider, Status, User};

const PLACE: &[u8] = b"cognito federation";

/// A sign-in that is under way elsewhere. The browser carries it, sealed, as the state that it brings back; it is good for that
/// browser alone.
#[derive(Serialize, Deserialize)]
struct Under {
    pool: String,
    provider: String,
    /// What the application asked for.
    query: String,
    /// What the form token of the browser was.
    browser: String,
    nonce: String,
    verifier: String,
    expires: Timestamp,
}

/// The providers that a client offers, with where a browser goes for each.
pub fn offered(visit: &Visit, asked: &Asked) -> Result<Vec<(String, String)>, Error> {
    let read = visit.cx.db().read()?;
    let mut offered = Vec::new();
    for name in &asked.client.settings.identity_providers {
        if providers::find(&read, &visit.pool.id, name)?.is_some() {
            let path = format!("/oauth2/authorize?{}&identity_provider={}", asked.query, super::reply::encoded(name));
            offered.push((path, told_name(name)));
        }
    }
    Ok(offered)
}

fn told_name(name: &str) -> String {
    if name == "LoginWithAmazon" { "Amazon".into() } else { name.into() }
}

/// The provider that an application has chosen for its user, if it has.
///
/// # Errors
/// When the client does not offer it.
pub fn chosen(visit: &Visit, asked: &Asked) -> Result<Option<Provider>, Halt> {
    let read = visit.cx.db().read().map_err(Error::from)?;
    let found = match (visit.query.get("identity_provider"), visit.query.get("idp_identifier")) {
        (None, None) => return Ok(None),
        (Some(super::authorize::OWN_PROVIDER), _) => return Ok(None),
        (Some(name), _) => providers::find(&read, &visit.pool.id, name)?,
        (None, Some(identifier)) => providers::by_identifier(&read, &visit.pool.id, identifier)?,
    };
    let is_offered = |provider: &Provider| asked.client.settings.identity_providers.contains(&provider.name);
    let found = found.filter(is_offered);
    found.map(Some).ok_or_else(|| asked.refuse("invalid_request", "the client has no such identity provider"))
}

/// Sends the browser to the provider.
pub async fn begin(visit: &Visit, asked: &Asked, provider: &Provider) -> Result<Reply, Halt> {
    let endpoints = Endpoints::of(visit, provider).await.map_err(|why| refused(asked, provider, &why))?;
    let env = visit.cx.env();
    let under = Under {
        pool: visit.pool.id.clone(),
        provider: provider.name.clone(),
        query: asked.query.clone(),
        browser: visit.form_token(),
        nonce: random_token(env),
        verifier: random_token(env),
        expires: visit.cx.now() + FEDERATION_LIFETIME,
    };
    let (state, challenge) = (seal(visit, PLACE, &under)?, challenge_of(&under.verifier));
    let given = |name: &str| visit.query.get(name);
    let asking = Asking {
        state: &state,
        nonce: &under.nonce,
        challenge: &challenge,
        login_hint: given("login_hint"),
        prompt: given("prompt"),
        max_age: given("max_age"),
    };
    Ok(redirect(&endpoints.address(visit, provider, &asking)))
}

/// What the application is told; the log has the rest.
fn refused(asked: &Asked, provider: &Provider, why: &str) -> Halt {
    tracing::warn!(pool = provider.pool, provider = provider.name, why, "a sign-in with another provider failed");
    asked.refuse("invalid_request", &format!("{} could not sign the user in: {why}", provider.name))
}

/// `/oauth2/idpresponse`: the browser comes back.
pub async fn come_back(visit: Visit) -> Result<Reply, Halt> {
    let stale = || {
        let told =
            "This sign-in has ended, or was begun in another browser. Go back to the application and sign in again.";
        Halt::page(StatusCode::BAD_REQUEST, told)
    };
    let under: Under = open(&visit, PLACE, visit.query.text("state")).ok_or_else(stale)?;
    let is_same = under.browser.as_bytes().ct_eq(visit.form_token().as_bytes());
    if !bool::from(is_same) || under.pool != visit.pool.id || under.expires <= visit.cx.now() {
        return Err(stale());
    }
    let given = visit.query.clone();
    let visit = visit.at(&under.query)?;
    let asked = Asked::read(&visit)?;
    let provider = {
        let read = visit.cx.db().read().map_err(Error::from)?;
        providers::find(&read, &visit.pool.id, &under.provider)?
    };
    let provider = provider.ok_or_else(|| asked.refuse("invalid_request", "the identity provider is gone"))?;
    if let Some(error) = given.get("error") {
        let why = given.get("error_description").unwrap_or(error);
        return Err(refused(&asked, &provider, why));
    }
    let user = user_of(&visit, &asked.client, &provider, &under, given.text("code")).await;
    match user {
        Ok(user) => signed_in(&visit, &asked, &user, Some(&provider.name)).await,
        Err(why) => Err(refused(&asked, &provider, &why)),
    }
}

/// The user whom a code of the provider stands for.
async fn user_of(
    visit: &Visit,
    client: &Client,
    provider: &Provider,
    under: &Under,
    code: &str,
) -> Result<User, Refused> {
    let endpoints = Endpoints::of(visit, provider).await?;
    let claims = endpoints.claims(visit, provider, code, &under.nonce, &under.verifier).await?;
    let name = provider.mapping.get(USERNAME).map_or("sub", String::as_str);
    let subject = claims.get(name).and_then(text).filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| format!("the provider does not tell the claim {name}"))?;
    let attributes = mapped(&visit.pool, provider, &claims).map_err(told)?;
    let arrival = Arrival { visit, client, provider, subject: &subject };
    arrival.user(attributes).await.map_err(told)
}

fn told(error: Error) -> Refused {
    service::Error::from(error).message
}

/// A claim as an attribute: texts as they are, the rest as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// The attributes that the provider's claims stand for.
fn mapped(pool: &Pool, provider: &Provider, claims: &Map<String, Value>) -> Result<BTreeMap<String, String>, Error> {
    let pairs = provider.mapping.iter().filter(|(name, _)| *name != USERNAME);
    let given = pairs.filter_map(|(name, claim)| {
        let value = claims.get(claim).and_then(text).filter(|value| !value.is_empty())?;
        Some(Attribute { name: name.clone(), value })
    });
    schema::read(pool, &given.collect::<Vec<_>>(), Author::Administrator)
}

/// Somebody whom a provider has signed in.
struct Arrival<'a> {
    visit: &'a Visit,
    client: &'a Client,
    provider: &'a Provider,
    subject: &'a str,
}

impl Arrival<'_> {
    /// The user that it is here: the one that it was brought together with, or one of its own, who is made the first time.
    async fn user(&self, attributes: BTreeMap<String, String>) -> Result<User, Error> {
        let (pool, name) = (&self.visit.pool, providers::user_name(&self.provider.name, self.subject));
        let (linked, own) = {
            let read = self.visit.cx.db().read()?;
            let linked = providers::linked(&read, &pool.id, &self.provider.name, self.subject)?;
            (linked, users::by_key(&read, &pool.id, &users::fold(pool, &name)))
        };
        match (linked, own) {
            (Some(user), _) => self.welcome(user, attributes).await,
            (None, Ok(user)) if self.is(&user) => self.welcome(user, attributes).await,
            // Whoever took the name before is somebody else.
            (None, Ok(_)) => Err(Error::UsernameExists("User already exists")),
            (None, Err(Error::UserNotFound)) => self.first_time(name, attributes).await,
            (None, Err(error)) => Err(error),
        }
    }

    /// Whether a user is the one that the provider knows by this.
    fn is(&self, user: &User) -> bool {
        let mut known = providers::identities(user).into_iter();
        known.any(|identity| identity["providerName"] == self.provider.name && identity["userId"] == self.subject)
    }

    /// Somebody who was here before, with what the provider tells now.
    async fn welcome(&self, user: User, attributes: BTreeMap<String, String>) -> Result<User, Error> {
        crate::tokens::check_may_sign_in(&user)?;
        let sign_in = super::sign_in::sign_in(self.visit, self.client);
        sign_in.pre_authentication(&user, true).await?;
        let (pool, provider, key, now) =
            (self.visit.pool.clone(), self.provider.clone(), user.key.clone(), self.visit.cx.now());
        let (sub, is_external) = (user.sub.clone(), user.status == Status::ExternalProvider);
        let change = move |tx: &mut Tx| {
            let changed = users::change(tx, &pool, &key, |user| {
                crate::tokens::check_may_sign_in(user)?;
                if user.sub != sub {
                    return Err(Error::UserNotFound);
                }
                schema::update(&pool, &mut user.attributes, &attributes)?;
                user.modified = now;
                Ok(user.clone())
            })?;
            if is_external {
                providers::join_group(tx, &pool, &changed, &provider, now)?;
            }
            Ok::<_, Error>(changed)
        };
        let changed: User = self.visit.cx.db().write(change).await?;
        sign_in.post_authentication(&changed, false).await?;
        Ok(changed)
    }

    async fn first_time(&self, name: String, attributes: BTreeMap<String, String>) -> Result<User, Error> {
        let (cx, pool, client) = (&self.visit.cx, &self.visit.pool, self.client);
        check_name(&name, "username")?;
        schema::check_required(pool, &attributes)?;
        let mut user = new_user(cx, pool, name, attributes);
        let (source, metadata) = ("PreSignUp_ExternalProvider", Metadata::new());
        sign_up::pre_sign_up(cx, pool, Some(client), &mut user, source, &[], &metadata).await?;
        let identity = providers::identity(self.provider, self.subject, true, cx.now());
        user.attributes.insert(IDENTITIES.into(), json!([identity]).to_string());
        let (own, kept, provider, subject, now) =
            (pool.clone(), user.clone(), self.provider.clone(), self.subject.to_owned(), cx.now());
        let put = move |tx: &mut Tx| {
            // The function may have brought it together with somebody meanwhile.
            if let Some(user) = providers::linked(tx, &own.id, &provider.name, &subject)? {
                return Ok((user, false));
            }
            users::create(tx, &own, &kept, Conflict::Refuse, "User already exists")?;
            providers::join_group(tx, &own, &kept, &provider, now)?;
            Ok::<_, Error>((kept.clone(), true))
        };
        let (user, is_new) = cx.db().write(put).await?;
        crate::tokens::check_may_sign_in(&user)?;
        if is_new {
            let (id, source) = (Some(client.id.as_str()), "PostConfirmation_ConfirmSignUp");
            sign_up::confirmed(cx, pool, id, &user, source, &metadata).await?;
        }
        Ok(user)
    }
}

/// A user whom another provider knows, who is not kept yet.
fn new_user(cx: &Cx, pool: &Pool, name: String, attributes: BTreeMap<String, String>) -> User {
    User {
        pool: pool.id.clone(),
        key: users::fold(pool, &name),
        name,
        sub: cx.env().uuid(),
        created: cx.now(),
        modified: cx.now(),
        status: Status::ExternalProvider,
        enabled: true,
        attributes,
        password: None,
        temporary_until: None,
        codes: BTreeMap::new(),
        failures: 0,
        locked_until: None,
        mfa: MfaSettings::default(),
        signed_out: None,
    }
}
