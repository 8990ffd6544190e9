//! `AWS::ApiGateway::RestApi`, and `AWS::ApiGateway::Resource`: a part of a path.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TAGS, TEXTS, fixed, ignored, property, text as scalar_text};
use super::super::{
    Cx, Made, Properties, Resource, Result, deleted, lower_first, lower_members, only, or_delete, tags, text, text_of,
};
use super::replace;
use crate::state::Deployed;

pub struct RestApi;

/// What `UpdateRestApi` replaces with one value each.
const REPLACED: &[(&str, &str)] = &[
    ("Name", "/name"),
    ("Description", "/description"),
    ("ApiKeySourceType", "/apiKeySource"),
    ("DisableExecuteApiEndpoint", "/disableExecuteApiEndpoint"),
    ("MinimumCompressionSize", "/minimumCompressionSize"),
];

#[async_trait]
impl Resource for RestApi {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::RestApi"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("Name", Shape::Text),
                property("Body", Shape::Json),
                property("FailOnWarnings", Shape::Boolean),
                property("Mode", Shape::Text),
                property("Parameters", Shape::TextMap),
                property("Description", Shape::Text),
                property("BinaryMediaTypes", TEXTS),
                property("ApiKeySourceType", Shape::Text),
                property("DisableExecuteApiEndpoint", Shape::Boolean),
                property("MinimumCompressionSize", Shape::Integer),
                property("Tags", TAGS),
                ignored("EndpointConfiguration"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["RestApiId", "RootResourceId", "Endpoint"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        if let Some(body) = wanted.get("Body") {
            return imported(cx, wanted, body).await;
        }
        let plain = ["Name", "Description", "BinaryMediaTypes", "DisableExecuteApiEndpoint", "MinimumCompressionSize"];
        let mut input = lower_members(only(wanted, &plain));
        if let Some(source) = wanted.get("ApiKeySourceType") {
            input["apiKeySource"] = source.clone();
        }
        input["tags"] = Value::Object(tags::map(wanted));
        let made = cx.call("apigateway", "CreateRestApi", input).await?;
        self::made(cx, &made)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let body = wanted.get("Body").filter(|body| old.properties.get("Body") != Some(*body));
        let mut before = old.properties.clone();
        if let Some(body) = body {
            let mut input = import(wanted, body);
            input["restApiId"] = json!(old.physical_id);
            input["mode"] = wanted.get("Mode").cloned().unwrap_or_else(|| json!("overwrite"));
            cx.call("apigateway", "PutRestApi", input).await?;
            // The document has set them, and the template says otherwise.
            before.retain(|name, _| REPLACED.iter().all(|(replaced, _)| name != replaced));
        }
        let changes = settings(&before, wanted);
        if !changes.is_empty() {
            cx.call("apigateway", "UpdateRestApi", json!({"restApiId": old.physical_id, "patchOperations": changes}))
                .await?;
        }
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        let arn = format!("arn:aws:apigateway:{}::/restapis/{}", cx.cloud.region(), old.physical_id);
        if !set.is_empty() {
            cx.call("apigateway", "TagResource", json!({"resourceArn": arn, "tags": set})).await?;
        }
        if !gone.is_empty() {
            cx.call("apigateway", "UntagResource", json!({"resourceArn": arn, "tagKeys": gone})).await?;
        }
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("apigateway", "DeleteRestApi", json!({"restApiId": old.physical_id})).await)
    }
}

fn made(cx: &Cx<'_>, made: &Value) -> Result<Made> {
    let id = text(made, "id")?;
    // `Endpoint` is ours: the URL of the API without its stage, for outputs that can be opened.
    let endpoint = format!("{}/_aws/execute-api/{id}", cx.cloud.endpoint());
    let root = json!(text(made, "rootResourceId")?);
    Ok(Made::new(id, [("RestApiId", json!(id)), ("RootResourceId", root), ("Endpoint", json!(endpoint))]))
}

/// Makes an API of a document, and then what the template says besides.
async fn imported(cx: &Cx<'_>, wanted: &Properties, body: &Value) -> Result<Made> {
    let answer = cx.call("apigateway", "ImportRestApi", import(wanted, body)).await?;
    let id = text(&answer, "id")?;
    let rest = async {
        let changes = settings(&Properties::new(), wanted);
        if !changes.is_empty() {
            cx.call("apigateway", "UpdateRestApi", json!({"restApiId": id, "patchOperations": changes})).await?;
        }
        let tags = tags::map(wanted);
        if !tags.is_empty() {
            let arn = format!("arn:aws:apigateway:{}::/restapis/{id}", cx.cloud.region());
            cx.call("apigateway", "TagResource", json!({"resourceArn": arn, "tags": tags})).await?;
        }
        Ok(())
    };
    or_delete(rest.await, cx.call("apigateway", "DeleteRestApi", json!({ "restApiId": id }))).await?;
    made(cx, &answer)
}

/// The part of an input that has the document.
fn import(wanted: &Properties, body: &Value) -> Value {
    let document = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let mut input = json!({ "body": STANDARD.encode(document) });
    for (name, member) in [("FailOnWarnings", "failOnWarnings"), ("Parameters", "parameters")] {
        if let Some(value) = wanted.get(name) {
            input[member] = value.clone();
        }
    }
    input
}

/// What `UpdateRestApi` has to change.
fn settings(old: &Properties, wanted: &Properties) -> Vec<Value> {
    let mut changes = Vec::new();
    for (name, path) in REPLACED.iter().filter(|(name, _)| old.get(*name) != wanted.get(*name)) {
        changes.push(match wanted.get(*name).and_then(scalar_text) {
            Some(value) => replace(path, value),
            // The name is that of the document then.
            None if *name == "Name" => continue,
            None => unset(name, path),
        });
    }
    let types = |properties: &Properties| {
        properties.get("BinaryMediaTypes").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (before, after) = (types(old), types(wanted));
    let path = |kind: &Value| format!("/binaryMediaTypes/{}", kind.as_str().unwrap_or_default().replace('/', "~1"));
    changes.extend(
        after.iter().filter(|kind| !before.contains(kind)).map(|kind| json!({"op": "add", "path": path(kind)})),
    );
    changes.extend(
        before.iter().filter(|kind| !after.contains(kind)).map(|kind| json!({"op": "remove", "path": path(kind)})),
    );
    changes
}

/// The change back to what an API has where nothing was said.
fn unset(name: &str, path: &str) -> Value {
    match name {
        "MinimumCompressionSize" => json!({"op": "replace", "path": path}),
        "DisableExecuteApiEndpoint" => replace(path, "false"),
        "ApiKeySourceType" => replace(path, "HEADER"),
        _ => replace(path, ""),
    }
}

pub struct PathResource;

#[async_trait]
impl Resource for PathResource {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Resource"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("ParentId", Shape::Text).required(),
                fixed("PathPart", Shape::Text).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ResourceId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let input: serde_json::Map<_, _> =
            wanted.iter().map(|(name, value)| (lower_first(name), value.clone())).collect();
        let made = cx.call("apigateway", "CreateResource", Value::Object(input)).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("ResourceId", json!(id))]))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"restApiId": text_of(&old.properties, "RestApiId")?, "resourceId": old.physical_id});
        deleted(cx.call("apigateway", "DeleteResource", input).await)
    }
}
