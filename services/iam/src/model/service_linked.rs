//! Roles that belong to a service: only that changes them.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ROLE_DELETIONS, ROLES, fold, touch};
use crate::limits::ROLE_DELETION_KEPT;
use crate::model::attachment;
use crate::model::owner::{self, SERVICE_ROLE_PATH};
use crate::types::Role;

/// Makes one with the policy that its service gives it.
pub fn create(tx: &mut Tx, role: &Role, policy_arn: &str) -> Result<(), Error> {
    match owner::create(tx, role) {
        Err(Error::EntityAlreadyExists(_)) => Err(Error::InvalidInput(format!(
            "Service role name {} has been taken in this account, please try a different suffix.",
            role.name
        ))),
        Err(error) => Err(error),
        Ok(()) => attachment::put::<Role>(tx, &fold(&role.name), policy_arn),
    }
}

/// Deletes one, and returns the service whose it was. Nothing here uses them, so nothing keeps them.
pub fn delete(tx: &mut Tx, name: &str, id: &str, now: Timestamp) -> Result<String, Error> {
    let role: Role = owner::find(&*tx, name)?;
    let Some(service) = role.path.strip_prefix(SERVICE_ROLE_PATH) else {
        return Err(Error::NoSuchEntity(format!("The service-linked role with name {name} cannot be found.")));
    };
    let service = service.trim_end_matches('/').to_owned();
    attachment::delete_all::<Role>(tx, &fold(name))?;
    ROLES.delete(tx, fold(name))?;
    forget_old(tx, now)?;
    ROLE_DELETIONS.put(tx, task(&service, name, id), &now.as_millis())?;
    touch(tx)?;
    Ok(service)
}

/// What the deletion of a role is called.
pub fn task(service: &str, name: &str, id: &str) -> String {
    format!("task{SERVICE_ROLE_PATH}{service}/{name}/{id}")
}

fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    let old: Vec<String> = ROLE_DELETIONS
        .scan(&*tx, Order::Forward)?
        .filter(|row| row.as_ref().map_or(true, |(_, at)| now.since(Timestamp(*at)) > ROLE_DELETION_KEPT))
        .map(|row| row.map(|(task, _)| task))
        .collect::<Result<_, _>>()?;
    Ok(old.iter().try_for_each(|task| ROLE_DELETIONS.delete(tx, task))?)
}

/// Whether there was a deletion that is called so: it is done when it is answered.
pub fn is_deleted(read: &impl Read, task: &str) -> Result<bool, Error> {
    Ok(ROLE_DELETIONS.contains(read, task)?)
}
