//! CreateBasePathMapping, GetBasePathMapping, GetBasePathMappings, UpdateBasePathMapping, DeleteBasePathMapping.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::domain;
use crate::ops::domain as checks;
use crate::ops::{self, Empty, mapping};
use crate::types::domain::Mapping;

/// What is said where a path is another mapping's.
const TAKEN: &str = "Base path already exists for this domain name";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub domain_name: String,
    pub base_path: Option<String>,
    pub rest_api_id: String,
    pub stage: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingOutput {
    pub base_path: String,
    pub rest_api_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
}

impl From<Mapping> for MappingOutput {
    fn from(mapping: Mapping) -> MappingOutput {
        MappingOutput {
            base_path: if mapping.path.is_empty() { checks::NO_PATH.into() } else { mapping.path },
            rest_api_id: mapping.api,
            stage: mapping.stage,
        }
    }
}

pub async fn create(state: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<MappingOutput, Error> {
    let mapping = Mapping {
        id: ops::part_id(&cx),
        path: checks::check_path(input.base_path.as_deref().unwrap_or_default(), false)?,
        api: input.rest_api_id,
        stage: input.stage.filter(|stage| !stage.is_empty()),
    };
    Ok(mapping::store(&state, &cx, input.domain_name, TAKEN, move |_, _| Ok(mapping.clone())).await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MappingName {
    pub domain_name: String,
    pub base_path: String,
}

impl MappingName {
    /// The path as mappings have it.
    fn path(&self) -> Result<String, Error> {
        checks::check_path(&self.base_path, true)
    }
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: MappingName) -> Result<MappingOutput, Error> {
    let (read, domain) = checks::find(&cx, &input.domain_name)?;
    Ok(domain::mapping_of(&read, &domain.name, &input.path()?)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMappingsInput {
    pub domain_name: String,
    pub position: Option<String>,
    pub limit: Option<usize>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListMappingsInput) -> Result<Items<MappingOutput>, Error> {
    let (read, domain) = checks::find(&cx, &input.domain_name)?;
    let all = domain::mappings(&read, &domain.name)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (found, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: found.into_iter().map(MappingOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub mapping: MappingName,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(state: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<MappingOutput, Error> {
    let (patches, path) = (patch::parse(input.patch_operations)?, input.mapping.path()?);
    let changed = mapping::store(&state, &cx, input.mapping.domain_name, TAKEN, move |tx, domain| {
        let mut mapping = domain::mapping_of(tx, domain, &path)?;
        patches.iter().try_for_each(|patch| apply(&mut mapping, patch))?;
        Ok(mapping)
    });
    Ok(changed.await?.into())
}

fn apply(mapping: &mut Mapping, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["basePath"]) => mapping.path = checks::check_path(&patch.value, false)?,
        (Op::Replace, ["restapiId" | "restApiId"]) => mapping.api.clone_from(&patch.value),
        (_, ["stage"]) => mapping.stage = patch.text(),
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: MappingName) -> Result<Empty, Error> {
    let path = input.path()?;
    let id = move |tx: &kv::Tx, domain: &str| Ok(domain::mapping_of(tx, domain, &path)?.id);
    mapping::remove(&state, &cx, input.domain_name, id).await
}
