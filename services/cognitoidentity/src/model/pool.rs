//! Identity pools: finding, keeping and removing them.

use kv::{Order, Read, Tx};

use super::identity;
use crate::error::Error;
use crate::keys::{IDENTITIES_OF, POOLS};
use crate::types::{Pool, region_of};

pub fn get(read: &(impl Read + ?Sized), id: &str) -> Result<Pool, Error> {
    let found = POOLS.get(read, (region_of(id), id))?;
    found.ok_or_else(|| Error::NotFound(format!("IdentityPool '{id}' not found.")))
}

pub fn put(tx: &mut Tx, pool: &Pool) -> Result<(), Error> {
    Ok(POOLS.put(tx, (region_of(&pool.id), &*pool.id), pool)?)
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

/// Removes a pool with everybody in it.
pub fn delete(tx: &mut Tx, id: &str) -> Result<(), Error> {
    get(tx, id)?;
    let ids = IDENTITIES_OF.scan_prefix(tx, id, Order::Forward)?.keys().collect::<Result<Vec<_>, _>>()?;
    for (_, identity) in ids {
        identity::delete(tx, &identity)?;
    }
    Ok(POOLS.delete(tx, (region_of(id), id))?)
}
