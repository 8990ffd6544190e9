//! What verifiers of tokens read: the keys of a pool, and where they are.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html>, and
//! OpenID Connect Discovery 1.0, section 3.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use service::{Body, BoxFuture, Cx, Front};

use crate::error::Error;
use crate::model::{domain, pool};
use crate::{Cognito, hosted, signing, tokens};

const KEYS: &str = "jwks.json";
const CONFIGURATION: &str = "openid-configuration";
/// What clients find on a pool's domain.
const ENDPOINTS: [(&str, &str); 5] = [
    ("authorization_endpoint", "/oauth2/authorize"),
    ("token_endpoint", "/oauth2/token"),
    ("userinfo_endpoint", "/oauth2/userInfo"),
    ("revocation_endpoint", "/oauth2/revoke"),
    ("end_session_endpoint", "/logout"),
];

/// Answers `/{pool}/.well-known/…`. No bucket has a name with an underscore.
pub struct WellKnown(pub Arc<Cognito>);

/// The pool and the document that a path names.
fn document(path: &str) -> Option<(&str, &str)> {
    let (pool, document) = path.strip_prefix('/')?.split_once("/.well-known/")?;
    let is_pool =
        pool.contains('_') && pool.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (is_pool && [KEYS, CONFIGURATION].contains(&document)).then_some((pool, document))
}

impl Front for WellKnown {
    fn matches(&self, head: &Parts) -> bool {
        head.method == Method::GET && document(head.uri.path()).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let cognito = self.0.clone();
        Box::pin(async move {
            let (status, body) = match answer(&cognito, &cx, request.uri().path()) {
                Ok(body) => (StatusCode::OK, body),
                Err(Error::NotFound(message)) => (StatusCode::NOT_FOUND, json!({"message": message})),
                Err(error) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, json!({"message": service::Error::from(error).message}))
                }
            };
            let mut response = Response::new(Body::from(Bytes::from(body.to_string())));
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            if status == StatusCode::OK {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
            }
            response
        })
    }
}

fn answer(cognito: &Cognito, cx: &Cx, path: &str) -> Result<Value, Error> {
    let (id, document) = document(path).ok_or_else(|| Error::NotFound("Not found.".into()))?;
    let read = cx.db().read()?;
    if document == KEYS {
        return signing::key_set(&read, cx, id);
    }
    pool::get(&read, id)?;
    let issuer = tokens::issuer(cognito, id);
    let mut told = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/{KEYS}"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "iss", "auth_time", "name", "given_name", "family_name", "email", "email_verified"],
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
    });
    // A pool without a domain has no endpoints.
    if let Some(domain) = domain::all_of(&read, id)?.first() {
        let url = hosted::url(&cognito.base, &domain.name);
        for (name, path) in ENDPOINTS {
            told[name] = json!(format!("{url}{path}"));
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_pools_are_known_and_others_left_alone() {
        let found = document("/us-east-1_AbC/.well-known/jwks.json");
        assert_eq!(found, Some(("us-east-1_AbC", "jwks.json")));
        for path in [
            "/bucket/.well-known/jwks.json",
            "/us-east-1_AbC/.well-known/other",
            "/.well-known/jwks.json",
            "/a_b/c/.well-known/jwks.json",
            "/us-east-1_AbC/jwks.json",
        ] {
            assert_eq!(document(path), None, "{path}");
        }
    }
}
