//! `AWS::Lambda::LayerVersion`: any change makes another version.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TEXTS, fixed, ignored};
use super::super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, text};
use super::function::{CODE, package};
use crate::state::Deployed;

pub struct LayerVersion;

#[async_trait]
impl Resource for LayerVersion {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::LayerVersion"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("LayerName", Shape::Text),
                fixed("Content", Shape::Struct(CODE)).required(),
                fixed("Description", Shape::Text),
                fixed("LicenseInfo", Shape::Text),
                fixed("CompatibleRuntimes", TEXTS),
                ignored("CompatibleArchitectures"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["LayerVersionArn"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, &["Description", "LicenseInfo", "CompatibleRuntimes"]);
        input["LayerName"] = json!(cx.name_or_generated(wanted, "LayerName", 64));
        input["Content"] = package(cx, wanted.get("Content").unwrap_or(&Value::Null)).await?;
        let made = cx.call("lambda", "PublishLayerVersion", input).await?;
        let arn = text(&made, "LayerVersionArn")?;
        Ok(Made::new(arn, [("LayerVersionArn", json!(arn))]))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let unreadable = || ResourceError::Unfit(format!("`{}` is not the ARN of a layer version", old.physical_id));
        let (layer, version) = old.physical_id.rsplit_once(':').ok_or_else(unreadable)?;
        let version: u64 = version.parse().map_err(|_| unreadable())?;
        deleted(cx.call("lambda", "DeleteLayerVersion", json!({"LayerName": layer, "VersionNumber": version})).await)
    }
}
