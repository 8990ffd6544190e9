//! Makes signatures: for our own clients, for credentials that functions are given, and for tests.

use std::time::Duration;

use base::Timestamp;
use http::header::{AUTHORIZATION, HOST, HeaderName, USER_AGENT};

use super::canonical::{self, Claims, PathStyle, encode, sha256, string_to_sign};
use super::{ALGORITHM, Credentials, Error, Parts, Scope, UNSIGNED_PAYLOAD, compact, signing_key};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Signs a request: the answer is the headers to add to it. Every header in `parts` is signed, but `User-Agent`,
/// which proxies rewrite.
///
/// # Errors
/// When `parts` has no `host` header, or the credentials cannot be sent in one.
pub fn sign(
    parts: &Parts,
    body: &[u8],
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: Timestamp,
) -> Result<Vec<(HeaderName, String)>, Error> {
    let scope = Scope::new(now, region, service);
    let payload = sha256(body);
    let mut added = vec![(DATE, compact(now))];
    if let Some(token) = &credentials.session_token {
        added.push((TOKEN, token.clone()));
    }
    if scope.is_s3() {
        added.push((CONTENT_HASH, payload.clone()));
    }
    let mut headers = parts.headers.clone();
    headers.remove(AUTHORIZATION);
    for (name, value) in &added {
        let value = value.parse().map_err(|_| Error::Incomplete(format!("{name} cannot hold the given value")))?;
        headers.insert(name.clone(), value);
    }
    let parts = Parts { headers: &headers, ..*parts };
    let signed_headers = signed_headers(&parts)?;
    let signature = signature(&parts, &signed_headers, &payload, credentials, &scope, now)?;
    let (key, names) = (&credentials.access_key_id, signed_headers.join(";"));
    added.push((
        AUTHORIZATION,
        format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"),
    ));
    Ok(added)
}

/// Signs a request in its query: the answer is the whole new query, for a URL that works for `life`. Every header in
/// `parts` is signed, so whoever uses the URL has to send them.
///
/// # Errors
/// When `parts` has no `host` header.
#[allow(clippy::too_many_arguments, reason = "each is a part of what is signed; a struct would only name them again")]
pub fn presign(
    parts: &Parts,
    body: &[u8],
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: Timestamp,
    life: Duration,
) -> Result<String, Error> {
    let scope = Scope::new(now, region, service);
    let signed_headers = signed_headers(parts)?;
    let mut parameters = vec![
        ("X-Amz-Algorithm", ALGORITHM.to_owned()),
        ("X-Amz-Credential", format!("{}/{scope}", credentials.access_key_id)),
        ("X-Amz-Date", compact(now)),
        ("X-Amz-SignedHeaders", signed_headers.join(";")),
        ("X-Amz-Expires", life.as_secs().to_string()),
    ];
    if let Some(token) = &credentials.session_token {
        parameters.push(("X-Amz-Security-Token", token.clone()));
    }
    let mut query = parts.query.to_owned();
    for (name, value) in parameters {
        append(&mut query, name, &value);
    }
    let payload = if scope.is_s3() { UNSIGNED_PAYLOAD.into() } else { sha256(body) };
    let signature = signature(&Parts { query: &query, ..*parts }, &signed_headers, &payload, credentials, &scope, now)?;
    append(&mut query, "X-Amz-Signature", &signature);
    Ok(query)
}

fn append(query: &mut String, name: &str, value: &str) {
    let separator = if query.is_empty() { "" } else { "&" };
    *query += &format!("{separator}{name}={}", encode(value.as_bytes()));
}

/// The names of all headers, in order.
fn signed_headers(parts: &Parts) -> Result<Vec<String>, Error> {
    if !parts.headers.contains_key(HOST) {
        return Err(Error::Incomplete("a request needs a Host header to be signed".into()));
    }
    let mut names: Vec<String> =
        parts.headers.keys().filter(|name| **name != USER_AGENT).map(HeaderName::to_string).collect();
    names.sort_unstable();
    Ok(names)
}

fn signature(
    parts: &Parts,
    signed_headers: &[String],
    payload: &str,
    credentials: &Credentials,
    scope: &Scope,
    now: Timestamp,
) -> Result<String, Error> {
    let claims = Claims { style: PathStyle::of(scope), signed_headers, payload };
    let canonical =
        canonical::request(parts, &claims).ok_or_else(|| Error::Incomplete("a header to sign is missing".into()))?;
    Ok(signing_key(&credentials.secret, scope).sign(&string_to_sign(&canonical, now, scope)))
}
