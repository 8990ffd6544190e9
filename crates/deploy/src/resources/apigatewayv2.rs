//! `AWS::ApiGatewayV2::Api`, `Authorizer`, `Integration`, `Route` and `Stage`: HTTP and WebSocket APIs.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Field, Property, Shape, TEXTS, fixed, ignored, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, text, text_of, without};
use crate::state::Deployed;

/// Members whose own members are the API's, rather than names that the template chose.
const STRUCTURES: [&str; 3] = ["CorsConfiguration", "DefaultRouteSettings", "JwtConfiguration"];

/// Calls an operation with members as templates name them: API Gateway's begin with a small letter.
pub(super) async fn call(cx: &Cx<'_>, operation: &str, mut input: Value) -> Result<Value> {
    for name in STRUCTURES {
        if let Some(inner) = input.get_mut(name) {
            *inner = lower_members(inner.take());
        }
    }
    // By the route's key.
    if let Some(routes) = input.get_mut("RouteSettings").and_then(Value::as_object_mut) {
        routes.values_mut().for_each(|settings| *settings = lower_members(settings.take()));
    }
    cx.call("apigatewayv2", operation, lower_members(input)).await
}

pub struct Api;

const CORS: &[Field] = &[
    ("AllowCredentials", Shape::Boolean),
    ("AllowHeaders", TEXTS),
    ("AllowMethods", TEXTS),
    ("AllowOrigins", TEXTS),
    ("ExposeHeaders", TEXTS),
    ("MaxAge", Shape::Integer),
];

#[async_trait]
impl Resource for Api {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Api"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ProtocolType", Shape::Text),
                property("Name", Shape::Text),
                property("Description", Shape::Text),
                property("Version", Shape::Text),
                property("CorsConfiguration", Shape::Struct(CORS)),
                property("DisableExecuteApiEndpoint", Shape::Boolean),
                property("RouteSelectionExpression", Shape::Text),
                property("ApiKeySelectionExpression", Shape::Text),
                property("DisableSchemaValidation", Shape::Boolean),
                property("Tags", Shape::TextMap),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ApiId", "ApiEndpoint"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateApi", without(wanted, &[])).await?;
        let id = text(&made, "apiId")?;
        Ok(Made::new(id, [("ApiId", json!(id)), ("ApiEndpoint", made.get("apiEndpoint").cloned().unwrap_or_default())]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["Tags", "ProtocolType"]);
        input["ApiId"] = json!(old.physical_id);
        call(cx, "UpdateApi", input).await?;
        if old.properties.contains_key("CorsConfiguration") && !wanted.contains_key("CorsConfiguration") {
            call(cx, "DeleteCorsConfiguration", json!({"ApiId": old.physical_id})).await?;
        }
        change_tags(cx, &format!("/apis/{}", old.physical_id), old, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(call(cx, "DeleteApi", json!({"ApiId": old.physical_id})).await)
    }
}

/// Tags of an API or stage, whose ARN ends in `path`.
async fn change_tags(cx: &Cx<'_>, path: &str, old: &Deployed, wanted: &Properties) -> Result<()> {
    let tags = |properties: &Properties| properties.get("Tags").and_then(Value::as_object).cloned().unwrap_or_default();
    let (set, gone) = super::tags::changes(&tags(&old.properties), &tags(wanted));
    let arn = format!("arn:aws:apigateway:{}::{path}", cx.cloud.region());
    if !set.is_empty() {
        call(cx, "TagResource", json!({"ResourceArn": arn, "Tags": set})).await?;
    }
    if !gone.is_empty() {
        call(cx, "UntagResource", json!({"ResourceArn": arn, "TagKeys": gone})).await?;
    }
    Ok(())
}

pub struct Integration;

#[async_trait]
impl Resource for Integration {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Integration"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                property("IntegrationType", Shape::Text).required(),
                property("IntegrationUri", Shape::Text),
                property("IntegrationMethod", Shape::Text),
                property("PayloadFormatVersion", Shape::Text),
                property("TimeoutInMillis", Shape::Integer),
                property("Description", Shape::Text),
                property("RequestParameters", Shape::TextMap),
                property("ContentHandlingStrategy", Shape::Text),
                property("PassthroughBehavior", Shape::Text),
                property("RequestTemplates", Shape::TextMap),
                property("TemplateSelectionExpression", Shape::Text),
                ignored("ConnectionType"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["IntegrationId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateIntegration", without(wanted, &[])).await?;
        let id = text(&made, "integrationId")?;
        Ok(Made::new(id, [("IntegrationId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["IntegrationId"] = json!(old.physical_id);
        call(cx, "UpdateIntegration", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "IntegrationId": old.physical_id});
        deleted(call(cx, "DeleteIntegration", input).await)
    }
}

pub struct Authorizer;

const JWT: &[Field] = &[("Audience", TEXTS), ("Issuer", Shape::Text)];

#[async_trait]
impl Resource for Authorizer {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Authorizer"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                fixed("AuthorizerType", Shape::Text).required(),
                property("Name", Shape::Text).required(),
                property("AuthorizerCredentialsArn", Shape::Text),
                property("AuthorizerPayloadFormatVersion", Shape::Text),
                property("AuthorizerResultTtlInSeconds", Shape::Integer),
                property("AuthorizerUri", Shape::Text),
                property("EnableSimpleResponses", Shape::Boolean),
                property("IdentitySource", TEXTS),
                property("IdentityValidationExpression", Shape::Text),
                property("JwtConfiguration", Shape::Struct(JWT)),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["AuthorizerId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateAuthorizer", without(wanted, &[])).await?;
        let id = text(&made, "authorizerId")?;
        Ok(Made::new(id, [("AuthorizerId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["AuthorizerId"] = json!(old.physical_id);
        call(cx, "UpdateAuthorizer", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "AuthorizerId": old.physical_id});
        deleted(call(cx, "DeleteAuthorizer", input).await)
    }
}

pub struct Route;

#[async_trait]
impl Resource for Route {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Route"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                property("RouteKey", Shape::Text).required(),
                property("Target", Shape::Text),
                property("OperationName", Shape::Text),
                property("AuthorizationType", Shape::Text),
                property("AuthorizerId", Shape::Text),
                property("AuthorizationScopes", TEXTS),
                property("ApiKeyRequired", Shape::Boolean),
                property("RouteResponseSelectionExpression", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["RouteId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = call(cx, "CreateRoute", without(wanted, &[])).await?;
        let id = text(&made, "routeId")?;
        Ok(Made::new(id, [("RouteId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["RouteId"] = json!(old.physical_id);
        // What is not there any more would stay as it was.
        if input.get("AuthorizationType").is_none() {
            input["AuthorizationType"] = json!("NONE");
        }
        let gone = |name: &str| old.properties.contains_key(name) && !wanted.contains_key(name);
        if gone("ApiKeyRequired") {
            input["ApiKeyRequired"] = json!(false);
        }
        if gone("RouteResponseSelectionExpression") {
            input["RouteResponseSelectionExpression"] = json!("");
        }
        if input.get("AuthorizationScopes").is_none() {
            input["AuthorizationScopes"] = json!([]);
        }
        call(cx, "UpdateRoute", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "RouteId": old.physical_id});
        deleted(call(cx, "DeleteRoute", input).await)
    }
}

pub struct Stage;

#[async_trait]
impl Resource for Stage {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Stage"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ApiId", Shape::Text).required(),
                fixed("StageName", Shape::Text).required(),
                property("AutoDeploy", Shape::Boolean),
                property("Description", Shape::Text),
                property("StageVariables", Shape::TextMap),
                property("DeploymentId", Shape::Text),
                property("DefaultRouteSettings", Shape::Json),
                property("RouteSettings", Shape::Json),
                property("Tags", Shape::TextMap),
                ignored("AccessLogSettings"),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        call(cx, "CreateStage", without(wanted, &["AccessLogSettings"])).await?;
        Ok(Made::new(text_of(wanted, "StageName")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        call(cx, "UpdateStage", without(wanted, &["AccessLogSettings", "Tags"])).await?;
        let path = format!("/apis/{}/stages/{}", text_of(wanted, "ApiId")?, old.physical_id);
        change_tags(cx, &path, old, wanted).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "StageName": old.physical_id});
        deleted(call(cx, "DeleteStage", input).await)
    }
}
