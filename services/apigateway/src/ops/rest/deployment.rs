//! CreateDeployment, GetDeployment, GetDeployments, DeleteDeployment.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, deployment, stage};
use crate::ops::{self, Empty, validate_stage_name, validate_variables};
use crate::types::Texts;
use crate::types::rest::{Deployment, Stage};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub stage_name: Option<String>,
    pub stage_description: Option<String>,
    pub description: Option<String>,
    pub cache_cluster_enabled: bool,
    pub variables: Texts,
    pub canary_settings: Option<serde_json::Value>,
    /// Kept out: there is no tracing yet, and nothing is answered differently with it.
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
    check_supported(input.cache_cluster_enabled, input.canary_settings.is_some())?;
    validate_variables(&input.variables)?;
    let now = cx.now();
    let id = ops::part_id(&cx);
    let deployment = Deployment { id, description: input.description, created: now, binary_media_types: Vec::new() };
    let stage = input.stage_name.filter(|name| !name.is_empty()).map(|name| Stage {
        name,
        deployment: deployment.id.clone(),
        description: input.stage_description,
        variables: input.variables,
        created: now,
        updated: now,
        tags: Texts::new(),
        throttles: Default::default(),
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

/// What stages of REST APIs do not have here.
pub fn check_supported(cache: bool, canary: bool) -> Result<(), Error> {
    match (cache, canary) {
        (true, _) => Err(Error::not_implemented("The cache cluster of a stage")),
        (_, true) => Err(Error::not_implemented("The canary settings of a stage")),
        _ => Ok(()),
    }
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
