//! `AWS::ApiGateway::Authorizer`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TEXTS, fixed, property, text as scalar_text};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, text, text_of, without};
use super::replace;
use crate::state::Deployed;

pub struct Authorizer;

/// What `UpdateAuthorizer` replaces with one value each, and the value where nothing is said.
const REPLACED: &[(&str, &str, &str)] = &[
    ("Name", "/name", ""),
    ("Type", "/type", ""),
    ("AuthType", "/authType", ""),
    ("AuthorizerUri", "/authorizerUri", ""),
    ("IdentitySource", "/identitySource", ""),
    ("IdentityValidationExpression", "/identityValidationExpression", ""),
    ("AuthorizerResultTtlInSeconds", "/authorizerResultTtlInSeconds", "300"),
];

#[async_trait]
impl Resource for Authorizer {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Authorizer"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                property("Name", Shape::Text).required(),
                property("Type", Shape::Text).required(),
                property("AuthType", Shape::Text),
                fixed("AuthorizerCredentials", Shape::Text),
                property("AuthorizerResultTtlInSeconds", Shape::Integer),
                property("AuthorizerUri", Shape::Text),
                property("IdentitySource", Shape::Text),
                property("IdentityValidationExpression", Shape::Text),
                property("ProviderARNs", TEXTS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["AuthorizerId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = cx.call("apigateway", "CreateAuthorizer", lower_members(without(wanted, &[]))).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("AuthorizerId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut changes = Vec::new();
        for (name, path, default) in REPLACED.iter().filter(|(name, ..)| old.properties.get(*name) != wanted.get(*name))
        {
            changes.push(replace(path, wanted.get(*name).and_then(scalar_text).unwrap_or_else(|| (*default).into())));
        }
        let arns = |properties: &Properties| {
            properties.get("ProviderARNs").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (before, after) = (arns(&old.properties), arns(wanted));
        let change = |op: &str, arn: &Value| json!({"op": op, "path": "/providerARNs", "value": arn});
        changes.extend(after.iter().filter(|arn| !before.contains(arn)).map(|arn| change("add", arn)));
        changes.extend(before.iter().filter(|arn| !after.contains(arn)).map(|arn| change("remove", arn)));
        let api = text_of(wanted, "RestApiId")?;
        let input = json!({"restApiId": api, "authorizerId": old.physical_id, "patchOperations": changes});
        cx.call("apigateway", "UpdateAuthorizer", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"restApiId": text_of(&old.properties, "RestApiId")?, "authorizerId": old.physical_id});
        deleted(cx.call("apigateway", "DeleteAuthorizer", input).await)
    }
}
