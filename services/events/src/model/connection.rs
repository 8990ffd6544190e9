//! Connections.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::CONNECTIONS;
use crate::model::destination;
use crate::types::Connection;

/// `verb` is what failed: `describe`.
pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str, verb: &str) -> Result<Connection, Error> {
    CONNECTIONS.get(read, (region, name))?.ok_or_else(|| {
        Error::NotFound(format!("Failed to {verb} the connection(s). Connection '{name}' does not exist."))
    })
}

pub fn all(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Connection>, Error> {
    Ok(CONNECTIONS.scan_prefix(read, region, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, connection: &Connection) -> Result<(), Error> {
    if CONNECTIONS.contains(tx, (&*connection.arn.region, &*connection.name))? {
        return Err(Error::AlreadyExists(format!("Connection {} already exists.", connection.name)));
    }
    put(tx, connection)
}

fn put(tx: &mut Tx, connection: &Connection) -> Result<(), Error> {
    Ok(CONNECTIONS.put(tx, (&*connection.arn.region, &*connection.name), connection)?)
}

pub fn change(
    tx: &mut Tx,
    now: Timestamp,
    region: &str,
    name: &str,
    verb: &str,
    change: impl FnOnce(&mut Connection) -> Result<(), Error>,
) -> Result<Connection, Error> {
    let mut connection = find(tx, region, name, verb)?;
    change(&mut connection)?;
    connection.modified = now;
    put(tx, &connection)?;
    Ok(connection)
}

/// Removes a connection that no API destination uses.
pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<Connection, Error> {
    let connection = find(tx, region, name, "delete")?;
    if destination::all(tx, region)?.iter().any(|destination| destination.connection == connection.arn) {
        return Err(Error::validation(format!("Connection {name} is used by an API destination.")));
    }
    CONNECTIONS.delete(tx, (region, name))?;
    Ok(connection)
}
