//! Managed policies attached to users, roles and groups.

use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{ATTACHED, ATTACHED_TO, fold, touch};
use crate::limits::ATTACHED_POLICIES_MAX;
use crate::model::managed;
use crate::model::owner::{Owner, find_modifiable};

/// Attaches a policy; once is enough.
pub fn attach<O: Owner>(tx: &mut Tx, name: &str, policy_arn: &str) -> Result<(), Error> {
    find_modifiable::<O>(tx, name)?;
    managed::document(&*tx, policy_arn)?;
    let (kind, key) = (O::KIND.code(), fold(name));
    if ATTACHED.contains(tx, (kind, &key, policy_arn))? {
        return Ok(());
    }
    if ATTACHED.scan_prefix(&*tx, (kind, &key), Order::Forward)?.count() >= ATTACHED_POLICIES_MAX {
        return Err(Error::LimitExceeded { quota: O::ATTACHED_QUOTA, limit: ATTACHED_POLICIES_MAX });
    }
    put::<O>(tx, &key, policy_arn)
}

/// Attaches a policy to the owner whose folded name is `key`, whatever is to be said of either.
pub fn put<O: Owner>(tx: &mut Tx, key: &str, policy_arn: &str) -> Result<(), Error> {
    ATTACHED.put(tx, (O::KIND.code(), key, policy_arn), &())?;
    ATTACHED_TO.put(tx, (policy_arn, O::KIND.code(), key), &())?;
    Ok(touch(tx)?)
}

/// Detaches all policies of the owner whose folded name is `key`.
pub fn delete_all<O: Owner>(tx: &mut Tx, key: &str) -> Result<(), Error> {
    let kind = O::KIND.code();
    let all: Vec<_> = ATTACHED.scan_prefix(&*tx, (kind, key), Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (_, _, arn) in all {
        ATTACHED.delete(tx, (kind, key, &arn))?;
        ATTACHED_TO.delete(tx, (&arn, kind, key))?;
    }
    Ok(touch(tx)?)
}

pub fn detach<O: Owner>(tx: &mut Tx, name: &str, policy_arn: &str) -> Result<(), Error> {
    find_modifiable::<O>(tx, name)?;
    let (kind, key) = (O::KIND.code(), fold(name));
    if !ATTACHED.contains(tx, (kind, &key, policy_arn))? {
        return Err(Error::NoSuchEntity(format!("Policy {policy_arn} was not found.")));
    }
    ATTACHED.delete(tx, (kind, &key, policy_arn))?;
    ATTACHED_TO.delete(tx, (policy_arn, kind, &key))?;
    Ok(touch(tx)?)
}
