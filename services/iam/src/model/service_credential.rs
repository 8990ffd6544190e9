//! User names and passwords of users for single services.

use base::AccountId;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{SERVICE_CREDENTIALS, fold};
use crate::limits::CREDENTIALS_PER_SERVICE_MAX;
use crate::model::owner;
use crate::types::{ServiceCredential, User};

/// Keeps a credential under a user name that the user does not have for its service yet; that is returned.
pub fn create(tx: &mut Tx, account: &AccountId, user: &str, id: &str, new: ServiceCredential) -> Result<String, Error> {
    let own = list(&*tx, user)?;
    let same: Vec<_> = own.iter().map(|(_, own)| own).filter(|own| own.service == new.service).collect();
    if same.len() >= CREDENTIALS_PER_SERVICE_MAX {
        let quota = "ServiceSpecificCredentialsPerUser";
        return Err(Error::LimitExceeded { quota, limit: CREDENTIALS_PER_SERVICE_MAX });
    }
    let names = ["".to_owned(), "+1".to_owned()].map(|suffix| format!("{user}{suffix}-at-{account}"));
    let is_free = |name: &String| same.iter().all(|own| own.user_name != *name);
    let user_name = names.into_iter().find(is_free).unwrap_or_default();
    let stored = ServiceCredential { user_name: user_name.clone(), ..new };
    SERVICE_CREDENTIALS.put(tx, (fold(user), id), &stored)?;
    Ok(user_name)
}

/// The user's credential with this id.
pub fn find(read: &impl Read, user: &str, id: &str) -> Result<ServiceCredential, Error> {
    owner::find::<User>(read, user)?;
    let found = SERVICE_CREDENTIALS.get(read, (fold(user), id))?;
    found.ok_or_else(|| Error::NoSuchEntity(format!("No such credential {id} exists")))
}

/// Changes a credential, and returns what has become of it.
pub fn update(
    tx: &mut Tx,
    user: &str,
    id: &str,
    change: impl FnOnce(&mut ServiceCredential),
) -> Result<ServiceCredential, Error> {
    let mut found = find(&*tx, user, id)?;
    change(&mut found);
    SERVICE_CREDENTIALS.put(tx, (fold(user), id), &found)?;
    Ok(found)
}

pub fn delete(tx: &mut Tx, user: &str, id: &str) -> Result<(), Error> {
    find(&*tx, user, id)?;
    Ok(SERVICE_CREDENTIALS.delete(tx, (fold(user), id))?)
}

/// A user's, by id: few.
pub fn list(read: &impl Read, user: &str) -> Result<Vec<(String, ServiceCredential)>, Error> {
    owner::find::<User>(read, user)?;
    let mut own = Vec::new();
    for row in SERVICE_CREDENTIALS.scan_prefix(read, (fold(user),), Order::Forward)? {
        let ((_, id), credential) = row?;
        own.push((id, credential));
    }
    Ok(own)
}

/// Whether there are any of the user with this folded name.
pub fn has_any(read: &impl Read, user: &str) -> Result<bool, Error> {
    Ok(SERVICE_CREDENTIALS.scan_prefix(read, (user,), Order::Forward)?.next().is_some())
}

/// Credentials go with a user who gets another name; what services know them by stays.
pub fn rename_user(tx: &mut Tx, before: &str, after: &str) -> Result<(), Error> {
    let rows: Vec<_> = SERVICE_CREDENTIALS.scan_prefix(&*tx, (before,), Order::Forward)?.collect::<Result<_, _>>()?;
    for ((_, id), credential) in rows {
        SERVICE_CREDENTIALS.delete(tx, (before, &*id))?;
        SERVICE_CREDENTIALS.put(tx, (after, &*id), &credential)?;
    }
    Ok(())
}
