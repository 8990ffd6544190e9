//! PutGatewayResponse, GetGatewayResponse, GetGatewayResponses, UpdateGatewayResponse, DeleteGatewayResponse.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::patch::{self, Op, Patch, PatchOperation};
use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::front::gateway_response::{DEFAULT_TEMPLATE, own};
use crate::front::mapping::{Mapping, Target};
use crate::model::rest::{api, gateway_response};
use crate::ops::Empty;
use crate::types::Texts;
use crate::types::gateway::{GatewayResponse, Kind};

/// A request that names nothing but a kind of failure.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseInput {
    pub rest_api_id: String,
    pub response_type: String,
}

impl ResponseInput {
    fn kind(&self) -> Result<Kind, Error> {
        let mut constraints = Constraints::default();
        let words = Kind::ALL.map(|kind| kind.word());
        constraints.one_of(Some(self.response_type.as_str()), "responseType", &words);
        constraints.check()?;
        Kind::of(&self.response_type).ok_or_else(|| Error::bad("Invalid response type specified"))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutInput {
    #[serde(flatten)]
    pub response: ResponseInput,
    pub status_code: Option<String>,
    pub response_parameters: Texts,
    pub response_templates: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseOutput {
    pub response_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    pub response_parameters: Texts,
    pub response_templates: Texts,
    pub default_response: bool,
}

impl ResponseOutput {
    /// A kind as an API answers it, whether it is its own answer, that of its class, or AWS's.
    fn new(kind: Kind, all: &[(Kind, GatewayResponse)]) -> ResponseOutput {
        let response = own(all, kind).cloned().unwrap_or_default();
        let mut templates = response.templates;
        if templates.is_empty() {
            templates.insert("application/json".into(), DEFAULT_TEMPLATE.into());
        }
        ResponseOutput {
            response_type: kind.word(),
            status_code: response.status.or(kind.status()).map(|status| status.to_string()),
            response_parameters: response.parameters,
            response_templates: templates,
            default_response: all.iter().all(|(known, _)| *known != kind),
        }
    }
}

pub async fn put(_: Arc<ApiGateway>, cx: Cx, input: PutInput) -> Result<ResponseOutput, Error> {
    let kind = input.response.kind()?;
    let response = GatewayResponse {
        status: input.status_code.as_deref().map(status).transpose()?,
        parameters: input.response_parameters,
        templates: input.response_templates,
    };
    validate(&response)?;
    let (region, stored, api) = (cx.region().to_string(), response.clone(), input.response.rest_api_id);
    let put = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &api)?;
        gateway_response::put(tx, &api, kind, &stored)
    };
    cx.db().write(put).await?;
    Ok(ResponseOutput::new(kind, &[(kind, response)]))
}

fn status(text: &str) -> Result<u16, Error> {
    let number = text.parse().ok().filter(|status| (200..=599).contains(status) && text.len() == 3);
    number.ok_or_else(|| Error::bad("Invalid status code specified: three digits from 200 to 599 are expected"))
}

fn validate(response: &GatewayResponse) -> Result<(), Error> {
    for (target, source) in &response.parameters {
        let target = Target::gateway_response(target)
            .ok_or_else(|| Error::bad(format!("Invalid response parameter specified: {target}")))?;
        Mapping::gateway_response(source)?;
        target.check_literal(source)?;
    }
    for (content_type, template) in &response.templates {
        super::check_template(content_type, template)?;
    }
    Ok(())
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    let (kind, read) = (input.kind()?, cx.db().read()?);
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    Ok(ResponseOutput::new(kind, &gateway_response::list(&read, &input.rest_api_id)?))
}

/// All of them fit one page: there is no more to ask for.
pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ResponseOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = gateway_response::list(&read, &input.rest_api_id)?;
    Ok(Items { position: None, item: Kind::ALL.iter().map(|kind| ResponseOutput::new(*kind, &all)).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub response: ResponseInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ResponseOutput, Error> {
    let (kind, patches) = (input.response.kind()?, patch::parse(input.patch_operations)?);
    let (region, api) = (cx.region().to_string(), input.response.rest_api_id);
    let update = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &api)?;
        let all = gateway_response::list(tx, &api)?;
        let mut response = own(&all, kind).cloned().unwrap_or_default();
        patches.iter().try_for_each(|patch| apply(&mut response, patch))?;
        validate(&response)?;
        gateway_response::put(tx, &api, kind, &response).map(|()| response)
    };
    let response = cx.db().write(update).await?;
    Ok(ResponseOutput::new(kind, &[(kind, response)]))
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateGatewayResponse-Patch>
fn apply(response: &mut GatewayResponse, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["statusCode"]) => response.status = Some(status(&patch.value)?),
        (op, ["responseParameters", name]) => change(&mut response.parameters, op, name, patch, "responseParameters")?,
        (op, ["responseTemplates", name]) => change(&mut response.templates, op, name, patch, "responseTemplates")?,
        _ => return Err(patch.invalid()),
    }
    Ok(())
}

fn change(texts: &mut Texts, op: Op, name: &str, patch: &Patch, member: &str) -> Result<(), Error> {
    let missing = || Error::NotFound("Invalid parameter name specified".into());
    match op {
        Op::Remove => drop(texts.remove(name).ok_or_else(missing)?),
        Op::Replace if !texts.contains_key(name) && member == "responseParameters" => return Err(missing()),
        _ => drop(texts.insert(name.to_owned(), patch.required(member)?)),
    }
    Ok(())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<Empty, Error> {
    let (kind, region) = (input.kind()?, cx.region().to_string());
    let delete = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        gateway_response::delete(tx, &input.rest_api_id, kind)
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}
