//! `AWS::Lambda::Function`.

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::super::shape::{Field, Property, Shape, TAGS, TEXTS, fixed, ignored, property};
use super::super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, or_delete, tags, text};
use crate::live::REVISION;
use crate::package::zip_one;
use crate::state::Deployed;

pub struct Function;

/// `Package` is ours: the SHA-256, in hexadecimal, of a zip that the deployment has at hand or keeps.
pub const CODE: &[Field] = &[
    ("Package", Shape::Text),
    ("ZipFile", Shape::Text),
    ("S3Bucket", Shape::Text),
    ("S3Key", Shape::Text),
    ("S3ObjectVersion", Shape::Text),
];

/// What is set when a function is made and by `UpdateFunctionConfiguration`, with what an absent one is set back to.
const CONFIGURED: &[&str] = &[
    "Role",
    "Handler",
    "Runtime",
    "Description",
    "Timeout",
    "MemorySize",
    "Environment",
    "Layers",
    "DeadLetterConfig",
    "EphemeralStorage",
    "LoggingConfig",
    "SnapStart",
];

#[async_trait]
impl Resource for Function {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Function"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("FunctionName", Shape::Text),
                fixed("PackageType", Shape::Text),
                property("Code", Shape::Struct(CODE)).required(),
                property("Role", Shape::Text).required(),
                property("Handler", Shape::Text),
                property("Runtime", Shape::Text),
                property("Description", Shape::Text),
                property("Timeout", Shape::Integer),
                property("MemorySize", Shape::Integer),
                property("Environment", Shape::Struct(&[("Variables", Shape::TextMap)])),
                property("Layers", TEXTS),
                property("DeadLetterConfig", Shape::Struct(&[("TargetArn", Shape::Text)])),
                property("EphemeralStorage", Shape::Struct(&[("Size", Shape::Integer)])),
                property("LoggingConfig", Shape::Json),
                property("SnapStart", Shape::Struct(&[("ApplyOn", Shape::Text)])),
                property("ReservedConcurrentExecutions", Shape::Integer),
                property("Tags", TAGS),
                ignored("Architectures"),
                ignored("TracingConfig"),
                ignored("VpcConfig"),
                ignored("KmsKeyArn"),
                property(
                    "RuntimeManagementConfig",
                    Shape::Struct(&[("UpdateRuntimeOn", Shape::Text), ("RuntimeVersionArn", Shape::Text)]),
                ),
                property("RecursiveLoop", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", REVISION]
    }

    fn name(&self) -> Option<&'static str> {
        Some("FunctionName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "FunctionName", 64);
        let mut input = only(wanted, CONFIGURED);
        input["FunctionName"] = json!(name);
        input["PackageType"] = json!("Zip");
        input["Code"] = code(cx, wanted).await?;
        input["Tags"] = Value::Object(tags::map(wanted));
        let made = cx.call("lambda", "CreateFunction", input).await?;
        let arn = text(&made, "FunctionArn")?;
        let set = set_apart(cx, &name, &Properties::default(), wanted).await;
        or_delete(set, cx.call("lambda", "DeleteFunction", json!({"FunctionName": name}))).await?;
        Ok(Made::new(name, [("Arn", json!(arn))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let name = &old.physical_id;
        let changed: Vec<&str> =
            CONFIGURED.iter().filter(|key| old.properties.get(**key) != wanted.get(**key)).copied().collect();
        if !changed.is_empty() {
            let mut input = only(wanted, &changed);
            for key in changed.iter().filter(|key| !wanted.contains_key(**key)) {
                input[*key] = unset(key);
            }
            input["FunctionName"] = json!(name);
            cx.call("lambda", "UpdateFunctionConfiguration", input).await?;
        }
        if old.properties.get("Code") != wanted.get("Code") {
            let mut input = code(cx, wanted).await?;
            input["FunctionName"] = json!(name);
            cx.call("lambda", "UpdateFunctionCode", input).await?;
        }
        set_apart(cx, name, &old.properties, wanted).await?;
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        let arn = old.attributes.get("Arn").cloned().unwrap_or_default();
        if !set.is_empty() {
            cx.call("lambda", "TagResource", json!({"Resource": arn, "Tags": set})).await?;
        }
        if !gone.is_empty() {
            cx.call("lambda", "UntagResource", json!({"Resource": arn, "TagKeys": gone})).await?;
        }
        Ok(Made { physical_id: name.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("lambda", "DeleteFunction", json!({"FunctionName": old.physical_id})).await)
    }
}

/// What a property that was taken away is set back to.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
fn unset(key: &str) -> Value {
    match key {
        "Timeout" => json!(3),
        "MemorySize" => json!(128),
        "Environment" => json!({"Variables": {}}),
        "Layers" => json!([]),
        "DeadLetterConfig" => json!({"TargetArn": ""}),
        "EphemeralStorage" => json!({"Size": 512}),
        "LoggingConfig" => json!({"LogFormat": "Text"}),
        "SnapStart" => json!({"ApplyOn": "None"}),
        _ => json!(""),
    }
}

/// Sets what has operations of its own, as far as it has changed.
async fn set_apart(cx: &Cx<'_>, name: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    let changed = |key: &str| old.get(key) != wanted.get(key);
    let (reserved, management, recursive) =
        ("ReservedConcurrentExecutions", "RuntimeManagementConfig", "RecursiveLoop");
    if changed(reserved) {
        let (operation, input) = match wanted.get(reserved) {
            Some(count) => ("PutFunctionConcurrency", json!({"FunctionName": name, reserved: count})),
            None => ("DeleteFunctionConcurrency", json!({"FunctionName": name})),
        };
        cx.call("lambda", operation, input).await?;
    }
    if changed(management) {
        let mut input = wanted.get(management).cloned().unwrap_or_else(|| json!({"UpdateRuntimeOn": "Auto"}));
        input["FunctionName"] = json!(name);
        cx.call("lambda", "PutRuntimeManagementConfig", input).await?;
    }
    if changed(recursive) {
        let input = json!({"FunctionName": name, recursive: wanted.get(recursive).unwrap_or(&json!("Terminate"))});
        cx.call("lambda", "PutFunctionRecursionConfig", input).await?;
    }
    Ok(())
}

/// Where the function's code is, as operations are told it: a zip in base64, or an object.
async fn code(cx: &Cx<'_>, wanted: &Properties) -> Result<Value> {
    let code = wanted.get("Code").unwrap_or(&Value::Null);
    let Some(source) = code.get("ZipFile").and_then(Value::as_str) else { return package(cx, code).await };
    // Source text written in the template itself becomes the one file of a package.
    let node = wanted.get("Runtime").and_then(Value::as_str).is_some_and(|runtime| runtime.starts_with("nodejs"));
    let zip = zip_one(if node { "index.js" } else { "index.py" }, source.as_bytes());
    let zip = zip.map_err(|error| ResourceError::Unfit(error.to_string()))?;
    Ok(json!({"ZipFile": BASE64_STANDARD.encode(zip)}))
}

/// The same for what is a package, of a function or a layer.
pub async fn package(cx: &Cx<'_>, code: &Value) -> Result<Value> {
    if let Some(sha256) = code.get("Package").and_then(Value::as_str) {
        return Ok(json!({"ZipFile": BASE64_STANDARD.encode(cx.package(sha256).await?)}));
    }
    let object = code.as_object().map(|code| only(code, &["S3Bucket", "S3Key", "S3ObjectVersion"]));
    let object = object.filter(|object| object.get("S3Bucket").is_some() && object.get("S3Key").is_some());
    object.ok_or_else(|| ResourceError::Unfit("code is `ZipFile`, or an object: `S3Bucket` and `S3Key`".into()))
}
