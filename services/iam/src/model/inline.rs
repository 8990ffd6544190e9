//! Inline policies: documents that belong to one user or role.

use auth::policy::{Policy, Use};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{INLINE, fold, touch};
use crate::model::entity::{Entity, find};

/// Sets an inline policy, whether or not there was one of this name.
pub fn put<E: Entity>(tx: &mut Tx, name: &str, policy_name: &str, document: &str) -> Result<(), Error> {
    find::<E>(tx, name)?;
    Policy::parse(document)?.check(Use::Identity)?;
    INLINE.put(tx, (E::KIND.code(), fold(name), policy_name), &document.to_owned())?;
    let mut characters = 0;
    for row in INLINE.scan_prefix(&*tx, (E::KIND.code(), fold(name)), Order::Forward)? {
        characters += row?.1.chars().filter(|c| !c.is_whitespace()).count();
    }
    if characters > E::INLINE_CHARACTERS_MAX {
        let owner = format!("{} {name}", E::NOUN);
        return Err(Error::PoliciesTooLong { owner, limit: E::INLINE_CHARACTERS_MAX });
    }
    Ok(touch(tx)?)
}

pub fn get<E: Entity>(read: &impl Read, name: &str, policy_name: &str) -> Result<String, Error> {
    find::<E>(read, name)?;
    INLINE.get(read, (E::KIND.code(), fold(name), policy_name))?.ok_or_else(|| not_found::<E>(policy_name))
}

pub fn delete<E: Entity>(tx: &mut Tx, name: &str, policy_name: &str) -> Result<(), Error> {
    get::<E>(tx, name, policy_name)?;
    INLINE.delete(tx, (E::KIND.code(), fold(name), policy_name))?;
    Ok(touch(tx)?)
}

fn not_found<E: Entity>(policy_name: &str) -> Error {
    Error::NoSuchEntity(format!("The {} policy with name {policy_name} cannot be found.", E::NOUN))
}
