//! `AWS::ApiGateway::Model`, `RequestValidator` and `GatewayResponse`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::super::shape::{Property, Shape, fixed, property, text as scalar_text};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, only, text, text_of};
use super::replace;
use crate::state::Deployed;

pub struct Model;

#[async_trait]
impl Resource for Model {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Model"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("Name", Shape::Text),
                fixed("ContentType", Shape::Text),
                property("Description", Shape::Text),
                property("Schema", Shape::Json),
            ]
        }
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = lower_members(only(wanted, &["RestApiId", "Description"]));
        // Names of models are letters and digits.
        let name: String =
            cx.name_or_generated(wanted, "Name", 128).chars().filter(char::is_ascii_alphanumeric).collect();
        input["name"] = json!(name);
        input["contentType"] = wanted.get("ContentType").cloned().unwrap_or_else(|| json!("application/json"));
        input["schema"] = json!(schema(wanted));
        cx.call("apigateway", "CreateModel", input).await?;
        Ok(Made::new(name, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let description = wanted.get("Description").and_then(scalar_text).unwrap_or_default();
        let changes = [replace("/description", description), replace("/schema", schema(wanted))];
        let api = text_of(wanted, "RestApiId")?;
        let input = json!({"restApiId": api, "modelName": old.physical_id, "patchOperations": changes});
        cx.call("apigateway", "UpdateModel", input).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"restApiId": text_of(&old.properties, "RestApiId")?, "modelName": old.physical_id});
        deleted(cx.call("apigateway", "DeleteModel", input).await)
    }
}

/// The schema as text, whichever way the template has it.
fn schema(wanted: &Properties) -> String {
    match wanted.get("Schema") {
        None | Some(Value::Null) => "{}".into(),
        Some(Value::String(text)) => text.clone(),
        Some(schema) => schema.to_string(),
    }
}

pub struct RequestValidator;

#[async_trait]
impl Resource for RequestValidator {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::RequestValidator"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("Name", Shape::Text),
                property("ValidateRequestBody", Shape::Boolean),
                property("ValidateRequestParameters", Shape::Boolean),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["RequestValidatorId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let members = ["RestApiId", "ValidateRequestBody", "ValidateRequestParameters"];
        let mut input = lower_members(only(wanted, &members));
        input["name"] = json!(cx.name_or_generated(wanted, "Name", 128));
        let made = cx.call("apigateway", "CreateRequestValidator", input).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("RequestValidatorId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let flag = |name: &str| wanted.get(name).and_then(scalar_text).unwrap_or_else(|| "false".into());
        let changes = [
            replace("/validateRequestBody", flag("ValidateRequestBody")),
            replace("/validateRequestParameters", flag("ValidateRequestParameters")),
        ];
        let api = text_of(wanted, "RestApiId")?;
        let input = json!({"restApiId": api, "requestValidatorId": old.physical_id, "patchOperations": changes});
        cx.call("apigateway", "UpdateRequestValidator", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"restApiId": text_of(&old.properties, "RestApiId")?, "requestValidatorId": old.physical_id});
        deleted(cx.call("apigateway", "DeleteRequestValidator", input).await)
    }
}

pub struct GatewayResponse;

#[async_trait]
impl Resource for GatewayResponse {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::GatewayResponse"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("ResponseType", Shape::Text).required(),
                property("StatusCode", Shape::Text),
                property("ResponseParameters", Shape::TextMap),
                property("ResponseTemplates", Shape::TextMap),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        put(cx, wanted).await?;
        Ok(Made::new(cx.generated_name(128), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, wanted).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let (api, kind) = (text_of(&old.properties, "RestApiId")?, text_of(&old.properties, "ResponseType")?);
        let input = json!({"restApiId": api, "responseType": kind});
        deleted(cx.call("apigateway", "DeleteGatewayResponse", input).await)
    }
}

async fn put(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let all: Map<String, Value> = wanted.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    cx.call("apigateway", "PutGatewayResponse", lower_members(Value::Object(all))).await.map(drop)
}
