//! CreateApiMapping, GetApiMapping, GetApiMappings, UpdateApiMapping, DeleteApiMapping.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use crate::ApiGateway;
use crate::error::Error;
use crate::model::domain;
use crate::ops::domain as checks;
use crate::ops::{self, Empty};
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
    let (stored, region, name) = (mapping.clone(), cx.region().to_string(), input.domain_name.clone());
    cx.db()
        .write(move |tx| {
            let domain = domain::find(tx, &region, &name)?;
            domain::put_mapping(tx, &domain, &stored, TAKEN)
        })
        .await?;
    checks::refresh(&state, &cx, &input.domain_name)?;
    Ok(mapping.into())
}

pub async fn update(state: Arc<ApiGateway>, cx: Cx, input: MappingInput) -> Result<MappingOutput, Error> {
    let path = input.api_mapping_key.as_deref().map(|path| checks::check_path(path, true)).transpose()?;
    let (region, name) = (cx.region().to_string(), input.domain_name.clone());
    let changed = cx.db().write(move |tx| {
        let domain = domain::find(tx, &region, &input.domain_name)?;
        let before = domain::mapping(tx, &domain.name, &input.api_mapping_id)?;
        let mapping = Mapping {
            path: path.clone().unwrap_or(before.path),
            api: if input.api_id.is_empty() { before.api } else { input.api_id.clone() },
            stage: input.stage.clone().or(before.stage),
            id: before.id,
        };
        domain::put_mapping(tx, &domain, &mapping, TAKEN)?;
        Ok::<_, Error>(mapping)
    });
    let changed = changed.await?;
    checks::refresh(&state, &cx, &name)?;
    Ok(changed.into())
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
    let (region, name) = (cx.region().to_string(), input.domain_name.clone());
    cx.db()
        .write(move |tx| {
            let domain = domain::find(tx, &region, &input.domain_name)?;
            domain::delete_mapping(tx, &domain.name, &input.api_mapping_id)
        })
        .await?;
    checks::refresh(&state, &cx, &name)?;
    Ok(Empty {})
}
