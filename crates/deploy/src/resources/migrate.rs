//! `Custom::CloudletMigration`: what a legacy backend and functions share.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Field, Property, Shape, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, text};
use crate::state::Deployed;

pub struct Migration;

const SERVICE: &str = "cloudlet-migrate";
const CONDITION: Shape = Shape::Struct(&[("Name", Shape::Text), ("Value", Shape::Text)]);
const ROUTE: &[Field] = &[
    ("Path", Shape::Text),
    ("Method", Shape::Text),
    ("FunctionArn", Shape::Text),
    // Numbers with a fraction.
    ("Weight", Shape::Json),
    ("Sticky", Shape::Boolean),
    ("Header", CONDITION),
    ("Cookie", CONDITION),
    ("Shadow", Shape::Json),
    ("ShadowUnsafe", Shape::Boolean),
];

#[async_trait]
impl Resource for Migration {
    fn kind(&self) -> &'static str {
        "Custom::CloudletMigration"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property("Legacy", Shape::Text).required(),
                property("Hosts", TEXTS),
                property("Routes", Shape::List(&Shape::Struct(ROUTE))),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "Id", "Url"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 128);
        put(cx, &name, wanted).await
    }

    /// What has been shifted by command stays so, unless the template says something else than before.
    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, &old.physical_id, wanted).await
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(SERVICE, "DeleteMigration", json!({"Name": old.physical_id})).await)
    }
}

async fn put(cx: &Cx<'_>, name: &str, wanted: &Properties) -> Result<Made> {
    let mut input = Value::Object(wanted.clone());
    input["Name"] = json!(name);
    let made = cx.call(SERVICE, "PutMigration", input).await?;
    let attribute = |name: &str| text(&made, name).map(|text| json!(text));
    Ok(Made::new(name, [("Arn", attribute("Arn")?), ("Id", attribute("Id")?), ("Url", attribute("Url")?)]))
}
