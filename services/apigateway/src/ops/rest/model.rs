//! CreateModel, GetModel, GetModels, UpdateModel, DeleteModel, GetModelTemplate.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Cx;

use super::patch::{self, Op, Patch, PatchOperation};
use super::{Items, ListInput, model_template};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, model};
use crate::ops::{self, Empty, validate_length};
use crate::schema;
use crate::types::model::Model;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub name: String,
    pub description: Option<String>,
    pub schema: Option<String>,
    pub content_type: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelOutput {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub schema: String,
    pub content_type: String,
}

impl From<Model> for ModelOutput {
    fn from(model: Model) -> ModelOutput {
        let Model { id, name, description, schema, content_type } = model;
        ModelOutput { id, name, description, schema, content_type }
    }
}

/// What an API has from its start on.
pub fn defaults(cx: &Cx) -> Vec<Model> {
    let properties =
        [("Empty", "empty", ""), ("Error", "error", ",\"properties\":{\"message\":{\"type\":\"string\"}}")];
    let model = |(name, word, more): (&str, &str, &str)| Model {
        id: ops::part_id(cx),
        name: name.into(),
        description: Some(format!("This is a default {word} schema model")),
        schema: format!(
            "{{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"title\":\"{name} Schema\",\"type\":\"object\"{more}}}"
        ),
        content_type: "application/json".into(),
    };
    properties.map(model).into()
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<ModelOutput, Error> {
    let made = Model {
        id: ops::part_id(&cx),
        name: input.name,
        description: input.description.filter(|text| !text.is_empty()),
        schema: input.schema.unwrap_or_default(),
        content_type: input.content_type,
    };
    validate(&made)?;
    let (stored, region) = (made.clone(), cx.region().to_string());
    let create = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        model::create(tx, &input.rest_api_id, &stored)
    };
    cx.db().write(create).await?;
    Ok(made.into())
}

fn validate(model: &Model) -> Result<(), Error> {
    if model.name.is_empty() {
        return Err(Error::bad("Model name must be non-empty"));
    }
    if !model.name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::bad(format!("Model name must be alphanumeric: {}", model.name)));
    }
    validate_length("name", Some(&model.name), limits::MODEL_NAME_CHARACTERS_MAX)?;
    validate_length("description", model.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    if model.content_type.is_empty() {
        return Err(Error::bad("Model content type must be non-empty"));
    }
    if model.schema.trim().is_empty() {
        return Err(Error::bad("Model schema must have at least 1 property or array items defined"));
    }
    if model.schema.len() > limits::MODEL_BYTES_MAX {
        return Err(Error::bad(format!("The schema of a model can have {} bytes at most", limits::MODEL_BYTES_MAX)));
    }
    if !model.content_type.contains("json") {
        return Ok(());
    }
    let invalid = |why: &dyn std::fmt::Display| {
        Error::bad(format!(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified: {why}]"
        ))
    };
    let parsed: Value = serde_json::from_str(&model.schema).map_err(|error| invalid(&error))?;
    if !parsed.is_object() {
        return Err(invalid(&"it is no JSON object"));
    }
    schema::validate(&parsed, 0).map_err(|why| invalid(&why))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelInput {
    pub rest_api_id: String,
    pub model_name: String,
    /// With the schemas of other models that it refers to.
    pub flatten: bool,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ModelInput) -> Result<ModelOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let found = model::find(&read, &input.rest_api_id, &input.model_name)?;
    if input.flatten && found.schema.contains("/models/") {
        return Err(Error::not_implemented("flatten of a model that refers to others"));
    }
    Ok(found.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ModelOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = model::list(&read, &input.rest_api_id)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(ModelOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub rest_api_id: String,
    pub model_name: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ModelOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let change = move |model: &mut Model| {
        patches.iter().try_for_each(|patch| apply(model, patch))?;
        validate(model)
    };
    let update = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        model::update(tx, &input.rest_api_id, &input.model_name, &change)
    };
    Ok(cx.db().write(update).await?.into())
}

fn apply(model: &mut Model, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["description"]) => model.description = patch.text(),
        (Op::Replace, ["schema"]) => model.schema = patch.value.clone(),
        _ => return Err(patch.not_among(&["/description", "/schema"])),
    }
    Ok(())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ModelInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let delete = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        model::delete(tx, &input.rest_api_id, &input.model_name)
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
pub struct TemplateOutput {
    pub value: String,
}

pub async fn template(_: Arc<ApiGateway>, cx: Cx, input: ModelInput) -> Result<TemplateOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let model = model::find(&read, &input.rest_api_id, &input.model_name)?;
    let schema: Value = serde_json::from_str(&model.schema)
        .map_err(|_| Error::bad("Templates are made of models of application/json alone"))?;
    Ok(TemplateOutput { value: model_template::of(&schema) })
}
