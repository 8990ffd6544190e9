//! API destinations.

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};
use service::Cx;

use crate::error::Error;
use crate::keys::{API_DESTINATIONS, CONNECTIONS};
use crate::model::told;
use crate::types::{ApiDestination, Connection};

/// `verb` is what failed: `describe`.
pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str, verb: &str) -> Result<ApiDestination, Error> {
    API_DESTINATIONS.get(read, (region, name))?.ok_or_else(|| {
        Error::NotFound(format!("Failed to {verb} the api-destination(s). An api-destination '{name}' does not exist."))
    })
}

/// The destination of that ARN, the number at its end included.
pub fn by_arn(read: &(impl Read + ?Sized), arn: &Arn) -> Result<ApiDestination, Error> {
    let name = arn.resource.strip_prefix("api-destination/").and_then(|rest| Some(rest.split_once('/')?.0));
    let found = find(read, &arn.region, name.unwrap_or(&arn.resource), "invoke")?;
    if found.arn == *arn {
        return Ok(found);
    }
    Err(Error::NotFound(format!("Failed to invoke the api-destination(s). {arn} does not exist.")))
}

pub fn all(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<ApiDestination>, Error> {
    Ok(API_DESTINATIONS.scan_prefix(read, region, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, cx: &Cx, destination: &ApiDestination) -> Result<(), Error> {
    if API_DESTINATIONS.contains(tx, (&*destination.arn.region, &*destination.name))? {
        return Err(Error::AlreadyExists(format!("An api-destination '{}' already exists.", destination.name)));
    }
    let connection = put(tx, destination)?;
    told::of_destination(tx, cx, destination, &connection)
}

/// Stores a destination whose connection is there, and returns that.
fn put(tx: &mut Tx, destination: &ApiDestination) -> Result<Connection, Error> {
    let connection = connection(tx, &destination.connection)?;
    API_DESTINATIONS.put(tx, (&*destination.arn.region, &*destination.name), destination)?;
    Ok(connection)
}

pub fn change(
    tx: &mut Tx,
    now: Timestamp,
    region: &str,
    name: &str,
    change: impl FnOnce(&mut ApiDestination),
) -> Result<ApiDestination, Error> {
    let mut destination = find(tx, region, name, "update")?;
    change(&mut destination);
    destination.modified = now;
    put(tx, &destination)?;
    Ok(destination)
}

pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<(), Error> {
    find(tx, region, name, "delete")?;
    Ok(API_DESTINATIONS.delete(tx, (region, name))?)
}

/// The connection of that ARN, the number at its end included.
pub fn connection(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Connection, Error> {
    let name = arn.resource.strip_prefix("connection/").and_then(|rest| rest.split_once('/')).map(|(name, _)| name);
    let found = name.map(|name| CONNECTIONS.get(read, (&*arn.region, name))).transpose()?.flatten();
    found.filter(|connection| connection.arn == *arn).ok_or_else(|| {
        let name = name.unwrap_or(&arn.resource);
        Error::NotFound(format!("Connection '{name}' does not exist."))
    })
}
