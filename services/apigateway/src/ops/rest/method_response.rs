//! PutMethodResponse, GetMethodResponse, UpdateMethodResponse, DeleteMethodResponse.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::method::{ResponseInput, no_response};
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::front::mapping::Target;
use crate::model::rest::{model, resource};
use crate::ops::Empty;
use crate::types::Texts;
use crate::types::rest::{Method, MethodResponse};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseOutput {
    pub status_code: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, bool>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_models: Texts,
}

impl ResponseOutput {
    pub fn new(status_code: String, response: MethodResponse) -> ResponseOutput {
        ResponseOutput { status_code, response_parameters: response.parameters, response_models: response.models }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutInput {
    #[serde(flatten)]
    pub response: ResponseInput,
    pub response_parameters: BTreeMap<String, bool>,
    pub response_models: Texts,
}

pub async fn put(_: Arc<ApiGateway>, cx: Cx, input: PutInput) -> Result<ResponseOutput, Error> {
    input.response.validate()?;
    let ResponseInput { method, status_code } = input.response;
    let response = MethodResponse { parameters: input.response_parameters, models: input.response_models };
    response.parameters.keys().try_for_each(|name| check_parameter(name))?;
    let (stored, status, region) = (response.clone(), status_code.clone(), cx.region().to_string());
    let response_models = response.models.clone();
    let change = move |method: &mut Method| {
        if method.responses.contains_key(&status) {
            return Err(Error::Conflict("Response already exists for this resource".into()));
        }
        method.responses.insert(status.clone(), stored.clone());
        Ok(())
    };
    let put = move |tx: &mut kv::Tx| {
        model::check(tx, &method.rest_api_id, response_models.values())?;
        resource::change_method(tx, &region, method.key(), &change)
    };
    cx.db().write(put).await?;
    Ok(ResponseOutput::new(status_code, response))
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    input.validate()?;
    let mut method = input.method.find(&cx)?;
    let response = method.responses.remove(&input.status_code).ok_or_else(no_response)?;
    Ok(ResponseOutput::new(input.status_code, response))
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<Empty, Error> {
    input.validate()?;
    let region = cx.region().to_string();
    let ResponseInput { method, status_code } = input;
    let change = move |method: &mut Method| method.responses.remove(&status_code).map(drop).ok_or_else(no_response);
    cx.db().write(move |tx| resource::change_method(tx, &region, method.key(), &change)).await?;
    Ok(Empty {})
}

fn check_parameter(name: &str) -> Result<(), Error> {
    match Target::method_response(name) {
        Some(_) => Ok(()),
        None => Err(Error::bad(format!(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {name}]"
        ))),
    }
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
    let status = status_code.clone();
    let change = move |method: &mut Method| {
        let response = method.responses.get_mut(&status).ok_or_else(no_response)?;
        patches.iter().try_for_each(|patch| apply(response, patch))?;
        Ok(response.clone())
    };
    let update = move |tx: &mut kv::Tx| {
        let response = resource::change_method(tx, &region, key.key(), &change)?;
        model::check(tx, &key.rest_api_id, response.models.values()).map(|()| response)
    };
    Ok(ResponseOutput::new(status_code, cx.db().write(update).await?))
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateMethodResponse-Patch>
fn apply(response: &mut MethodResponse, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Remove | Op::Replace, ["responseParameters", name]) if !response.parameters.contains_key(*name) => {
            return Err(Error::NotFound("Invalid parameter name specified".into()));
        }
        (Op::Remove | Op::Replace, ["responseModels", kind]) if !response.models.contains_key(*kind) => {
            return Err(Error::NotFound("Content-Type specified was not found".into()));
        }
        (Op::Remove, ["responseParameters", name]) => {
            response.parameters.remove(*name);
        }
        (Op::Remove, ["responseModels", kind]) => {
            response.models.remove(*kind);
        }
        (_, ["responseParameters", name]) => {
            check_parameter(name)?;
            response.parameters.insert((*name).to_owned(), patch.value.eq_ignore_ascii_case("true"));
        }
        (_, ["responseModels", kind]) => {
            response.models.insert((*kind).to_owned(), patch.value.clone());
        }
        _ => return Err(patch.invalid()),
    }
    Ok(())
}
