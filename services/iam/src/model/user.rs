//! What only users have: access keys and other credentials, and groups they are in.

use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{ACCESS_KEYS, BOUNDARY_OF, GROUPS_OF, KEYS_OF, Kind, LOGIN_PROFILES, MEMBERS, MFA_OF, fold};
use crate::model::{entity, login, mfa, owner, service_credential};
use crate::types::User;

/// Deletes a user on whom nothing hangs any more.
pub fn delete(tx: &mut Tx, name: &str) -> Result<(), Error> {
    owner::find::<User>(&*tx, name)?;
    let key = fold(name);
    if KEYS_OF.scan_prefix(&*tx, (&key,), Order::Forward)?.next().is_some() {
        return Err(Error::first("delete access keys"));
    }
    if GROUPS_OF.scan_prefix(&*tx, (&key,), Order::Forward)?.next().is_some() {
        return Err(Error::first("remove users from group"));
    }
    if MFA_OF.scan_prefix(&*tx, (&key,), Order::Forward)?.next().is_some() {
        return Err(Error::first("delete MFA device"));
    }
    if LOGIN_PROFILES.contains(&*tx, &key)? {
        return Err(Error::first("delete login profile"));
    }
    if service_credential::has_any(&*tx, &key)? {
        return Err(Error::first("remove referenced objects"));
    }
    entity::delete::<User>(tx, name)
}

/// Gives a user another name, another path or both. Keys, groups and policies stay.
pub fn rename(tx: &mut Tx, name: &str, new_name: Option<&str>, new_path: Option<&str>) -> Result<(), Error> {
    let user = owner::rename::<User>(tx, name, new_name, new_path)?;
    mfa::rename_user(tx, name, &user.name)?;
    let (before, after) = (fold(name), fold(&user.name));
    let keys: Vec<_> = KEYS_OF.scan_prefix(&*tx, (&before,), Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (_, id) in keys {
        KEYS_OF.delete(tx, (&before, &id))?;
        KEYS_OF.put(tx, (&after, &id), &())?;
        if let Some(mut key) = ACCESS_KEYS.get(&*tx, &id)? {
            key.user.clone_from(&user.name);
            ACCESS_KEYS.put(tx, &id, &key)?;
        }
    }
    login::rename_user(tx, &before, &after)?;
    service_credential::rename_user(tx, &before, &after)?;
    let groups: Vec<_> = GROUPS_OF.scan_prefix(&*tx, (&before,), Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (_, group) in groups {
        GROUPS_OF.delete(tx, (&before, &group))?;
        MEMBERS.delete(tx, (&group, &before))?;
        GROUPS_OF.put(tx, (&after, &group), &())?;
        MEMBERS.put(tx, (&group, &after), &())?;
    }
    if let Some(boundary) = user.boundary {
        BOUNDARY_OF.delete(tx, (&boundary, Kind::User.code(), &before))?;
        BOUNDARY_OF.put(tx, (&boundary, Kind::User.code(), &after), &())?;
    }
    Ok(())
}
