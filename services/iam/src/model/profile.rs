//! Instance profiles, and the roles in them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{INSTANCE_PROFILES, PROFILES_OF, fold};
use crate::limits::ROLES_PER_PROFILE_MAX;
use crate::model::owner;
use crate::types::{InstanceProfile, Role, Tags};

pub fn find(read: &impl Read, name: &str) -> Result<InstanceProfile, Error> {
    let found = INSTANCE_PROFILES.get(read, fold(name))?.filter(|profile| profile.name == name);
    found.ok_or_else(|| Error::NoSuchEntity(format!("Instance Profile {name} cannot be found.")))
}

fn put(tx: &mut Tx, profile: &InstanceProfile) -> Result<(), Error> {
    Ok(INSTANCE_PROFILES.put(tx, fold(&profile.name), profile)?)
}

pub fn create(tx: &mut Tx, profile: &InstanceProfile) -> Result<(), Error> {
    if INSTANCE_PROFILES.contains(tx, fold(&profile.name))? {
        let message = format!("Instance Profile {} already exists.", profile.name);
        return Err(Error::EntityAlreadyExists(message));
    }
    put(tx, profile)
}

pub fn delete(tx: &mut Tx, name: &str) -> Result<(), Error> {
    if find(&*tx, name)?.role.is_some() {
        return Err(Error::first("remove roles from instance profile"));
    }
    Ok(INSTANCE_PROFILES.delete(tx, fold(name))?)
}

pub fn add_role(tx: &mut Tx, name: &str, role: &str) -> Result<(), Error> {
    let profile = find(&*tx, name)?;
    owner::find_modifiable::<Role>(&*tx, role)?;
    if profile.role.is_some() {
        return Err(Error::LimitExceeded { quota: "InstanceSessionsPerInstanceProfile", limit: ROLES_PER_PROFILE_MAX });
    }
    PROFILES_OF.put(tx, (fold(role), fold(name)), &())?;
    put(tx, &InstanceProfile { role: Some(role.into()), ..profile })
}

pub fn remove_role(tx: &mut Tx, name: &str, role: &str) -> Result<(), Error> {
    let profile = find(&*tx, name)?;
    if profile.role.as_deref() != Some(role) {
        return Err(Error::NoSuchEntity(format!("The role with name {role} cannot be found.")));
    }
    PROFILES_OF.delete(tx, (fold(role), fold(name)))?;
    put(tx, &InstanceProfile { role: None, ..profile })
}

/// Those that have a role, by name.
pub fn of_role(read: &impl Read, role: &str) -> Result<Vec<InstanceProfile>, Error> {
    owner::find::<Role>(read, role)?;
    let mut profiles = Vec::new();
    for key in PROFILES_OF.scan_prefix(read, (fold(role),), Order::Forward)?.keys() {
        profiles.extend(INSTANCE_PROFILES.get(read, key?.1)?);
    }
    Ok(profiles)
}

pub fn change_tags(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
    let mut profile = find(&*tx, name)?;
    change(&mut profile.tags)?;
    put(tx, &profile)
}
