//! API destinations, and the connections that authorize requests to them.

use std::fmt;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::INVOCATIONS_PER_SECOND;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    pub arn: Arn,
    pub name: String,
    pub description: Option<String>,
    pub kms_key: Option<String>,
    pub state: ConnectionState,
    pub reason: Option<String>,
    pub authorization: Authorization,
    pub http: Option<HttpParameters>,
    /// What Secrets Manager would call its secret.
    pub secret_arn: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub authorized: Option<Timestamp>,
}
kv::stored!(Connection, version = 1);

impl Connection {
    /// Whether requests may be sent with it: not after its owner took its authorization away. One that no token could be
    /// had for may be given one later.
    pub fn may_be_used(&self) -> bool {
        self.state != ConnectionState::Deauthorized || self.reason.is_some()
    }

    /// Takes everything away that is secret.
    pub fn deauthorize(&mut self) {
        match &mut self.authorization {
            Authorization::Basic { password, .. } => password.clear(),
            Authorization::ApiKey { value, .. } => value.clear(),
            Authorization::OAuth(oauth) => {
                oauth.client_secret.clear();
                oauth.http.iter_mut().for_each(HttpParameters::forget_secrets);
            }
        }
        self.http.iter_mut().for_each(HttpParameters::forget_secrets);
        (self.state, self.reason) = (ConnectionState::Deauthorized, None);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// A token is asked for.
    Authorizing,
    Authorized,
    Deauthorized,
}

impl ConnectionState {
    pub fn name(self) -> &'static str {
        match self {
            ConnectionState::Authorizing => "AUTHORIZING",
            ConnectionState::Authorized => "AUTHORIZED",
            ConnectionState::Deauthorized => "DEAUTHORIZED",
        }
    }
}

/// How a request shows who sends it. Secrets are for requests only: no operation, and no log, shows one.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Authorization {
    Basic { username: String, password: String },
    ApiKey { name: String, value: String },
    OAuth(Box<OAuth>),
}

impl Authorization {
    pub fn kind(&self) -> &'static str {
        match self {
            Authorization::Basic { .. } => "BASIC",
            Authorization::ApiKey { .. } => "API_KEY",
            Authorization::OAuth(_) => "OAUTH_CLIENT_CREDENTIALS",
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OAuth {
    pub client_id: String,
    pub client_secret: String,
    pub endpoint: String,
    pub method: String,
    pub http: Option<HttpParameters>,
}

/// What is added to every request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpParameters {
    pub headers: Vec<HttpParameter>,
    pub query: Vec<HttpParameter>,
    pub body: Vec<HttpParameter>,
}

impl HttpParameters {
    fn forget_secrets(&mut self) {
        let lists = [&mut self.headers, &mut self.query, &mut self.body];
        lists.into_iter().for_each(|list| list.retain(|parameter| !parameter.secret));
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpParameter {
    pub key: String,
    pub value: String,
    pub secret: bool,
}

impl fmt::Debug for HttpParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiDestination {
    pub arn: Arn,
    pub name: String,
    pub description: Option<String>,
    pub connection: Arn,
    pub endpoint: String,
    pub method: String,
    pub rate_per_second: Option<u32>,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(ApiDestination, version = 1);

impl ApiDestination {
    /// How many requests it gets in a second at most.
    pub fn rate(&self) -> u32 {
        self.rate_per_second.unwrap_or(INVOCATIONS_PER_SECOND)
    }
}
