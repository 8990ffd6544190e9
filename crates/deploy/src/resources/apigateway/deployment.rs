//! `AWS::ApiGateway::Deployment` and `AWS::ApiGateway::Stage`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::super::shape::{Field, Property, Shape, TAGS, fixed, ignored, property, text as scalar_text};
use super::super::{
    Cx, Made, Properties, Resource, Result, deleted, lower_members, only, or_delete, tags, text, text_of,
};
use super::{number, replace};
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

pub struct Stage;

const CANARY: &[Field] = &[
    ("DeploymentId", Shape::Text),
    ("PercentTraffic", Shape::Json),
    ("StageVariableOverrides", Shape::TextMap),
    ("UseStageCache", Shape::Boolean),
];

#[async_trait]
impl Resource for Stage {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Stage"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("StageName", Shape::Text),
                property("DeploymentId", Shape::Text).required(),
                property("Description", Shape::Text),
                property("Variables", Shape::TextMap),
                property("Tags", TAGS),
                property("MethodSettings", Shape::List(&Shape::Json)),
                property("CanarySetting", Shape::Struct(CANARY)),
                ignored("TracingEnabled"),
                ignored("AccessLogSetting"),
                ignored("CacheClusterEnabled"),
                ignored("CacheClusterSize"),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "StageName", 128);
        let mut input = lower_members(only(wanted, &["RestApiId", "DeploymentId", "Description", "Variables"]));
        input["stageName"] = json!(name);
        if let Some(canary) = wanted.get("CanarySetting") {
            input["canarySettings"] = canary_settings(canary);
        }
        input["tags"] = Value::Object(tags::map(wanted));
        cx.call("apigateway", "CreateStage", input).await?;
        let changes = throttles(&Properties::new(), wanted);
        if !changes.is_empty() {
            let api = text_of(wanted, "RestApiId")?;
            let one = json!({"restApiId": api, "stageName": name});
            let update = json!({"restApiId": api, "stageName": name, "patchOperations": changes});
            let updated = cx.call("apigateway", "UpdateStage", update).await;
            or_delete(updated, cx.call("apigateway", "DeleteStage", one)).await?;
        }
        Ok(Made::new(name, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut changes = Vec::new();
        for (name, path) in [("DeploymentId", "/deploymentId"), ("Description", "/description")] {
            if old.properties.get(name) != wanted.get(name) {
                changes.push(replace(path, wanted.get(name).and_then(Value::as_str).unwrap_or_default()));
            }
        }
        let variables = |properties: &Properties| {
            properties.get("Variables").and_then(Value::as_object).cloned().unwrap_or_default()
        };
        let (set, gone) = tags::changes(&variables(&old.properties), &variables(wanted));
        changes.extend(set.into_iter().map(|(name, value)| replace(&format!("/variables/{name}"), value)));
        changes.extend(gone.into_iter().map(|name| json!({"op": "remove", "path": format!("/variables/{name}")})));
        changes.extend(throttles(&old.properties, wanted));
        changes.extend(canary_changes(&old.properties, wanted));
        if !changes.is_empty() {
            let api = text_of(wanted, "RestApiId")?;
            let input = json!({"restApiId": api, "stageName": old.physical_id, "patchOperations": changes});
            cx.call("apigateway", "UpdateStage", input).await?;
        }
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"restApiId": text_of(&old.properties, "RestApiId")?, "stageName": old.physical_id});
        deleted(cx.call("apigateway", "DeleteStage", input).await)
    }
}

fn canary_settings(canary: &Value) -> Value {
    let mut settings = lower_members(canary.clone());
    if let Some(percent) = settings.get_mut("percentTraffic") {
        *percent = number(percent);
    }
    settings
}

/// What gives a stage another canary: the one before goes as a whole.
fn canary_changes(before: &Properties, after: &Properties) -> Vec<Value> {
    let (before, after) = (before.get("CanarySetting"), after.get("CanarySetting"));
    if before == after {
        return Vec::new();
    }
    let mut changes: Vec<Value> =
        before.map(|_| json!({"op": "remove", "path": "/canarySettings"})).into_iter().collect();
    for (name, value) in after.map(canary_settings).as_ref().and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Object(variables) => changes.extend(
                variables.iter().map(|(key, value)| replace(&format!("/canarySettings/{name}/{key}"), value.clone())),
            ),
            value => changes.push(replace(&format!("/canarySettings/{name}"), scalar_text(value).unwrap_or_default())),
        }
    }
    changes
}

/// What turns the throttles of a stage's methods into others. What else `MethodSettings` says has no effect here.
fn throttles(before: &Properties, after: &Properties) -> Vec<Value> {
    let (before, after) = (method_settings(before), method_settings(after));
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let mut changes: Vec<Value> = gone.map(|path| json!({"op": "remove", "path": path})).collect();
    for (path, limits) in after.iter().filter(|(path, limits)| before.get(*path) != Some(limits)) {
        for (member, value) in limits.as_object().into_iter().flatten() {
            changes.push(replace(&format!("{path}/throttling/{member}"), value.clone()));
        }
    }
    changes
}

/// The throttles of methods, by their path in changes: `/*/*`, `/~1users/GET`.
fn method_settings(properties: &Properties) -> Map<String, Value> {
    let mut settings = Map::new();
    for setting in properties.get("MethodSettings").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| setting.get(name).and_then(scalar_text);
        let (Some(path), Some(method)) = (text("ResourcePath"), text("HttpMethod")) else { continue };
        let path = if path == "/*" { "*".into() } else { path.replace('~', "~0").replace('/', "~1") };
        let members = [("ThrottlingBurstLimit", "burstLimit"), ("ThrottlingRateLimit", "rateLimit")];
        let limits: Map<String, Value> =
            members.iter().filter_map(|(name, member)| Some((member.to_string(), json!(text(name)?)))).collect();
        if !limits.is_empty() {
            settings.insert(format!("/{path}/{method}"), Value::Object(limits));
        }
    }
    settings
}
