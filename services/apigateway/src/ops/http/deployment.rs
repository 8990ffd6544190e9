//! CreateDeployment, GetDeployment, GetDeployments, UpdateDeployment, DeleteDeployment.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::http::{api, deployment, route, stage};
use crate::ops::{self, Empty, validate_length};
use crate::types::http::Deployment;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub api_id: String,
    pub description: Option<String>,
    pub stage_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentOutput {
    pub auto_deployed: bool,
    pub created_date: String,
    pub deployment_id: String,
    pub deployment_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl From<Deployment> for DeploymentOutput {
    fn from(deployment: Deployment) -> DeploymentOutput {
        DeploymentOutput {
            auto_deployed: deployment.auto,
            created_date: deployment.created.iso8601(),
            deployment_id: deployment.id,
            deployment_status: "DEPLOYED",
            description: deployment.description,
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<DeploymentOutput, Error> {
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    let (now, region) = (cx.now(), cx.region().to_string());
    let deployment = Deployment { id: ops::part_id(&cx), description: input.description, created: now, auto: false };
    let made = deployment.clone();
    cx.db()
        .write(move |tx| {
            let api = api::find(tx, &region, &input.api_id)?;
            if api.websocket.is_some() && route::list(tx, &api.id)?.is_empty() {
                return Err(Error::bad("At least one route is required before deploying the Api."));
            }
            deployment::create(tx, &api, &deployment)?;
            let Some(name) = &input.stage_name else { return Ok(()) };
            stage::update(tx, now, &api, name, &deployment.id, |stage| {
                if stage.auto_deploy {
                    return Err(Error::bad("Deployments are made by the stage itself while autoDeploy is on"));
                }
                stage.deployment = Some(deployment.id.clone());
                Ok(())
            })
            .map(drop)
        })
        .await?;
    Ok(made.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub api_id: String,
    pub deployment_id: String,
    pub description: Option<String>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<DeploymentOutput, Error> {
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    let region = cx.region().to_string();
    let described = cx.db().write(move |tx| {
        api::find(tx, &region, &input.api_id)?;
        deployment::describe(tx, &input.api_id, &input.deployment_id, input.description.clone())
    });
    Ok(described.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentName {
    pub api_id: String,
    pub deployment_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: DeploymentName) -> Result<DeploymentOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    Ok(deployment::find(&read, &input.api_id, &input.deployment_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<DeploymentOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    let all = deployment::list(&read, &input.api_id)?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: DeploymentName) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.api_id)?;
            deployment::delete(tx, &input.api_id, &input.deployment_id)
        })
        .await?;
    Ok(Empty {})
}
