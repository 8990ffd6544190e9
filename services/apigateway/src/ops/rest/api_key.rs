//! CreateApiKey, GetApiKey, GetApiKeys, UpdateApiKey, DeleteApiKey.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::Items;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::api_key;
use crate::ops::{self, Empty, validate_length};
use crate::types::Texts;
use crate::types::usage::ApiKey;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub name: Option<String>,
    pub description: Option<String>,
    pub enabled: bool,
    pub value: Option<String>,
    pub customer_id: Option<String>,
    pub tags: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyOutput {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub enabled: bool,
    pub created_date: DateTime,
    pub last_updated_date: DateTime,
    pub stage_keys: Vec<String>,
    pub tags: Texts,
}

impl KeyOutput {
    fn new(key: ApiKey, value: Option<String>) -> KeyOutput {
        KeyOutput {
            id: key.id,
            value,
            name: key.name,
            customer_id: key.customer,
            description: key.description,
            enabled: key.enabled,
            created_date: key.created.into(),
            last_updated_date: key.updated.into(),
            stage_keys: Vec::new(),
            tags: key.tags,
        }
    }
}

/// Letters and digits of a value that is made here.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub async fn create(state: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<KeyOutput, Error> {
    let (key, value) = make(&state, &cx, input)?;
    let (stored, plain) = (key.clone(), value.clone());
    let create = move |tx: &mut kv::Tx| {
        api_key::check_room(tx, &stored.region, 1)?;
        api_key::create(tx, &stored, &plain)
    };
    cx.db().write(create).await?;
    Ok(KeyOutput::new(key, Some(value)))
}

/// A new key and its value.
pub fn make(state: &ApiGateway, cx: &Cx, input: CreateInput) -> Result<(ApiKey, String), Error> {
    let value = input.value.filter(|value| !value.is_empty());
    let value = value.unwrap_or_else(|| cx.env().random_text(ALPHABET, limits::API_KEY_CHARACTERS));
    check_value(&value)?;
    let id = ops::api_id(cx);
    let mut key = ApiKey {
        sealed: state.vault.seal(&place(&id), value.as_bytes())?,
        id,
        region: cx.region().to_string(),
        name: input.name,
        description: input.description,
        customer: input.customer_id,
        enabled: input.enabled,
        created: cx.now(),
        updated: cx.now(),
        tags: Texts::new(),
    };
    crate::model::tag(&mut key.tags, &input.tags)?;
    validate(&key)?;
    Ok((key, value))
}

fn validate(key: &ApiKey) -> Result<(), Error> {
    let is_long = |text: &Option<String>, max: usize| text.as_ref().is_some_and(|text| text.chars().count() > max);
    if is_long(&key.name, limits::NAME_CHARACTERS_MAX) {
        let max = limits::NAME_CHARACTERS_MAX;
        return Err(Error::bad(format!("Invalid API Key name, can be at most {max} characters.")));
    }
    if is_long(&key.description, limits::DESCRIPTION_CHARACTERS_MAX) {
        return Err(Error::bad("Invalid API Key description specified."));
    }
    validate_length("customerId", key.customer.as_deref(), limits::NAME_CHARACTERS_MAX)
}

fn check_value(value: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_graphic();
    if value.len() < limits::API_KEY_CHARACTERS_MIN {
        return Err(Error::bad(format!(
            "API Key value should be at least {} characters",
            limits::API_KEY_CHARACTERS_MIN
        )));
    }
    if value.len() > limits::API_KEY_CHARACTERS_MAX || !value.bytes().all(allowed) {
        return Err(Error::bad(format!(
            "API Key value should be at most {} characters, without spaces",
            limits::API_KEY_CHARACTERS_MAX
        )));
    }
    Ok(())
}

/// What a key's value is sealed for.
fn place(id: &str) -> Vec<u8> {
    format!("apigateway/key/{id}").into_bytes()
}

/// A key's value.
pub fn value(state: &ApiGateway, key: &ApiKey) -> Result<String, Error> {
    let opened = state.vault.open(&place(&key.id), &key.sealed)?;
    Ok(String::from_utf8_lossy(&opened).into_owned())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyInput {
    pub api_key: String,
    pub include_value: bool,
}

pub async fn get(state: Arc<ApiGateway>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    let key = api_key::find(&cx.db().read()?, cx.region().as_str(), &input.api_key)?;
    let value = input.include_value.then(|| value(&state, &key)).transpose()?;
    Ok(KeyOutput::new(key, value))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub position: Option<String>,
    /// What is below nothing asks for nothing.
    pub limit: Option<i64>,
    /// The beginning of names.
    pub name_query: Option<String>,
    pub customer_id: Option<String>,
    pub include_values: bool,
}

pub async fn list(state: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<KeyOutput>, Error> {
    let mut all = api_key::list(&cx.db().read()?, cx.region().as_str())?;
    if let Some(start) = &input.name_query {
        all.retain(|key| key.name.as_deref().is_some_and(|name| name.starts_with(start.as_str())));
    }
    if let Some(customer) = &input.customer_id {
        all.retain(|key| key.customer.as_ref() == Some(customer));
    }
    let Ok(limit) = input.limit.map(usize::try_from).transpose() else {
        return Ok(Items { position: None, item: Vec::new() });
    };
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), limit, sizes)?;
    let shown = page.into_iter().map(|key| {
        let value = input.include_values.then(|| value(&state, &key)).transpose()?;
        Ok(KeyOutput::new(key, value))
    });
    Ok(Items { position, item: shown.collect::<Result<_, Error>>()? })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub api_key: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<KeyOutput, Error> {
    let (patches, region, now) = (patch::parse(input.patch_operations)?, cx.region().to_string(), cx.now());
    let change = move |key: &mut ApiKey| {
        key.updated = now;
        patches.iter().try_for_each(|patch| apply(key, patch))?;
        validate(key)
    };
    let key = cx.db().write(move |tx| api_key::update(tx, &region, &input.api_key, &change)).await?;
    Ok(KeyOutput::new(key, None))
}

fn apply(key: &mut ApiKey, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (_, ["name"]) => key.name = patch.text(),
        (_, ["description"]) => key.description = patch.text(),
        (_, ["customerId"]) => key.customer = patch.text(),
        // What is no boolean counts as false, as on AWS.
        (Op::Replace, ["enabled"]) => key.enabled = patch.value.eq_ignore_ascii_case("true"),
        _ => return Err(patch.not_among(&["/description", "/enabled", "/name", "/customerId"])),
    }
    Ok(())
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let key = api_key::find(&cx.db().read()?, &region, &input.api_key)?;
    let value = value(&state, &key)?;
    cx.db().write(move |tx| api_key::delete(tx, &region, &key.id, &value)).await?;
    Ok(Empty {})
}
