//! Users, roles and groups: what has policies, written once.

use kv::{Order, Read, Stored, Table, Tx};

use crate::error::Error;
use crate::keys::{ATTACHED, ATTACHED_TO, GROUPS, INLINE, Kind, ROLES, USERS, fold, touch};
use crate::limits;
use crate::types::{Group, Role, User};

/// Where service-linked roles are.
pub const SERVICE_ROLE_PATH: &str = "/aws-service-role/";

/// What has policies: a user, a role or a group.
pub trait Owner: Stored + Clone + Send + 'static {
    const KIND: Kind;
    const TABLE: Table<String, Self>;
    /// As messages and ARNs say it.
    const NOUN: &'static str;
    /// The same at the beginning of a sentence.
    const TITLE: &'static str;
    /// The member that names one, as messages about it say.
    const NAME_MEMBER: &'static str;
    const NAME_CHARACTERS_MAX: usize;
    /// All inline policies together.
    const INLINE_CHARACTERS_MAX: usize;
    /// The quota of attached policies.
    const ATTACHED_QUOTA: &'static str;

    /// Which is never given again.
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn path(&self) -> &str;
    fn call(&mut self, name: String, path: String);
}

macro_rules! owner {
    ($type:ident, $table:ident, $noun:literal, $member:literal, $name:ident, $inline:ident, $quota:literal) => {
        impl Owner for $type {
            const KIND: Kind = Kind::$type;
            const TABLE: Table<String, $type> = $table;
            const NOUN: &'static str = $noun;
            const TITLE: &'static str = stringify!($type);
            const NAME_MEMBER: &'static str = $member;
            const NAME_CHARACTERS_MAX: usize = limits::$name;
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

            fn call(&mut self, name: String, path: String) {
                (self.name, self.path) = (name, path);
            }
        }
    };
}
owner!(User, USERS, "user", "userName", NAME_CHARACTERS_MAX, USER_INLINE_CHARACTERS_MAX, "PoliciesPerUser");
owner!(Role, ROLES, "role", "roleName", NAME_CHARACTERS_MAX, ROLE_INLINE_CHARACTERS_MAX, "PoliciesPerRole");
owner!(Group, GROUPS, "group", "groupName", GROUP_NAME_CHARACTERS_MAX, GROUP_INLINE_CHARACTERS_MAX, "PoliciesPerGroup");

/// The user, role or group of this name, letter by letter.
pub fn find<O: Owner>(read: &impl Read, name: &str) -> Result<O, Error> {
    let found = O::TABLE.get(read, fold(name))?.filter(|owner: &O| owner.name() == name);
    found.ok_or_else(|| Error::NoSuchEntity(format!("The {} with name {name} cannot be found.", O::NOUN)))
}

/// The same, to change what it may do: only its service changes a service-linked role.
pub fn find_modifiable<O: Owner>(read: &impl Read, name: &str) -> Result<O, Error> {
    let found = find::<O>(read, name)?;
    modifiable(&found)?;
    Ok(found)
}

/// Whether what this may do can be changed.
pub fn modifiable<O: Owner>(owner: &O) -> Result<(), Error> {
    match O::KIND {
        Kind::Role if owner.path().starts_with(SERVICE_ROLE_PATH) => Err(Error::Unmodifiable(owner.name().to_owned())),
        Kind::User | Kind::Role | Kind::Group => Ok(()),
    }
}

pub fn create<O: Owner>(tx: &mut Tx, owner: &O) -> Result<(), Error> {
    free::<O>(tx, owner.name())?;
    O::TABLE.put(tx, fold(owner.name()), owner)?;
    Ok(touch(tx)?)
}

/// Whether a name can be given: names differ by more than case.
fn free<O: Owner>(read: &impl Read, name: &str) -> Result<(), Error> {
    if O::TABLE.contains(read, fold(name))? {
        return Err(Error::EntityAlreadyExists(format!("{} with name {name} already exists.", O::TITLE)));
    }
    Ok(())
}

/// Deletes one that has no policies any more.
pub fn delete<O: Owner>(tx: &mut Tx, name: &str) -> Result<(), Error> {
    find::<O>(&*tx, name)?;
    let key = fold(name);
    if ATTACHED.scan_prefix(&*tx, (O::KIND.code(), &key), Order::Forward)?.next().is_some() {
        return Err(Error::first("detach all policies"));
    }
    if INLINE.scan_prefix(&*tx, (O::KIND.code(), &key), Order::Forward)?.next().is_some() {
        return Err(Error::first("delete policies"));
    }
    O::TABLE.delete(tx, &key)?;
    Ok(touch(tx)?)
}

/// Gives another name, another path or both. Policies stay, and so does the id.
pub fn rename<O: Owner>(tx: &mut Tx, name: &str, new_name: Option<&str>, new_path: Option<&str>) -> Result<O, Error> {
    let mut owner = find::<O>(&*tx, name)?;
    let (before, after) = (fold(name), fold(new_name.unwrap_or(name)));
    if before != after {
        free::<O>(tx, &after)?;
        move_policies(tx, O::KIND, &before, &after)?;
        O::TABLE.delete(tx, &before)?;
    }
    let path = new_path.unwrap_or(owner.path()).to_owned();
    owner.call(new_name.unwrap_or(name).to_owned(), path);
    O::TABLE.put(tx, &after, &owner)?;
    touch(tx)?;
    Ok(owner)
}

fn move_policies(tx: &mut Tx, kind: Kind, before: &str, after: &str) -> Result<(), Error> {
    let kind = kind.code();
    let inline: Vec<_> = INLINE.scan_prefix(&*tx, (kind, before), Order::Forward)?.collect::<Result<_, _>>()?;
    for ((_, _, policy), document) in inline {
        INLINE.delete(tx, (kind, before, &policy))?;
        INLINE.put(tx, (kind, after, &policy), &document)?;
    }
    let attached: Vec<_> =
        ATTACHED.scan_prefix(&*tx, (kind, before), Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (_, _, arn) in attached {
        ATTACHED.delete(tx, (kind, before, &arn))?;
        ATTACHED_TO.delete(tx, (&arn, kind, before))?;
        ATTACHED.put(tx, (kind, after, &arn), &())?;
        ATTACHED_TO.put(tx, (&arn, kind, after), &())?;
    }
    Ok(())
}
