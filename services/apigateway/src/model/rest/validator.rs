//! Request validators of a REST API: making, finding, changing and removing them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{RESOURCES, VALIDATORS};
use crate::limits;
use crate::types::model::Validator;

pub fn find(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Validator, Error> {
    VALIDATORS.get(read, (api, id))?.ok_or_else(|| Error::invalid("Request Validator"))
}

/// An API's validators, in order of their ids.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Validator>, Error> {
    Ok(VALIDATORS.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, api: &str, validator: &Validator) -> Result<(), Error> {
    if list(tx, api)?.len() >= limits::VALIDATORS_PER_API_MAX {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} request validators at most",
            limits::VALIDATORS_PER_API_MAX
        )));
    }
    Ok(VALIDATORS.put(tx, (api, &validator.id), validator)?)
}

/// Changes a validator by `change`.
pub fn update(
    tx: &mut Tx,
    api: &str,
    id: &str,
    change: impl FnOnce(&mut Validator) -> Result<(), Error>,
) -> Result<Validator, Error> {
    let mut validator = find(tx, api, id)?;
    change(&mut validator)?;
    VALIDATORS.put(tx, (api, id), &validator)?;
    Ok(validator)
}

/// Removes a validator that no method asks for.
pub fn delete(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    find(tx, api, id)?;
    let resources = RESOURCES.scan_prefix(tx, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    let mut methods = resources.iter().flat_map(|resource| resource.methods.values());
    if methods.any(|method| method.request_validator.as_deref() == Some(id)) {
        return Err(Error::Conflict(format!("Cannot delete request validator '{id}', is referenced in a method")));
    }
    Ok(VALIDATORS.delete(tx, (api, id))?)
}

/// Whether the validator that a method asks for is there.
pub fn check(read: &(impl Read + ?Sized), api: &str, id: Option<&str>) -> Result<(), Error> {
    match id {
        Some(id) if !VALIDATORS.contains(read, (api, id))? => {
            Err(Error::bad("Invalid Request Validator identifier specified"))
        }
        _ => Ok(()),
    }
}
