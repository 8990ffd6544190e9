//! Managed policies: the account's own, with versions, and those that AWS gives to every account.

use auth::policy::{Policy, Use};
use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::aws_managed;
use crate::error::Error;
use crate::keys::{ATTACHED_TO, BOUNDARY_OF, POLICIES, POLICY_VERSIONS, fold, touch};
use crate::limits;
use crate::types::{ManagedPolicy, PolicyVersion, Tags};

/// The account's policy with this ARN.
pub fn find(read: &impl Read, arn: &str) -> Result<ManagedPolicy, Error> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let found = POLICIES.get(read, fold(name))?.filter(|policy| policy.arn == arn);
    found.ok_or_else(|| Error::NoSuchEntity(format!("Policy {arn} was not found.")))
}

/// The document in force of any managed policy, the account's or AWS's. Those of service-linked roles are for nobody else.
pub fn document(read: &impl Read, arn: &str) -> Result<String, Error> {
    if let Some(policy) = aws_managed::find(arn) {
        return match &policy.text {
            Some(text) => Ok(text.document.clone()),
            None => Err(Error::PolicyNotAttachable),
        };
    }
    let not_attachable = || Error::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."));
    let policy = find(read, arn)
        .map_err(|error| if matches!(error, Error::NoSuchEntity(_)) { not_attachable() } else { error })?;
    Ok(version(read, &policy, policy.default_version)?.document)
}

pub fn version(read: &impl Read, policy: &ManagedPolicy, number: u64) -> Result<PolicyVersion, Error> {
    let found = POLICY_VERSIONS.get(read, (fold(&policy.name), number))?;
    found.ok_or_else(|| {
        Error::NoSuchEntity(format!("Policy {} version v{number} does not exist or is not attachable.", policy.name))
    })
}

pub fn create(tx: &mut Tx, policy: &ManagedPolicy, document: &str) -> Result<(), Error> {
    let key = fold(&policy.name);
    if POLICIES.contains(tx, &key)? {
        let name = &policy.name;
        return Err(Error::EntityAlreadyExists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    check(document)?;
    POLICIES.put(tx, &key, policy)?;
    POLICY_VERSIONS.put(
        tx,
        (key, policy.default_version),
        &PolicyVersion { document: document.into(), created: policy.created },
    )?;
    Ok(touch(tx)?)
}

fn check(document: &str) -> Result<(), Error> {
    let policy = Policy::parse(document)?.check(Use::Managed)?;
    match policy.size() {
        size if size > limits::MANAGED_POLICY_CHARACTERS_MAX => {
            Err(Error::LimitExceeded { quota: "PolicySize", limit: limits::MANAGED_POLICY_CHARACTERS_MAX })
        }
        _ => Ok(()),
    }
}

/// Adds a version, and returns its number.
pub fn add_version(tx: &mut Tx, now: Timestamp, arn: &str, document: &str, default: bool) -> Result<u64, Error> {
    let mut policy = find(&*tx, arn)?;
    let key = fold(&policy.name);
    check(document)?;
    if POLICY_VERSIONS.scan_prefix(&*tx, (&key,), Order::Forward)?.count() >= limits::POLICY_VERSIONS_MAX {
        return Err(Error::LimitExceeded { quota: "VersionsPerPolicy", limit: limits::POLICY_VERSIONS_MAX });
    }
    let number = policy.next_version;
    policy.next_version += 1;
    policy.updated = now;
    if default {
        policy.default_version = number;
    }
    POLICY_VERSIONS.put(tx, (&key, number), &PolicyVersion { document: document.into(), created: now })?;
    POLICIES.put(tx, &key, &policy)?;
    touch(tx)?;
    Ok(number)
}

pub fn set_default(tx: &mut Tx, now: Timestamp, arn: &str, number: u64) -> Result<(), Error> {
    let mut policy = find(&*tx, arn)?;
    version(&*tx, &policy, number)?;
    policy.default_version = number;
    policy.updated = now;
    POLICIES.put(tx, fold(&policy.name), &policy)?;
    Ok(touch(tx)?)
}

pub fn delete_version(tx: &mut Tx, arn: &str, number: u64) -> Result<(), Error> {
    let policy = find(&*tx, arn)?;
    version(&*tx, &policy, number)?;
    if policy.default_version == number {
        return Err(Error::DeleteConflict("Cannot delete the default version of a policy.".into()));
    }
    POLICY_VERSIONS.delete(tx, (fold(&policy.name), number))?;
    Ok(touch(tx)?)
}

/// Deletes a policy that is attached to nobody and has no version but its default.
pub fn delete(tx: &mut Tx, arn: &str) -> Result<(), Error> {
    let policy = find(&*tx, arn)?;
    let key = fold(&policy.name);
    if ATTACHED_TO.scan_prefix(&*tx, (arn,), Order::Forward)?.next().is_some()
        || BOUNDARY_OF.scan_prefix(&*tx, (arn,), Order::Forward)?.next().is_some()
    {
        return Err(Error::DeleteConflict("Cannot delete a policy attached to entities.".into()));
    }
    if POLICY_VERSIONS.scan_prefix(&*tx, (&key,), Order::Forward)?.nth(1).is_some() {
        let message = "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.";
        return Err(Error::DeleteConflict(message.into()));
    }
    POLICY_VERSIONS.delete_prefix(tx, (&key,))?;
    POLICIES.delete(tx, &key)?;
    Ok(touch(tx)?)
}

/// Changes the tags of one of the account's policies.
pub fn change_tags(tx: &mut Tx, arn: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
    let mut policy = find(&*tx, arn)?;
    change(&mut policy.tags)?;
    Ok(POLICIES.put(tx, fold(&policy.name), &policy)?)
}

/// To how many users, roles and groups it is attached, and how many it bounds.
pub fn uses(read: &impl Read, arn: &str) -> Result<(usize, usize), Error> {
    let attached = ATTACHED_TO.scan_prefix(read, (arn,), Order::Forward)?.count();
    Ok((attached, BOUNDARY_OF.scan_prefix(read, (arn,), Order::Forward)?.count()))
}
