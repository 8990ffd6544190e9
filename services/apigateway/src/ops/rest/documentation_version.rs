//! CreateDocumentationVersion, GetDocumentationVersion, GetDocumentationVersions, UpdateDocumentationVersion,
//! DeleteDocumentationVersion.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::patch::{self, Op, Patch, PatchOperation};
use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, documentation_version as model};
use crate::ops::{self, Empty, validate_length};
use crate::types::documentation::Version;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub documentation_version: String,
    pub stage_name: Option<String>,
    pub description: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionOutput {
    pub version: String,
    pub created_date: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl From<Version> for VersionOutput {
    fn from(version: Version) -> VersionOutput {
        let Version { name, description, created } = version;
        VersionOutput { version: name, created_date: created.into(), description }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<VersionOutput, Error> {
    if input.documentation_version.trim().is_empty() {
        return Err(Error::bad("Documentation version must be non-empty"));
    }
    let name = Some(input.documentation_version.as_str());
    validate_length("documentationVersion", name, limits::DOCUMENTATION_VERSION_CHARACTERS_MAX)?;
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    let made = Version { name: input.documentation_version, description: input.description, created: cx.now() };
    let (stored, region) = (made.clone(), cx.region().to_string());
    let (api, stage) = (input.rest_api_id, input.stage_name.filter(|name| !name.is_empty()));
    let create = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &api)?;
        model::create(tx, &api, &stored, stage.as_deref())
    };
    cx.db().write(create).await?;
    Ok(made.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VersionInput {
    pub rest_api_id: String,
    pub documentation_version: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: VersionInput) -> Result<VersionOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    Ok(model::find(&read, &input.rest_api_id, &input.documentation_version)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<VersionOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = model::list(&read, &input.rest_api_id)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(VersionOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub version: VersionInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<VersionOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let VersionInput { rest_api_id, documentation_version } = input.version;
    let change = move |version: &mut Version| {
        patches.iter().try_for_each(|patch| apply(version, patch))?;
        validate_length("description", version.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)
    };
    let update = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &rest_api_id)?;
        model::update(tx, &rest_api_id, &documentation_version, &change)
    };
    Ok(cx.db().write(update).await?.into())
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateDocumentationVersion-Patch>
fn apply(version: &mut Version, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["description"]) => version.description = patch.text(),
        _ => return Err(patch.not_among(&["/description"])),
    }
    Ok(())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: VersionInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let delete = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        model::delete(tx, &input.rest_api_id, &input.documentation_version)
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}
