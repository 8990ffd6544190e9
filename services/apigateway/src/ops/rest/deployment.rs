//! CreateDeployment, GetDeployment, GetDeployments, UpdateDeployment, DeleteDeployment.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::cache;
use super::canary::CanaryShape;
use super::patch::{self, Op, Patch, PatchOperation};
use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, deployment, stage};
use crate::ops::{self, Empty, validate_stage_name, validate_variables};
use crate::types::Texts;
use crate::types::rest::{Canary, Deployment, Stage};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub stage_name: Option<String>,
    pub stage_description: Option<String>,
    pub description: Option<String>,
    pub cache_cluster_enabled: Option<bool>,
    pub cache_cluster_size: Option<String>,
    pub variables: Texts,
    /// Gives the deployment to the canary of the stage, and not to the stage itself.
    pub canary_settings: Option<CanaryShape>,
    pub tracing_enabled: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentOutput {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub created_date: DateTime,
}

impl From<Deployment> for DeploymentOutput {
    fn from(deployment: Deployment) -> DeploymentOutput {
        DeploymentOutput {
            id: deployment.id,
            description: deployment.description,
            created_date: deployment.created.into(),
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<DeploymentOutput, Error> {
    validate_variables(&input.variables)?;
    let now = cx.now();
    let id = ops::part_id(&cx);
    let deployment = Deployment { id, description: input.description, created: now, binary_media_types: Vec::new() };
    if let Some(canary) = input.canary_settings {
        let canary = canary.canary(&deployment.id)?;
        return create_canary(&cx, input.rest_api_id, input.stage_name, deployment, canary).await;
    }
    let cache = cache::cluster(input.cache_cluster_enabled, input.cache_cluster_size)?;
    let stage = input.stage_name.filter(|name| !name.is_empty()).map(|name| Stage {
        description: input.stage_description,
        variables: input.variables,
        cache,
        tracing: input.tracing_enabled,
        ..Stage::new(name, deployment.id.clone(), now)
    });
    if let Some(stage) = &stage {
        validate_stage_name(&stage.name, false)?;
    }
    let (region, api) = (cx.region().to_string(), input.rest_api_id);
    let made = cx.db().write(move |tx| {
        let made = deployment::create(tx, &region, &api, &deployment)?;
        if let Some(stage) = &stage {
            stage::point(tx, &region, &api, stage)?;
        }
        Ok::<_, Error>(made)
    });
    Ok(made.await?.into())
}

/// Deploys to the canary of a stage that is there.
async fn create_canary(
    cx: &Cx,
    api: String,
    stage: Option<String>,
    deployment: Deployment,
    canary: Canary,
) -> Result<DeploymentOutput, Error> {
    let invalid = |why: String| Error::bad(format!("Invalid deployment content specified.{why}"));
    let name = stage.as_deref().unwrap_or("null").to_owned();
    if stage.is_none_or(|stage| stage.is_empty()) {
        return Err(invalid(format!(
            "Non null and non empty stageName must be provided for canary deployment. Provided value is {}",
            name
        )));
    }
    let (region, now) = (cx.region().to_string(), cx.now());
    let canary = Canary { deployment: deployment.id.clone(), ..canary };
    let made = cx.db().write(move |tx| {
        let made = deployment::create(tx, &region, &api, &deployment)?;
        if stage::find(tx, &api, &name).is_err() {
            return Err(Error::bad(format!(
                "Invalid deployment content specified.Stage {name} must already be created before making a canary release deployment"
            )));
        }
        let change = |stage: &mut Stage| {
            stage.canary = Some(canary.clone());
            Ok(())
        };
        stage::update(tx, now, &region, (&api, &name), change)?;
        Ok::<_, Error>(made)
    });
    Ok(made.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub deployment: DeploymentInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<DeploymentOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let DeploymentInput { rest_api_id, deployment_id } = input.deployment;
    let change = move |deployment: &mut Deployment| patches.iter().try_for_each(|patch| apply(deployment, patch));
    let update = move |tx: &mut kv::Tx| deployment::update(tx, &region, &rest_api_id, &deployment_id, &change);
    Ok(cx.db().write(update).await?.into())
}

fn apply(deployment: &mut Deployment, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["description"]) => deployment.description = patch.text(),
        _ => return Err(patch.invalid()),
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentInput {
    pub rest_api_id: String,
    pub deployment_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: DeploymentInput) -> Result<DeploymentOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    Ok(deployment::find(&read, &input.rest_api_id, &input.deployment_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<DeploymentOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = deployment::list(&read, &input.rest_api_id)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(DeploymentOutput::from).collect() })
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: DeploymentInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| deployment::delete(tx, &region, &input.rest_api_id, &input.deployment_id)).await?;
    Ok(Empty {})
}
