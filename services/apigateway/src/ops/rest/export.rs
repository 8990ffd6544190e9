//! GetExport.

use std::sync::Arc;

use kv::Read;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Caller, Cx};
use wire::Blob;

use super::api::ApiOutput;
use super::authorizer::AuthorizerOutput;
use super::documentation_part::LocationShape;
use super::method::MethodOutput;
use crate::ApiGateway;
use crate::document;
use crate::document::documentation::{Documentation, Said};
use crate::document::rest_export::{self, Extensions, Method};
use crate::error::Error;
use crate::front::address;
use crate::model::rest::resource::with_paths;
use crate::model::rest::{api, deployment, documentation_version, stage};
use crate::types::Texts;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportInput {
    pub rest_api_id: String,
    pub stage_name: String,
    pub export_type: String,
    /// Those of the query.
    pub parameters: Texts,
    pub extensions: Option<String>,
    pub accepts: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportOutput {
    pub content_type: &'static str,
    pub content_disposition: String,
    pub body: Blob,
}

pub async fn export(_: Arc<ApiGateway>, cx: Cx, input: ExportInput) -> Result<ExportOutput, Error> {
    let swagger = match input.export_type.as_str() {
        "swagger" => true,
        "oas30" => false,
        other => {
            return Err(Error::bad(format!("Invalid export type specified: {other}. Must be one of [oas30, swagger]")));
        }
    };
    let is_yaml = match input.accepts.as_deref() {
        None | Some("" | "application/json" | "*/*") => false,
        Some("application/yaml" | "application/x-yaml") => true,
        Some(other) => {
            return Err(Error::bad(format!("Invalid accepts: {other}. application/json and application/yaml are")));
        }
    };
    let extensions = input.extensions.as_ref().or_else(|| input.parameters.get("extensions"));
    let extensions = extensions.map_or_else(Extensions::unasked, |text| Extensions::parse(text));
    let (wanted, said) = {
        let read = cx.db().read()?;
        let api = api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
        let stage = stage::find(&read, &api.id, &input.stage_name)?;
        let authorizers = deployment::authorizers(&read, &api.id, &stage.deployment)?;
        let mut found = with_paths(deployment::resources(&read, &api.id, &stage.deployment)?);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let methods = found.into_iter().flat_map(|(path, resource)| {
            let id = resource.id;
            resource.methods.into_iter().map(move |(http_method, method)| Method {
                path: path.clone(),
                resource: id.clone(),
                shown: json!(MethodOutput::new(&http_method, method)),
                http_method,
            })
        });
        let said = stage.documentation.as_ref().filter(|_| extensions.documentation);
        let said = said.map(|version| documentation(&read, &api.id, version)).transpose()?;
        let created = api.created;
        let mut shown = json!(ApiOutput::from(api.clone()));
        if shown.get("version").is_none() {
            // Documents have to have one.
            shown["version"] = json!(created.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        }
        let wanted = rest_export::Wanted {
            methods: methods.collect(),
            authorizers: authorizers.into_iter().map(|authorizer| json!(AuthorizerOutput::from(authorizer))).collect(),
            models: Vec::new(),
            validators: Vec::new(),
            gateway_responses: Vec::new(),
            url: (address::url(cx.endpoint(), &api.id), format!("/{}", stage.name)),
            swagger,
            extensions,
            api: shown,
        };
        (wanted, said)
    };
    let wanted = rest_export::Wanted {
        models: all(&cx, "GetModels", &input.rest_api_id).await?,
        validators: all(&cx, "GetRequestValidators", &input.rest_api_id).await?,
        gateway_responses: all(&cx, "GetGatewayResponses", &input.rest_api_id).await?,
        ..wanted
    };
    let mut document = rest_export::document(&wanted);
    if let Some(said) = said {
        said.write(&mut document, |location| json!(LocationShape::from(location.particular())))?;
    }
    let kind = if is_yaml { "yaml" } else { "json" };
    let version = wanted.api["version"].as_str().unwrap_or_default();
    let version: String = version.chars().filter(|c| c.is_ascii_alphanumeric() || "._:+-".contains(*c)).collect();
    Ok(ExportOutput {
        content_type: "application/octet-stream",
        content_disposition: format!("attachment; filename=\"{}_{version}.{kind}\"", input.export_type),
        body: Blob::from(document::written(&document, is_yaml).into_bytes()),
    })
}

/// A version of what is said of an API.
fn documentation(read: &impl Read, api: &str, version: &str) -> Result<Documentation, Error> {
    let found = documentation_version::find(read, api, version)?;
    let parts = documentation_version::parts(read, api, version)?.into_iter().map(Said::from).collect();
    Ok(Documentation { version: found.name, created: found.created.iso8601(), parts })
}

/// All that an operation lists of an API, where there is such an operation.
async fn all(cx: &Cx, operation: &str, api: &str) -> Result<Vec<Value>, Error> {
    let services = cx.cloud().services().iter();
    let is_there =
        services.filter(|service| service.api.model == "apigateway").any(|s| s.operation(operation).is_some());
    if !is_there {
        return Ok(Vec::new());
    }
    let reader = cx.with_caller(Caller::system(cx.account())).in_region(cx.region().as_str());
    let (mut items, mut position) = (Vec::new(), None::<String>);
    loop {
        let mut input = json!({"restApiId": api, "limit": crate::limits::REST_PAGE_MAX});
        if let Some(position) = position {
            input["position"] = json!(position);
        }
        let page = reader.call::<Value>("apigateway", operation, input).await;
        let page = page.map_err(|error| document::failed(&format!("export what {operation} tells"), &error))?;
        items.extend(page.get("item").and_then(Value::as_array).cloned().unwrap_or_default());
        position = page.get("position").and_then(Value::as_str).map(str::to_owned);
        if position.is_none() {
            return Ok(items);
        }
    }
}
