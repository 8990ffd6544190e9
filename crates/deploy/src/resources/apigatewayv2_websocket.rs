//! `AWS::ApiGatewayV2::Deployment`, `IntegrationResponse` and `RouteResponse`: what WebSocket APIs are made of besides.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::apigatewayv2::call;
use super::shape::{Property, Shape, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, text, text_of, without};
use crate::state::Deployed;

pub struct Deployment;

#[async_trait]
impl Resource for Deployment {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Deployment"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                property("Description", Shape::Text),
                fixed("StageName", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["DeploymentId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateDeployment", without(wanted, &[])).await?;
        let id = text(&made, "deploymentId")?;
        Ok(Made::new(id, [("DeploymentId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["StageName"]);
        input["DeploymentId"] = json!(old.physical_id);
        call(cx, "UpdateDeployment", input).await?;
        Ok(kept(old))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "DeploymentId": old.physical_id});
        deleted(call(cx, "DeleteDeployment", input).await)
    }
}

fn kept(old: &Deployed) -> Made {
    Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() }
}

/// What names a part of a part: of an API, and of one of its routes or integrations.
fn named(old: &Deployed, of: &str, id: &str) -> Result<Value> {
    let mut input = json!({"ApiId": text_of(&old.properties, "ApiId")?});
    input[of] = json!(text_of(&old.properties, of)?);
    input[id] = json!(old.physical_id);
    Ok(input)
}

pub struct RouteResponse;

#[async_trait]
impl Resource for RouteResponse {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::RouteResponse"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                fixed("RouteId", Shape::Text).required(),
                property("RouteResponseKey", Shape::Text).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["RouteResponseId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateRouteResponse", without(wanted, &[])).await?;
        let id = text(&made, "routeResponseId")?;
        Ok(Made::new(id, [("RouteResponseId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["RouteResponseId"] = json!(old.physical_id);
        call(cx, "UpdateRouteResponse", input).await?;
        Ok(kept(old))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(call(cx, "DeleteRouteResponse", named(old, "RouteId", "RouteResponseId")?).await)
    }
}

pub struct IntegrationResponse;

#[async_trait]
impl Resource for IntegrationResponse {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::IntegrationResponse"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                fixed("IntegrationId", Shape::Text).required(),
                property("IntegrationResponseKey", Shape::Text).required(),
                property("ContentHandlingStrategy", Shape::Text),
                property("ResponseParameters", Shape::TextMap),
                property("ResponseTemplates", Shape::TextMap),
                property("TemplateSelectionExpression", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["IntegrationResponseId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateIntegrationResponse", without(wanted, &[])).await?;
        let id = text(&made, "integrationResponseId")?;
        Ok(Made::new(id, [("IntegrationResponseId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["IntegrationResponseId"] = json!(old.physical_id);
        for name in ["ResponseParameters", "ResponseTemplates"] {
            if input.get(name).is_none() {
                input[name] = json!({});
            }
        }
        call(cx, "UpdateIntegrationResponse", input).await?;
        Ok(kept(old))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = named(old, "IntegrationId", "IntegrationResponseId")?;
        deleted(call(cx, "DeleteIntegrationResponse", input).await)
    }
}
