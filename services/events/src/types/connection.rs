//! API destinations, and the connections that authorize requests to them.

use std::fmt;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// The token is asked for with the first request.
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
