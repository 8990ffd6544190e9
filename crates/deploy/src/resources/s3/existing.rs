//! `Custom::S3`: notifications of a bucket that no stack of this service has made. Serverless Framework has a function
//! of its own for it; here it is a resource like others, with the same names for what it leaves in the bucket and the
//! function.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/s3#using-existing-buckets>

use async_trait::async_trait;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, only, or_delete, text_of};
use crate::state::Deployed;

pub struct ExistingBucket;

/// Characters of a statement's id.
const STATEMENT_CHARACTERS_MAX: usize = 100;
/// Hexadecimal digits of an MD5.
const DIGEST_CHARACTERS: usize = 32;

#[async_trait]
impl Resource for ExistingBucket {
    fn kind(&self) -> &'static str {
        "Custom::S3"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("FunctionName", Shape::Text).required(),
                // Another alias of the same function, mostly.
                property("FunctionArn", Shape::Text).required(),
                fixed("BucketName", Shape::Text).required(),
                property(
                    "BucketConfigs",
                    Shape::List(&Shape::Struct(&[
                        ("Event", Shape::Text),
                        ("Rules", Shape::List(&Shape::Struct(&[("Name", Shape::Text), ("Value", Shape::Text)]))),
                    ])),
                )
                .required(),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        permit(cx, wanted).await?;
        or_delete(tell(cx, wanted, true).await, forbid(cx, wanted)).await?;
        Ok(Made::new(statement_id(wanted)?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let moved = old.properties.get("FunctionArn") != wanted.get("FunctionArn");
        if moved {
            permit(cx, wanted).await?;
        }
        tell(cx, wanted, true).await?;
        if moved {
            deleted(forbid(cx, &old.properties).await)?;
        }
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        // First the notifications: a bucket is not to have ones that nobody takes.
        match tell(cx, &old.properties, false).await {
            Err(error) if !error.is_absent() => return Err(error),
            _ => {}
        }
        deleted(forbid(cx, &old.properties).await)
    }
}

/// Lets the bucket call the function. It may be allowed to already, by an update that failed later.
async fn permit(cx: &Cx<'_>, properties: &Properties) -> Result<()> {
    let permission = json!({
        "FunctionName": text_of(properties, "FunctionArn")?,
        "StatementId": statement_id(properties)?,
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": format!("arn:aws:s3:::{}", text_of(properties, "BucketName")?),
        "SourceAccount": cx.cloud.account(),
    });
    match cx.call("lambda", "AddPermission", permission).await {
        Err(error) if error.has_code("ResourceConflictException") => Ok(()),
        other => other.map(drop),
    }
}

/// Takes the bucket's permission to call the function away.
async fn forbid(cx: &Cx<'_>, properties: &Properties) -> Result<Value> {
    let (function, id) = (text_of(properties, "FunctionArn")?, statement_id(properties)?);
    cx.call("lambda", "RemovePermission", json!({"FunctionName": function, "StatementId": id})).await
}

fn statement_id(properties: &Properties) -> Result<String> {
    let (function, bucket) = (text_of(properties, "FunctionName")?, text_of(properties, "BucketName")?);
    let bucket = bucket.replace(['.', ':', '*'], "");
    Ok(format!("{function}-{bucket}").chars().take(STATEMENT_CHARACTERS_MAX).collect())
}

/// Puts the function's notifications in place of those that it has, or takes them away, and leaves alone what the bucket
/// tells others.
async fn tell(cx: &Cx<'_>, properties: &Properties, wanted: bool) -> Result<()> {
    let (bucket, function) = (text_of(properties, "BucketName")?, text_of(properties, "FunctionName")?);
    let found = cx.call("s3", "GetBucketNotificationConfiguration", json!({"Bucket": bucket})).await?;
    let others = ["TopicConfigurations", "QueueConfigurations", "EventBridgeConfiguration"];
    let mut configuration = found.as_object().map_or_else(|| json!({}), |found| only(found, &others));
    let list = "LambdaFunctionConfigurations";
    let mut told = found.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    told.retain(|one| !is_of(function, one["Id"].as_str().unwrap_or_default()));
    if wanted {
        let configs = properties.get("BucketConfigs").and_then(Value::as_array).into_iter().flatten();
        told.extend(configs.map(|config| notification(function, properties.get("FunctionArn"), config)));
    }
    configuration[list] = told.into();
    // Others' targets may be gone: that is no reason to keep one that is to go.
    let input = json!({
        "Bucket": bucket,
        "NotificationConfiguration": configuration,
        "SkipDestinationValidation": !wanted,
    });
    cx.call("s3", "PutBucketNotificationConfiguration", input).await.map(drop)
}

/// Whether a notification of this id was made for the function, and not for one whose name only begins like it.
fn is_of(function: &str, id: &str) -> bool {
    let digest = id.strip_prefix(function).and_then(|rest| rest.strip_prefix('-'));
    digest.is_some_and(|digest| digest.len() == DIGEST_CHARACTERS && digest.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn notification(function: &str, arn: Option<&Value>, config: &Value) -> Value {
    let id = format!("{function}-{}", hex::encode(Md5::digest(config.to_string())));
    let mut told = json!({"Id": id, "LambdaFunctionArn": arn, "Events": [config.get("Event")]});
    if let Some(rules) = config.get("Rules") {
        told["Filter"] = json!({"Key": {"FilterRules": rules}});
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_told_apart_by_the_function() {
        let told = notification("shop-dev-resize", None, &json!({"Event": "s3:ObjectCreated:*"}));
        let id = told["Id"].as_str().unwrap();
        assert!(is_of("shop-dev-resize", id));
        assert!(!is_of("shop-dev", id) && !is_of("shop", "shop-other") && !is_of("shop-dev-resize", "shop-dev-resize"));
    }
}
