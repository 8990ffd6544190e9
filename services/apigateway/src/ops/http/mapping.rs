//! CreateApiMapping, GetApiMapping, GetApiMappings, UpdateApiMapping, DeleteApiMapping.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use crate::ApiGateway;
use crate::error::Error;
use crate::model::domain;
use crate::ops::domain as checks;
use crate::ops::{self, Empty, mapping};
use crate::types::domain::Mapping;

/// What is said where a key is another mapping's.
const TAKEN: &str = "ApiMapping key already exists for this domain name";

/// CreateApiMapping's input, and UpdateApiMapping's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MappingInput {
    pub domain_name: String,
    pub api_mapping_id: String,
    pub api_id: String,
    pub api_mapping_key: Option<String>,
    pub stage: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingOutput {
    pub api_id: String,
    pub api_mapping_id: String,
    pub api_mapping_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
}

impl From<Mapping> for MappingOutput {
    fn from(mapping: Mapping) -> MappingOutput {
        MappingOutput {
            api_id: mapping.api,
            api_mapping_id: mapping.id,
            api_mapping_key: mapping.path,
            stage: mapping.stage,
        }
    }
}

pub async fn create(state: Arc<ApiGateway>, cx: Cx, input: MappingInput) -> Result<MappingOutput, Error> {
    let mapping = Mapping {
        id: ops::part_id(&cx),
        path: checks::check_path(input.api_mapping_key.as_deref().unwrap_or_default(), true)?,
        api: input.api_id,
        stage: Some(input.stage.ok_or_else(|| Error::bad("Stage is required"))?),
    };
    Ok(mapping::store(&state, &cx, input.domain_name, TAKEN, move |_, _| Ok(mapping.clone())).await?.into())
}

pub async fn update(state: Arc<ApiGateway>, cx: Cx, input: MappingInput) -> Result<MappingOutput, Error> {
    let path = input.api_mapping_key.as_deref().map(|path| checks::check_path(path, true)).transpose()?;
    let changed = mapping::store(&state, &cx, input.domain_name.clone(), TAKEN, move |tx, domain| {
        let before = domain::mapping(tx, domain, &input.api_mapping_id)?;
        Ok(Mapping {
            path: path.clone().unwrap_or(before.path),
            api: if input.api_id.is_empty() { before.api } else { input.api_id.clone() },
            stage: input.stage.clone().or(before.stage),
            id: before.id,
        })
    });
    Ok(changed.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MappingName {
    pub domain_name: String,
    pub api_mapping_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: MappingName) -> Result<MappingOutput, Error> {
    let (read, domain) = checks::find(&cx, &input.domain_name)?;
    Ok(domain::mapping(&read, &domain.name, &input.api_mapping_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMappingsInput {
    pub domain_name: String,
    /// Text in the model.
    pub max_results: Option<String>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListMappingsInput) -> Result<Items<MappingOutput>, Error> {
    let (read, domain) = checks::find(&cx, &input.domain_name)?;
    let all = domain::mappings(&read, &domain.name)?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: MappingName) -> Result<Empty, Error> {
    mapping::remove(&state, &cx, input.domain_name, move |_, _| Ok(input.api_mapping_id.clone())).await
}
