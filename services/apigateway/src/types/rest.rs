//! REST APIs as they are stored.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Texts;
use super::authorizer::Authorization;
use super::stage::{AccessLog, CacheCluster, MethodSettings};
use super::usage::Throttle;
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
    pub root: Id,
    pub binary_media_types: Vec<String>,
    pub minimum_compression_size: Option<u32>,
    pub api_key_source: String,
    pub endpoint_types: Vec<String>,
    /// `ipv4` where nobody has said anything.
    #[serde(default)]
    pub ip_address_type: Option<String>,
    pub disable_execute_api: bool,
    pub tags: Texts,
}
kv::stored!(Api, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub id: Id,
    /// `None` for the root.
    pub parent: Option<Id>,
    /// `users`, `{id}` or `{proxy+}`; empty for the root.
    pub part: String,
    /// By HTTP method, `ANY` among them.
    pub methods: BTreeMap<String, Method>,
}
kv::stored!(Resource, version = 1);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Method {
    pub operation_name: Option<String>,
    #[serde(default)]
    pub authorization: Authorization,
    #[serde(default)]
    pub api_key_required: bool,
    /// Whether each parameter is required, by where it is: `method.request.querystring.q`.
    pub request_parameters: BTreeMap<String, bool>,
    /// The names of models, by media type.
    pub request_models: Texts,
    /// What of a request is held to these; nothing without one.
    #[serde(default)]
    pub request_validator: Option<Id>,
    /// By status.
    pub responses: BTreeMap<String, MethodResponse>,
    pub integration: Option<Integration>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MethodResponse {
    pub parameters: BTreeMap<String, bool>,
    pub models: Texts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Integration {
    pub kind: IntegrationKind,
    pub http_method: Option<String>,
    pub passthrough: String,
    pub content_handling: Option<String>,
    pub timeout_millis: u64,
    pub cache_namespace: String,
    pub request_templates: Texts,
    /// The role that another service is called as.
    #[serde(default)]
    pub credentials: Option<String>,
    /// By where they go, `integration.request.header.X-A`, where they come from: `method.request.path.id`.
    #[serde(default)]
    pub request_parameters: Texts,
    /// What of a request tells what the stage's cache has for it: `method.request.querystring.q`.
    #[serde(default)]
    pub cache_key_parameters: Vec<String>,
    /// By the status that they answer.
    pub responses: BTreeMap<String, IntegrationResponse>,
}

impl Integration {
    /// Where the value of a parameter of [`Integration::cache_key_parameters`] comes from: one that is sent on is what it is mapped from.
    pub fn cache_key_source<'a>(&'a self, name: &'a str) -> &'a str {
        self.request_parameters.get(name).map_or(name, String::as_str)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum IntegrationKind {
    /// `AWS_PROXY` to a function; the URI as it was put, variables of the stage included.
    Function { uri: String },
    /// `MOCK`: answers by itself, with the status that its request template says. What was stored before there were templates
    /// has that status here, and the template beside it.
    Mock {},
    /// `AWS`: a function that is told what a template says, or an operation of another service.
    Service { uri: String },
    /// `HTTP`: an endpoint that is told what a template says.
    Http { uri: String },
    /// `HTTP_PROXY`: an endpoint that is told the request as it is.
    HttpProxy { uri: String },
}

impl IntegrationKind {
    /// The name that it has in operations.
    pub fn word(&self) -> &'static str {
        match self {
            IntegrationKind::Function { .. } => "AWS_PROXY",
            IntegrationKind::Mock {} => "MOCK",
            IntegrationKind::Service { .. } => "AWS",
            IntegrationKind::Http { .. } => "HTTP",
            IntegrationKind::HttpProxy { .. } => "HTTP_PROXY",
        }
    }

    pub fn uri(&self) -> Option<&str> {
        match self {
            IntegrationKind::Mock {} => None,
            IntegrationKind::Function { uri }
            | IntegrationKind::Service { uri }
            | IntegrationKind::Http { uri }
            | IntegrationKind::HttpProxy { uri } => Some(uri),
        }
    }

    /// Whether the request and the answer go through as they are.
    pub fn is_proxy(&self) -> bool {
        matches!(self, IntegrationKind::Function { .. } | IntegrationKind::HttpProxy { .. })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IntegrationResponse {
    pub selection_pattern: Option<String>,
    pub parameters: Texts,
    pub templates: Texts,
    pub content_handling: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: Id,
    pub description: Option<String>,
    pub created: Timestamp,
    /// Part of what is deployed, like the resources.
    pub binary_media_types: Vec<String>,
}
kv::stored!(Deployment, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub deployment: Id,
    pub description: Option<String>,
    pub variables: Texts,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Texts,
    /// By `{path}/{method}`, or `*/*` for all methods.
    #[serde(default)]
    pub throttles: BTreeMap<String, Throttle>,
    #[serde(default)]
    pub canary: Option<Canary>,
    #[serde(default)]
    pub access_log: Option<AccessLog>,
    #[serde(default)]
    pub cache: Option<CacheCluster>,
    /// By `{path}/{method}`, or `*/*` for all methods.
    #[serde(default)]
    pub settings: BTreeMap<String, MethodSettings>,
    /// The version of what is said of the API that is exported with the stage.
    #[serde(default)]
    pub documentation: Option<String>,
    /// Kept and shown: there are no traces.
    #[serde(default)]
    pub tracing: bool,
}
kv::stored!(Stage, version = 1);

impl Stage {
    /// What stages say of all methods that they say nothing else of.
    pub const EVERYTHING: &str = "*/*";

    /// One that says nothing but what it serves.
    pub fn new(name: String, deployment: Id, now: Timestamp) -> Stage {
        Stage {
            name,
            deployment,
            description: None,
            variables: Texts::new(),
            created: now,
            updated: now,
            tags: Texts::new(),
            throttles: BTreeMap::new(),
            canary: None,
            access_log: None,
            cache: None,
            settings: BTreeMap::new(),
            documentation: None,
            tracing: false,
        }
    }

    /// What the stage says of a method, by its key.
    pub fn settings_of(&self, key: &str) -> MethodSettings {
        let all = self.settings.get(Stage::EVERYTHING).cloned().unwrap_or_default();
        self.settings.get(key).cloned().map_or_else(|| all.clone(), |own| own.or(&all))
    }
}

/// A second deployment of a stage, which gets a part of its requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    pub deployment: Id,
    /// How many of a hundred requests it gets.
    pub percent: f64,
    /// Instead of the stage's, or beside them.
    pub variables: Texts,
    /// Whether its requests are answered from what the stage's others left in the cache.
    pub use_stage_cache: bool,
}
