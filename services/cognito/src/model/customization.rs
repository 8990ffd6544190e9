//! How the pages of a pool look.

use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::CUSTOMIZATIONS;
use crate::types::Customization;

/// What is for every client that has nothing of its own.
pub const ALL: &str = "ALL";

pub fn find(read: &(impl Read + ?Sized), pool: &str, client: &str) -> Result<Option<Customization>, Error> {
    match CUSTOMIZATIONS.get(read, (pool, client))? {
        Some(own) => Ok(Some(own)),
        None => Ok(CUSTOMIZATIONS.get(read, (pool, ALL))?),
    }
}

/// Keeps it; returns it with the time when there first was one.
pub fn put(tx: &mut Tx, customization: &Customization) -> Result<Customization, Error> {
    super::pool::get(tx, &customization.pool)?;
    let key = (&*customization.pool, &*customization.client);
    let before: Option<Customization> = CUSTOMIZATIONS.get(tx, key)?;
    let created = before.map_or(customization.created, |before| before.created);
    let kept = Customization { created, ..customization.clone() };
    CUSTOMIZATIONS.put(tx, key, &kept)?;
    Ok(kept)
}

/// Takes it away, where there is one.
pub fn remove(tx: &mut Tx, pool: &str, client: &str) -> Result<(), Error> {
    Ok(CUSTOMIZATIONS.delete(tx, (pool, client))?)
}
