//! Users and roles, who are somebody: what they have beside their policies.

use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{BOUNDARY_OF, PROFILES_OF, fold, touch};
use crate::model::managed;
use crate::model::owner::{self, Owner, find};
use crate::types::{Role, Tags, User};

/// A user or a role.
pub trait Entity: Owner {
    fn boundary(&mut self) -> &mut Option<String>;
    fn tags(&mut self) -> &mut Tags;
    /// Of a role: the policy that says who may assume it.
    fn trust(&self) -> Option<&str>;
}

macro_rules! entity {
    ($type:ident, $trust:expr) => {
        impl Entity for $type {
            fn boundary(&mut self) -> &mut Option<String> {
                &mut self.boundary
            }

            fn tags(&mut self) -> &mut Tags {
                &mut self.tags
            }

            fn trust(&self) -> Option<&str> {
                let trust: fn(&$type) -> Option<&str> = $trust;
                trust(self)
            }
        }
    };
}
entity!(User, |_| None);
entity!(Role, |role| Some(&role.trust));

pub fn create<E: Entity>(tx: &mut Tx, mut entity: E) -> Result<(), Error> {
    owner::create(tx, &entity)?;
    match entity.boundary().clone() {
        Some(boundary) => bound::<E>(tx, &fold(entity.name()), &boundary),
        None => Ok(()),
    }
}

/// Changes one thing about a user or role.
pub fn update<E: Entity>(
    tx: &mut Tx,
    name: &str,
    change: impl FnOnce(&mut E) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut entity = find::<E>(tx, name)?;
    change(&mut entity)?;
    E::TABLE.put(tx, fold(name), &entity)?;
    Ok(touch(tx)?)
}

/// Deletes a user or role that has no policies any more.
pub fn delete<E: Entity>(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let mut entity = owner::find_modifiable::<E>(&*tx, name)?;
    owner::delete::<E>(tx, name)?;
    if let Some(boundary) = entity.boundary().take() {
        BOUNDARY_OF.delete(tx, (boundary, E::KIND.code(), fold(name)))?;
    }
    Ok(())
}

/// Deletes a role that has no policies and is in no instance profile any more.
pub fn delete_role(tx: &mut Tx, name: &str) -> Result<(), Error> {
    owner::find_modifiable::<Role>(&*tx, name)?;
    if PROFILES_OF.scan_prefix(&*tx, (fold(name),), Order::Forward)?.next().is_some() {
        return Err(Error::first("remove roles from instance profile"));
    }
    delete::<Role>(tx, name)
}

/// Bounds a user or role by a managed policy, or by none.
pub fn set_boundary<E: Entity>(tx: &mut Tx, name: &str, boundary: Option<&str>) -> Result<(), Error> {
    let mut entity = owner::find_modifiable::<E>(tx, name)?;
    let key = fold(name);
    if let Some(before) = entity.boundary().take() {
        BOUNDARY_OF.delete(tx, (before, E::KIND.code(), &key))?;
    } else if boundary.is_none() {
        return Err(Error::NoSuchEntity(format!("{name} does not have a permissions boundary.")));
    }
    if let Some(boundary) = boundary {
        bound::<E>(tx, &key, boundary)?;
        *entity.boundary() = Some(boundary.into());
    }
    E::TABLE.put(tx, key, &entity)?;
    Ok(touch(tx)?)
}

fn bound<E: Entity>(tx: &mut Tx, key: &str, boundary: &str) -> Result<(), Error> {
    managed::document(&*tx, boundary)?;
    Ok(BOUNDARY_OF.put(tx, (boundary, E::KIND.code(), key), &())?)
}
