//! Issuers of tokens elsewhere: where their endpoints and their keys are, found as OpenID Connect says and kept for a while.
//!
//! Source: <https://openid.net/specs/openid-connect-discovery-1_0.html>, section 4; that keys are kept for two hours, says
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, Method};
use jwt::KeySet;
use outbound::{Outbound, Request};
use serde::Deserialize;
use tokio::sync::Mutex as Turn;

/// How long keys are good, once they are fetched.
const KEYS_LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// How often an issuer is asked at most: whoever makes up ids of keys does not make this server ask.
const ASKED_EVERY: Duration = Duration::from_secs(10);
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The most that is read of an issuer's answer, in bytes.
const ANSWER_BYTES_MAX: usize = 150_000;
/// How long an issuer may take to answer.
const TIMEOUT: Duration = Duration::from_millis(1_500);
/// Issuers that are remembered.
const ISSUERS_MAX: usize = 256;

const DISCOVERY_FAILED: &str = "OIDC discovery endpoint communication error";
const KEYS_FAILED: &str = "JWKS communication error";

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
    found: Option<(Found, Timestamp)>,
    asked: Option<Timestamp>,
}

/// What an issuer publishes.
#[derive(Clone, Debug)]
pub struct Found {
    pub keys: Arc<KeySet>,
    pub configuration: Arc<Configuration>,
}

/// Where an issuer's endpoints are. One that was not discovered has none.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Configuration {
    pub issuer: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub authorization_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint: Option<String>,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
}

impl Issuers {
    pub fn new(outbound: Outbound) -> Issuers {
        Issuers { outbound, known: Mutex::default() }
    }

    /// The keys of an issuer, which is asked for them where none are kept, or none with this id.
    ///
    /// # Errors
    /// When there are none, and it does not answer or may not be asked again yet.
    pub async fn keys(&self, now: Timestamp, issuer: &str, key_id: Option<&str>) -> Result<Arc<KeySet>, &'static str> {
        Ok(self.find(now, issuer, None, key_id).await?.keys)
    }

    /// All that an issuer publishes, or the keys alone where it is known that they are at `jwks_uri`.
    ///
    /// # Errors
    /// As of [`Issuers::keys`].
    pub async fn find(
        &self,
        now: Timestamp,
        issuer: &str,
        jwks_uri: Option<&str>,
        key_id: Option<&str>,
    ) -> Result<Found, &'static str> {
        let entry = self.entry(issuer, jwks_uri);
        if let Some(found) = entry.kept(now, key_id) {
            return Ok(found);
        }
        let _turn = entry.turn.lock().await;
        match entry.kept(now, key_id) {
            Some(found) => Ok(found),
            None if entry.may_ask(now) => self.ask(&entry, issuer, jwks_uri, now).await,
            None => entry.kept(now, None).ok_or(DISCOVERY_FAILED),
        }
    }

    fn entry(&self, issuer: &str, jwks_uri: Option<&str>) -> Arc<Issuer> {
        let name = jwks_uri.map_or_else(|| issuer.to_owned(), |keys| format!("{issuer} {keys}"));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ISSUERS_MAX && !known.contains_key(&name) {
            // Those in use come back with their next token.
            known.clear();
        }
        known.entry(name).or_default().clone()
    }

    async fn ask(
        &self,
        entry: &Issuer,
        issuer: &str,
        jwks_uri: Option<&str>,
        now: Timestamp,
    ) -> Result<Found, &'static str> {
        let fetched = self.fetch_all(issuer, jwks_uri).await;
        let mut kept = entry.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(found) => {
                kept.found = Some((found.clone(), now));
                Ok(found)
            }
            Err(why) => {
                tracing::warn!(issuer, why, "an issuer's keys could not be fetched");
                let still_good = kept.found.as_ref().filter(|(_, fetched)| now.since(*fetched) < KEYS_LIFE);
                still_good.map(|(found, _)| found.clone()).ok_or(why)
            }
        }
    }

    async fn fetch_all(&self, issuer: &str, jwks_uri: Option<&str>) -> Result<Found, &'static str> {
        let configuration = match jwks_uri {
            Some(keys) => Configuration { issuer: issuer.into(), jwks_uri: keys.into(), ..Configuration::default() },
            None => self.discover(issuer).await?,
        };
        let answer = self.fetch(&configuration.jwks_uri).await.ok_or(KEYS_FAILED)?;
        let keys = KeySet::parse(&answer).map_err(|_| KEYS_FAILED)?;
        Ok(Found { keys: Arc::new(keys), configuration: Arc::new(configuration) })
    }

    async fn discover(&self, issuer: &str) -> Result<Configuration, &'static str> {
        let plain = issuer.trim_end_matches('/');
        let answer = self.fetch(&format!("{plain}{DISCOVERY}")).await.ok_or(DISCOVERY_FAILED)?;
        let configuration: Configuration = serde_json::from_slice(&answer).map_err(|_| DISCOVERY_FAILED)?;
        if configuration.issuer.trim_end_matches('/') != plain {
            return Err("the issuer has another name in its OIDC configuration");
        }
        Ok(configuration)
    }

    /// What is at a URL, if it is there in time and not too large.
    async fn fetch(&self, url: &str) -> Option<Bytes> {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let request = Request { method: Method::GET, url, headers, body, timeout: TIMEOUT };
        let fetched = self.outbound.fetch(request, ANSWER_BYTES_MAX + 1).await;
        let (answer, body) = fetched.inspect_err(|error| tracing::debug!(url, %error, "not fetched")).ok()?;
        (answer.status.is_success() && body.len() <= ANSWER_BYTES_MAX).then_some(body)
    }
}

impl Issuer {
    /// What is kept and still good, where one of the keys has this id, if any is asked for.
    fn kept(&self, now: Timestamp, key_id: Option<&str>) -> Option<Found> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, fetched) = kept.found.as_ref()?;
        let has = key_id.is_none_or(|id| found.keys.has(id));
        (now.since(*fetched) < KEYS_LIFE && has).then(|| found.clone())
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
