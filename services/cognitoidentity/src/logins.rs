//! Tokens that show who somebody is: of user pools, of issuers that the account knows, of providers that AWS knows, and our own.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/external-identity-providers.html>

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use jwt::{Algorithm, Claims, KeySet, Token};
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Caller, Cx, PoolKeys};

use crate::Identities;
use crate::credentials::AUTHENTICATED;
use crate::error::Error;
use crate::limits::LOGINS_MAX;
use crate::model::identity::Login;
use crate::signing::{self, PROVIDER};
use crate::types::{Pool, UserPool};

/// How far issuers' clocks may be from ours.
const LEEWAY: Duration = Duration::from_secs(60);
/// Providers that AWS knows by these names and that sign their tokens, with their issuers.
const KNOWN: [(&str, &str); 2] =
    [("accounts.google.com", "https://accounts.google.com"), ("appleid.apple.com", "https://appleid.apple.com")];
/// Providers whose tokens say nothing: they would have to be asked.
const OPAQUE: [&str; 4] = ["graph.facebook.com", "www.amazon.com", "api.twitter.com", "www.digits.com"];

/// Somebody whom a provider vouches for.
pub struct Proven {
    pub login: Login,
    pub claims: Claims,
    /// What mappings of roles call the provider.
    pub mapping: String,
    /// What tokens and policies say of how that is known.
    pub known: Vec<String>,
}

/// What requests show.
pub struct Shown {
    pub proven: Vec<Proven>,
    /// The identity that a token of our own is of.
    pub own: Option<String>,
}

impl Shown {
    pub fn logins(&self) -> Vec<Login> {
        self.proven.iter().map(|proven| proven.login.clone()).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.proven.is_empty() && self.own.is_none()
    }

    /// Whether a token of our own is all there is.
    pub fn is_own_alone(&self) -> bool {
        self.proven.is_empty() && self.own.is_some()
    }
}

/// Reads all tokens that a request shows, by the names of their providers.
///
/// # Errors
/// When one is not accepted, or its provider is none of the pool's.
pub async fn read(
    identities: &Arc<Identities>,
    cx: &Cx,
    pool: &Pool,
    logins: &BTreeMap<String, String>,
) -> Result<Shown, Error> {
    if logins.len() > LOGINS_MAX {
        return Err(Error::parameter(format!("A request shows {LOGINS_MAX} logins at most.")));
    }
    let mut shown = Shown { proven: Vec::new(), own: None };
    for (provider, token) in logins {
        if provider == PROVIDER {
            let keys = KeySet::parse(signing::key_set(identities, cx)?.to_string().as_bytes());
            let keys = keys.map_err(Error::internal)?;
            let claims = verified(cx, parsed(token)?, &keys, signing::ISSUER, std::slice::from_ref(&pool.id))?;
            // Guests have tokens, too, which prove nothing of them.
            let ways = claims.get("amr").and_then(Value::as_array);
            if !ways.is_some_and(|ways| ways.iter().any(|way| way == AUTHENTICATED)) {
                return Err(refused("It is of a guest."));
            }
            shown.own = Some(subject(&claims)?);
        } else {
            let provider = named(cx, pool, provider)?;
            shown.proven.push(proven(identities, cx, pool, &provider, token).await?);
        }
    }
    Ok(shown)
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::not_authorized(format!("Invalid login token. {why}"))
}

fn parsed(token: &str) -> Result<Token<'_>, Error> {
    Token::parse(token).map_err(|_| refused("Not a valid OpenId Connect identity token."))
}

fn subject(claims: &Claims) -> Result<String, Error> {
    let subject = claims.text("sub").filter(|subject| !subject.is_empty() && subject.len() <= 1_024);
    subject.map(str::to_owned).ok_or_else(|| refused("It does not say whose it is (sub)."))
}

async fn proven(
    identities: &Arc<Identities>,
    cx: &Cx,
    pool: &Pool,
    provider: &str,
    token: &str,
) -> Result<Proven, Error> {
    if OPAQUE.contains(&provider) {
        return Err(Error::NotImplemented(format!("Logins of {provider} in identity pools")));
    }
    let clients = pool.settings.user_pools.iter().filter(|own| own.provider == provider);
    let clients: Vec<String> = clients.map(|own| own.client.clone()).collect();
    let token = parsed(token)?;
    let (claims, mapping, way) = if !clients.is_empty() {
        let claims = of_user_pool(cx, provider, token, &clients)?;
        let mapping = format!("{provider}:{}", claims.text("aud").unwrap_or_default());
        (claims, mapping, "CognitoSignIn:")
    } else if let Some(client) = pool.settings.login_providers.get(provider) {
        let (_, issuer) = KNOWN
            .iter()
            .find(|(name, _)| *name == provider)
            .ok_or_else(|| Error::NotImplemented(format!("Logins of {provider} in identity pools")))?;
        let clients: Vec<String> = client.split(',').map(|client| client.trim().to_owned()).collect();
        (of_issuer(identities, cx, issuer, token, &clients).await?, provider.to_owned(), "OIDC:")
    } else {
        (of_provider(identities, cx, pool, provider, token).await?, provider.to_owned(), "OIDC:")
    };
    let subject = subject(&claims)?;
    let known = vec!["authenticated".to_owned(), provider.to_owned(), format!("{provider}:{way}{subject}")];
    Ok(Proven { login: Login { provider: provider.to_owned(), subject }, claims, mapping, known })
}

/// What the pool calls a provider. Applications may know a user pool by the issuer of its tokens, which is not AWS's here: Amplify takes
/// the name from the token.
fn named(cx: &Cx, pool: &Pool, provider: &str) -> Result<String, Error> {
    let id = provider.rsplit('/').next().unwrap_or_default();
    let is_of = |own: &&UserPool| own.provider != provider && own.provider.rsplit('/').next() == Some(id);
    let Some(own) = pool.settings.user_pools.iter().find(is_of) else { return Ok(provider.to_owned()) };
    let issuer = keys_of(cx, &own.provider)?.map(|keys| keys.issuer).unwrap_or_default();
    let is_same = issuer.split_once("://").is_some_and(|(_, name)| name == provider);
    Ok(if is_same { own.provider.clone() } else { provider.to_owned() })
}

/// The keys of a user pool of this cloud: `cognito-idp.{region}.amazonaws.com/{id}`.
fn keys_of(cx: &Cx, provider: &str) -> Result<Option<PoolKeys>, Error> {
    let named = provider.strip_prefix("cognito-idp.").and_then(|rest| rest.split_once(".amazonaws.com/"));
    let Some(((region, id), keeper)) = named.zip(cx.cloud().user_pools()) else { return Ok(None) };
    let arn = Arn { region: region.to_owned(), ..cx.arn("cognito-idp", format!("userpool/{id}")) };
    Ok(keeper.keys(cx, &arn)?)
}

fn of_user_pool(cx: &Cx, provider: &str, token: Token, clients: &[String]) -> Result<Claims, Error> {
    let found = keys_of(cx, provider)?.ok_or_else(|| refused("There is no such user pool."))?;
    let keys = KeySet::parse(&found.keys).map_err(Error::internal)?;
    let claims = verified(cx, token, &keys, &found.issuer, clients)?;
    if claims.text("token_use") != Some("id") {
        return Err(refused("Not a valid OpenId Connect identity token."));
    }
    Ok(claims)
}

#[derive(Deserialize)]
struct OpenIdProvider {
    #[serde(rename = "ClientIDList", default)]
    client_ids: Vec<String>,
}

/// A token of an issuer that IAM knows, and the pool takes.
async fn of_provider(
    identities: &Arc<Identities>,
    cx: &Cx,
    pool: &Pool,
    provider: &str,
    token: Token<'_>,
) -> Result<Claims, Error> {
    let is_of = |arn: &&String| arn.split_once(":oidc-provider/").is_some_and(|(_, name)| name == provider);
    let arn = pool.settings.openid.iter().find(is_of);
    let arn = arn.ok_or_else(|| refused(format_args!("{provider} is no provider of this identity pool.")))?;
    let system = cx.with_caller(Caller::system(cx.account()));
    let found = system.call("iam", "GetOpenIDConnectProvider", json!({"OpenIDConnectProviderArn": arn})).await;
    let found: OpenIdProvider = found.map_err(|_| refused(format_args!("{arn} is not there.")))?;
    let issuer = token.unverified_claims().get("iss").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = issuer.split_once("://").map_or("", |(_, name)| name).trim_end_matches('/');
    if name != provider {
        return Err(refused("Its issuer is not the provider that it is shown for."));
    }
    of_issuer(identities, cx, &issuer, token, &found.client_ids).await
}

async fn of_issuer(
    identities: &Arc<Identities>,
    cx: &Cx,
    issuer: &str,
    token: Token<'_>,
    clients: &[String],
) -> Result<Claims, Error> {
    let key_id = token.key_id().map(str::to_owned);
    let keys = identities.issuers.keys(cx.now(), issuer, key_id.as_deref()).await;
    verified(cx, token, &*keys.map_err(refused)?, issuer, clients)
}

fn verified(cx: &Cx, token: Token, keys: &KeySet, issuer: &str, audiences: &[String]) -> Result<Claims, Error> {
    let claims = token.verify(keys, &Algorithm::ALL).map_err(refused)?;
    // Access tokens name their client elsewhere: they say what it may do, not who somebody is.
    if claims.get("aud").is_none() {
        return Err(refused("Missing a required claim: aud"));
    }
    claims.check(cx.now(), issuer, audiences, LEEWAY).map_err(|error| match error {
        jwt::Error::Expired => refused("Token is expired."),
        jwt::Error::Issuer => refused("Issuer doesn't match providerName"),
        jwt::Error::Audience => refused("Incorrect token audience."),
        error => refused(error),
    })?;
    Ok(claims)
}
