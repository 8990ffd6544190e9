//! REST APIs: making, finding, changing and removing them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    AUTHORIZERS, DEPLOYED, DEPLOYED_AUTHORIZERS, DEPLOYED_GATEWAY_RESPONSES, DEPLOYED_MODELS, DEPLOYED_VALIDATORS,
    DEPLOYMENTS, DOCUMENTATION_PARTS, DOCUMENTATION_VERSIONS, DOCUMENTED, GATEWAY_RESPONSES, MODELS, RESOURCES,
    REST_APIS, STAGES, VALIDATORS,
};
use crate::limits;
use crate::model::domain;
use crate::types::model::Model;
use crate::types::rest::{Api, Resource};

pub fn find(read: &(impl Read + ?Sized), region: &str, id: &str) -> Result<Api, Error> {
    let api = REST_APIS.get(read, id)?.filter(|api| api.region == region);
    api.ok_or_else(|| Error::NotFound(format!("Invalid API identifier specified {id}")))
}

/// A region's APIs, oldest first.
pub fn list(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Api>, Error> {
    let mut apis = REST_APIS.scan(read, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    apis.retain(|api| api.region == region);
    apis.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(apis)
}

/// Stores a new API, with its root and the models that it has from its start on.
pub fn create(tx: &mut Tx, api: &Api, models: &[Model]) -> Result<(), Error> {
    if list(tx, &api.region)?.len() >= limits::APIS_PER_REGION_MAX {
        return Err(Error::LimitExceeded(format!("There can be {} APIs at most", limits::APIS_PER_REGION_MAX)));
    }
    let root = Resource { id: api.root.clone(), parent: None, part: String::new(), methods: Default::default() };
    RESOURCES.put(tx, (&api.id, &root.id), &root)?;
    for model in models {
        MODELS.put(tx, (&api.id, &model.name), model)?;
    }
    put(tx, api)
}

/// Stores an API that has changed.
/// # Errors
/// For more binary media types than an API can have.
pub fn check_media_types(api: &Api) -> Result<(), Error> {
    if api.binary_media_types.len() > limits::BINARY_MEDIA_TYPES_MAX {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} binary media types at most",
            limits::BINARY_MEDIA_TYPES_MAX
        )));
    }
    Ok(())
}

pub fn put(tx: &mut Tx, api: &Api) -> Result<(), Error> {
    Ok(REST_APIS.put(tx, &api.id, api)?)
}

/// Changes an API by `change`.
pub fn update(
    tx: &mut Tx,
    region: &str,
    id: &str,
    change: impl FnOnce(&mut Api) -> Result<(), Error>,
) -> Result<Api, Error> {
    let mut api = find(tx, region, id)?;
    change(&mut api)?;
    put(tx, &api)?;
    Ok(api)
}

/// Removes an API with everything that belongs to it.
pub fn delete(tx: &mut Tx, region: &str, id: &str) -> Result<(), Error> {
    find(tx, region, id)?;
    domain::check_unmapped(tx, id, None, "RestApi")?;
    REST_APIS.delete(tx, id)?;
    RESOURCES.delete_prefix(tx, id)?;
    DEPLOYMENTS.delete_prefix(tx, id)?;
    DEPLOYED.delete_prefix(tx, id)?;
    STAGES.delete_prefix(tx, id)?;
    AUTHORIZERS.delete_prefix(tx, id)?;
    DEPLOYED_AUTHORIZERS.delete_prefix(tx, id)?;
    MODELS.delete_prefix(tx, id)?;
    VALIDATORS.delete_prefix(tx, id)?;
    GATEWAY_RESPONSES.delete_prefix(tx, id)?;
    DEPLOYED_MODELS.delete_prefix(tx, id)?;
    DEPLOYED_VALIDATORS.delete_prefix(tx, id)?;
    DEPLOYED_GATEWAY_RESPONSES.delete_prefix(tx, id)?;
    DOCUMENTATION_PARTS.delete_prefix(tx, id)?;
    DOCUMENTATION_VERSIONS.delete_prefix(tx, id)?;
    DOCUMENTED.delete_prefix(tx, id)?;
    Ok(())
}
