//! The keys of issuers of tokens, found as OpenID Connect says and kept for a while.
//!
//! Source: <https://openid.net/specs/openid-connect-discovery-1_0.html>, section 4; that keys are kept for two hours, says
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, Method};
use jwt::KeySet;
use outbound::{Outbound, Request};
use serde::Deserialize;
use service::Cx;
use tokio::sync::Mutex as Turn;

use crate::limits;

/// How long keys are good, once they are fetched.
const KEYS_LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// How often an issuer is asked at most: whoever makes up ids of keys does not make this server ask.
const ASKED_EVERY: Duration = Duration::from_secs(10);
const DISCOVERY: &str = "/.well-known/openid-configuration";

pub struct Issuers {
    outbound: Outbound,
    known: Mutex<HashMap<String, Arc<Issuer>>>,
}

#[derive(Default)]
struct Issuer {
    kept: Mutex<Kept>,
    /// Held by who asks; who waits for it, finds what was answered.
    turn: Turn<()>,
}

#[derive(Default)]
struct Kept {
    /// With the moment when they were fetched.
    keys: Option<(Arc<KeySet>, Timestamp)>,
    asked: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Issuers {
    pub fn new(outbound: Outbound) -> Issuers {
        Issuers { outbound, known: Mutex::default() }
    }

    /// The keys of an issuer, which is asked for them where none are kept, or none with this id; and what its tokens have as `iss`.
    ///
    /// # Errors
    /// When there are none, and it does not answer or may not be asked again yet.
    pub async fn keys(
        &self,
        cx: &Cx,
        issuer: &str,
        key_id: Option<&str>,
    ) -> Result<(Arc<KeySet>, String), &'static str> {
        if let Some((keys, own)) = of_pool(cx, issuer) {
            return Ok((keys?, own));
        }
        let (now, entry) = (cx.now(), self.entry(issuer));
        let keys = match entry.kept(now, key_id) {
            Some(keys) => keys,
            None => {
                let _turn = entry.turn.lock().await;
                match entry.kept(now, key_id) {
                    Some(keys) => keys,
                    None if entry.may_ask(now) => self.ask(&entry, issuer, now).await?,
                    None => entry.kept(now, None).ok_or("OIDC discovery endpoint communication error")?,
                }
            }
        };
        Ok((keys, issuer.to_owned()))
    }

    fn entry(&self, issuer: &str) -> Arc<Issuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::ISSUERS_MAX && !known.contains_key(issuer) {
            // Those in use come back with their next token.
            known.clear();
        }
        known.entry(issuer.to_owned()).or_default().clone()
    }

    async fn ask(&self, entry: &Issuer, issuer: &str, now: Timestamp) -> Result<Arc<KeySet>, &'static str> {
        let fetched = self.fetch_keys(issuer).await;
        let mut kept = entry.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                kept.keys = Some((keys.clone(), now));
                Ok(keys)
            }
            Err(why) => {
                tracing::warn!(issuer, why, "an issuer's keys could not be fetched");
                let still_good = kept.keys.as_ref().filter(|(_, fetched)| now.since(*fetched) < KEYS_LIFE);
                still_good.map(|(keys, _)| keys.clone()).ok_or(why)
            }
        }
    }

    async fn fetch_keys(&self, issuer: &str) -> Result<KeySet, &'static str> {
        const DISCOVERY_FAILED: &str = "OIDC discovery endpoint communication error";
        const KEYS_FAILED: &str = "JWKS communication error";
        let plain = issuer.trim_end_matches('/');
        let answer = self.fetch(&format!("{plain}{DISCOVERY}")).await.ok_or(DISCOVERY_FAILED)?;
        let configuration: Configuration = serde_json::from_slice(&answer).map_err(|_| DISCOVERY_FAILED)?;
        if configuration.issuer.trim_end_matches('/') != plain {
            return Err("the issuer has another name in its OIDC configuration");
        }
        let answer = self.fetch(&configuration.jwks_uri).await.ok_or(KEYS_FAILED)?;
        KeySet::parse(&answer).map_err(|_| KEYS_FAILED)
    }

    /// What is at a URL, if it is there in time and not too large.
    async fn fetch(&self, url: &str) -> Option<Bytes> {
        let timeout = Duration::from_millis(limits::ISSUER_TIMEOUT_MILLIS);
        let request = Request { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new(), timeout };
        let fetched = self.outbound.fetch(request, limits::ISSUER_ANSWER_BYTES_MAX + 1).await;
        let (answer, body) = fetched.inspect_err(|error| tracing::debug!(url, %error, "not fetched")).ok()?;
        (answer.status.is_success() && body.len() <= limits::ISSUER_ANSWER_BYTES_MAX).then_some(body)
    }
}

impl Issuer {
    /// The keys that are kept and still good, where one has this id, if any is asked for.
    fn kept(&self, now: Timestamp, key_id: Option<&str>) -> Option<Arc<KeySet>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (keys, fetched) = kept.keys.as_ref()?;
        let has = key_id.is_none_or(|id| keys.has(id));
        (now.since(*fetched) < KEYS_LIFE && has).then(|| keys.clone())
    }

    /// Whether the issuer may be asked now; if so, it was.
    fn may_ask(&self, now: Timestamp) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.asked.is_some_and(|asked| now.since(asked) < ASKED_EVERY) {
            return false;
        }
        kept.asked = Some(now);
        true
    }
}

/// An issuer in AWS's words is a pool of this cloud, where it has one of that id: `https://cognito-idp.{region}.amazonaws.com/{id}`.
fn of_pool(cx: &Cx, issuer: &str) -> Option<(Result<Arc<KeySet>, &'static str>, String)> {
    let rest = issuer.strip_prefix("https://cognito-idp.")?;
    let (region, id) = rest.trim_end_matches('/').split_once(".amazonaws.com/")?;
    let pool = Arn { region: region.to_owned(), ..cx.arn("cognito-idp", format!("userpool/{id}")) };
    let found = cx.cloud().user_pools()?.keys(cx, &pool).ok()??;
    let keys = KeySet::parse(&found.keys).map(Arc::new).map_err(|_| "the pool's keys cannot be read");
    Some((keys, found.issuer))
}
