//! What is asked of another identity provider: where browsers go, what a code is exchanged for, and whose tokens are believed.
//!
//! Source: OpenID Connect Core 1.0, section 3.1;
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-flow.html>

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use jwt::{Algorithm, Token};
use outbound::Request;
use serde_json::{Map, Value};

use super::reply::{query, with_parameters};
use super::visit::Visit;
use crate::error::Error;
use crate::limits::{PROVIDER_ANSWER_BYTES_MAX, PROVIDER_TIME};
use crate::ops::provider::secret_of;
use crate::types::{Provider, ProviderKind};

/// How far a provider's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(60);
const GOOGLE: &str = "https://accounts.google.com";
/// Source: <https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow>
const FACEBOOK_VERSION: &str = "v17.0";
const FACEBOOK_FIELDS: &str = "id,name,first_name,last_name,middle_name,email,picture";

/// Why somebody could not sign in elsewhere: for the application, and in the log.
pub type Refused = String;

/// Where a provider's endpoints are.
pub struct Endpoints {
    authorize: String,
    token: String,
    /// Where it tells of a user; a provider of OpenID Connect may tell all in its token.
    attributes: Option<String>,
    /// Who signs its identity tokens, and where the keys are, where that is not to be discovered; one of OAuth 2.0 alone has none.
    issuer: Option<(String, Option<String>)>,
}

/// What a sign-in elsewhere is asked for with.
pub struct Asking<'a> {
    pub state: &'a str,
    pub nonce: &'a str,
    pub challenge: &'a str,
    pub login_hint: Option<&'a str>,
    /// Whether the provider is to ask again who it knows, as the application wants it.
    pub prompt: Option<&'a str>,
    pub max_age: Option<&'a str>,
}

impl Endpoints {
    /// # Errors
    /// When they are not known, and the provider does not tell.
    pub async fn of(visit: &Visit, provider: &Provider) -> Result<Endpoints, Refused> {
        let detail = |name: &str| provider.details.get(name).filter(|value| !value.is_empty()).cloned();
        match provider.kind {
            ProviderKind::Facebook => Ok(facebook(&detail("api_version").unwrap_or_else(|| FACEBOOK_VERSION.into()))),
            ProviderKind::Amazon => Ok(Endpoints {
                authorize: "https://www.amazon.com/ap/oa".into(),
                token: "https://api.amazon.com/auth/o2/token".into(),
                attributes: Some("https://api.amazon.com/user/profile".into()),
                issuer: None,
            }),
            ProviderKind::Oidc | ProviderKind::Google => {
                let issuer = detail("oidc_issuer").unwrap_or_else(|| GOOGLE.into());
                let (authorize, token, keys) = (detail("authorize_url"), detail("token_url"), detail("jwks_uri"));
                if let (Some(authorize), Some(token), Some(keys)) = (&authorize, &token, keys) {
                    let (authorize, token, attributes) = (authorize.clone(), token.clone(), detail("attributes_url"));
                    return Ok(Endpoints { authorize, token, attributes, issuer: Some((issuer, Some(keys))) });
                }
                let found = visit.cognito.issuers.find(visit.cx.now(), &issuer, None, None).await?.configuration;
                let known = |own: Option<String>, found: &Option<String>| own.or_else(|| found.clone());
                let missing = || "the provider's configuration has no endpoints to sign in at".to_owned();
                Ok(Endpoints {
                    authorize: known(authorize, &found.authorization_endpoint).ok_or_else(missing)?,
                    token: known(token, &found.token_endpoint).ok_or_else(missing)?,
                    attributes: known(detail("attributes_url"), &found.userinfo_endpoint),
                    issuer: Some((issuer, None)),
                })
            }
        }
    }

    /// Where a browser goes to sign in.
    pub fn address(&self, visit: &Visit, provider: &Provider, asking: &Asking) -> String {
        let (back, scopes) = (callback(visit), scopes(provider));
        let needed = [
            ("response_type", "code"),
            ("client_id", client_id(provider)),
            ("redirect_uri", back.as_str()),
            ("scope", scopes.as_str()),
            ("state", asking.state),
        ];
        // What only OpenID Connect knows.
        let more = [
            ("nonce", Some(asking.nonce)),
            ("code_challenge", Some(asking.challenge)),
            ("code_challenge_method", Some("S256")),
            ("login_hint", asking.login_hint),
            ("prompt", asking.prompt),
            ("max_age", asking.max_age),
        ];
        let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let more = more.filter(|_| self.issuer.is_some());
        with_parameters(&self.authorize, '?', needed.into_iter().chain(more))
    }

    /// Whom a code stands for: claims that the provider has signed, or told over a connection of our own.
    ///
    /// # Errors
    /// When the provider refuses, or its token is none to believe.
    pub async fn claims(
        &self,
        visit: &Visit,
        provider: &Provider,
        code: &str,
        nonce: &str,
        verifier: &str,
    ) -> Result<Map<String, Value>, Refused> {
        let tokens = self.exchange(visit, provider, code, verifier).await?;
        let text = |name: &str| tokens.get(name).and_then(Value::as_str);
        let mut claims = match &self.issuer {
            Some((issuer, keys)) => {
                let token = text("id_token").ok_or("the provider gave no id_token")?;
                verified(visit, provider, (issuer, keys.as_deref()), token, nonce).await?
            }
            None => Map::new(),
        };
        if let Some(url) = &self.attributes {
            let token = text("access_token").ok_or("the provider gave no access_token")?;
            let told = attributes(visit, provider, url, token).await?;
            let (before, now) = (claims.get("sub"), told.get("sub"));
            if before.is_some() && now.is_some() && before != now {
                return Err("the provider tells of another user than it signed in".into());
            }
            claims.extend(told);
        }
        Ok(claims)
    }

    async fn exchange(
        &self,
        visit: &Visit,
        provider: &Provider,
        code: &str,
        verifier: &str,
    ) -> Result<Map<String, Value>, Refused> {
        let secret = secret_of(&visit.cognito, provider).map_err(logged)?;
        let back = callback(visit);
        let needed = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back.as_str()),
            ("client_id", client_id(provider)),
        ];
        let verifier = self.issuer.as_ref().map(|_| ("code_verifier", verifier));
        let secret = secret.as_deref().map(|secret| ("client_secret", secret));
        let form = query(needed.into_iter().chain(verifier).chain(secret));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        asked(visit, Method::POST, &self.token, headers, form.into()).await
    }
}

/// Source: the endpoints of Facebook Login, as of [`FACEBOOK_VERSION`].
fn facebook(version: &str) -> Endpoints {
    let graph = format!("https://graph.facebook.com/{version}");
    Endpoints {
        authorize: format!("https://www.facebook.com/{version}/dialog/oauth"),
        token: format!("{graph}/oauth/access_token"),
        attributes: Some(format!("{graph}/me?fields={FACEBOOK_FIELDS}")),
        issuer: None,
    }
}

/// Where providers send browsers back to: it is registered with them.
pub fn callback(visit: &Visit) -> String {
    format!("{}/oauth2/idpresponse", visit.url())
}

pub fn client_id(provider: &Provider) -> &str {
    provider.details.get("client_id").map(String::as_str).unwrap_or_default()
}

/// The scopes as the provider separates them: with spaces, whatever they were written with.
fn scopes(provider: &Provider) -> String {
    let written = provider.details.get("authorize_scopes").map(String::as_str).unwrap_or("openid");
    written.split([' ', ',', '+']).filter(|scope| !scope.is_empty()).collect::<Vec<_>>().join(" ")
}

fn logged(error: Error) -> Refused {
    service::Error::from(error).message
}

/// The claims of an identity token that this provider signed, for this pool and for this sign-in.
async fn verified(
    visit: &Visit,
    provider: &Provider,
    (issuer, keys): (&str, Option<&str>),
    token: &str,
    nonce: &str,
) -> Result<Map<String, Value>, Refused> {
    let refused = |error: jwt::Error| format!("the provider's id_token is refused: {error}");
    let token = Token::parse(token).map_err(refused)?;
    let key_id = token.key_id().map(str::to_owned);
    let found = visit.cognito.issuers.find(visit.cx.now(), issuer, keys, key_id.as_deref()).await?;
    let claims = token.verify(&found.keys, &Algorithm::ALL).map_err(refused)?;
    let own = client_id(provider).to_owned();
    claims.check(visit.cx.now(), issuer, std::slice::from_ref(&own), LEEWAY).map_err(refused)?;
    if claims.text("nonce") != Some(nonce) {
        return Err("the provider's id_token is of another sign-in (nonce)".into());
    }
    // OpenID Connect Core 1.0, section 3.1.3.7: of several audiences, the one that it was made for is named.
    if claims.text("azp").is_some_and(|party| party != own) {
        return Err("the provider's id_token was made for another client (azp)".into());
    }
    Ok(claims.as_map().clone())
}

/// What a provider tells of a user.
async fn attributes(visit: &Visit, provider: &Provider, url: &str, token: &str) -> Result<Map<String, Value>, Refused> {
    let method = provider.details.get("attributes_request_method").map(String::as_str);
    let method = if method == Some("POST") { Method::POST } else { Method::GET };
    let bearer = HeaderValue::try_from(format!("Bearer {token}"));
    let bearer = bearer.map_err(|_| "the provider's access_token cannot be sent")?;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    asked(visit, method, url, headers, Bytes::new()).await
}

/// The object that a URL answers.
async fn asked(
    visit: &Visit,
    method: Method,
    url: &str,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Map<String, Value>, Refused> {
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let request = Request { method, url, headers, body, timeout: PROVIDER_TIME };
    let fetched = visit.cognito.outbound.fetch(request, PROVIDER_ANSWER_BYTES_MAX + 1).await;
    let (answer, body) = fetched.map_err(|error| format!("the provider cannot be asked: {error}"))?;
    if body.len() > PROVIDER_ANSWER_BYTES_MAX {
        return Err("the provider's answer is too long".into());
    }
    if !answer.status.is_success() {
        return Err(format!("the provider answered {}", answer.status.as_u16()));
    }
    serde_json::from_slice(&body).map_err(|_| "the provider's answer is no JSON object".into())
}
