//! PublishLayerVersion, GetLayerVersion, GetLayerVersionByArn, ListLayers, ListLayerVersions, DeleteLayerVersion.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::configuration::{ARCHITECTURES, timestamp};
use super::package::CodeInput;
use super::{Empty, marker, next_marker, number_marker, page_size};
use crate::Lambda;
use crate::constraints::{Constraints, is_word};
use crate::error::Error;
use crate::limits;
use crate::model::layer;
use crate::types::LayerVersion;

const NAME_PATTERN: &str = "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublishInput {
    pub layer_name: String,
    pub description: Option<String>,
    pub content: Option<CodeInput>,
    pub compatible_runtimes: Vec<String>,
    pub compatible_architectures: Vec<String>,
    pub license_info: Option<String>,
}

/// A layer version as every operation shows it; lists leave out the content.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LayerOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    pub layer_arn: String,
    pub layer_version_arn: String,
    pub description: String,
    pub created_date: String,
    pub version: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compatible_runtimes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compatible_architectures: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_info: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Content {
    pub location: String,
    pub code_sha256: String,
    pub code_size: u64,
}

impl LayerOutput {
    fn new(layer: LayerVersion) -> LayerOutput {
        LayerOutput {
            content: None,
            layer_arn: layer_arn(&layer.arn),
            layer_version_arn: layer.arn.to_string(),
            description: layer.description,
            created_date: timestamp(layer.created),
            version: layer.number,
            compatible_runtimes: layer.runtimes,
            compatible_architectures: layer.architectures,
            license_info: layer.license,
        }
    }

    fn with_content(lambda: &Lambda, cx: &Cx, layer: LayerVersion) -> LayerOutput {
        let content = Content {
            location: lambda.downloads.url(cx, &layer.code.blob),
            code_sha256: layer.code.sha256(),
            code_size: layer.code.bytes,
        };
        LayerOutput { content: Some(content), ..LayerOutput::new(layer) }
    }
}

/// The layer's ARN, without the version.
fn layer_arn(version: &Arn) -> String {
    let text = version.to_string();
    text.rsplit_once(':').map_or(text.clone(), |(layer, _)| layer.to_owned())
}

/// The name that a name or an ARN stands for, in this region and account.
pub fn layer_name(cx: &Cx, text: &str) -> Result<String, Error> {
    let prefix = cx.arn("lambda", "layer:").to_string();
    let name = text.strip_prefix(&prefix).unwrap_or(text);
    let mut constraints = Constraints::default();
    constraints.length(Some(text), "layerName", limits::FUNCTION_REFERENCE_CHARACTERS_MAX);
    constraints.pattern(Some(text), "layerName", NAME_PATTERN, |_| is_word(name));
    constraints.check()?;
    Ok(name.to_owned())
}

/// The resource to ask permission for.
pub fn layer_resource(cx: &Cx, name: &str) -> String {
    layer_name(cx, name).map_or_else(|_| "*".into(), |name| cx.arn("lambda", format!("layer:{name}")).to_string())
}

pub fn version_resource(cx: &Cx, input: &VersionInput) -> String {
    format!("{}:{}", layer_resource(cx, &input.layer_name), input.version_number.unwrap_or_default())
}

pub async fn publish(lambda: Arc<Lambda>, cx: Cx, input: PublishInput) -> Result<LayerOutput, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let mut constraints = Constraints::default();
    constraints.length(input.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
    constraints.length(input.license_info.as_deref(), "licenseInfo", 512);
    for architecture in &input.compatible_architectures {
        constraints.one_of(Some(architecture), "compatibleArchitectures", &ARCHITECTURES);
    }
    constraints.check()?;
    let package = input.content.unwrap_or_default().package()?;
    let stored = package.store(&lambda.code, &cx, "PublishLayerVersion").await?;
    let base = cx.arn("lambda", format!("layer:{name}"));
    let template = LayerVersion {
        number: 0,
        arn: base.clone(),
        name: name.clone(),
        description: input.description.unwrap_or_default(),
        license: input.license_info,
        runtimes: input.compatible_runtimes,
        architectures: input.compatible_architectures,
        code: stored.code.clone(),
        created: cx.now(),
    };
    let numbered = move |number: u64| {
        let arn = Arn { resource: format!("{}:{number}", base.resource), ..base.clone() };
        LayerVersion { number, arn, ..template.clone() }
    };
    let region = cx.region().clone();
    let layer = cx.db().write(move |tx| layer::publish(tx, region.as_str(), &name, &numbered)).await?;
    Ok(LayerOutput::with_content(&lambda, &cx, layer))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VersionInput {
    pub layer_name: String,
    pub version_number: Option<u64>,
}

pub async fn get(lambda: Arc<Lambda>, cx: Cx, input: VersionInput) -> Result<LayerOutput, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let number = input.version_number.unwrap_or_default();
    let layer = layer::find(&cx.db().read()?, cx.region().as_str(), &name, number)?;
    Ok(LayerOutput::with_content(&lambda, &cx, layer.ok_or_else(Error::resource_not_found)?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ArnInput {
    pub arn: String,
}

pub async fn get_by_arn(lambda: Arc<Lambda>, cx: Cx, input: ArnInput) -> Result<LayerOutput, Error> {
    let arn: Arn = input.arn.parse().map_err(|_| Error::invalid(format!("{} is not an ARN.", input.arn)))?;
    let layer = layer::of_arn(&cx.db().read()?, &arn)?;
    Ok(LayerOutput::with_content(&lambda, &cx, layer.ok_or_else(Error::resource_not_found)?))
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: VersionInput) -> Result<Empty, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let (region, number) = (cx.region().clone(), input.version_number.unwrap_or_default());
    cx.db().write(move |tx| layer::delete(tx, region.as_str(), &name, number)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub layer_name: String,
    pub compatible_runtime: Option<String>,
    pub compatible_architecture: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

impl ListInput {
    /// Whether a layer says that it is for the runtime and the architecture that are asked for. That is all that it is said for:
    /// a function may have layers that do not say so.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html>
    fn keeps(&self, layer: &LayerVersion) -> bool {
        let fits = |wanted: &Option<String>, stated: &[String]| wanted.as_ref().is_none_or(|it| stated.contains(it));
        fits(&self.compatible_runtime, &layer.runtimes) && fits(&self.compatible_architecture, &layer.architectures)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListVersionsOutput {
    pub layer_versions: Vec<LayerOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list_versions(_: Arc<Lambda>, cx: Cx, input: ListInput) -> Result<ListVersionsOutput, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let (limit, before) = (page_size(input.max_items)?, number_marker(input.marker.as_deref())?);
    let keep = |layer: &LayerVersion| input.keeps(layer);
    let (layers, next) = layer::versions(&cx.db().read()?, cx.region().as_str(), &name, before, limit, keep)?;
    Ok(ListVersionsOutput {
        layer_versions: layers.into_iter().map(LayerOutput::new).collect(),
        next_marker: next_marker(next),
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub layers: Vec<ListedLayer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedLayer {
    pub layer_name: String,
    pub layer_arn: String,
    pub latest_matching_version: LayerOutput,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = (page_size(input.max_items)?, marker(input.marker.as_deref())?);
    let keep = |layer: &LayerVersion| input.keeps(layer);
    let (layers, next) = layer::list(&cx.db().read()?, cx.region().as_str(), after.as_deref(), limit, keep)?;
    let layers = layers.into_iter().map(|layer| ListedLayer {
        layer_name: layer.name.clone(),
        layer_arn: layer_arn(&layer.arn),
        latest_matching_version: LayerOutput::new(layer),
    });
    Ok(ListOutput { layers: layers.collect(), next_marker: next_marker(next) })
}
