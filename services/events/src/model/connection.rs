//! Connections.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::{Cx, Delivery, outbox};

use crate::error::Error;
use crate::keys::CONNECTIONS;
use crate::limits::STATE_REASON_CHARACTERS_MAX;
use crate::model::{destination, told};
use crate::note::Note;
use crate::types::{Connection, ConnectionState};

/// `verb` is what failed: `describe`.
pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str, verb: &str) -> Result<Connection, Error> {
    CONNECTIONS.get(read, (region, name))?.ok_or_else(|| {
        Error::NotFound(format!("Failed to {verb} the connection(s). Connection '{name}' does not exist."))
    })
}

pub fn all(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Connection>, Error> {
    Ok(CONNECTIONS.scan_prefix(read, region, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, cx: &Cx, connection: &Connection) -> Result<(), Error> {
    if CONNECTIONS.contains(tx, (&*connection.arn.region, &*connection.name))? {
        return Err(Error::AlreadyExists(format!("Connection {} already exists.", connection.name)));
    }
    put(tx, connection)?;
    told::of_connection(tx, cx, connection, Some("Creation Started"))?;
    seek_token(tx, cx, connection)
}

fn put(tx: &mut Tx, connection: &Connection) -> Result<(), Error> {
    Ok(CONNECTIONS.put(tx, (&*connection.arn.region, &*connection.name), connection)?)
}

/// `verb` is what fails where it is not there (`update`), `started` what is told of it (`Update Started`).
pub fn change(
    tx: &mut Tx,
    cx: &Cx,
    name: &str,
    (verb, started): (&str, &str),
    change: impl FnOnce(&mut Connection) -> Result<(), Error>,
) -> Result<Connection, Error> {
    let mut connection = find(tx, cx.region().as_str(), name, verb)?;
    let before = connection.state;
    change(&mut connection)?;
    connection.modified = cx.now();
    put(tx, &connection)?;
    told::of_connection(tx, cx, &connection, Some(started))?;
    if connection.state != before {
        told::of_destinations(tx, cx, &connection)?;
    }
    seek_token(tx, cx, &connection)?;
    Ok(connection)
}

/// Lets the connection be authorized, where that needs a token.
fn seek_token(tx: &mut Tx, cx: &Cx, connection: &Connection) -> Result<(), Error> {
    if connection.state != ConnectionState::Authorizing {
        return Ok(());
    }
    let arn = connection.arn.clone();
    let note = Note::of_authorization().to_bytes();
    let seek = Delivery { note, ..Delivery::new(cx, arn.clone(), arn, Bytes::from_static(b"{}")) };
    Ok(outbox::send(tx, cx, seek, None)?)
}

/// Notes that a connection is authorized, as it was `seen` then.
pub fn authorized(tx: &mut Tx, cx: &Cx, seen: &Connection) -> Result<(), Error> {
    settle(tx, cx, (&seen.arn, seen.modified), |connection| {
        (connection.state, connection.reason) = (ConnectionState::Authorized, None);
        connection.authorized = Some(cx.now());
    })
}

/// Notes that a connection, as it was `changed` then, is not authorized, and why.
pub fn refused(tx: &mut Tx, cx: &Cx, arn: &Arn, changed: Timestamp, reason: &str) -> Result<(), Error> {
    let reason: String = reason.chars().take(STATE_REASON_CHARACTERS_MAX).collect();
    settle(tx, cx, (arn, changed), |connection| {
        (connection.state, connection.reason) = (ConnectionState::Deauthorized, Some(reason));
    })
}

/// Sets the state of a connection that has not been changed since, nor deauthorized by its owner.
fn settle(
    tx: &mut Tx,
    cx: &Cx,
    (arn, changed): (&Arn, Timestamp),
    settle: impl FnOnce(&mut Connection),
) -> Result<(), Error> {
    let mut connection = match destination::connection(tx, arn) {
        Ok(connection) if connection.modified == changed && connection.may_be_used() => connection,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let before = connection.clone();
    settle(&mut connection);
    if connection == before {
        return Ok(());
    }
    put(tx, &connection)?;
    if connection.state == before.state {
        return Ok(());
    }
    told::of_connection(tx, cx, &connection, None)?;
    told::of_destinations(tx, cx, &connection)
}

/// Removes a connection that no API destination uses.
pub fn delete(tx: &mut Tx, cx: &Cx, name: &str) -> Result<Connection, Error> {
    let region = cx.region().as_str();
    let connection = find(tx, region, name, "delete")?;
    if destination::all(tx, region)?.iter().any(|destination| destination.connection == connection.arn) {
        return Err(Error::validation(format!("Connection {name} is used by an API destination.")));
    }
    CONNECTIONS.delete(tx, (region, name))?;
    told::of_connection_alone(tx, cx, &connection, "Deletion Started")?;
    Ok(connection)
}
