//! Users and roles: what they have in common, written once.

use kv::{Order, Read, Stored, Table, Tx};

use crate::error::Error;
use crate::keys::{ATTACHED, BOUNDARY_OF, INLINE, KEYS_OF, Kind, ROLES, USERS, fold, touch};
use crate::limits;
use crate::model::managed;
use crate::types::{Role, Tags, User};

/// A user or a role.
pub trait Entity: Stored + Clone + Send + 'static {
    const KIND: Kind;
    const TABLE: Table<String, Self>;
    /// As messages and ARNs say it.
    const NOUN: &'static str;
    /// The member that names one, as messages about it say.
    const NAME_MEMBER: &'static str;
    /// All inline policies together.
    const INLINE_CHARACTERS_MAX: usize;
    /// The quota of attached policies.
    const ATTACHED_QUOTA: &'static str;

    /// Which is never given again.
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn path(&self) -> &str;
    fn boundary(&mut self) -> &mut Option<String>;
    fn tags(&mut self) -> &mut Tags;
}

macro_rules! entity {
    ($type:ident, $table:ident, $noun:literal, $member:literal, $inline:ident, $quota:literal) => {
        impl Entity for $type {
            const KIND: Kind = Kind::$type;
            const TABLE: Table<String, $type> = $table;
            const NOUN: &'static str = $noun;
            const NAME_MEMBER: &'static str = $member;
            const INLINE_CHARACTERS_MAX: usize = limits::$inline;
            const ATTACHED_QUOTA: &'static str = $quota;

            fn id(&self) -> &str {
                &self.id
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn path(&self) -> &str {
                &self.path
            }

            fn boundary(&mut self) -> &mut Option<String> {
                &mut self.boundary
            }

            fn tags(&mut self) -> &mut Tags {
                &mut self.tags
            }
        }
    };
}
entity!(User, USERS, "user", "userName", USER_INLINE_CHARACTERS_MAX, "PoliciesPerUser");
entity!(Role, ROLES, "role", "roleName", ROLE_INLINE_CHARACTERS_MAX, "PoliciesPerRole");

/// The user or role of this name, letter by letter.
pub fn find<E: Entity>(read: &impl Read, name: &str) -> Result<E, Error> {
    let found = E::TABLE.get(read, fold(name))?.filter(|entity: &E| entity.name() == name);
    found.ok_or_else(|| Error::NoSuchEntity(format!("The {} with name {name} cannot be found.", E::NOUN)))
}

pub fn create<E: Entity>(tx: &mut Tx, mut entity: E) -> Result<(), Error> {
    let key = fold(entity.name());
    if E::TABLE.contains(tx, &key)? {
        let noun = if E::KIND == Kind::User { "User" } else { "Role" };
        return Err(Error::EntityAlreadyExists(format!("{noun} with name {} already exists.", entity.name())));
    }
    if let Some(boundary) = entity.boundary().clone() {
        bound::<E>(tx, &key, &boundary)?;
    }
    E::TABLE.put(tx, key, &entity)?;
    Ok(touch(tx)?)
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

/// Deletes a user or role that nothing hangs on any more.
pub fn delete<E: Entity>(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let mut entity = find::<E>(tx, name)?;
    let key = fold(name);
    let owner = (E::KIND.code(), key.as_str());
    let conflict = |message: &str| Err(Error::DeleteConflict(format!("Cannot delete entity, must {message} first.")));
    if E::KIND == Kind::User && KEYS_OF.scan_prefix(tx, (&key,), Order::Forward)?.next().is_some() {
        return conflict("delete access keys");
    }
    if ATTACHED.scan_prefix(tx, owner, Order::Forward)?.next().is_some() {
        return conflict("detach all policies");
    }
    if INLINE.scan_prefix(tx, owner, Order::Forward)?.next().is_some() {
        return conflict("delete policies");
    }
    if let Some(boundary) = entity.boundary().take() {
        BOUNDARY_OF.delete(tx, (boundary, owner.0, owner.1))?;
    }
    E::TABLE.delete(tx, &key)?;
    Ok(touch(tx)?)
}

/// Bounds a user or role by a managed policy, or by none.
pub fn set_boundary<E: Entity>(tx: &mut Tx, name: &str, boundary: Option<&str>) -> Result<(), Error> {
    let mut entity = find::<E>(tx, name)?;
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

pub fn tag<E: Entity>(tx: &mut Tx, name: &str, tags: &Tags) -> Result<(), Error> {
    update::<E>(tx, name, |entity| {
        entity.tags().extend(tags.clone());
        if entity.tags().len() > limits::TAGS_MAX {
            let quota = if E::KIND == Kind::User { "TagsPerUser" } else { "TagsPerRole" };
            return Err(Error::LimitExceeded { quota, limit: limits::TAGS_MAX });
        }
        Ok(())
    })
}

pub fn untag<E: Entity>(tx: &mut Tx, name: &str, keys: &[String]) -> Result<(), Error> {
    update::<E>(tx, name, |entity| {
        entity.tags().retain(|key, _| !keys.contains(key));
        Ok(())
    })
}
