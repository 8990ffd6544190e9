//! Groups, and who is in them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{GROUPS, GROUPS_OF, MEMBERS, USERS, fold, touch};
use crate::limits::GROUPS_PER_USER_MAX;
use crate::model::owner::{self, find};
use crate::types::{Group, User};

/// Puts a user into a group; once is enough.
pub fn add(tx: &mut Tx, group: &str, user: &str) -> Result<(), Error> {
    find::<Group>(&*tx, group)?;
    find::<User>(&*tx, user)?;
    let (group, user) = (fold(group), fold(user));
    if MEMBERS.contains(tx, (&group, &user))? {
        return Ok(());
    }
    if GROUPS_OF.scan_prefix(&*tx, (&user,), Order::Forward)?.count() >= GROUPS_PER_USER_MAX {
        return Err(Error::LimitExceeded { quota: "GroupsPerUser", limit: GROUPS_PER_USER_MAX });
    }
    MEMBERS.put(tx, (&group, &user), &())?;
    GROUPS_OF.put(tx, (&user, &group), &())?;
    Ok(touch(tx)?)
}

/// Takes a user out of a group; who is not in it stays out.
pub fn remove(tx: &mut Tx, group: &str, user: &str) -> Result<(), Error> {
    find::<Group>(&*tx, group)?;
    find::<User>(&*tx, user)?;
    let (group, user) = (fold(group), fold(user));
    MEMBERS.delete(tx, (&group, &user))?;
    GROUPS_OF.delete(tx, (&user, &group))?;
    Ok(touch(tx)?)
}

/// Deletes a group that has neither users nor policies any more.
pub fn delete(tx: &mut Tx, name: &str) -> Result<(), Error> {
    find::<Group>(&*tx, name)?;
    if MEMBERS.scan_prefix(&*tx, (fold(name),), Order::Forward)?.next().is_some() {
        return Err(Error::first("remove users from group"));
    }
    owner::delete::<Group>(tx, name)
}

/// Gives a group another name, another path or both. Users and policies stay.
pub fn rename(tx: &mut Tx, name: &str, new_name: Option<&str>, new_path: Option<&str>) -> Result<(), Error> {
    let group = owner::rename::<Group>(tx, name, new_name, new_path)?;
    let (before, after) = (fold(name), fold(&group.name));
    let members: Vec<_> = MEMBERS.scan_prefix(&*tx, (&before,), Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (_, user) in members {
        MEMBERS.delete(tx, (&before, &user))?;
        GROUPS_OF.delete(tx, (&user, &before))?;
        MEMBERS.put(tx, (&after, &user), &())?;
        GROUPS_OF.put(tx, (&user, &after), &())?;
    }
    Ok(())
}

/// The groups of a user, by name.
pub fn of(read: &impl Read, user: &str) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    for key in GROUPS_OF.scan_prefix(read, (fold(user),), Order::Forward)?.keys() {
        groups.extend(GROUPS.get(read, &key?.1)?);
    }
    Ok(groups)
}

/// The users in a group, by name, with the keys of their rows.
pub fn members(read: &impl Read, group: &str) -> Result<Vec<(String, User)>, Error> {
    let mut users = Vec::new();
    for key in MEMBERS.scan_prefix(read, (fold(group),), Order::Forward)?.keys() {
        let (_, key) = key?;
        users.extend(USERS.get(read, &key)?.map(|user| (key, user)));
    }
    Ok(users)
}
