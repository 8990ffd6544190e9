//! Tokens (JWT) that prove who sent a request.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html>

use std::time::Duration;

use base::Arn;
use jwt::{Algorithm, Claims, KeySet, Token};
use serde_json::Value;

use super::{Admitted, Asked, Refused};

/// How far clocks of issuers may be from ours.
const LEEWAY: Duration = Duration::from_secs(30);

/// Lets the owner of an issuer's token in.
pub async fn of_issuer(
    asked: &Asked<'_>,
    token: Option<String>,
    issuer: &str,
    audience: &[String],
    scopes: &[String],
) -> Result<Admitted, Refused> {
    let text = token.ok_or_else(|| Refused::Unauthorized { challenge: Some("Bearer".into()) })?;
    let invalid = |why: &str| {
        let (scope, why) = (scopes.join(" "), why.replace(['"', '\\'], "'"));
        let challenge = format!("Bearer scope=\"{scope}\" error=\"invalid_token\" error_description=\"{why}\"");
        Refused::Unauthorized { challenge: Some(challenge) }
    };
    let token = Token::parse(bare(&text)).map_err(|error| invalid(told(error)))?;
    let key_id = token.key_id().map(str::to_owned);
    let (keys, own) = asked.state.issuers.keys(asked.cx, issuer, key_id.as_deref()).await.map_err(invalid)?;
    let claims = token.verify(&keys, &Algorithm::ALL).map_err(|error| invalid(told(error)))?;
    claims.check(asked.cx.now(), &own, audience, LEEWAY).map_err(|error| invalid(told(error)))?;
    let matched = matching(&claims, scopes);
    if matched.is_empty() && !scopes.is_empty() {
        let (scope, why) = (scopes.join(" "), "the token has none of the scopes that this route needs");
        let challenge = format!("Bearer scope=\"{scope}\" error=\"insufficient_scope\" error_description=\"{why}\"");
        return Err(Refused::Scope { challenge });
    }
    Ok(Admitted::Owner { claims: claims.as_map().clone(), scopes: (!scopes.is_empty()).then_some(matched) })
}

/// Lets the owner of a token of one of these pools in: of an access token where scopes are asked for, else of an identity token.
pub fn of_pools(
    asked: &Asked<'_>,
    token: Option<String>,
    pools: &[String],
    scopes: &[String],
) -> Result<Admitted, Refused> {
    let unauthorized = || Refused::Unauthorized { challenge: None };
    let text = token.ok_or_else(unauthorized)?;
    let Some(keeper) = asked.cx.cloud().user_pools() else {
        tracing::error!(api = asked.place.api, "an authorizer asks for user pools, and no service keeps any");
        return Err(Refused::Misconfigured);
    };
    for pool in pools.iter().filter_map(|pool| pool.parse::<Arn>().ok()) {
        let keys = keeper.keys(asked.cx, &pool).map_err(|error| {
            tracing::error!(%pool, %error, "a user pool's keys cannot be read");
            Refused::Failed
        })?;
        let Some(keys) = keys else { continue };
        match of_pool(asked, &text, &keys.keys, &keys.issuer) {
            Ok(claims) => return owner(&claims, scopes).ok_or_else(unauthorized),
            Err(jwt::Error::Expired) => return Err(Refused::Expired),
            Err(_) => {}
        }
    }
    Err(unauthorized())
}

fn of_pool(asked: &Asked<'_>, text: &str, keys: &[u8], issuer: &str) -> Result<Claims, jwt::Error> {
    let claims = Token::parse(bare(text))?.verify(&KeySet::parse(keys)?, &Algorithm::ALL)?;
    // Every client of a pool is let in: the audience is whichever the pool has given the token to.
    let audience = claims.text("aud").or_else(|| claims.text("client_id")).map(str::to_owned);
    claims.check(asked.cx.now(), issuer, audience.as_slice(), LEEWAY)?;
    Ok(claims)
}

fn owner(claims: &Claims, scopes: &[String]) -> Option<Admitted> {
    let (wanted, matched) = (if scopes.is_empty() { "id" } else { "access" }, matching(claims, scopes));
    let fits = claims.text("token_use") == Some(wanted) && matched.is_empty() == scopes.is_empty();
    let scopes = (!scopes.is_empty()).then_some(matched);
    fits.then(|| Admitted::Owner { claims: claims.as_map().clone(), scopes })
}

/// A token, with or without `Bearer` before it.
fn bare(text: &str) -> &str {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    }
}

/// Those of the wanted scopes that a token has, in `scope` or `scp`.
fn matching(claims: &Claims, wanted: &[String]) -> Vec<String> {
    let own: Vec<&str> = match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(all)) => all.split(' ').collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    wanted.iter().filter(|scope| own.contains(&scope.as_str())).cloned().collect()
}

/// Why a token is refused, in API Gateway's words where they are known.
fn told(error: jwt::Error) -> &'static str {
    match error {
        jwt::Error::Expired => "the token has expired",
        jwt::Error::NotYet => "the token is not valid yet",
        jwt::Error::Issuer => "invalid issuer",
        jwt::Error::Audience => "the token does not have a valid audience",
        jwt::Error::Algorithm => "signing method is invalid",
        jwt::Error::UnknownKey => "kid is not found in JWKS",
        jwt::Error::Signature => "signature is invalid",
        _ => "the token is malformed",
    }
}
