//! What routes and integrations of a WebSocket API answer with: both are parts of a part, and each of their keys is one's alone.

use kv::{Order, Read, Stored, Table, Tx};

use crate::error::Error;
use crate::keys::{ApiId, Id};
use crate::limits;
use crate::types::websocket::{IntegrationResponse, RouteResponse};

pub type Responses<T> = Table<(ApiId, Id, Id), T>;

pub trait Response: Stored + Clone {
    /// What it is called where it is not there.
    const KIND: &'static str;
    fn id(&self) -> &str;
    fn key(&self) -> &str;
}

impl Response for RouteResponse {
    const KIND: &'static str = "RouteResponse";

    fn id(&self) -> &str {
        &self.id
    }

    fn key(&self) -> &str {
        &self.key
    }
}

impl Response for IntegrationResponse {
    const KIND: &'static str = "IntegrationResponse";

    fn id(&self) -> &str {
        &self.id
    }

    fn key(&self) -> &str {
        &self.key
    }
}

pub fn find<T: Response>(
    read: &(impl Read + ?Sized),
    table: &Responses<T>,
    (api, of): (&str, &str),
    id: &str,
) -> Result<T, Error> {
    table.get(read, (api, of, id))?.ok_or_else(|| Error::invalid(T::KIND))
}

pub fn list<T: Response>(
    read: &(impl Read + ?Sized),
    table: &Responses<T>,
    (api, of): (&str, &str),
) -> Result<Vec<T>, Error> {
    Ok(table.scan_prefix(read, (api, of), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Stores a response, new or changed.
pub fn put<T: Response>(tx: &mut Tx, table: &Responses<T>, of: (&str, &str), response: &T) -> Result<(), Error> {
    let all = list(tx, table, of)?;
    if all.iter().any(|other| other.key() == response.key() && other.id() != response.id()) {
        return Err(Error::Conflict(format!("{} with key {} already exists", T::KIND, response.key())));
    }
    if all.len() >= limits::RESPONSES_MAX && !all.iter().any(|other| other.id() == response.id()) {
        return Err(Error::LimitExceeded(format!("There can be {} responses at most", limits::RESPONSES_MAX)));
    }
    Ok(table.put(tx, (of.0, of.1, response.id()), response)?)
}

pub fn delete<T: Response>(tx: &mut Tx, table: &Responses<T>, of: (&str, &str), id: &str) -> Result<(), Error> {
    find(tx, table, of, id)?;
    Ok(table.delete(tx, (of.0, of.1, id))?)
}
