//! Groups, and who is in them.

use kv::{Order, Read, Tx};

use super::user;
use crate::error::Error;
use crate::keys::{GROUPS, GROUPS_OF, MEMBERS};
use crate::limits::GROUPS_OF_USER_MAX;
use crate::types::{Group, User};

pub fn get(read: &(impl Read + ?Sized), pool: &str, name: &str) -> Result<Group, Error> {
    GROUPS.get(read, (pool, name))?.ok_or_else(|| Error::NotFound("Group not found.".into()))
}

pub fn create(tx: &mut Tx, group: &Group) -> Result<(), Error> {
    super::pool::get(tx, &group.pool)?;
    if GROUPS.contains(tx, (&*group.pool, &*group.name))? {
        return Err(Error::GroupExists);
    }
    put(tx, group)
}

pub fn put(tx: &mut Tx, group: &Group) -> Result<(), Error> {
    Ok(GROUPS.put(tx, (&*group.pool, &*group.name), group)?)
}

/// Removes a group; its members stay.
pub fn delete(tx: &mut Tx, pool: &str, name: &str) -> Result<(), Error> {
    get(tx, pool, name)?;
    let members = MEMBERS.scan_prefix(tx, (pool, name), Order::Forward)?.keys().collect::<Result<Vec<_>, _>>()?;
    for (_, _, user) in members {
        GROUPS_OF.delete(tx, (pool, &*user, name))?;
    }
    MEMBERS.delete_prefix(tx, (pool, name))?;
    Ok(GROUPS.delete(tx, (pool, name))?)
}

pub fn add(tx: &mut Tx, user: &User, name: &str) -> Result<(), Error> {
    get(tx, &user.pool, name)?;
    let others = names_of(tx, user)?;
    if others.len() >= GROUPS_OF_USER_MAX && !others.iter().any(|other| other == name) {
        return Err(Error::TooMany(format!("A user can be in {GROUPS_OF_USER_MAX} groups at most.")));
    }
    MEMBERS.put(tx, (&*user.pool, name, &*user.key), &())?;
    Ok(GROUPS_OF.put(tx, (&*user.pool, &*user.key, name), &())?)
}

pub fn remove(tx: &mut Tx, user: &User, name: &str) -> Result<(), Error> {
    get(tx, &user.pool, name)?;
    MEMBERS.delete(tx, (&*user.pool, name, &*user.key))?;
    Ok(GROUPS_OF.delete(tx, (&*user.pool, &*user.key, name))?)
}

/// Takes a user out of all groups.
pub fn remove_all(tx: &mut Tx, user: &User) -> Result<(), Error> {
    for name in names_of(tx, user)? {
        MEMBERS.delete(tx, (&*user.pool, &*name, &*user.key))?;
    }
    Ok(GROUPS_OF.delete_prefix(tx, (&*user.pool, &*user.key))?)
}

fn names_of(read: &(impl Read + ?Sized), user: &User) -> Result<Vec<String>, Error> {
    let rows = GROUPS_OF.scan_prefix(read, (&*user.pool, &*user.key), Order::Forward)?;
    rows.keys().map(|key| Ok(key?.2)).collect()
}

/// The groups of a user, those that come first in front; those without a precedence come last.
pub fn of_user(read: &(impl Read + ?Sized), user: &User) -> Result<Vec<Group>, Error> {
    let mut groups: Vec<Group> =
        names_of(read, user)?.iter().map(|name| get(read, &user.pool, name)).collect::<Result<_, _>>()?;
    groups.sort_by_key(|group| (group.precedence.is_none(), group.precedence));
    Ok(groups)
}

/// A page of a pool's groups after the one named `after`, and whether there are more.
pub fn list(read: &(impl Read + ?Sized), pool: &str, after: &str, limit: usize) -> Result<(Vec<Group>, bool), Error> {
    Ok(kv::page(GROUPS.scan_after(read, pool, (pool, after), Order::Forward)?.values(), limit)?)
}

/// A page of a group's members after the one with the key `after`, and whether there are more.
pub fn members(
    read: &(impl Read + ?Sized),
    pool: &str,
    name: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<User>, bool), Error> {
    get(read, pool, name)?;
    let rows = MEMBERS.scan_after(read, (pool, name), (pool, name, after), Order::Forward)?;
    let (keys, more) = kv::page(rows.keys(), limit)?;
    Ok((keys.iter().map(|(_, _, key)| user::by_key(read, pool, key)).collect::<Result<_, _>>()?, more))
}
