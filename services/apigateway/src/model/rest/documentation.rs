//! What a REST API's owner says of its parts: making, finding, changing, importing and removing it.

use std::collections::HashMap;

use kv::{Order, Read, Tx};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::keys::{DOCUMENTATION_PARTS, Id};
use crate::limits;
use crate::model::rest::api;
use crate::types::documentation::{Location, Part};

/// Where the API is not there, nor is its part: AWS says the latter.
pub fn find(read: &(impl Read + ?Sized), region: &str, api: &str, id: &str) -> Result<Part, Error> {
    let invalid = || Error::invalid("Documentation part");
    api::find(read, region, api).map_err(|error| match error {
        Error::NotFound(_) => invalid(),
        other => other,
    })?;
    DOCUMENTATION_PARTS.get(read, (api, id))?.ok_or_else(invalid)
}

/// An API's parts, in order of their places.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Part>, Error> {
    let rows = DOCUMENTATION_PARTS.scan_prefix(read, api, Order::Forward)?.values();
    let mut parts = rows.collect::<Result<Vec<_>, _>>()?;
    parts.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(parts)
}

pub fn create(tx: &mut Tx, api: &str, part: &Part) -> Result<(), Error> {
    if list(tx, api)?.iter().any(|known| known.location == part.location) {
        return Err(Error::Conflict(format!(
            "Documentation part already exists for the specified location: {}.",
            told(&part.location)
        )));
    }
    put(tx, api, part)
}

/// A place as refusals have it: `type 'METHOD', path '/', method '*'`.
pub fn told(location: &Location) -> String {
    let members = [
        ("path", &location.path),
        ("method", &location.method),
        ("statusCode", &location.status),
        ("name", &location.name),
    ];
    let rest = members.into_iter().filter_map(|(name, value)| Some(format!(", {name} '{}'", value.as_ref()?)));
    format!("type '{}'{}", location.kind.word(), rest.collect::<String>())
}

/// Stores a part. All of an API's together must stay few and small enough for a version to be a copy of them.
fn put(tx: &mut Tx, api: &str, part: &Part) -> Result<(), Error> {
    DOCUMENTATION_PARTS.put(tx, (api, &part.id), part)?;
    check_room(tx, api)
}

/// # Errors
/// For more parts than an API can have.
pub fn check_number(parts: usize) -> Result<(), Error> {
    if parts > limits::DOCUMENTATION_PARTS_MAX {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} documentation parts at most",
            limits::DOCUMENTATION_PARTS_MAX
        )));
    }
    Ok(())
}

fn check_room(tx: &Tx, api: &str) -> Result<(), Error> {
    let all = list(tx, api)?;
    check_number(all.len())?;
    if all.iter().map(|part| part.properties.len()).sum::<usize>() > limits::DOCUMENTATION_BYTES_MAX {
        return Err(Error::LimitExceeded(format!(
            "The documentation parts of an API can have {} bytes together",
            limits::DOCUMENTATION_BYTES_MAX
        )));
    }
    Ok(())
}

/// Says something else of the same place.
pub fn update(tx: &mut Tx, region: &str, api: &str, id: &str, properties: &str) -> Result<Part, Error> {
    let part = Part { properties: properties.to_owned(), ..find(tx, region, api, id)? };
    put(tx, api, &part)?;
    Ok(part)
}

pub fn delete(tx: &mut Tx, region: &str, api: &str, id: &str) -> Result<(), Error> {
    api::find(tx, region, api)?;
    find(tx, region, api, id)?;
    Ok(DOCUMENTATION_PARTS.delete(tx, (api, id))?)
}

/// Stores parts of a document, and answers their ids. What is there stays if `merge`: of a place that is in both, the document's
/// members are added to what was said, or take its place.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-quick-start-import-export.html>
pub fn import(tx: &mut Tx, api: &str, parts: &[Part], merge: bool) -> Result<Vec<Id>, Error> {
    if !merge {
        DOCUMENTATION_PARTS.delete_prefix(tx, api)?;
    }
    let known: HashMap<Location, Part> = list(tx, api)?.into_iter().map(|part| (part.location.clone(), part)).collect();
    let mut ids = Vec::new();
    for part in parts {
        let stored = match known.get(&part.location) {
            Some(old) => Part { properties: merged(&old.properties, &part.properties), ..old.clone() },
            None => part.clone(),
        };
        DOCUMENTATION_PARTS.put(tx, (api, &stored.id), &stored)?;
        ids.push(stored.id);
    }
    check_room(tx, api)?;
    Ok(ids)
}

fn merged(old: &str, new: &str) -> String {
    let members = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let mut all = members(old);
    all.extend(members(new));
    Value::Object(all).to_string()
}
