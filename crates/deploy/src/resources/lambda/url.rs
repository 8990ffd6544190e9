//! `AWS::Lambda::Url`: the URL of a function or of one of its aliases.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, text, text_of, without};
use crate::state::Deployed;

pub struct Url;

#[async_trait]
impl Resource for Url {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Url"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("TargetFunctionArn", Shape::Text).required(),
                fixed("Qualifier", Shape::Text),
                property("AuthType", Shape::Text).required(),
                property("InvokeMode", Shape::Text),
                property("Cors", Shape::Json),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["FunctionArn", "FunctionUrl"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        put(cx, "CreateFunctionUrlConfig", wanted).await
    }

    async fn update(&self, cx: &Cx<'_>, _old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, "UpdateFunctionUrlConfig", wanted).await
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({
            "FunctionName": text_of(&old.properties, "TargetFunctionArn")?,
            "Qualifier": old.properties.get("Qualifier"),
        });
        deleted(cx.call("lambda", "DeleteFunctionUrlConfig", input).await)
    }
}

async fn put(cx: &Cx<'_>, operation: &str, wanted: &Properties) -> Result<Made> {
    let mut input = without(wanted, &["TargetFunctionArn"]);
    input["FunctionName"] = json!(text_of(wanted, "TargetFunctionArn")?);
    // What a template leaves out is not kept from an earlier deployment.
    for (member, default) in [("InvokeMode", json!("BUFFERED")), ("Cors", json!({}))] {
        if input.get(member).is_none_or(Value::is_null) {
            input[member] = default;
        }
    }
    let made = cx.call("lambda", operation, input).await?;
    let (arn, url) = (text(&made, "FunctionArn")?, text(&made, "FunctionUrl")?);
    Ok(Made::new(arn, [("FunctionArn", json!(arn)), ("FunctionUrl", json!(url))]))
}
