//! Routes of an HTTP or WebSocket API, and integrations of an HTTP API.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{INTEGRATIONS, ROUTE_RESPONSES, ROUTES, WEBSOCKET_INTEGRATIONS};
use crate::limits;
use crate::types::http::{Integration, Route};

pub fn find(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Route, Error> {
    ROUTES.get(read, (api, id))?.ok_or_else(|| Error::invalid("Route"))
}

pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Route>, Error> {
    Ok(ROUTES.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Stores a route, new or changed. Its key belongs to no other, and its integration exists.
pub fn put(tx: &mut Tx, api: &str, route: &Route) -> Result<(), Error> {
    let all = list(tx, api)?;
    if all.iter().any(|other| other.key == route.key && other.id != route.id) {
        return Err(Error::Conflict(format!("Route with key {} already exists for this API", route.key)));
    }
    if all.len() >= limits::PARTS_PER_API_MAX && !all.iter().any(|other| other.id == route.id) {
        return Err(Error::LimitExceeded(format!("An API can have {} routes at most", limits::PARTS_PER_API_MAX)));
    }
    if let Some(id) = &route.integration
        && !INTEGRATIONS.contains(tx, (api, id))?
        && !WEBSOCKET_INTEGRATIONS.contains(tx, (api, id))?
    {
        return Err(Error::bad(format!("Invalid integration identifier specified: {id}")));
    }
    Ok(ROUTES.put(tx, (api, &route.id), route)?)
}

pub fn delete(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    find(tx, api, id)?;
    ROUTE_RESPONSES.delete_prefix(tx, (api, id))?;
    Ok(ROUTES.delete(tx, (api, id))?)
}

pub fn integration(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Integration, Error> {
    INTEGRATIONS.get(read, (api, id))?.ok_or_else(|| Error::invalid("Integration"))
}

pub fn integrations(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Integration>, Error> {
    Ok(INTEGRATIONS.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Stores an integration, new or changed.
pub fn put_integration(tx: &mut Tx, api: &str, integration: &Integration) -> Result<(), Error> {
    let all = integrations(tx, api)?;
    if all.len() >= limits::PARTS_PER_API_MAX && !all.iter().any(|other| other.id == integration.id) {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} integrations at most",
            limits::PARTS_PER_API_MAX
        )));
    }
    Ok(INTEGRATIONS.put(tx, (api, &integration.id), integration)?)
}

/// Removes an integration that no route uses.
pub fn delete_integration(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    integration(tx, api, id)?;
    check_unused(tx, api, id)?;
    Ok(INTEGRATIONS.delete(tx, (api, id))?)
}

/// Refuses to remove an integration that a route uses.
pub fn check_unused(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<(), Error> {
    if let Some(route) = list(read, api)?.into_iter().find(|route| route.integration.as_deref() == Some(id)) {
        return Err(Error::Conflict(format!(
            "Cannot delete Integration '{id}'. Integration is referenced by route '{}'",
            route.id
        )));
    }
    Ok(())
}
