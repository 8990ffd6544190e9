//! `AWS::ApiGateway::DocumentationPart` and `DocumentationVersion`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Field, Property, Shape, fixed, property, text as scalar_text};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, lower_members, only, text, text_of};
use super::replace;
use crate::state::Deployed;

const LOCATION: &[Field] = &[
    ("Type", Shape::Text),
    ("Path", Shape::Text),
    ("Method", Shape::Text),
    ("StatusCode", Shape::Text),
    ("Name", Shape::Text),
];

pub struct DocumentationPart;

#[async_trait]
impl Resource for DocumentationPart {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::DocumentationPart"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("Location", Shape::Struct(LOCATION)).required(),
                property("Properties", Shape::Json).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["DocumentationPartId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = lower_members(only(wanted, &["RestApiId"]));
        input["location"] = lower_members(wanted.get("Location").cloned().unwrap_or_default());
        input["properties"] = json!(said(wanted));
        let made = cx.call("apigateway", "CreateDocumentationPart", input).await?;
        let id = text(&made, "id")?;
        Ok(Made::new(id, [("DocumentationPartId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let api = text_of(wanted, "RestApiId")?;
        let changes = [replace("/properties", said(wanted))];
        let input = json!({"restApiId": api, "documentationPartId": old.physical_id, "patchOperations": changes});
        cx.call("apigateway", "UpdateDocumentationPart", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let api = text_of(&old.properties, "RestApiId")?;
        let input = json!({"restApiId": api, "documentationPartId": old.physical_id});
        deleted(cx.call("apigateway", "DeleteDocumentationPart", input).await)
    }
}

/// What is said as text, whichever way the template has it.
fn said(wanted: &Properties) -> String {
    match wanted.get("Properties") {
        Some(Value::String(text)) => text.clone(),
        Some(said) => said.to_string(),
        None => String::new(),
    }
}

/// A picture of the parts that are there when it is made: templates let it depend on them.
pub struct DocumentationVersion;

#[async_trait]
impl Resource for DocumentationVersion {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::DocumentationVersion"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("DocumentationVersion", Shape::Text).required(),
                property("Description", Shape::Text),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let input = lower_members(only(wanted, &["RestApiId", "DocumentationVersion", "Description"]));
        cx.call("apigateway", "CreateDocumentationVersion", input).await?;
        Ok(Made::new(text_of(wanted, "DocumentationVersion")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let description = wanted.get("Description").and_then(scalar_text).unwrap_or_default();
        let changes = [replace("/description", description)];
        let api = text_of(wanted, "RestApiId")?;
        let input = json!({"restApiId": api, "documentationVersion": old.physical_id, "patchOperations": changes});
        cx.call("apigateway", "UpdateDocumentationVersion", input).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let api = text_of(&old.properties, "RestApiId")?;
        let input = json!({"restApiId": api, "documentationVersion": old.physical_id});
        deleted(cx.call("apigateway", "DeleteDocumentationVersion", input).await)
    }
}
