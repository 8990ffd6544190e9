//! ImportDocumentationParts, and the parts that other imports bring along.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Cx;
use wire::Blob;

use super::document::merges;
use super::documentation_part::{LocationShape, validate_properties};
use crate::ApiGateway;
use crate::document::documentation::listed;
use crate::document::{self, Document};
use crate::error::Error;
use crate::model::rest::{api, documentation};
use crate::ops;
use crate::types::documentation::Part;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportInput {
    pub rest_api_id: String,
    pub mode: Option<String>,
    pub fail_on_warnings: bool,
    pub body: Blob,
}

#[derive(Debug, Serialize)]
pub struct ImportOutput {
    pub ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

pub async fn import(_: Arc<ApiGateway>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    let merge = merges(input.mode.as_deref())?;
    api::find(&cx.db().read()?, cx.region().as_str(), &input.rest_api_id)?;
    let (parts, warnings) = parts(&cx, &listed(&read(&input.body)?))?;
    document::check_warnings(&warnings, input.fail_on_warnings)?;
    let region = cx.region().to_string();
    let import = move |tx: &mut kv::Tx| {
        api::find(tx, &region, &input.rest_api_id)?;
        documentation::import(tx, &input.rest_api_id, &parts, merge)
    };
    Ok(ImportOutput { ids: cx.db().write(import).await?, warnings })
}

/// A document, of which AWS says no more than that it is none.
fn read(body: &[u8]) -> Result<Document, Error> {
    let unreadable = || Error::bad("Unable to build importer with provided input.");
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    Document::parse(text).map_err(|error| match error {
        Error::BadRequest(_) => unreadable(),
        other => other,
    })
}

/// What a document says of parts, with warnings of what is said of no part.
///
/// # Errors
/// When it says something of one place twice, or more than an API can have.
pub fn parts(cx: &Cx, listed: &[Value]) -> Result<(Vec<Part>, Vec<String>), Error> {
    documentation::check_number(listed.len())?;
    let (mut parts, mut warnings, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, value) in listed.iter().enumerate() {
        match part(cx, value) {
            Ok(part) if !seen.insert(part.location.clone()) => {
                let place = documentation::told(&part.location);
                return Err(Error::bad(format!(
                    "Errors found during import:\n\tDuplicate documentation part for location: {place}"
                )));
            }
            Ok(part) => parts.push(part),
            Err(error) => warnings.push(format!("Ignoring documentation part {}: {error}", number + 1)),
        }
    }
    Ok((parts, warnings))
}

fn part(cx: &Cx, value: &Value) -> Result<Part, Error> {
    let location = value.get("location").cloned().unwrap_or_default();
    let location: LocationShape = serde_json::from_value(location).map_err(|error| Error::bad(error.to_string()))?;
    // Documents have an object; a text is what operations have.
    let properties = match value.get("properties") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    validate_properties(&properties)?;
    Ok(Part { id: ops::part_id(cx), location: location.location()?, properties })
}
