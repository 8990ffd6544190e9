//! HTTP APIs as they are stored, and what WebSocket APIs have in common with them.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Texts;
use super::authorizer::{Authorization, Authorizer};
use super::stage::{AccessLog, Logging};
use super::usage::Throttle;
use super::websocket::Settings;
use crate::keys::{ApiId, Id};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Api {
    pub id: ApiId,
    pub region: String,
    pub account: String,
    pub name: String,
    pub description: Option<String>,
    pub version: Option<String>,
    pub created: Timestamp,
    pub cors: Option<Cors>,
    pub disable_execute_api: bool,
    pub tags: Texts,
    /// There for an API of WebSockets.
    #[serde(default)]
    pub websocket: Option<Settings>,
}
kv::stored!(Api, version = 1);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cors {
    pub allow_credentials: bool,
    pub allow_headers: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_origins: Vec<String>,
    pub expose_headers: Vec<String>,
    /// Seconds.
    pub max_age: Option<i32>,
}

impl Cors {
    pub fn rules(&self) -> proxy::cors::Rules<'_> {
        proxy::cors::Rules {
            allow_credentials: self.allow_credentials,
            allow_headers: &self.allow_headers,
            allow_methods: &self.allow_methods,
            allow_origins: &self.allow_origins,
            expose_headers: &self.expose_headers,
            max_age: self.max_age,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub id: Id,
    /// `GET /users/{id}`, `ANY /{proxy+}` or `$default`; of a WebSocket API `$connect`, or what its messages say.
    pub key: String,
    pub integration: Option<Id>,
    pub operation_name: Option<String>,
    #[serde(default)]
    pub authorization: Authorization,
    /// Made by quick create.
    pub managed: bool,
    /// Of WebSocket APIs alone.
    #[serde(default)]
    pub api_key_required: bool,
    /// The same: `$default` for a route that answers, where it has a response.
    #[serde(default)]
    pub response_selection: Option<String>,
}
kv::stored!(Route, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Integration {
    pub id: Id,
    #[serde(default)]
    pub kind: IntegrationKind,
    /// A function's ARN, or the URI of its invocations, or a URL; variables of the stage included. Empty for an operation.
    pub uri: String,
    pub payload: Payload,
    pub timeout_millis: u64,
    pub description: Option<String>,
    pub method: Option<String>,
    /// Made by quick create.
    pub managed: bool,
    /// The ARN of the role as which the API asks what is behind it.
    #[serde(default)]
    pub credentials: Option<String>,
    /// What is changed of requests; for an operation, its parameters.
    #[serde(default)]
    pub request_parameters: Texts,
    /// What is changed of answers, by their status.
    #[serde(default)]
    pub response_parameters: BTreeMap<String, Texts>,
}
kv::stored!(Integration, version = 1);

/// What is behind a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationKind {
    #[default]
    Function,
    /// `HTTP_PROXY`.
    Url,
    /// An operation of a service, by its name: `SQS-SendMessage`.
    Operation(String),
}

/// The form of events and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    V1,
    V2,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: Id,
    pub description: Option<String>,
    pub created: Timestamp,
    /// Made by a change of the API, for its stages with `autoDeploy`.
    pub auto: bool,
}
kv::stored!(Deployment, version = 1);

/// What a deployment serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    pub cors: Option<Cors>,
    pub routes: Vec<DeployedRoute>,
}
kv::stored!(Deployed, version = 1);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeployedRoute {
    pub key: String,
    pub integration: Option<Integration>,
    #[serde(default)]
    pub authorization: Authorization,
    /// The authorizer as it was.
    #[serde(default)]
    pub authorizer: Option<Authorizer>,
}

/// What a stage says of a route, or of each that it says nothing else of: how many requests it takes, and what is kept and shown.
/// `None` where nobody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteSettings {
    pub burst: Option<u32>,
    pub rate: Option<f64>,
    #[serde(default)]
    pub metrics: Option<bool>,
    /// With the level, what an execution log of a WebSocket API would tell.
    #[serde(default)]
    pub data_trace: Option<bool>,
    #[serde(default)]
    pub logging: Option<Logging>,
}

impl RouteSettings {
    /// The bucket, where both are said: AWS has an account's limits for what is not.
    pub fn bucket(self) -> Option<Throttle> {
        Some(Throttle { burst: self.burst?, rate: self.rate? })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    /// A stage without one answers nothing yet.
    pub deployment: Option<Id>,
    pub auto_deploy: bool,
    pub description: Option<String>,
    pub variables: Texts,
    /// Of each route that has no settings of its own.
    pub detailed_metrics: Option<bool>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Texts,
    /// Made by quick create.
    pub managed: bool,
    /// Of each route that has none of its own. Throttles were all that there was, at first.
    #[serde(default, rename = "throttle")]
    pub default_settings: RouteSettings,
    /// By the route's key.
    #[serde(default, rename = "throttles")]
    pub settings: BTreeMap<String, RouteSettings>,
    #[serde(default)]
    pub access_log: Option<AccessLog>,
}
kv::stored!(Stage, version = 1);

impl Stage {
    /// One that serves nothing yet.
    pub fn new(name: String, now: Timestamp) -> Stage {
        Stage {
            name,
            deployment: None,
            auto_deploy: false,
            description: None,
            variables: Texts::new(),
            detailed_metrics: None,
            created: now,
            updated: now,
            tags: Texts::new(),
            managed: false,
            default_settings: RouteSettings::default(),
            settings: BTreeMap::new(),
            access_log: None,
        }
    }
}
