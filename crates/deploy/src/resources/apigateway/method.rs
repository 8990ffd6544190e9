//! `AWS::ApiGateway::Method`, with its integration and responses.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::super::shape::{Field, Property, Shape, TEXTS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, or_delete, text_of};
use crate::state::Deployed;

pub struct Method;

const INTEGRATION: &[Field] = &[
    ("Type", Shape::Text),
    ("IntegrationHttpMethod", Shape::Text),
    ("Uri", Shape::Text),
    ("ConnectionType", Shape::Text),
    ("Credentials", Shape::Text),
    ("ContentHandling", Shape::Text),
    ("PassthroughBehavior", Shape::Text),
    ("RequestParameters", Shape::TextMap),
    ("RequestTemplates", Shape::TextMap),
    ("TimeoutInMillis", Shape::Integer),
    ("CacheKeyParameters", TEXTS),
    ("CacheNamespace", Shape::Text),
    ("IntegrationResponses", Shape::List(&Shape::Struct(INTEGRATION_RESPONSE))),
];
const INTEGRATION_RESPONSE: &[Field] = &[
    ("StatusCode", Shape::Text),
    ("SelectionPattern", Shape::Text),
    ("ContentHandling", Shape::Text),
    ("ResponseParameters", Shape::TextMap),
    ("ResponseTemplates", Shape::TextMap),
];
const METHOD_RESPONSE: &[Field] =
    &[("StatusCode", Shape::Text), ("ResponseParameters", Shape::Json), ("ResponseModels", Shape::TextMap)];

#[async_trait]
impl Resource for Method {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Method"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("ResourceId", Shape::Text).required(),
                fixed("HttpMethod", Shape::Text).required(),
                property("AuthorizationType", Shape::Text),
                property("AuthorizerId", Shape::Text),
                property("AuthorizationScopes", TEXTS),
                property("ApiKeyRequired", Shape::Boolean),
                property("OperationName", Shape::Text),
                property("RequestParameters", Shape::Json),
                property("RequestModels", Shape::TextMap),
                property("RequestValidatorId", Shape::Text),
                property("Integration", Shape::Struct(INTEGRATION)),
                property("MethodResponses", Shape::List(&Shape::Struct(METHOD_RESPONSE))),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let put = put(cx, wanted).await;
        or_delete(put, cx.call("apigateway", "DeleteMethod", input(wanted, Value::Null)?)).await?;
        Ok(Made::new(cx.generated_name(128), []))
    }

    /// Made anew: what is deployed stays as it is until the next deployment, so no request sees the gap.
    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        delete_method(cx, &old.properties).await?;
        put(cx, wanted).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        delete_method(cx, &old.properties).await
    }
}

/// What names the method in every operation, with more members.
fn input(properties: &Properties, more: Value) -> Result<Value> {
    let mut input = Map::new();
    if let Value::Object(more) = more {
        input.extend(more);
    }
    for (name, member) in [("RestApiId", "restApiId"), ("ResourceId", "resourceId"), ("HttpMethod", "httpMethod")] {
        input.insert(member.into(), json!(text_of(properties, name)?));
    }
    Ok(Value::Object(input))
}

async fn put(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let own: Properties = wanted
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "Integration" | "MethodResponses"))
        .map(owned)
        .collect();
    let mut method = lower_members(Value::Object(own));
    if method.get("authorizationType").is_none() {
        method["authorizationType"] = json!("NONE");
    }
    cx.call("apigateway", "PutMethod", method).await?;
    for response in items(wanted.get("MethodResponses")) {
        cx.call("apigateway", "PutMethodResponse", input(wanted, lower_members(response.clone()))?).await?;
    }
    let Some(Value::Object(integration)) = wanted.get("Integration") else { return Ok(()) };
    let own: Properties = integration.iter().filter(|(name, _)| *name != "IntegrationResponses").map(owned).collect();
    cx.call("apigateway", "PutIntegration", input(wanted, lower_members(Value::Object(own)))?).await?;
    for response in items(integration.get("IntegrationResponses")) {
        cx.call("apigateway", "PutIntegrationResponse", input(wanted, lower_members(response.clone()))?).await?;
    }
    Ok(())
}

async fn delete_method(cx: &Cx<'_>, properties: &Properties) -> Result<()> {
    deleted(cx.call("apigateway", "DeleteMethod", input(properties, Value::Null)?).await)
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn items(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
