//! `AWS::SSM::Parameter`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, fixed, property};
use super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, tags, text_of};
use crate::state::Deployed;

pub struct Parameter;

#[async_trait]
impl Resource for Parameter {
    fn kind(&self) -> &'static str {
        "AWS::SSM::Parameter"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property("Type", Shape::Text).required(),
                property("Value", Shape::Text).required(),
                property("Description", Shape::Text),
                property("AllowedPattern", Shape::Text),
                property("DataType", Shape::Text),
                property("Policies", Shape::Text),
                property("Tier", Shape::Text),
                property("Tags", Shape::TextMap),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Type", "Value"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 128);
        put(cx, &name, wanted, false).await
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let name = &old.physical_id;
        let (set, gone) = tags::changes(&tags_of(&old.properties), &tags_of(wanted));
        let of = json!({"ResourceType": "Parameter", "ResourceId": name});
        let made = put(cx, name, wanted, true).await?;
        if !set.is_empty() {
            let mut input = of.clone();
            input["Tags"] = tags::list(&set);
            cx.call("ssm", "AddTagsToResource", input).await?;
        }
        if !gone.is_empty() {
            let mut input = of;
            input["TagKeys"] = json!(gone);
            cx.call("ssm", "RemoveTagsFromResource", input).await?;
        }
        Ok(made)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("ssm", "DeleteParameter", json!({"Name": old.physical_id})).await)
    }
}

/// Here they are a mapping.
fn tags_of(properties: &Properties) -> Map<String, Value> {
    properties.get("Tags").and_then(Value::as_object).cloned().unwrap_or_default()
}

async fn put(cx: &Cx<'_>, name: &str, wanted: &Properties, overwrite: bool) -> Result<Made> {
    if text_of(wanted, "Type")? == "SecureString" {
        let why =
            "a template makes no SecureString, as its value would be in the template: put it with the SDK or the CLI";
        return Err(ResourceError::Unfit(why.into()));
    }
    let names = ["Type", "Value", "Description", "AllowedPattern", "DataType", "Policies", "Tier"];
    let mut input = only(wanted, &names);
    input["Name"] = json!(name);
    input["Overwrite"] = json!(overwrite);
    if !overwrite {
        input["Tags"] = tags::list(&tags_of(wanted));
    }
    cx.call("ssm", "PutParameter", input).await?;
    Ok(Made::new(name, [("Type", wanted["Type"].clone()), ("Value", wanted["Value"].clone())]))
}
