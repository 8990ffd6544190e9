//! Resource servers: APIs with scopes that clients can be given.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::RESOURCE_SERVERS;
use crate::limits::RESOURCE_SERVERS_MAX;
use crate::types::ResourceServer;

pub fn get(read: &(impl Read + ?Sized), pool: &str, identifier: &str) -> Result<ResourceServer, Error> {
    let found = RESOURCE_SERVERS.get(read, (pool, identifier))?;
    found.ok_or_else(|| Error::NotFound(format!("Resource server {identifier} does not exist.")))
}

pub fn create(tx: &mut Tx, server: &ResourceServer) -> Result<(), Error> {
    super::pool::get(tx, &server.pool)?;
    if RESOURCE_SERVERS.contains(tx, (&*server.pool, &*server.identifier))? {
        let ResourceServer { pool, identifier, .. } = server;
        return Err(Error::parameter(format!("{identifier} already exists in user pool {pool}.")));
    }
    let others = RESOURCE_SERVERS.scan_prefix(tx, &*server.pool, Order::Forward)?.keys().take(RESOURCE_SERVERS_MAX);
    if others.count() >= RESOURCE_SERVERS_MAX {
        return Err(Error::TooMany(format!("A user pool has {RESOURCE_SERVERS_MAX} resource servers at most.")));
    }
    put(tx, server)
}

pub fn put(tx: &mut Tx, server: &ResourceServer) -> Result<(), Error> {
    Ok(RESOURCE_SERVERS.put(tx, (&*server.pool, &*server.identifier), server)?)
}

pub fn delete(tx: &mut Tx, pool: &str, identifier: &str) -> Result<(), Error> {
    get(tx, pool, identifier)?;
    Ok(RESOURCE_SERVERS.delete(tx, (pool, identifier))?)
}

/// A page of a pool's servers after the one called `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    pool: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<ResourceServer>, bool), Error> {
    Ok(kv::page(RESOURCE_SERVERS.scan_after(read, pool, (pool, after), Order::Forward)?.values(), limit)?)
}

/// Whether a scope, `identifier/name`, is one of a server that is there.
pub fn has_scope(read: &(impl Read + ?Sized), pool: &str, scope: &str) -> Result<bool, Error> {
    let Some((identifier, name)) = scope.rsplit_once('/') else { return Ok(false) };
    let server = RESOURCE_SERVERS.get(read, (pool, identifier))?;
    Ok(server.is_some_and(|server| server.scopes.iter().any(|scope| scope.name == name)))
}
