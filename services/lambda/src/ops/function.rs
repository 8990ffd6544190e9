//! CreateFunction, GetFunction, GetFunctionConfiguration, UpdateFunctionCode, UpdateFunctionConfiguration,
//! DeleteFunction, ListFunctions.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::Blob;

use super::configuration::{Configuration, SettingsInput};
use super::package::CodeInput;
use super::{Empty, FunctionInput, marker, next_marker, page_size};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{self, function, layer, version};
use crate::name::{FunctionRef, Qualifier};
use crate::spec;
use crate::types::{Code, Function, LayerUse, Version};
use crate::warming::warm;

pub async fn create(lambda: Arc<Lambda>, cx: Cx, mut input: SettingsInput) -> Result<Configuration, Error> {
    if input.package_type.as_deref() == Some("Image") {
        return Err(super::configuration::images());
    }
    input.check_supported()?;
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    check_name(&reference.name)?;
    let mut constraints = Constraints::default();
    constraints.required(input.role.as_deref(), "role");
    input.check_constraints(constraints)?;
    let settings = input.create()?;
    function::check_tags(&input.tags)?;
    let package = input.code.take().unwrap_or_default().package()?;
    lambda.roles.check(&cx, &settings.role).await?;
    let stored = package.store(&lambda.code, &cx, "CreateFunction").await?;
    let layers = layers(&cx, input.layers.as_deref().unwrap_or_default(), &stored.code)?;
    let latest = Version {
        number: 0,
        description: input.description.unwrap_or_default(),
        settings,
        code: stored.code.clone(),
        layers,
        modified: cx.now(),
        revision: cx.env().uuid(),
        runtime_on_update: false,
    };
    let function = Function {
        name: reference.name.clone(),
        arn: reference.arn(),
        next_version: 1,
        tags: input.tags,
        reserved_concurrency: None,
        recursion_allowed: false,
    };
    let (created, publish) = (function.clone(), input.publish);
    let ready = latest.clone();
    let version = cx.db().write(move |tx| function::create(tx, &created, &latest, publish)).await?;
    warm(&lambda, &cx, &function, &ready);
    Ok(if version.number > 0 {
        Configuration::of_version(&function, version)
    } else {
        Configuration::new(&function, version, &function.arn)
    })
}

/// Lambda refuses a name that is too long by itself, with another code than the pattern.
fn check_name(name: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.length(Some(name), "functionName", limits::FUNCTION_NAME_CHARACTERS_MAX);
    constraints.check().map_err(|violations| Error::InvalidParameterValue(violations.0))
}

/// The layers that a function names, and whether they fit together with its code.
fn layers(cx: &Cx, arns: &[String], code: &Code) -> Result<Vec<LayerUse>, Error> {
    if arns.len() > limits::LAYERS_MAX {
        return Err(Error::invalid(format!("Cannot reference more than {} layers.", limits::LAYERS_MAX)));
    }
    let read = cx.db().read()?;
    let mut layers: Vec<LayerUse> = Vec::with_capacity(arns.len());
    for text in arns {
        let arn: Arn = text.parse().map_err(|_| Error::invalid(format!("Layer version {text} is not an ARN.")))?;
        if arn.service == "lambda" && arn.region != cx.region().as_str() {
            return Err(Error::invalid(format!(
                "Layers are not in the same region as the function. Layers are expected to be in region {}.",
                cx.region()
            )));
        }
        let found = layer::of_arn(&read, &arn)?
            .ok_or_else(|| Error::invalid(format!("Layer version {arn} does not exist.")))?;
        let name = |arn: &Arn| arn.resource.rsplit_once(':').map(|(layer, _)| layer.to_owned());
        if let Some(other) = layers.iter().find(|layer| name(&layer.arn) == name(&arn)) {
            return Err(Error::invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {} and {arn} are versions of the same layer.",
                other.arn
            )));
        }
        layers.push(LayerUse { arn, code: found.code });
    }
    check_total(&layers, code)?;
    Ok(layers)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetFunctionOutput {
    pub configuration: Configuration,
    pub code: CodeLocation,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CodeLocation {
    pub repository_type: &'static str,
    pub location: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Concurrency {
    pub reserved_concurrent_executions: u32,
}

pub async fn get(lambda: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<GetFunctionOutput, Error> {
    let (function, version, reference) = find(&cx, &input)?;
    let location = lambda.downloads.url(&cx, &version.code.blob);
    Ok(GetFunctionOutput {
        code: CodeLocation { repository_type: "S3", location },
        tags: function.tags.clone(),
        concurrency: function
            .reserved_concurrency
            .map(|executions| Concurrency { reserved_concurrent_executions: executions }),
        configuration: Configuration::of_reference(&function, version, &reference),
    })
}

pub async fn get_configuration(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Configuration, Error> {
    let (function, version, reference) = find(&cx, &input)?;
    Ok(Configuration::of_reference(&function, version, &reference))
}

/// GetFunctionCodeSigningConfig: code signing is refused, so each function is one without, for which AWS names none.
pub async fn get_code_signing(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Empty, Error> {
    find(&cx, &input).map(|_| Empty {})
}

fn find(cx: &Cx, input: &FunctionInput) -> Result<(Function, Version, FunctionRef), Error> {
    let reference = FunctionRef::parse(cx, &input.function_name, input.qualifier.as_deref())?;
    let resolved = function::resolve(&cx.db().read()?, &reference, 1.0)?;
    Ok((resolved.function, resolved.version, reference))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateCodeInput {
    pub function_name: String,
    pub zip_file: Option<Blob>,
    pub s3_bucket: Option<String>,
    pub s3_key: Option<String>,
    pub s3_object_version: Option<String>,
    pub image_uri: Option<String>,
    pub architectures: Option<Vec<String>>,
    pub publish: bool,
    pub dry_run: bool,
    pub revision_id: Option<String>,
}

pub async fn update_code(lambda: Arc<Lambda>, cx: Cx, input: UpdateCodeInput) -> Result<Configuration, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let settings = SettingsInput { architectures: input.architectures, ..SettingsInput::default() };
    settings.check_constraints(Constraints::default())?;
    let current = version::find(&cx.db().read()?, &reference, 0)?;
    model::check_revision(input.revision_id.as_deref(), &current.revision, "GetFunction/GetAlias")?;
    let UpdateCodeInput { zip_file, s3_bucket, s3_key, s3_object_version, image_uri, .. } = input;
    let code = CodeInput { zip_file, s3_bucket, s3_key, s3_object_version, image_uri };
    if code.image_uri.is_some() {
        return Err(Error::invalid("Please don't provide ImageUri when updating a function with packageType Zip."));
    }
    let stored = code.package()?.store(&lambda.code, &cx, "UpdateFunctionCode").await?;
    check_total(&current.layers, &stored.code)?;
    let (code, now, revision) = (stored.code.clone(), cx.now(), cx.env().uuid());
    let change = move |before: Version| {
        let settings = settings.apply(&before.settings)?;
        let (code, revision) = (code.clone(), revision.clone());
        Ok(Version { settings, code, modified: now, revision, ..before })
    };
    if input.dry_run {
        let function = function::find(&cx.db().read()?, &reference)?;
        return Ok(Configuration::new(&function, change(current)?, &function.arn));
    }
    update(&lambda, &cx, &reference, input.revision_id, input.publish, change).await
}

fn check_total(layers: &[LayerUse], code: &Code) -> Result<(), Error> {
    let bytes = code.unpacked_bytes + layers.iter().map(|layer| layer.code.unpacked_bytes).sum::<u64>();
    if bytes <= limits::UNPACKED_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Function code combined with layers exceeds the maximum allowed size of {} bytes. The actual size is {bytes} bytes.",
        limits::UNPACKED_BYTES_MAX
    )))
}

pub async fn update_configuration(lambda: Arc<Lambda>, cx: Cx, input: SettingsInput) -> Result<Configuration, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    input.check_supported()?;
    input.check_constraints(Constraints::default())?;
    let current = version::find(&cx.db().read()?, &reference, 0)?;
    input.apply(&current.settings)?;
    if let Some(role) = input.role.as_deref().and_then(super::configuration::role_arn) {
        lambda.roles.check(&cx, &role).await?;
    }
    let layers = input.layers.as_deref().map(|arns| layers(&cx, arns, &current.code)).transpose()?;
    let (now, revision, expected) = (cx.now(), cx.env().uuid(), input.revision_id.clone());
    let change = move |before: Version| {
        Ok(Version {
            settings: input.apply(&before.settings)?,
            description: input.description.clone().unwrap_or(before.description),
            layers: layers.clone().unwrap_or(before.layers),
            modified: now,
            revision: revision.clone(),
            ..before
        })
    };
    update(&lambda, &cx, &reference, expected, false, change).await
}

/// Changes `$LATEST`, and lets the instances of what it was go.
async fn update(
    lambda: &Arc<Lambda>,
    cx: &Cx,
    reference: &FunctionRef,
    revision: Option<String>,
    publish: bool,
    change: impl Fn(Version) -> Result<Version, Error> + Send + 'static,
) -> Result<Configuration, Error> {
    let target = reference.clone();
    let (function, before, after, published) = cx
        .db()
        .write(move |tx| {
            let (function, before, after) = function::update(tx, &target, revision.as_deref(), &change)?;
            let published = if publish { Some(version::publish(tx, &function, &after, None)?) } else { None };
            Ok::<_, Error>((function, before, after, published))
        })
        .await?;
    lambda.retire(&spec::key(&function.arn, &before));
    warm(lambda, cx, &function, &after);
    Ok(match published {
        Some(version) => Configuration::of_version(&function, version),
        None => Configuration::new(&function, after, &function.arn),
    })
}

pub async fn delete(lambda: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Empty, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let arn = reference.arn();
    let gone = match &reference.qualifier {
        None => {
            let (region, name) = (reference.region.clone(), reference.name.clone());
            let gone = cx.db().write(move |tx| function::delete(tx, &reference)).await?;
            lambda.executions.forget(region.as_str(), &name);
            gone
        }
        Some(Qualifier::Version(number)) => {
            let number = *number;
            cx.db().write(move |tx| version::delete(tx, &reference, number)).await?.into_iter().collect()
        }
        Some(Qualifier::Latest) => {
            return Err(Error::invalid("$LATEST version cannot be deleted without deleting the function."));
        }
        Some(Qualifier::Alias(_)) => {
            return Err(Error::invalid("Deletion of aliases is not currently supported."));
        }
    };
    gone.iter().for_each(|version| lambda.retire(&spec::key(&arn, version)));
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub function_version: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub functions: Vec<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.one_of(input.function_version.as_deref(), "functionVersion", &["ALL"]);
    constraints.check()?;
    let limit = page_size(input.max_items)?;
    let after = marker(input.marker.as_deref())?;
    let (read, region) = (cx.db().read()?, cx.region().as_str());
    if input.function_version.is_some() {
        let after = after.as_deref().map(parse_version_marker).transpose()?;
        let (page, next) = function::list_versions(&read, region, after, limit)?;
        let functions =
            page.into_iter().map(|(function, version)| Configuration::of_version(&function, version)).collect();
        return Ok(ListOutput { functions, next_marker: next_marker(next) });
    }
    let (page, next) = function::list(&read, region, after.as_deref(), limit)?;
    let functions =
        page.into_iter().map(|(function, latest)| Configuration::new(&function, latest, &function.arn)).collect();
    Ok(ListOutput { functions, next_marker: next_marker(next) })
}

fn parse_version_marker(marker: &str) -> Result<(&str, u64), Error> {
    let parsed = marker.split_once(':').and_then(|(name, number)| Some((name, number.parse().ok()?)));
    parsed.ok_or_else(|| Error::invalid("Invalid pagination token"))
}
