//! App clients: finding, keeping and removing them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{CLIENTS, CUSTOMIZATIONS, POOL_CLIENTS};
use crate::types::Client;

/// The client that an unsigned request names.
pub fn get(read: &(impl Read + ?Sized), id: &str) -> Result<Client, Error> {
    CLIENTS.get(read, id)?.ok_or_else(|| not_found(id))
}

/// The same where it has to be one of this pool.
pub fn of_pool(read: &(impl Read + ?Sized), pool: &str, id: &str) -> Result<Client, Error> {
    let client = get(read, id)?;
    if client.pool == pool { Ok(client) } else { Err(not_found(id)) }
}

fn not_found(id: &str) -> Error {
    Error::NotFound(format!("User pool client {id} does not exist."))
}

pub fn put(tx: &mut Tx, client: &Client) -> Result<(), Error> {
    CLIENTS.put(tx, &*client.id, client)?;
    Ok(POOL_CLIENTS.put(tx, (&*client.pool, &*client.id), &())?)
}

pub fn delete(tx: &mut Tx, pool: &str, id: &str) -> Result<(), Error> {
    of_pool(tx, pool, id)?;
    CLIENTS.delete(tx, id)?;
    CUSTOMIZATIONS.delete(tx, (pool, id))?;
    Ok(POOL_CLIENTS.delete(tx, (pool, id))?)
}

/// A page of a pool's clients after the one with the id `after`, and whether there are more.
pub fn list(read: &(impl Read + ?Sized), pool: &str, after: &str, limit: usize) -> Result<(Vec<Client>, bool), Error> {
    let rows = POOL_CLIENTS.scan_after(read, pool, (pool, after), Order::Forward)?;
    let (ids, more) = kv::page(rows.keys(), limit)?;
    Ok((ids.iter().map(|(_, id)| get(read, id)).collect::<Result<_, _>>()?, more))
}
