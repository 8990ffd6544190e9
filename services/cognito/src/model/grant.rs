//! Refresh tokens, sign-ins whose tokens were revoked, and sessions that are spent. Each row ends by a timer.

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use crate::error::Error;
use crate::keys::{GRANTS, GRANTS_OF, REVOKED, SPENT};
use crate::limits::DAY;
use crate::types::{Grant, User};
use crate::workers::Due;

pub fn put(tx: &mut Tx, pool: &str, hash: &Bytes, grant: &Grant) -> Result<(), Error> {
    GRANTS.put(tx, (pool, hash), grant)?;
    GRANTS_OF.put(tx, (pool, &*grant.user, hash), &())?;
    let due = Due::Grant { pool: pool.to_owned(), hash: hash.clone() };
    Ok(timers::set(tx, crate::NAME, grant.expires, &due.key(), &Bytes::new())?)
}

/// The grant of a refresh token that is good now; `None` where it is not.
pub fn find(read: &(impl Read + ?Sized), pool: &str, hash: &Bytes, now: Timestamp) -> Result<Option<Grant>, Error> {
    Ok(GRANTS.get(read, (pool, hash))?.filter(|grant: &Grant| grant.expires > now))
}

/// Removes a refresh token, if it is there.
pub fn remove(tx: &mut Tx, pool: &str, hash: &Bytes) -> Result<Option<Grant>, Error> {
    let Some(grant) = GRANTS.get(tx, (pool, hash))? else { return Ok(None) };
    GRANTS.delete(tx, (pool, hash))?;
    GRANTS_OF.delete(tx, (pool, &*grant.user, hash))?;
    let due = Due::Grant { pool: pool.to_owned(), hash: hash.clone() };
    timers::cancel(tx, crate::NAME, grant.expires, &due.key())?;
    Ok(Some(grant))
}

/// Removes a refresh token, and lets no access token of the same sign-in count any more.
pub fn revoke(tx: &mut Tx, pool: &str, hash: &Bytes, now: Timestamp) -> Result<(), Error> {
    let Some(grant) = remove(tx, pool, hash)? else { return Ok(()) };
    REVOKED.put(tx, (pool, &*grant.origin), &())?;
    let due = Due::Revoked { pool: pool.to_owned(), origin: grant.origin };
    Ok(timers::set(tx, crate::NAME, now + DAY, &due.key(), &Bytes::new())?)
}

pub fn is_revoked(read: &(impl Read + ?Sized), pool: &str, origin: &str) -> Result<bool, Error> {
    Ok(REVOKED.contains(read, (pool, origin))?)
}

/// Removes every refresh token of a user.
pub fn revoke_all(tx: &mut Tx, user: &User) -> Result<(), Error> {
    let rows = GRANTS_OF.scan_prefix(tx, (&*user.pool, &*user.key), Order::Forward)?;
    for (_, _, hash) in rows.keys().collect::<Result<Vec<_>, _>>()? {
        remove(tx, &user.pool, &hash)?;
    }
    Ok(())
}

/// Removes the refresh tokens of a user that were given to a device.
pub fn remove_of_device(tx: &mut Tx, user: &User, device: &str) -> Result<(), Error> {
    let rows = GRANTS_OF.scan_prefix(tx, (&*user.pool, &*user.key), Order::Forward)?;
    for (_, _, hash) in rows.keys().collect::<Result<Vec<_>, _>>()? {
        let found: Option<Grant> = GRANTS.get(tx, (&*user.pool, &hash))?;
        if found.is_some_and(|grant| grant.device.as_deref() == Some(device)) {
            remove(tx, &user.pool, &hash)?;
        }
    }
    Ok(())
}

/// Whether a session is used up.
pub fn is_spent(read: &(impl Read + ?Sized), pool: &str, session: &str) -> Result<bool, Error> {
    Ok(SPENT.contains(read, (pool, session))?)
}

/// Uses a session up, which ends then anyhow.
///
/// # Errors
/// When it is used up.
pub fn spend(tx: &mut Tx, pool: &str, session: &str, expires: Timestamp) -> Result<(), Error> {
    if is_spent(tx, pool, session)? {
        return Err(Error::not_authorized("Invalid session for the user, session can only be used once."));
    }
    SPENT.put(tx, (pool, session), &())?;
    let due = Due::Spent { pool: pool.to_owned(), session: session.to_owned() };
    Ok(timers::set(tx, crate::NAME, expires, &due.key(), &Bytes::new())?)
}
