//! REST APIs (`apigateway`).

pub mod account;
pub mod api;
pub mod api_key;
pub mod authorizer;
pub mod base_path;
mod cache;
pub mod canary;
pub mod deployment;
pub mod document;
pub mod documentation_import;
pub mod documentation_part;
pub mod documentation_version;
pub mod domain;
pub mod export;
pub mod gateway_response;
pub mod integration;
pub mod integration_response;
pub mod key_import;
pub mod method;
pub mod method_response;
mod method_settings;
pub mod model;
mod model_template;
pub mod patch;
pub mod resource;
pub mod stage;
pub mod test_authorizer;
pub mod test_method;
pub mod usage;
pub mod usage_plan;
pub mod usage_plan_key;
pub mod validator;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use crate::error::Error;
use crate::ops::import::ASIDE;
use crate::types::Texts;

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

/// Whether templates can be filled. Who imports a document is warned of those that cannot: their methods fail, and no others.
pub fn check_templates(cx: &Cx, templates: &Texts) -> Result<(), Error> {
    let is_import = cx.region().as_str() == ASIDE;
    templates.iter().try_for_each(|(content_type, template)| {
        check_content_type(content_type)?;
        if is_import { Ok(()) } else { read_template(content_type, template) }
    })
}

fn check_content_type(content_type: &str) -> Result<(), Error> {
    if content_type != "$default" && !content_type.contains('/') {
        return Err(Error::bad(format!(
            "Validation Result: warnings : [], errors : [Invalid content type specified: {content_type}]"
        )));
    }
    Ok(())
}

/// Whether a template can be filled, as far as can be told before there is something to fill it with.
pub fn check_template(content_type: &str, template: &str) -> Result<(), Error> {
    check_content_type(content_type)?;
    read_template(content_type, template)
}

/// The same for a template with a key of any kind.
pub fn read_template(key: &str, template: &str) -> Result<(), Error> {
    let read = vtl::Template::parse(template);
    read.map(drop).map_err(|error| Error::bad(format!("Invalid mapping template specified for {key}: {error}")))
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
