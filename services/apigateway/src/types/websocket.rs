//! What WebSocket APIs store besides what they have in common with HTTP APIs.

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Farewell;

use super::Texts;
use super::authorizer::{Authorization, Authorizer};
use crate::keys::Id;

/// What makes an API one of WebSockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What of a message tells its route: `$request.body.action`.
    pub route_selection: String,
    pub api_key_source: ApiKeySource,
    /// Kept and shown.
    pub disable_schema_validation: bool,
}

/// Where a client's API key comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKeySource {
    /// `x-api-key`, among the headers of the handshake.
    #[default]
    Header,
    /// What the authorizer says.
    Authorizer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    pub id: Id,
    pub kind: IntegrationKind,
    pub timeout_millis: u64,
    pub description: Option<String>,
    pub method: Option<String>,
    /// Kept and shown.
    pub passthrough: Option<String>,
    /// By the key that `template_selection` chooses.
    pub request_templates: Texts,
    pub template_selection: Option<String>,
}
kv::stored!(Integration, version = 1);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationKind {
    /// The ARN or the URI of one; variables of the stage included.
    Function {
        uri: String,
    },
    Mock,
}

/// What becomes of an integration's answer: of MOCK ones alone, as functions answer for themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationResponse {
    pub id: Id,
    /// `$default`, or the statuses that it is for: `/200/`, `/4\d\d/`.
    pub key: String,
    pub templates: Texts,
    pub template_selection: Option<String>,
}
kv::stored!(IntegrationResponse, version = 1);

/// That a route answers at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteResponse {
    pub id: Id,
    /// `$default`: there is no other.
    pub key: String,
}
kv::stored!(RouteResponse, version = 1);

/// What a deployment serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    pub settings: Settings,
    pub routes: Vec<DeployedRoute>,
}
kv::stored!(Deployed, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedRoute {
    pub key: String,
    pub integration: Option<Integration>,
    pub responses: Vec<IntegrationResponse>,
    pub authorization: Authorization,
    /// The authorizer as it was.
    pub authorizer: Option<Authorizer>,
    pub api_key_required: bool,
    /// Whether its client is told what its integration answers.
    pub answers: bool,
}

/// What is known of a connection as it begins: in memory for as long as it lasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    pub id: String,
    pub api: String,
    pub stage: String,
    pub region: String,
    pub account: String,
    pub connected: Timestamp,
    /// As events tell them.
    pub host: String,
    pub domain: String,
    pub identity: Value,
    /// What the authorizer said.
    pub authorizer: Option<Value>,
    pub api_key: Option<String>,
}

impl Beginning {
    /// What its stage has below its name, as policies call it: a route, or the connection itself.
    pub fn arn(&self, below: &str) -> Arn {
        Arn {
            partition: "aws".into(),
            service: "execute-api".into(),
            region: self.region.clone(),
            account: self.account.clone(),
            resource: format!("{}/{}/{below}", self.api, self.stage),
        }
    }
}

/// A connection that ended with the server, of which nobody could be told any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Without the API key, which is a secret.
    pub beginning: Beginning,
    pub code: u16,
    pub reason: String,
}
kv::stored!(Ended, version = 1);

impl Ended {
    pub fn new(beginning: &Beginning, farewell: Farewell) -> Ended {
        let mut beginning = Beginning { api_key: None, ..beginning.clone() };
        if let Some(identity) = beginning.identity.as_object_mut() {
            identity.remove("apiKey");
        }
        Ended { beginning, code: farewell.code, reason: farewell.reason }
    }

    pub fn farewell(&self) -> Farewell {
        Farewell::new(self.code, &self.reason)
    }
}
