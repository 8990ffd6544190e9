//! Authorization codes: given once, exchanged once. One that comes twice ends what it was exchanged for.

use base::Timestamp;
use bytes::Bytes;
use kv::Tx;
use service::timers;

use super::grant;
use crate::error::Error;
use crate::keys::AUTHORIZATIONS;
use crate::types::{Authorization, Grant};
use crate::workers::Due;

pub fn put(tx: &mut Tx, pool: &str, hash: &Bytes, authorization: &Authorization) -> Result<(), Error> {
    AUTHORIZATIONS.put(tx, (pool, hash), authorization)?;
    let due = Due::Authorization { pool: pool.to_owned(), hash: hash.clone() };
    Ok(timers::set(tx, crate::NAME, authorization.expires, &due.key(), &Bytes::new())?)
}

/// What a code was given for; `None` where it is none, or has ended.
pub fn find(
    read: &(impl kv::Read + ?Sized),
    pool: &str,
    hash: &Bytes,
    now: Timestamp,
) -> Result<Option<Authorization>, Error> {
    Ok(AUTHORIZATIONS.get(read, (pool, hash))?.filter(|found: &Authorization| found.expires > now))
}

/// Exchanges a code for a refresh token with the hash `token`; `false` where it was exchanged before. Then somebody else may have
/// it too, and what it was exchanged for is revoked.
///
/// Source: RFC 6749, section 4.1.2.
pub fn exchange(
    tx: &mut Tx,
    pool: &str,
    hash: &Bytes,
    token: &Bytes,
    grant: &Grant,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(mut found) = find(tx, pool, hash, now)? else { return Ok(false) };
    if let Some(earlier) = &found.grant {
        grant::revoke(tx, pool, earlier, now)?;
        return Ok(false);
    }
    grant::put(tx, pool, token, grant)?;
    found.grant = Some(token.clone());
    AUTHORIZATIONS.put(tx, (pool, hash), &found)?;
    Ok(true)
}

/// Ends what a code was exchanged for, where it was.
pub fn revoke(tx: &mut Tx, pool: &str, hash: &Bytes, now: Timestamp) -> Result<(), Error> {
    let found: Option<Authorization> = AUTHORIZATIONS.get(tx, (pool, hash))?;
    match found.and_then(|found| found.grant) {
        Some(earlier) => grant::revoke(tx, pool, &earlier, now),
        None => Ok(()),
    }
}

pub fn remove(tx: &mut Tx, pool: &str, hash: &Bytes) -> Result<(), Error> {
    Ok(AUTHORIZATIONS.delete(tx, (pool, hash))?)
}
