//! Tokens for applications: for a code, for a refresh token, and for themselves; and the end of a refresh token.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html>,
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html>, and RFC 6749, section 5.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use super::reply::{Halt, Reply, json as json_reply};
use super::visit::{Visit, challenge_of};
use crate::error::Error;
use crate::model::{authorization, user as users};
use crate::ops::auth::revoke_token;
use crate::ops::{Metadata, secret_of};
use crate::tokens::{self, AuthenticationResult, Moment, OPENID, Of};
use crate::types::{Authorization, Client, User};

/// A refusal in OAuth's words.
pub struct Refusal {
    error: &'static str,
    why: Option<String>,
}

impl Refusal {
    fn new(error: &'static str) -> Refusal {
        Refusal { error, why: None }
    }

    fn because(error: &'static str, why: impl Into<String>) -> Refusal {
        Refusal { error, why: Some(why.into()) }
    }
}

/// What ends the making of tokens.
enum Failed {
    Refused(Refusal),
    Broken(Error),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Failed {
        Failed::Refused(refusal)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        match error {
            // A function of the pool's refuses or fails.
            error @ (Error::UserLambdaValidation(_) | Error::UnexpectedLambda(_) | Error::InvalidLambdaResponse(_)) => {
                Failed::Refused(Refusal::because("invalid_request", error.to_string()))
            }
            Error::NotAuthorized(_) | Error::UserNotFound => Failed::Refused(Refusal::new("invalid_grant")),
            error => Failed::Broken(error),
        }
    }
}

fn answer(done: Result<Reply, Failed>) -> Result<Reply, Halt> {
    match done {
        Ok(reply) => Ok(reply),
        Err(Failed::Refused(Refusal { error, why })) => {
            let mut body = Map::from_iter([("error".to_owned(), json!(error))]);
            body.extend(why.map(|why| ("error_description".to_owned(), json!(why))));
            Ok(json_reply(StatusCode::BAD_REQUEST, &Value::Object(body)))
        }
        Err(Failed::Broken(error)) => Err(error.into()),
    }
}

/// `/oauth2/token`.
pub async fn token(visit: &Visit) -> Result<Reply, Halt> {
    answer(tokens_of(visit).await)
}

async fn tokens_of(visit: &Visit) -> Result<Reply, Failed> {
    let Some(grant_type) = visit.form.get("grant_type") else {
        return Err(Refusal::because("invalid_request", "grant_type is missing, or the body is no form").into());
    };
    let client = authenticated(visit)?;
    let body = match grant_type {
        "authorization_code" => by_code(visit, &client).await?,
        "refresh_token" => by_refresh_token(visit, &client).await?,
        "client_credentials" => by_credentials(visit, &client).await?,
        _ => return Err(Refusal::new("unsupported_grant_type").into()),
    };
    Ok(json_reply(StatusCode::OK, &body))
}

/// The client that a request is of: it shows its secret, where it has one, in `Authorization` or in the form.
fn authenticated(visit: &Visit) -> Result<Client, Failed> {
    let invalid = || Failed::from(Refusal::new("invalid_client"));
    let basic = visit.authorization("basic").map(credentials).map(|read| read.ok_or_else(invalid)).transpose()?;
    let in_form = visit.form.get("client_id").map(str::to_owned);
    let (id, secret) = match (basic, in_form) {
        (Some((id, _)), Some(other)) if id != other => return Err(invalid()),
        (Some((id, secret)), _) => (id, Some(secret)),
        (None, Some(id)) => (id, visit.form.get("client_secret").map(str::to_owned)),
        (None, None) => return Err(invalid()),
    };
    let client = visit.client(&id)?.ok_or_else(invalid)?;
    let (own, given) = (secret_of(&visit.cognito, &client)?.unwrap_or_default(), secret.unwrap_or_default());
    if !bool::from(own.as_bytes().ct_eq(given.as_bytes())) {
        return Err(Refusal::because("invalid_client", "invalid_client_secret").into());
    }
    Ok(client)
}

/// An id and a secret, each encoded as in a form: RFC 6749, section 2.3.1.
fn credentials(text: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned());
    Some((plain(id)?, plain(secret)?))
}

/// # Errors
/// When the client does not have any of these flows.
fn check_flow(client: &Client, flows: &[&str]) -> Result<(), Refusal> {
    let has = client.settings.oauth_flows.iter().any(|own| flows.contains(&own.as_str()));
    if client.settings.oauth && has { Ok(()) } else { Err(Refusal::new("unauthorized_client")) }
}

async fn by_code(visit: &Visit, client: &Client) -> Result<Value, Failed> {
    check_flow(client, &["code"])?;
    let code = visit.form.get("code").ok_or_else(|| Refusal::because("invalid_request", "code is missing"))?;
    let (pool, hash, now) = (visit.pool.id.clone(), tokens::hash(code), visit.cx.now());
    let found = authorization::find(&visit.cx.db().read().map_err(Error::from)?, &pool, &hash, now)?;
    let given = found.filter(|given| given.client == client.id).ok_or_else(|| Refusal::new("invalid_grant"))?;
    if given.grant.is_some() {
        let id = pool.clone();
        visit.cx.db().write(move |tx| authorization::revoke(tx, &id, &hash, now)).await?;
        return Err(Refusal::new("invalid_grant").into());
    }
    check_exchange(visit, &given)?;
    let user = user_of(visit, &given)?;
    let of = Of { pool: &visit.pool, client, user: &user };
    let grant = tokens::new_grant(&visit.cx, of, given.signed_in, Some(given.scopes.clone()));
    let (nonce, metadata) = (given.nonce.as_deref(), metadata(visit));
    let made = tokens::make(&visit.cognito, &visit.cx, of, &grant, nonce, Moment::HostedAuth, &metadata).await?;
    let refresh = crate::crypto::random_token(visit.cx.env());
    let refresh_hash = tokens::hash(&refresh);
    // Of two that come at once, one is the first.
    let exchange = move |tx: &mut kv::Tx| authorization::exchange(tx, &pool, &hash, &refresh_hash, &grant, now);
    if !visit.cx.db().write(exchange).await? {
        return Err(Refusal::new("invalid_grant").into());
    }
    Ok(told(AuthenticationResult { refresh_token: Some(refresh), ..made }, &given.scopes))
}

/// # Errors
/// When the code was not given for this address, or to who knows the verifier.
fn check_exchange(visit: &Visit, given: &Authorization) -> Result<(), Refusal> {
    if visit.form.get("redirect_uri") != Some(given.redirect_uri.as_str()) {
        return Err(Refusal::new("invalid_grant"));
    }
    let is_known = match (&given.challenge, visit.form.get("code_verifier")) {
        (Some(challenge), Some(verifier)) => challenge_of(verifier).as_bytes().ct_eq(challenge.as_bytes()).into(),
        (None, None) => true,
        // A verifier without a challenge: somebody has taken the challenge away (RFC 9700, section 4.8.2).
        (Some(_), None) | (None, Some(_)) => false,
    };
    if is_known { Ok(()) } else { Err(Refusal::new("invalid_grant")) }
}

/// Whom a code was given for, who may still sign in.
fn user_of(visit: &Visit, given: &Authorization) -> Result<User, Failed> {
    let user = users::by_key(&visit.cx.db().read().map_err(Error::from)?, &visit.pool.id, &given.user)?;
    tokens::check_may_sign_in(&user)?;
    if user.sub != given.sub || user.is_signed_out_since(given.signed_in) {
        return Err(Refusal::new("invalid_grant").into());
    }
    Ok(user)
}

/// What the application hands over to functions.
fn metadata(visit: &Visit) -> Metadata {
    let text = visit.form.get("aws_client_metadata");
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

async fn by_refresh_token(visit: &Visit, client: &Client) -> Result<Value, Failed> {
    check_flow(client, &["code", "implicit"])?;
    let token = visit.form.get("refresh_token");
    let token = token.ok_or_else(|| Refusal::because("invalid_request", "refresh_token is missing"))?;
    let metadata = metadata(visit);
    let refreshed = tokens::refreshed(&visit.cognito, &visit.cx, &visit.pool, client, token, None, &metadata).await?;
    Ok(told(refreshed.tokens, refreshed.scopes.as_deref().unwrap_or(&[OPENID.to_owned()])))
}

async fn by_credentials(visit: &Visit, client: &Client) -> Result<Value, Failed> {
    check_flow(client, &["client_credentials"])?;
    let own = &client.settings.oauth_scopes;
    let scopes: Vec<String> = match visit.form.get("scope") {
        Some(text) => text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        None => own.clone(),
    };
    if scopes.iter().any(|scope| !own.contains(scope)) {
        return Err(Refusal::because("invalid_grant", "invalid_scope").into());
    }
    let (token, expires_in) = tokens::of_client(&visit.cognito, &visit.cx, &visit.pool, client, &scopes).await?;
    Ok(json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}))
}

fn told(made: AuthenticationResult, scopes: &[String]) -> Value {
    let mut body = Map::new();
    if scopes.iter().any(|scope| scope == OPENID) {
        body.insert("id_token".into(), json!(made.id_token));
    }
    body.insert("access_token".into(), json!(made.access_token));
    if let Some(token) = made.refresh_token {
        body.insert("refresh_token".into(), json!(token));
    }
    body.insert("expires_in".into(), json!(made.expires_in));
    body.insert("token_type".into(), json!(made.token_type));
    Value::Object(body)
}

/// `/oauth2/revoke`.
pub async fn revoke(visit: &Visit) -> Result<Reply, Halt> {
    answer(revoked(visit).await)
}

async fn revoked(visit: &Visit) -> Result<Reply, Failed> {
    let token = visit.form.get("token").ok_or_else(|| Refusal::because("invalid_request", "token is missing"))?;
    let client = authenticated(visit)?;
    match revoke_token(&visit.cx, &visit.pool, &client, token).await {
        Ok(()) => Ok(Response::new(bytes::Bytes::new())),
        Err(Error::UnsupportedTokenType(why)) => Err(Refusal::because("unsupported_token_type", why).into()),
        Err(error) => Err(error.into()),
    }
}

/// `/oauth2/userInfo`: what an access token lets an application know of its owner.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html>
pub fn user_info(visit: &Visit) -> Result<Reply, Halt> {
    let Some(token) = visit.authorization("bearer") else {
        let told = "Access token is missing: Authorization: Bearer <token>";
        return Ok(challenged("invalid_request", told));
    };
    let bearer = match tokens::bearer_for(&visit.cognito, &visit.cx, token, OPENID) {
        Ok(Some(bearer)) if bearer.pool.id == visit.pool.id => bearer,
        Ok(None) => return Ok(challenged("insufficient_scope", "Access token does not contain openid scope")),
        Ok(Some(_)) => return Ok(challenged("invalid_token", "Access token is not one of this user pool")),
        Err(Error::NotAuthorized(_) | Error::UserNotFound | Error::NotFound(_)) => {
            let told = "Access token is expired, disabled, or deleted, or the user has globally signed out.";
            return Ok(challenged("invalid_token", told));
        }
        Err(error) => return Err(error.into()),
    };
    let of = Of { pool: &bearer.pool, client: &bearer.client, user: &bearer.user };
    let shown = tokens::shown(of, Some(&bearer.scopes)).map(|(name, value)| (name.clone(), json!(value)));
    let mut body: Map<String, Value> = shown.collect();
    body.insert("sub".into(), json!(bearer.user.sub));
    body.insert("username".into(), json!(bearer.user.name));
    Ok(json_reply(StatusCode::OK, &Value::Object(body)))
}

/// Source: RFC 6750, section 3.
fn challenged(error: &str, why: &str) -> Reply {
    let status = if error == "insufficient_scope" { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    let mut reply = json_reply(status, &json!({"error": error, "error_description": why}));
    let challenge = format!("Bearer error=\"{error}\", error_description=\"{why}\"");
    if let Ok(challenge) = http::HeaderValue::from_str(&challenge) {
        reply.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    }
    reply
}
