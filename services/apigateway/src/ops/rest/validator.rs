//! CreateRequestValidator, GetRequestValidator, GetRequestValidators, UpdateRequestValidator, DeleteRequestValidator.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::patch::{self, Op, Patch, PatchOperation};
use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, validator};
use crate::ops::{self, Empty, validate_length};
use crate::types::model::Validator;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub name: Option<String>,
    pub validate_request_body: bool,
    pub validate_request_parameters: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorOutput {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub validate_request_body: bool,
    pub validate_request_parameters: bool,
}

impl From<Validator> for ValidatorOutput {
    fn from(validator: Validator) -> ValidatorOutput {
        ValidatorOutput {
            id: validator.id,
            name: validator.name,
            validate_request_body: validator.body,
            validate_request_parameters: validator.parameters,
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<ValidatorOutput, Error> {
    validate_length("name", input.name.as_deref(), limits::NAME_CHARACTERS_MAX)?;
    let made = Validator {
        id: ops::part_id(&cx),
        name: input.name,
        body: input.validate_request_body,
        parameters: input.validate_request_parameters,
    };
    let (stored, region) = (made.clone(), cx.region().to_string());
    let create = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id).map_err(|error| match error {
            Error::NotFound(_) => Error::bad("Invalid REST API identifier specified"),
            other => other,
        })?;
        validator::create(tx, &input.rest_api_id, &stored)
    };
    cx.db().write(create).await?;
    Ok(made.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValidatorInput {
    pub rest_api_id: String,
    pub request_validator_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ValidatorInput) -> Result<ValidatorOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    Ok(validator::find(&read, &input.rest_api_id, &input.request_validator_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ValidatorOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = validator::list(&read, &input.rest_api_id)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(ValidatorOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub validator: ValidatorInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ValidatorOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let ValidatorInput { rest_api_id, request_validator_id } = input.validator;
    let change = move |validator: &mut Validator| patches.iter().try_for_each(|patch| apply(validator, patch));
    let update = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &rest_api_id)?;
        validator::update(tx, &rest_api_id, &request_validator_id, &change)
    };
    Ok(cx.db().write(update).await?.into())
}

fn apply(validator: &mut Validator, patch: &Patch) -> Result<(), Error> {
    // What is no boolean counts as false, as on AWS.
    let flag = || patch.value.eq_ignore_ascii_case("true");
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["name"]) if patch.value.trim().is_empty() => {
            return Err(Error::bad("Request Validator name cannot be blank"));
        }
        (Op::Replace, ["name"]) => validator.name = patch.text(),
        (Op::Replace, ["validateRequestBody"]) => validator.body = flag(),
        (Op::Replace, ["validateRequestParameters"]) => validator.parameters = flag(),
        _ => return Err(patch.not_among(&["/name", "/validateRequestParameters", "/validateRequestBody"])),
    }
    Ok(())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ValidatorInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let delete = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        validator::delete(tx, &input.rest_api_id, &input.request_validator_id)
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}
