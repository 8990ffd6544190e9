//! REST APIs (`apigateway`).

pub mod api;
pub mod deployment;
pub mod integration;
pub mod method;
pub mod mock;
pub mod patch;
pub mod resource;
pub mod stage;
pub mod tag;

use serde::{Deserialize, Serialize};

/// A list, with the position of what comes after it. The member is `item` on the wire.
#[derive(Debug, Serialize)]
pub struct Items<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    pub item: Vec<T>,
}

/// A request that names nothing but an API.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiInput {
    pub rest_api_id: String,
}

/// A request for a page of an API's parts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub rest_api_id: String,
    pub position: Option<String>,
    pub limit: Option<usize>,
}
