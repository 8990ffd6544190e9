//! Passkeys: finding, keeping and removing them. Whose one is, and whose it stays, its id alone says.

use bytes::Bytes;
use kv::{Order, Read, Tx};

use crate::crypto::sha256;
use crate::error::Error;
use crate::keys::{PASSKEYS, PASSKEYS_OF};
use crate::limits::PASSKEYS_OF_USER_MAX;
use crate::types::{Passkey, User};

/// Ids are as long as their authenticators like: keys have their hash.
fn hash(id: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&sha256(id))
}

/// The passkey of a user with an id.
pub fn find(read: &(impl Read + ?Sized), user: &User, id: &[u8]) -> Result<Option<Passkey>, Error> {
    let found = PASSKEYS.get(read, (&*user.pool, &hash(id)))?;
    Ok(found.filter(|passkey: &Passkey| passkey.sub == user.sub))
}

/// All passkeys of a user.
pub fn of_user(read: &(impl Read + ?Sized), user: &User) -> Result<Vec<Passkey>, Error> {
    Ok(list(read, user, &Bytes::new(), PASSKEYS_OF_USER_MAX)?.0)
}

/// A page of a user's passkeys after the one whose id has the hash `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    user: &User,
    after: &Bytes,
    limit: usize,
) -> Result<(Vec<Passkey>, bool), Error> {
    let (pool, own) = (&*user.pool, &*user.key);
    let rows = PASSKEYS_OF.scan_after(read, (pool, own), (pool, own, after), Order::Forward)?;
    let (keys, more) = kv::page(rows.keys(), limit)?;
    let found = keys.iter().filter_map(|(_, _, hash)| PASSKEYS.get(read, (pool, hash)).transpose());
    Ok((found.collect::<Result<_, _>>()?, more))
}

/// The place of a passkey in a list.
pub fn place(passkey: &Passkey) -> Bytes {
    hash(&passkey.id)
}

/// Keeps a new passkey.
///
/// # Errors
/// When somebody has it already, or the user has too many.
///
/// Source: <https://www.w3.org/TR/webauthn-2/#sctn-registering-a-new-credential>, step 22.
pub fn create(tx: &mut Tx, passkey: &Passkey) -> Result<(), Error> {
    let (pool, own, hash) = (&*passkey.pool, &*passkey.user, hash(&passkey.id));
    if PASSKEYS.contains(tx, (pool, &hash))? {
        return Err(Error::parameter("The passkey is registered already."));
    }
    let others = PASSKEYS_OF.scan_prefix(tx, (pool, own), Order::Forward)?.keys().take(PASSKEYS_OF_USER_MAX).count();
    if others >= PASSKEYS_OF_USER_MAX {
        return Err(Error::TooMany(format!("A user has {PASSKEYS_OF_USER_MAX} passkeys at most.")));
    }
    PASSKEYS.put(tx, (pool, &hash), passkey)?;
    Ok(PASSKEYS_OF.put(tx, (pool, own, &hash), &())?)
}

/// Changes a passkey of a user, if `change` does not refuse.
pub fn change<T>(
    tx: &mut Tx,
    user: &User,
    id: &[u8],
    change: impl FnOnce(&mut Passkey) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut passkey = find(tx, user, id)?.ok_or_else(Error::wrong_password)?;
    let changed = change(&mut passkey)?;
    PASSKEYS.put(tx, (&*user.pool, &hash(id)), &passkey)?;
    Ok(changed)
}

/// Removes a passkey; whether there was one.
pub fn remove(tx: &mut Tx, user: &User, id: &[u8]) -> Result<bool, Error> {
    if find(tx, user, id)?.is_none() {
        return Ok(false);
    }
    let hash = hash(id);
    PASSKEYS.delete(tx, (&*user.pool, &hash))?;
    PASSKEYS_OF.delete(tx, (&*user.pool, &*user.key, &hash))?;
    Ok(true)
}

pub fn remove_all(tx: &mut Tx, user: &User) -> Result<(), Error> {
    for passkey in of_user(tx, user)? {
        remove(tx, user, &passkey.id)?;
    }
    Ok(())
}
