//! Access keys of users.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ACCESS_KEYS, KEYS_OF, KEYS_USED, fold, touch};
use crate::limits::ACCESS_KEYS_PER_USER_MAX;
use crate::model::owner::find;
use crate::types::{AccessKey, User};

pub fn create(tx: &mut Tx, id: &str, key: &AccessKey) -> Result<(), Error> {
    find::<User>(&*tx, &key.user)?;
    let owner = fold(&key.user);
    if KEYS_OF.scan_prefix(&*tx, (&owner,), Order::Forward)?.count() >= ACCESS_KEYS_PER_USER_MAX {
        return Err(Error::LimitExceeded { quota: "AccessKeysPerUser", limit: ACCESS_KEYS_PER_USER_MAX });
    }
    ACCESS_KEYS.put(tx, id, key)?;
    KEYS_OF.put(tx, (&owner, id), &())?;
    Ok(touch(tx)?)
}

/// The user's key with this id.
fn own(read: &impl Read, user: &str, id: &str) -> Result<AccessKey, Error> {
    find::<User>(read, user)?;
    let found = ACCESS_KEYS.get(read, id)?.filter(|key| key.user == user);
    found.ok_or_else(|| Error::NoSuchEntity(format!("The Access Key with id {id} cannot be found.")))
}

pub fn set_active(tx: &mut Tx, user: &str, id: &str, active: bool) -> Result<(), Error> {
    let key = own(&*tx, user, id)?;
    ACCESS_KEYS.put(tx, id, &AccessKey { active, ..key })?;
    Ok(touch(tx)?)
}

pub fn delete(tx: &mut Tx, user: &str, id: &str) -> Result<(), Error> {
    own(&*tx, user, id)?;
    ACCESS_KEYS.delete(tx, id)?;
    KEYS_USED.delete(tx, id)?;
    KEYS_OF.delete(tx, (fold(user), id))?;
    Ok(touch(tx)?)
}

/// A user's keys, by id.
pub fn list(read: &impl Read, user: &str) -> Result<Vec<(String, AccessKey)>, Error> {
    find::<User>(read, user)?;
    let mut keys = Vec::new();
    for entry in KEYS_OF.scan_prefix(read, (fold(user),), Order::Forward)? {
        let ((_, id), ()) = entry?;
        if let Some(key) = ACCESS_KEYS.get(read, &id)? {
            keys.push((id, key));
        }
    }
    Ok(keys)
}
