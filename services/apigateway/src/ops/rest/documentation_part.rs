//! CreateDocumentationPart, GetDocumentationPart, GetDocumentationParts, UpdateDocumentationPart, DeleteDocumentationPart.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Cx;

use super::Items;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, documentation, undocumented};
use crate::ops::{self, Empty, validate_length};
use crate::types::documentation::{ANY, Kind, Location, Part, ROOT};

/// A place as operations and documents have it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocationShape {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<Location> for LocationShape {
    fn from(location: Location) -> LocationShape {
        let Location { kind, path, method, status, name } = location;
        LocationShape { kind: kind.word().into(), path, method, status_code: status, name }
    }
}

impl LocationShape {
    /// The place, with the defaults of its kind.
    ///
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-content-representation.html>
    pub fn location(self) -> Result<Location, Error> {
        let kind = kind("createDocumentationPartInput.location.type", &self.kind)?;
        let location = Location {
            kind,
            path: member(kind, "path", kind.has_path(), self.path, Some(ROOT))?.map(rooted),
            method: member(kind, "method", kind.has_method(), self.method, Some(ANY))?.map(|m| m.to_ascii_uppercase()),
            status: member(kind, "statusCode", kind.has_status(), self.status_code, Some(ANY))?,
            name: member(kind, "name", kind.has_name(), self.name, None)?,
        };
        validate(&location)?;
        Ok(location)
    }
}

fn kind(member: &str, word: &str) -> Result<Kind, Error> {
    Kind::of(word).ok_or_else(|| Error::not_among(member, word, &Kind::ALL.map(Kind::word)))
}

/// A member that places of a kind may have; an empty one is none.
fn member(
    kind: Kind,
    name: &str,
    is_known: bool,
    value: Option<String>,
    default: Option<&str>,
) -> Result<Option<String>, Error> {
    match value.filter(|value| !value.trim().is_empty()) {
        Some(_) if !is_known => Err(Error::bad(format!(
            "Invalid documentation part location: '{name}' is not a valid field for type '{}'",
            kind.word()
        ))),
        Some(value) => Ok(Some(value)),
        None => Ok(default.filter(|_| is_known).map(str::to_owned)),
    }
}

/// Serverless writes paths without the slash at their beginning.
fn rooted(path: String) -> String {
    if path.starts_with('/') { path } else { format!("/{path}") }
}

fn validate(location: &Location) -> Result<(), Error> {
    if location.kind.needs_name() && location.name.is_none() {
        return Err(Error::bad(format!(
            "Invalid documentation part location: 'name' is required for type '{}'",
            location.kind.word()
        )));
    }
    let digits = |status: &str| status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    let is_status = |status: &str| status == ANY || (digits(status) && (b'1'..=b'5').contains(&status.as_bytes()[0]));
    if let Some(status) = location.status.as_ref().filter(|status| !is_status(status)) {
        return Err(Error::bad(format!("Invalid documentation part location: '{status}' is no status code")));
    }
    let is_method = |method: &str| method == ANY || crate::document::METHODS.iter().any(|(_, known)| *known == method);
    if let Some(method) = location.method.as_ref().filter(|method| !is_method(method)) {
        return Err(Error::bad(format!("Invalid documentation part location: '{method}' is no HTTP method")));
    }
    validate_length("path", location.path.as_deref(), limits::URI_CHARACTERS_MAX)?;
    validate_length("name", location.name.as_deref(), limits::NAME_CHARACTERS_MAX)
}

/// Whether a text is what can be said of a place: a JSON object.
pub fn validate_properties(text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::bad("Documentation part properties must be non-empty"));
    }
    if text.len() > limits::DOCUMENTATION_PART_BYTES_MAX {
        return Err(Error::bad(format!(
            "The properties of a documentation part can have {} bytes at most",
            limits::DOCUMENTATION_PART_BYTES_MAX
        )));
    }
    let parsed: Result<Map<String, Value>, _> = serde_json::from_str(text);
    parsed.map(drop).map_err(|error| Error::bad(format!("Invalid JSON in documentation part properties: {error}")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub location: LocationShape,
    pub properties: String,
}

/// A place of which nothing is said yet has neither an id nor properties.
#[derive(Debug, Serialize)]
pub struct PartOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub location: LocationShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<String>,
}

impl From<Part> for PartOutput {
    fn from(part: Part) -> PartOutput {
        PartOutput { id: Some(part.id), location: part.location.into(), properties: Some(part.properties) }
    }
}

impl From<Location> for PartOutput {
    fn from(location: Location) -> PartOutput {
        PartOutput { id: None, location: location.into(), properties: None }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<PartOutput, Error> {
    let made = Part { id: ops::part_id(&cx), location: input.location.location()?, properties: input.properties };
    validate_properties(&made.properties)?;
    let (stored, region) = (made.clone(), cx.region().to_string());
    let create = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        documentation::create(tx, &input.rest_api_id, &stored)
    };
    cx.db().write(create).await?;
    Ok(made.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PartInput {
    pub rest_api_id: String,
    pub documentation_part_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: PartInput) -> Result<PartOutput, Error> {
    let (read, region) = (cx.db().read()?, cx.region());
    Ok(documentation::find(&read, region.as_str(), &input.rest_api_id, &input.documentation_part_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub rest_api_id: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What the name begins with.
    pub name_query: Option<String>,
    pub path: Option<String>,
    pub location_status: Option<String>,
    pub position: Option<String>,
    pub limit: Option<usize>,
}

impl ListInput {
    /// Whether places are wanted of which nothing is said.
    fn undocumented(&self) -> Result<bool, Error> {
        match self.location_status.as_deref() {
            None | Some("DOCUMENTED") => Ok(false),
            Some("UNDOCUMENTED") => Ok(true),
            Some(other) => Err(Error::not_among(
                "getDocumentationPartsInput.locationStatus",
                other,
                &["UNDOCUMENTED", "DOCUMENTED"],
            )),
        }
    }

    fn wants(&self, kind: Option<Kind>, location: &Location) -> bool {
        let name = location.name.as_deref().unwrap_or_default();
        kind.is_none_or(|kind| location.kind == kind)
            && self.name_query.as_ref().is_none_or(|start| name.starts_with(start.as_str()))
            && (self.path.is_none() || self.path == location.path)
    }
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<PartOutput>, Error> {
    let wanted = input.kind.as_deref().map(|word| kind("getDocumentationPartsInput.type", word)).transpose()?;
    let (undocumented, read) = (input.undocumented()?, cx.db().read()?);
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let parts = documentation::list(&read, &input.rest_api_id)?;
    let mut all: Vec<(Location, PartOutput)> = if undocumented {
        let known: HashSet<_> = parts.iter().map(|part| &part.location).collect();
        let places = undocumented::places(&read, &input.rest_api_id)?.into_iter();
        places.filter(|place| !known.contains(place)).map(|place| (place.clone(), place.into())).collect()
    } else {
        parts.into_iter().map(|part| (part.location.clone(), part.into())).collect()
    };
    all.retain(|(location, _)| input.wants(wanted, location));
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(|(_, shown)| shown).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub part: PartInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<PartOutput, Error> {
    let patches = patch::parse(input.patch_operations)?;
    patches.iter().try_for_each(check)?;
    let (region, PartInput { rest_api_id, documentation_part_id }) = (cx.region().to_string(), input.part);
    let update = move |tx: &mut kv::Tx| match patches.last() {
        Some(patch) => documentation::update(tx, &region, &rest_api_id, &documentation_part_id, &patch.value),
        None => documentation::find(tx, &region, &rest_api_id, &documentation_part_id),
    };
    Ok(cx.db().write(update).await?.into())
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateDocumentationPart-Patch>
fn check(patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["properties"]) => validate_properties(&patch.value),
        _ => Err(patch.not_among(&["/properties"])),
    }
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: PartInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let delete =
        move |tx: &mut kv::Tx| documentation::delete(tx, &region, &input.rest_api_id, &input.documentation_part_id);
    cx.db().write(delete).await?;
    Ok(Empty {})
}
