//! `AWS::ApiGateway::ApiKey`, `UsagePlan` and `UsagePlanKey`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::super::shape::{Field, Property, Shape, TAGS, fixed, ignored, property, text as scalar_text};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, only, tags, text, text_of};
use super::{number, replace};
use crate::state::Deployed;

pub struct ApiKey;

#[async_trait]
impl Resource for ApiKey {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::ApiKey"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                fixed("Value", Shape::Text),
                property("Description", Shape::Text),
                property("CustomerId", Shape::Text),
                property("Enabled", Shape::Boolean),
                fixed("Tags", TAGS),
                ignored("GenerateDistinctId"),
                // A key's stages are those of its plans.
                ignored("StageKeys"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["APIKeyId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = lower_members(only(wanted, &["Value", "Description", "CustomerId", "Enabled"]));
        input["name"] = json!(cx.name_or_generated(wanted, "Name", 255));
        input["tags"] = Value::Object(tags::map(wanted));
        let made = cx.call("apigateway", "CreateApiKey", input).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("APIKeyId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let members =
            [("Description", "/description", ""), ("CustomerId", "/customerId", ""), ("Enabled", "/enabled", "false")];
        let changed = members.iter().filter(|(name, ..)| old.properties.get(*name) != wanted.get(*name));
        let value =
            |name: &str, default: &str| wanted.get(name).and_then(scalar_text).unwrap_or_else(|| default.into());
        let changes: Vec<Value> = changed.map(|(name, path, default)| replace(path, value(name, default))).collect();
        cx.call("apigateway", "UpdateApiKey", json!({"apiKey": old.physical_id, "patchOperations": changes})).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("apigateway", "DeleteApiKey", json!({"apiKey": old.physical_id})).await)
    }
}

pub struct UsagePlan;

const STAGE: &[Field] = &[("ApiId", Shape::Text), ("Stage", Shape::Text), ("Throttle", Shape::Json)];
const THROTTLE: &[Field] = &[("BurstLimit", Shape::Integer), ("RateLimit", Shape::Json)];
const QUOTA: &[Field] = &[("Limit", Shape::Integer), ("Offset", Shape::Integer), ("Period", Shape::Text)];

#[async_trait]
impl Resource for UsagePlan {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::UsagePlan"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("UsagePlanName", Shape::Text),
                property("Description", Shape::Text),
                property("ApiStages", Shape::List(&Shape::Struct(STAGE))),
                property("Throttle", Shape::Struct(THROTTLE)),
                property("Quota", Shape::Struct(QUOTA)),
                fixed("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = json!({
            "name": cx.name_or_generated(wanted, "UsagePlanName", 255),
            "apiStages": stages(wanted).into_values().collect::<Vec<_>>(),
            "tags": tags::map(wanted),
        });
        for (name, member) in [("Description", "description"), ("Quota", "quota")] {
            if let Some(value) = wanted.get(name) {
                input[member] = lower_members(value.clone());
            }
        }
        if let Some(limits) = wanted.get("Throttle") {
            input["throttle"] = throttle(limits);
        }
        let made = cx.call("apigateway", "CreateUsagePlan", input).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("Id", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut changes = Vec::new();
        let texts = [("UsagePlanName", "/name"), ("Description", "/description")];
        for (name, path) in texts.iter().filter(|(name, _)| old.properties.get(*name) != wanted.get(*name)) {
            let value = wanted.get(*name).and_then(scalar_text).unwrap_or_else(|| match *name {
                "UsagePlanName" => cx.generated_name(255),
                _ => String::new(),
            });
            changes.push(replace(path, value));
        }
        for (name, path) in [("Throttle", "/throttle"), ("Quota", "/quota")] {
            changes.extend(members(path, old.properties.get(name), wanted.get(name)));
        }
        let (before, after) = (stages(&old.properties), stages(wanted));
        let stage = |op: &str, name: &str| json!({"op": op, "path": "/apiStages", "value": name});
        // One that is there with other throttles is put anew.
        let is_same = |name: &String| before.get(name) == after.get(name);
        changes.extend(before.keys().filter(|name| !is_same(name)).map(|name| stage("remove", name)));
        for (name, shape) in after.iter().filter(|(name, _)| !is_same(name)) {
            changes.push(stage("add", name));
            changes.extend(method_throttles(name, shape));
        }
        let input = json!({"usagePlanId": old.physical_id, "patchOperations": changes});
        cx.call("apigateway", "UpdateUsagePlan", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("apigateway", "DeleteUsagePlan", json!({"usagePlanId": old.physical_id})).await)
    }
}

/// The limits of a throttle, as operations have them.
fn throttle(limits: &Value) -> Value {
    let mut limits = lower_members(limits.clone());
    if let Some(rate) = limits.get_mut("rateLimit") {
        *rate = number(rate);
    }
    limits
}

/// The stages of a plan, by `api:stage`, as operations have them.
fn stages(properties: &Properties) -> Map<String, Value> {
    let all = properties.get("ApiStages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut stages = Map::new();
    for stage in all {
        let name = |member: &str| stage.get(member).and_then(Value::as_str).unwrap_or_default();
        let mut shape = json!({"apiId": name("ApiId"), "stage": name("Stage")});
        if let Some(methods) = stage.get("Throttle").and_then(Value::as_object) {
            let methods = methods.iter().map(|(method, limits)| (method.clone(), throttle(limits)));
            shape["throttle"] = Value::Object(methods.collect());
        }
        stages.insert(format!("{}:{}", name("ApiId"), name("Stage")), shape);
    }
    stages
}

/// What sets the throttles of single methods of a stage.
fn method_throttles(stage: &str, shape: &Value) -> Vec<Value> {
    let mut changes = Vec::new();
    for (method, limits) in shape.get("throttle").and_then(Value::as_object).into_iter().flatten() {
        let (path, verb) = method.rsplit_once('/').unwrap_or((method, ""));
        let path = path.replace('~', "~0").replace('/', "~1");
        for (member, value) in limits.as_object().into_iter().flatten() {
            let value = scalar_text(value).unwrap_or_default();
            changes.push(replace(&format!("/apiStages/{stage}/throttle/{path}/{verb}/{member}"), value));
        }
    }
    changes
}

/// What turns one structure into another, member by member.
fn members(path: &str, before: Option<&Value>, after: Option<&Value>) -> Vec<Value> {
    match after {
        _ if before == after => Vec::new(),
        None => vec![json!({"op": "remove", "path": path})],
        Some(after) => {
            let shape = lower_members(after.clone());
            let members = shape.as_object().into_iter().flatten();
            members
                .map(|(name, value)| replace(&format!("{path}/{name}"), scalar_text(value).unwrap_or_default()))
                .collect()
        }
    }
}

pub struct UsagePlanKey;

#[async_trait]
impl Resource for UsagePlanKey {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::UsagePlanKey"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("KeyId", Shape::Text).required(),
                fixed("KeyType", Shape::Text).required(),
                fixed("UsagePlanId", Shape::Text).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let input = lower_members(only(wanted, &["KeyId", "KeyType", "UsagePlanId"]));
        cx.call("apigateway", "CreateUsagePlanKey", input).await?;
        let id = format!("{}:{}", text_of(wanted, "KeyId")?, text_of(wanted, "UsagePlanId")?);
        Ok(Made::new(id.clone(), [("Id", json!(id))]))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let (key, plan) = (text_of(&old.properties, "KeyId")?, text_of(&old.properties, "UsagePlanId")?);
        deleted(cx.call("apigateway", "DeleteUsagePlanKey", json!({"keyId": key, "usagePlanId": plan})).await)
    }
}
