//! REST APIs (`apigateway`).

pub mod api;
pub mod api_key;
pub mod authorizer;
pub mod base_path;
pub mod deployment;
pub mod document;
pub mod domain;
pub mod export;
pub mod integration;
pub mod method;
pub mod mock;
pub mod patch;
pub mod resource;
pub mod stage;
pub mod test_authorizer;
pub mod usage_plan;
pub mod usage_plan_key;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use authorizer::AuthorizerInput;
use method::{MethodInput, ResponseInput};

/// What permission on a method, or on `part` of it, is asked for.
pub fn method_resource(cx: &Cx, method: &MethodInput, part: &str) -> Arn {
    let MethodInput { rest_api_id, resource_id, http_method } = method;
    super::resource(cx, &format!("/restapis/{rest_api_id}/resources/{resource_id}/methods/{http_method}{part}"))
}

/// The same for a response: `part` is `responses` or `integration/responses`.
pub fn response_resource(cx: &Cx, response: &ResponseInput, part: &str) -> Arn {
    method_resource(cx, &response.method, &format!("/{part}/{}", response.status_code))
}

/// The same for an authorizer.
pub fn authorizer_resource(cx: &Cx, authorizer: &AuthorizerInput) -> Arn {
    let AuthorizerInput { rest_api_id, authorizer_id } = authorizer;
    super::resource(cx, &format!("/restapis/{rest_api_id}/authorizers/{authorizer_id}"))
}

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
