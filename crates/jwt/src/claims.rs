//! What a verified token says, and whether it says it for here and now.

use std::time::Duration;

use base::Timestamp;
use serde_json::{Map, Value};

use crate::Error;

/// The claims of a token whose signature is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn new(claims: Map<String, Value>) -> Claims {
        Claims(claims)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether the token is good now, of this issuer, and for one of these audiences: `aud` says for whom, or `client_id` in a
    /// token without it, as Cognito's access tokens are. Clocks may differ by `leeway`.
    ///
    /// # Errors
    /// When `exp` is missing or past, `nbf` or `iat` is still to come, or any of them is no number; when `iss` is not exactly
    /// `issuer`; when no audience is among `audiences`, also when these are none.
    ///
    /// Source: RFC 7519, section 4.1, and
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>
    pub fn check(&self, now: Timestamp, issuer: &str, audiences: &[String], leeway: Duration) -> Result<(), Error> {
        let expires = self.seconds("exp")?.ok_or(Error::Expired)?;
        if expires <= (now - leeway).as_secs_f64() {
            return Err(Error::Expired);
        }
        for name in ["nbf", "iat"] {
            if self.seconds(name)?.is_some_and(|from| from > (now + leeway).as_secs_f64()) {
                return Err(Error::NotYet);
            }
        }
        if self.text("iss") != Some(issuer) {
            return Err(Error::Issuer);
        }
        let is_meant = |audience: &Value| audiences.iter().any(|own| audience == own.as_str());
        let is_for_here = match self.get("aud").or_else(|| self.get("client_id")) {
            Some(Value::Array(all)) => all.iter().any(is_meant),
            Some(one) => is_meant(one),
            None => false,
        };
        if is_for_here { Ok(()) } else { Err(Error::Audience) }
    }

    /// A moment in seconds since the epoch, which may have a fraction.
    fn seconds(&self, name: &'static str) -> Result<Option<f64>, Error> {
        self.get(name).map(|value| value.as_f64().ok_or(Error::Malformed("a claim of time"))).transpose()
    }
}
