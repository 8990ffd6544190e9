//! Integrations of a WebSocket API.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{INTEGRATION_RESPONSES, WEBSOCKET_INTEGRATIONS};
use crate::limits;
use crate::model::http::route;
use crate::types::websocket::Integration;

pub fn find(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Integration, Error> {
    WEBSOCKET_INTEGRATIONS.get(read, (api, id))?.ok_or_else(|| Error::invalid("Integration"))
}

pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Integration>, Error> {
    Ok(WEBSOCKET_INTEGRATIONS.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Stores an integration, new or changed.
pub fn put(tx: &mut Tx, api: &str, integration: &Integration) -> Result<(), Error> {
    let all = list(tx, api)?;
    if all.len() >= limits::PARTS_PER_API_MAX && !all.iter().any(|other| other.id == integration.id) {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} integrations at most",
            limits::PARTS_PER_API_MAX
        )));
    }
    Ok(WEBSOCKET_INTEGRATIONS.put(tx, (api, &integration.id), integration)?)
}

/// Removes an integration that no route uses, with its responses.
pub fn delete(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    find(tx, api, id)?;
    route::check_unused(tx, api, id)?;
    INTEGRATION_RESPONSES.delete_prefix(tx, (api, id))?;
    Ok(WEBSOCKET_INTEGRATIONS.delete(tx, (api, id))?)
}
