//! `AWS::ApiGateway::Stage`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Field, Property, Shape, TAGS, fixed, ignored, property, text as scalar_text};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, only, or_delete, tags, text_of};
use super::{number, replace, settings};
use crate::state::Deployed;

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
                property("DocumentationVersion", Shape::Text),
                property("Variables", Shape::TextMap),
                property("Tags", TAGS),
                property("MethodSettings", Shape::List(&Shape::Json)),
                property("CanarySetting", Shape::Struct(CANARY)),
                ignored("TracingEnabled"),
                property("AccessLogSetting", Shape::Struct(settings::ACCESS_LOG)),
                property("CacheClusterEnabled", Shape::Boolean),
                property("CacheClusterSize", Shape::Text),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "StageName", 128);
        let members = ["RestApiId", "DeploymentId", "Description", "DocumentationVersion", "Variables"];
        let mut input = lower_members(only(wanted, &members));
        input["stageName"] = json!(name);
        if let Some(canary) = wanted.get("CanarySetting") {
            input["canarySettings"] = canary_settings(canary);
        }
        input["tags"] = Value::Object(tags::map(wanted));
        cx.call("apigateway", "CreateStage", input).await?;
        let changes = settings::changes(&Properties::new(), wanted);
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
        for (name, path) in [
            ("DeploymentId", "/deploymentId"),
            ("Description", "/description"),
            ("DocumentationVersion", "/documentationVersion"),
        ] {
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
        changes.extend(settings::changes(&old.properties, wanted));
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
