//! User pools and their signing keys: finding, keeping and removing them.

use kv::{Order, Read, Tx};

use super::domain;
use crate::error::Error;
use crate::keys::{
    ALIASES, AUTHORIZATIONS, CLIENTS, CUSTOMIZATIONS, DEVICES, GRANTS, GRANTS_OF, GROUPS, GROUPS_OF, LINKS, MEMBERS,
    PASSKEYS, PASSKEYS_OF, POOL_CLIENTS, POOLS, PROVIDER_IDENTIFIERS, PROVIDERS, RESOURCE_SERVERS, REVOKED,
    SIGNING_KEYS, SPENT, USER_COUNTS, USERS,
};
use crate::types::{Pool, SigningKey, key_of};

pub fn get(read: &(impl Read + ?Sized), id: &str) -> Result<Pool, Error> {
    POOLS.get(read, key_of(id))?.ok_or_else(|| Error::NotFound(format!("User pool {id} does not exist.")))
}

pub fn put(tx: &mut Tx, pool: &Pool) -> Result<(), Error> {
    Ok(POOLS.put(tx, key_of(&pool.id), pool)?)
}

/// Changes a pool, if `change` does not refuse.
pub fn change<T>(tx: &mut Tx, id: &str, change: impl FnOnce(&mut Pool) -> Result<T, Error>) -> Result<T, Error> {
    let mut pool = get(tx, id)?;
    let changed = change(&mut pool)?;
    put(tx, &pool)?;
    Ok(changed)
}

/// A page of a region's pools after the one with the id `after`, and whether there are more.
pub fn list(read: &(impl Read + ?Sized), region: &str, after: &str, limit: usize) -> Result<(Vec<Pool>, bool), Error> {
    Ok(kv::page(POOLS.scan_after(read, region, (region, after), Order::Forward)?.values(), limit)?)
}

/// Removes a pool with everything in it.
pub fn delete(tx: &mut Tx, id: &str) -> Result<(), Error> {
    if get(tx, id)?.settings.deletion_protection {
        return Err(Error::parameter(
            "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.",
        ));
    }
    if !domain::all_of(tx, id)?.is_empty() {
        return Err(Error::parameter(
            "User pool cannot be deleted. It has a domain configured that should be deleted first.",
        ));
    }
    let clients = POOL_CLIENTS.scan_prefix(tx, id, Order::Forward)?.keys().collect::<Result<Vec<_>, _>>()?;
    for (_, client) in clients {
        CLIENTS.delete(tx, &*client)?;
    }
    POOL_CLIENTS.delete_prefix(tx, id)?;
    USERS.delete_prefix(tx, id)?;
    ALIASES.delete_prefix(tx, id)?;
    GROUPS.delete_prefix(tx, id)?;
    MEMBERS.delete_prefix(tx, id)?;
    GROUPS_OF.delete_prefix(tx, id)?;
    SIGNING_KEYS.delete_prefix(tx, id)?;
    GRANTS.delete_prefix(tx, id)?;
    GRANTS_OF.delete_prefix(tx, id)?;
    REVOKED.delete_prefix(tx, id)?;
    SPENT.delete_prefix(tx, id)?;
    RESOURCE_SERVERS.delete_prefix(tx, id)?;
    AUTHORIZATIONS.delete_prefix(tx, id)?;
    CUSTOMIZATIONS.delete_prefix(tx, id)?;
    PROVIDERS.delete_prefix(tx, id)?;
    PROVIDER_IDENTIFIERS.delete_prefix(tx, id)?;
    LINKS.delete_prefix(tx, id)?;
    DEVICES.delete_prefix(tx, id)?;
    PASSKEYS.delete_prefix(tx, id)?;
    PASSKEYS_OF.delete_prefix(tx, id)?;
    USER_COUNTS.delete(tx, id)?;
    Ok(POOLS.delete(tx, key_of(id))?)
}

/// Every key of a pool with its number, the newest first.
pub fn signing_keys(read: &(impl Read + ?Sized), id: &str) -> Result<Vec<(u32, SigningKey)>, Error> {
    let rows = SIGNING_KEYS.scan_prefix(read, id, Order::Reverse)?;
    rows.map(|row| row.map(|((_, number), key)| (number, key))).collect::<Result<_, _>>().map_err(Error::from)
}

/// Lets `key` sign from now on, unless another does since the one with the number `after`.
pub fn add_signing_key(tx: &mut Tx, id: &str, after: u32, key: &SigningKey) -> Result<(), Error> {
    get(tx, id)?;
    let newest = signing_keys(tx, id)?.first().map_or(0, |(number, _)| *number);
    if newest == after {
        SIGNING_KEYS.put(tx, (id, after + 1), key)?;
    }
    Ok(())
}
