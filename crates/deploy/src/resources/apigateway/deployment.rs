//! `AWS::ApiGateway::Deployment`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, ignored};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, only, text, text_of};
use super::replace;
use crate::state::Deployed;

/// A picture of the API. With a `StageName` it is also what that stage serves from then on.
pub struct Deployment;

/// The deployment that the stage served before, among the attributes: what it serves again if this one is taken back.
const PREVIOUS: &str = "PreviousDeploymentId";

#[async_trait]
impl Resource for Deployment {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Deployment"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("StageName", Shape::Text),
                fixed("Description", Shape::Text),
                ignored("StageDescription"),
                ignored("DeploymentCanarySettings"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["DeploymentId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let previous = match stage(cx, wanted).await? {
            Some(stage) => stage.get("deploymentId").cloned().unwrap_or_default(),
            None => Value::Null,
        };
        let input = lower_members(only(wanted, &["RestApiId", "StageName", "Description"]));
        let made = cx.call("apigateway", "CreateDeployment", input).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("DeploymentId", json!(id)), (PREVIOUS, previous)]))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let api = text_of(&old.properties, "RestApiId")?;
        let served = stage(cx, &old.properties).await?;
        if served.is_some_and(|stage| stage.get("deploymentId") == Some(&json!(old.physical_id))) {
            release_stage(cx, api, old).await?;
        }
        deleted(
            cx.call("apigateway", "DeleteDeployment", json!({"restApiId": api, "deploymentId": old.physical_id})).await,
        )
    }
}

/// The deployment's stage as it is, where it has one and it is there.
async fn stage(cx: &Cx<'_>, properties: &Properties) -> Result<Option<Value>> {
    let Some(name) = properties.get("StageName").and_then(Value::as_str) else { return Ok(None) };
    let input = json!({"restApiId": text_of(properties, "RestApiId")?, "stageName": name});
    match cx.call("apigateway", "GetStage", input).await {
        Ok(stage) => Ok(Some(stage)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives the stage back to the deployment before, or deletes it: a deployment that is served cannot go.
async fn release_stage(cx: &Cx<'_>, api: &str, old: &Deployed) -> Result<()> {
    let name = text_of(&old.properties, "StageName")?;
    if let Some(previous) = old.attributes.get(PREVIOUS).and_then(Value::as_str) {
        match cx.call("apigateway", "GetDeployment", json!({"restApiId": api, "deploymentId": previous})).await {
            Ok(_) => {
                let input = json!({"restApiId": api, "stageName": name, "patchOperations": [replace("/deploymentId", previous)]});
                return cx.call("apigateway", "UpdateStage", input).await.map(drop);
            }
            // The one before is gone too: the stage goes with the last deployment.
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
    }
    deleted(cx.call("apigateway", "DeleteStage", json!({"restApiId": api, "stageName": name})).await)
}
