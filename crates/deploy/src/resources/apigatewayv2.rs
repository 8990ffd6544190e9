//! `AWS::ApiGatewayV2::Api`, `Authorizer`, `Integration`, `Route` and `Stage`: HTTP and WebSocket APIs.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Field, Property, Shape, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, or_delete, text, text_of, without};
use crate::state::Deployed;

/// Members whose own members are the API's, rather than names that the template chose.
const STRUCTURES: [&str; 4] = ["AccessLogSettings", "CorsConfiguration", "DefaultRouteSettings", "JwtConfiguration"];
const ACCESS_LOG: &[Field] = &[("DestinationArn", Shape::Text), ("Format", Shape::Text)];

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
                property("BasePath", Shape::Text),
                property("Body", Shape::Json),
                property("FailOnWarnings", Shape::Boolean),
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
        let made = match wanted.get("Body") {
            Some(body) => imported(cx, wanted, body).await?,
            None => call(cx, "CreateApi", without(wanted, &DOCUMENT)).await?,
        };
        let id = text(&made, "apiId")?;
        Ok(Made::new(id, [("ApiId", json!(id)), ("ApiEndpoint", made.get("apiEndpoint").cloned().unwrap_or_default())]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        if let Some(body) = wanted.get("Body").filter(|body| old.properties.get("Body") != Some(*body)) {
            let mut input = import(wanted, body);
            input["apiId"] = json!(old.physical_id);
            cx.call("apigatewayv2", "ReimportApi", input).await?;
        }
        let mut input = without(wanted, &[["Tags", "ProtocolType"].as_slice(), &DOCUMENT].concat());
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

/// Properties that say what an API is as a document.
const DOCUMENT: [&str; 3] = ["BasePath", "Body", "FailOnWarnings"];

/// The part of an input that has the document.
fn import(wanted: &Properties, body: &Value) -> Value {
    let document = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let mut input = json!({ "body": document });
    for (name, member) in [("BasePath", "basepath"), ("FailOnWarnings", "failOnWarnings")] {
        if let Some(value) = wanted.get(name) {
            input[member] = value.clone();
        }
    }
    input
}

/// Makes an API of a document, and then what the template says besides.
async fn imported(cx: &Cx<'_>, wanted: &Properties, body: &Value) -> Result<Value> {
    let made = cx.call("apigatewayv2", "ImportApi", import(wanted, body)).await?;
    let id = text(&made, "apiId")?;
    let rest = async {
        let mut input = without(wanted, &[["Tags", "ProtocolType"].as_slice(), &DOCUMENT].concat());
        input["ApiId"] = json!(id);
        call(cx, "UpdateApi", input).await?;
        if let Some(tags) = wanted.get("Tags") {
            let arn = format!("arn:aws:apigateway:{}::/apis/{id}", cx.cloud.region());
            call(cx, "TagResource", json!({"ResourceArn": arn, "Tags": tags})).await?;
        }
        Ok(())
    };
    or_delete(rest.await, call(cx, "DeleteApi", json!({ "ApiId": id }))).await?;
    Ok(made)
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
                property("ResponseParameters", Shape::Json),
                property("IntegrationSubtype", Shape::Text),
                property("CredentialsArn", Shape::Text),
                property("ConnectionType", Shape::Text),
                property("ConnectionId", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["IntegrationId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["ResponseParameters"]);
        input["ResponseParameters"] = response_parameters(wanted);
        let made = call(cx, "CreateIntegration", input).await?;
        let id = text(&made, "integrationId")?;
        Ok(Made::new(id, [("IntegrationId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["ResponseParameters"]);
        input["IntegrationId"] = json!(old.physical_id);
        // What is not there any more would stay as it was.
        let before = old.properties.get("RequestParameters").cloned().unwrap_or_default();
        input["RequestParameters"] = emptied(&before, wanted.get("RequestParameters").cloned());
        let before = response_parameters(&old.properties);
        let mut responses = response_parameters(wanted);
        for (status, parameters) in before.as_object().into_iter().flatten() {
            responses[status] = emptied(parameters, responses.get(status).cloned());
        }
        input["ResponseParameters"] = responses;
        if old.properties.contains_key("CredentialsArn") && !wanted.contains_key("CredentialsArn") {
            input["CredentialsArn"] = json!("");
        }
        call(cx, "UpdateIntegration", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "IntegrationId": old.physical_id});
        deleted(call(cx, "DeleteIntegration", input).await)
    }
}

/// What is changed of answers, by their status, as operations take it. Templates have a list of destinations and sources.
fn response_parameters(properties: &Properties) -> Value {
    let mut all = serde_json::Map::new();
    for (status, given) in properties.get("ResponseParameters").and_then(Value::as_object).into_iter().flatten() {
        let parameters = match given.get("ResponseParameters").and_then(Value::as_array) {
            None => given.clone(),
            Some(list) => {
                let member =
                    |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                list.iter().map(|one| (member(one, "Destination"), json!(member(one, "Source")))).collect()
            }
        };
        all.insert(status.clone(), parameters);
    }
    Value::Object(all)
}

/// Parameters, with an empty value for each that was there before and is no more: that takes it away.
fn emptied(before: &Value, wanted: Option<Value>) -> Value {
    let mut wanted = wanted.filter(Value::is_object).unwrap_or_else(|| json!({}));
    for name in before.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if wanted.get(name).is_none() {
            wanted[name] = json!("");
        }
    }
    wanted
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
                property("AccessLogSettings", Shape::Struct(ACCESS_LOG)),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        call(cx, "CreateStage", Value::Object(wanted.clone())).await?;
        Ok(Made::new(text_of(wanted, "StageName")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        call(cx, "UpdateStage", without(wanted, &["Tags"])).await?;
        if old.properties.contains_key("AccessLogSettings") && !wanted.contains_key("AccessLogSettings") {
            let input = json!({"ApiId": text_of(wanted, "ApiId")?, "StageName": old.physical_id});
            call(cx, "DeleteAccessLogSettings", input).await?;
        }
        let path = format!("/apis/{}/stages/{}", text_of(wanted, "ApiId")?, old.physical_id);
        change_tags(cx, &path, old, wanted).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"ApiId": text_of(&old.properties, "ApiId")?, "StageName": old.physical_id});
        deleted(call(cx, "DeleteStage", input).await)
    }
}
