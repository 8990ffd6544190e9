//! Models of a REST API's bodies: making, finding, changing and removing them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{MODELS, RESOURCES};
use crate::limits;
use crate::model::rest::resource::with_paths;
use crate::types::model::Model;

/// The models that every API has from its start on, unless a document makes it: methods may name them nevertheless.
pub const DEFAULTS: [&str; 2] = ["Empty", "Error"];

pub fn find(read: &(impl Read + ?Sized), api: &str, name: &str) -> Result<Model, Error> {
    let model = MODELS.get(read, (api, name))?;
    model.ok_or_else(|| Error::NotFound(format!("Invalid model name specified: {name}")))
}

/// An API's models, in order of their names.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Model>, Error> {
    Ok(MODELS.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, api: &str, model: &Model) -> Result<(), Error> {
    if MODELS.contains(tx, (api, &model.name))? {
        return Err(Error::Conflict("Model name already exists for this REST API".into()));
    }
    if list(tx, api)?.len() >= limits::MODELS_PER_API_MAX {
        return Err(Error::LimitExceeded(format!("An API can have {} models at most", limits::MODELS_PER_API_MAX)));
    }
    put(tx, api, model)
}

/// Stores a model. All of an API's together must stay small enough to be deployed.
pub fn put(tx: &mut Tx, api: &str, model: &Model) -> Result<(), Error> {
    MODELS.put(tx, (api, &model.name), model)?;
    let bytes: usize = list(tx, api)?.iter().map(|model| model.schema.len()).sum();
    if bytes > limits::MODELS_BYTES_MAX {
        return Err(Error::LimitExceeded(format!(
            "The models of an API can have {} bytes together",
            limits::MODELS_BYTES_MAX
        )));
    }
    Ok(())
}

/// Changes a model by `change`.
pub fn update(
    tx: &mut Tx,
    api: &str,
    name: &str,
    change: impl FnOnce(&mut Model) -> Result<(), Error>,
) -> Result<Model, Error> {
    let mut model = find(tx, api, name)?;
    change(&mut model)?;
    put(tx, api, &model)?;
    Ok(model)
}

/// Removes a model that no method asks for.
pub fn delete(tx: &mut Tx, api: &str, name: &str) -> Result<(), Error> {
    find(tx, api, name)?;
    let resources = RESOURCES.scan_prefix(tx, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    for (path, resource) in with_paths(resources) {
        for (http_method, method) in &resource.methods {
            let by_responses = || method.responses.values().any(|response| response.models.values().any(|m| m == name));
            let part = match method.request_models.values().any(|model| model == name) {
                true => "request",
                false if by_responses() => "response",
                false => continue,
            };
            return Err(Error::Conflict(format!(
                "Cannot delete model '{name}', is referenced in method {part}: {path}/{http_method}"
            )));
        }
    }
    Ok(MODELS.delete(tx, (api, name))?)
}

/// Whether the models that a method asks for are there.
pub fn check<'n>(
    read: &(impl Read + ?Sized),
    api: &str,
    names: impl IntoIterator<Item = &'n String>,
) -> Result<(), Error> {
    for name in names {
        if !DEFAULTS.contains(&name.as_str()) && !MODELS.contains(read, (api, name))? {
            return Err(Error::bad(format!("Invalid model identifier specified: {name}")));
        }
    }
    Ok(())
}
