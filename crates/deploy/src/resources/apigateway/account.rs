//! `AWS::ApiGateway::Account`: as which role the REST APIs of a region write their logs.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, property};
use super::super::{Cx, Made, Properties, Resource, Result};
use super::replace;
use crate::state::Deployed;

pub struct Account;

const ROLE: &str = "CloudWatchRoleArn";
const PATH: &str = "/cloudwatchRoleArn";

fn role(properties: &Properties) -> &str {
    properties.get(ROLE).and_then(Value::as_str).unwrap_or_default()
}

async fn set(cx: &Cx<'_>, role: &str) -> Result<()> {
    let input = json!({"patchOperations": [replace(PATH, role)]});
    cx.call("apigateway", "UpdateAccount", input).await.map(drop)
}

#[async_trait]
impl Resource for Account {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Account"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[property(ROLE, Shape::Text)] }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        set(cx, role(wanted)).await?;
        let id = cx.generated_name(128);
        Ok(Made::new(id.clone(), [("Id", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        set(cx, role(wanted)).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    /// The role goes with its stack, unless another has taken its place.
    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let account = cx.call("apigateway", "GetAccount", json!({})).await?;
        match account.get("cloudwatchRoleArn").and_then(Value::as_str) {
            Some(current) if current == role(&old.properties) => set(cx, "").await,
            _ => Ok(()),
        }
    }
}
