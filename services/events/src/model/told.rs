//! What EventBridge tells of its own: that a connection, and with it API destinations, are in another state.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/event-reference.html>

use base::{Arn, Timestamp};
use kv::Tx;
use serde_json::{Map, Value, json};
use service::{Cx, events};

use crate::error::Error;
use crate::model::destination;
use crate::types::{ApiDestination, Connection, ConnectionState};

/// Tells what became of a connection: `Creation Started`, and then the state that it is in.
pub fn of_connection(tx: &mut Tx, cx: &Cx, connection: &Connection, first: Option<&str>) -> Result<(), Error> {
    let state = match connection.state {
        ConnectionState::Authorizing => "Authorization Started",
        ConnectionState::Authorized => "Authorized",
        ConnectionState::Deauthorized => "Deauthorized",
    };
    for status in first.into_iter().chain([state]) {
        of_connection_alone(tx, cx, connection, status)?;
    }
    Ok(())
}

/// One thing that became of a connection.
pub fn of_connection_alone(tx: &mut Tx, cx: &Cx, connection: &Connection, status: &str) -> Result<(), Error> {
    let reason = connection.reason.as_ref().map(|reason| ("StateReason", json!(reason)));
    let detail = [("ConnectionName", json!(connection.name))].into_iter().chain(reason);
    tell(tx, cx, &format!("Connection {status}"), &connection.arn, detail)
}

/// Tells of the destinations of a connection that they are active now, or are not any more.
pub fn of_destinations(tx: &mut Tx, cx: &Cx, connection: &Connection) -> Result<(), Error> {
    let all = destination::all(tx, &connection.arn.region)?;
    for destination in all.iter().filter(|destination| destination.connection == connection.arn) {
        of_destination(tx, cx, destination, connection)?;
    }
    Ok(())
}

pub fn of_destination(
    tx: &mut Tx,
    cx: &Cx,
    destination: &ApiDestination,
    connection: &Connection,
) -> Result<(), Error> {
    let status = if connection.state == ConnectionState::Authorized { "Activated" } else { "Deactivated" };
    let detail = [("ApiDestinationName", json!(destination.name))];
    tell(tx, cx, &format!("API Destination {status}"), &destination.arn, detail)
}

fn tell(
    tx: &mut Tx,
    cx: &Cx,
    detail_type: &str,
    resource: &Arn,
    detail: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<(), Error> {
    let cx = cx.in_region(&resource.region);
    let detail = || {
        let members = detail.into_iter().chain([("Timestamp", json!(in_words(cx.now())))]);
        Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    };
    Ok(events::emit(tx, &cx, "aws.events", detail_type, &[resource.to_string()], detail)?)
}

fn in_words(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}
