//! Gateway responses of a REST API: what its owner says in the place of AWS's answers.

use kv::{Order, Read, Stored, Tx};

use crate::error::Error;
use crate::keys::GATEWAY_RESPONSES;
use crate::limits;
use crate::types::gateway::{GatewayResponse, Kind};

/// An API's own responses, with their kinds.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<(Kind, GatewayResponse)>, Error> {
    let rows = GATEWAY_RESPONSES.scan_prefix(read, api, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter_map(|((_, kind), response)| Some((Kind::of(&kind)?, response))).collect())
}

pub fn put(tx: &mut Tx, api: &str, kind: Kind, response: &GatewayResponse) -> Result<(), Error> {
    if response.to_bytes()?.len() > limits::GATEWAY_RESPONSE_BYTES_MAX {
        return Err(Error::LimitExceeded(format!(
            "A gateway response can have {} bytes at most",
            limits::GATEWAY_RESPONSE_BYTES_MAX
        )));
    }
    Ok(GATEWAY_RESPONSES.put(tx, (api, kind.word()), response)?)
}

pub fn delete(tx: &mut Tx, api: &str, kind: Kind) -> Result<(), Error> {
    if !GATEWAY_RESPONSES.contains(tx, (api, kind.word()))? {
        return Err(Error::NotFound("Gateway response type not defined on api".into()));
    }
    Ok(GATEWAY_RESPONSES.delete(tx, (api, kind.word()))?)
}
