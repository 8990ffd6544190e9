//! HTTP and WebSocket APIs: making, finding, changing and removing them.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    HTTP_APIS, HTTP_AUTHORIZERS, HTTP_DEPLOYED, HTTP_DEPLOYMENTS, HTTP_STAGES, INTEGRATION_RESPONSES, INTEGRATIONS,
    ROUTE_RESPONSES, ROUTES, WEBSOCKET_DEPLOYED, WEBSOCKET_INTEGRATIONS,
};
use crate::limits;
use crate::model::domain;
use crate::model::http::deployment;
use crate::types::http::Api;

pub fn find(read: &(impl Read + ?Sized), region: &str, id: &str) -> Result<Api, Error> {
    let api = HTTP_APIS.get(read, id)?.filter(|api| api.region == region);
    api.ok_or_else(|| Error::NotFound(format!("Invalid API identifier specified {id}")))
}

/// A region's APIs, oldest first.
pub fn list(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Api>, Error> {
    let mut apis = HTTP_APIS.scan(read, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    apis.retain(|api| api.region == region);
    apis.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(apis)
}

pub fn create(tx: &mut Tx, api: &Api) -> Result<(), Error> {
    if list(tx, &api.region)?.len() >= limits::APIS_PER_REGION_MAX {
        return Err(Error::LimitExceeded(format!("There can be {} APIs at most", limits::APIS_PER_REGION_MAX)));
    }
    put(tx, api)
}

/// Stores an API that has changed in what is not deployed.
pub fn put(tx: &mut Tx, api: &Api) -> Result<(), Error> {
    Ok(HTTP_APIS.put(tx, &api.id, api)?)
}

/// Changes an API by `change`. `deployment` is the id of the one that this may make.
pub fn update(
    tx: &mut Tx,
    now: Timestamp,
    region: &str,
    id: &str,
    deployment: &str,
    change: impl FnOnce(&mut Api) -> Result<(), Error>,
) -> Result<Api, Error> {
    let mut api = find(tx, region, id)?;
    let before = (api.cors.clone(), api.websocket.clone());
    change(&mut api)?;
    put(tx, &api)?;
    if (&api.cors, &api.websocket) != (&before.0, &before.1) {
        deployment::automatic(tx, now, &api, deployment)?;
    }
    Ok(api)
}

/// Removes an API with everything that belongs to it.
pub fn delete(tx: &mut Tx, region: &str, id: &str) -> Result<(), Error> {
    find(tx, region, id)?;
    domain::check_unmapped(tx, id, None, "Api")?;
    HTTP_APIS.delete(tx, id)?;
    ROUTES.delete_prefix(tx, id)?;
    INTEGRATIONS.delete_prefix(tx, id)?;
    HTTP_AUTHORIZERS.delete_prefix(tx, id)?;
    HTTP_DEPLOYMENTS.delete_prefix(tx, id)?;
    HTTP_DEPLOYED.delete_prefix(tx, id)?;
    HTTP_STAGES.delete_prefix(tx, id)?;
    WEBSOCKET_INTEGRATIONS.delete_prefix(tx, id)?;
    INTEGRATION_RESPONSES.delete_prefix(tx, id)?;
    ROUTE_RESPONSES.delete_prefix(tx, id)?;
    WEBSOCKET_DEPLOYED.delete_prefix(tx, id)?;
    Ok(())
}
