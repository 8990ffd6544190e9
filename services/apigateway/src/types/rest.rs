//! REST APIs as they are stored.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Texts;
use super::authorizer::Authorization;
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
    /// Whether each parameter is required: kept and shown.
    pub request_parameters: BTreeMap<String, bool>,
    pub request_models: Texts,
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
    /// By the status that they answer.
    pub responses: BTreeMap<String, IntegrationResponse>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum IntegrationKind {
    /// `AWS_PROXY` to a function; the URI as it was put, variables of the stage included.
    Function { uri: String },
    /// `MOCK`: answers by itself, with the status that its request template says.
    Mock { status: u16 },
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
}
kv::stored!(Stage, version = 1);
