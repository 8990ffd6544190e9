//! PutIntegrationResponse, GetIntegrationResponse, UpdateIntegrationResponse, DeleteIntegrationResponse.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::check_templates;
use super::integration::check_handling;
use super::method::{ResponseInput, no_response};
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::front::mapping::{Mapping, Target};
use crate::model::rest::resource;
use crate::ops::Empty;
use crate::schema;
use crate::types::Texts;
use crate::types::rest::{IntegrationResponse, Method, MethodResponse};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseOutput {
    pub status_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection_pattern: Option<String>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_parameters: Texts,
    /// An empty template is shown as none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_templates: BTreeMap<String, Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
}

impl ResponseOutput {
    pub fn new(status_code: String, response: IntegrationResponse) -> ResponseOutput {
        let templates = response.templates.into_iter();
        ResponseOutput {
            status_code,
            selection_pattern: response.selection_pattern,
            response_parameters: response.parameters,
            response_templates: templates
                .map(|(kind, text)| (kind, Some(text).filter(|text| !text.is_empty())))
                .collect(),
            content_handling: response.content_handling,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutInput {
    #[serde(flatten)]
    pub response: ResponseInput,
    pub selection_pattern: Option<String>,
    pub response_parameters: Texts,
    pub response_templates: BTreeMap<String, Option<String>>,
    pub content_handling: Option<String>,
}

pub async fn put(_: Arc<ApiGateway>, cx: Cx, input: PutInput) -> Result<ResponseOutput, Error> {
    input.response.validate()?;
    let ResponseInput { method: key, status_code } = input.response;
    let templates = input.response_templates.into_iter();
    let response = IntegrationResponse {
        selection_pattern: input.selection_pattern,
        parameters: input.response_parameters,
        templates: templates.map(|(kind, text)| (kind, text.unwrap_or_default())).collect(),
        content_handling: input.content_handling,
    };
    validate(&cx, &response)?;
    let (stored, status, region) = (response.clone(), status_code.clone(), cx.region().to_string());
    let change = move |method: &mut Method| {
        // A response may come before the method's own: whether that is there is asked when a request comes to it.
        let declared = method.responses.get(&status).cloned().unwrap_or_default();
        let integration = method.integration.as_mut().ok_or_else(|| Error::invalid("Integration"))?;
        check_declared(&declared, &stored)?;
        integration.responses.insert(status.clone(), stored.clone());
        Ok(())
    };
    cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(ResponseOutput::new(status_code, response))
}

fn validate(cx: &Cx, response: &IntegrationResponse) -> Result<(), Error> {
    if let Some(pattern) = &response.selection_pattern {
        schema::compiled(&format!("^(?:{pattern})$"))
            .map_err(|why| Error::bad(format!("Invalid selection pattern specified: {why}")))?;
    }
    check_handling(response.content_handling.as_deref())?;
    for (target, source) in &response.parameters {
        let target = Target::method_response(target)
            .ok_or_else(|| Error::bad(format!("Invalid response parameter: {target}")))?;
        Mapping::response(source)?;
        target.check_literal(source)?;
    }
    check_templates(cx, &response.templates)
}

/// Whether the method declares the headers that the response sets.
fn check_declared(declared: &MethodResponse, response: &IntegrationResponse) -> Result<(), Error> {
    match response.parameters.keys().find(|name| !declared.parameters.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::bad(format!(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: {name}]"
        ))),
    }
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    input.validate()?;
    let method = input.method.find(&cx)?;
    let response = resource::integration(&method)?.responses.get(&input.status_code).cloned();
    Ok(ResponseOutput::new(input.status_code, response.ok_or_else(no_response)?))
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<Empty, Error> {
    input.validate()?;
    let region = cx.region().to_string();
    let ResponseInput { method: key, status_code } = input;
    let change = move |method: &mut Method| {
        let integration = method.integration.as_mut().ok_or_else(|| Error::invalid("Integration"))?;
        integration.responses.remove(&status_code).map(drop).ok_or_else(no_response)
    };
    cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub response: ResponseInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ResponseOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    input.response.validate()?;
    let ResponseInput { method: key, status_code } = input.response;
    let (status, context) = (status_code.clone(), cx.clone());
    let change = move |method: &mut Method| {
        let declared = method.responses.get(&status).cloned().unwrap_or_default();
        let integration = method.integration.as_mut().ok_or_else(|| Error::invalid("Integration"))?;
        let response = integration.responses.get_mut(&status).ok_or_else(no_response)?;
        patches.iter().try_for_each(|patch| apply(response, patch))?;
        validate(&context, response)?;
        check_declared(&declared, response)?;
        Ok(response.clone())
    };
    let changed = cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(ResponseOutput::new(status_code, changed))
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateIntegrationResponse-Patch>
fn apply(response: &mut IntegrationResponse, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["selectionPattern"]) => response.selection_pattern = Some(patch.value.clone()),
        (Op::Replace, ["contentHandling"]) => response.content_handling = patch.text(),
        (Op::Remove, ["responseParameters", name]) => {
            let missing = || Error::NotFound("Invalid parameter name specified".into());
            response.parameters.remove(*name).ok_or_else(missing)?;
        }
        (_, ["responseParameters", name]) => {
            response.parameters.insert((*name).to_owned(), patch.required("responseParameters")?);
        }
        (Op::Remove, ["responseTemplates", kind]) => {
            let missing = || Error::NotFound("Content-Type specified was not found".into());
            response.templates.remove(*kind).ok_or_else(missing)?;
        }
        (_, ["responseTemplates", kind]) => {
            response.templates.insert((*kind).to_owned(), patch.value.clone());
        }
        _ => return Err(patch.invalid()),
    }
    Ok(())
}
