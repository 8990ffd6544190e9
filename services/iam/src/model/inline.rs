//! Inline policies: documents that belong to one user, role or group.

use auth::policy::{Policy, Use};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{INLINE, fold, touch};
use crate::model::owner::{Owner, find, find_modifiable};

/// Sets an inline policy, whether or not there was one of this name.
pub fn put<O: Owner>(tx: &mut Tx, name: &str, policy_name: &str, document: &str) -> Result<(), Error> {
    find_modifiable::<O>(tx, name)?;
    Policy::parse(document)?.check(Use::Identity)?;
    INLINE.put(tx, (O::KIND.code(), fold(name), policy_name), &document.to_owned())?;
    let mut characters = 0;
    for row in INLINE.scan_prefix(&*tx, (O::KIND.code(), fold(name)), Order::Forward)? {
        characters += row?.1.chars().filter(|c| !c.is_whitespace()).count();
    }
    if characters > O::INLINE_CHARACTERS_MAX {
        let owner = format!("{} {name}", O::NOUN);
        return Err(Error::PoliciesTooLong { owner, limit: O::INLINE_CHARACTERS_MAX });
    }
    Ok(touch(tx)?)
}

pub fn get<O: Owner>(read: &impl Read, name: &str, policy_name: &str) -> Result<String, Error> {
    find::<O>(read, name)?;
    INLINE.get(read, (O::KIND.code(), fold(name), policy_name))?.ok_or_else(|| not_found::<O>(policy_name))
}

pub fn delete<O: Owner>(tx: &mut Tx, name: &str, policy_name: &str) -> Result<(), Error> {
    get::<O>(tx, name, policy_name)?;
    find_modifiable::<O>(tx, name)?;
    INLINE.delete(tx, (O::KIND.code(), fold(name), policy_name))?;
    Ok(touch(tx)?)
}

fn not_found<O: Owner>(policy_name: &str) -> Error {
    Error::NoSuchEntity(format!("The {} policy with name {policy_name} cannot be found.", O::NOUN))
}
