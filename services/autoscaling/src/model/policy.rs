//! Scaling policies.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{CHANNEL, POLICIES};
use crate::limits::POLICIES_MAX;
use crate::model::target;
use crate::types::{Policy, Resource};

/// Makes a policy, or replaces one, which keeps its identity.
pub fn put(tx: &mut Tx, mut policy: Policy) -> Result<Policy, Error> {
    target::find(tx, &policy.resource)?;
    let key = policy.resource.named(&policy.name);
    match POLICIES.get(tx, &key)? {
        Some(existing) => (policy.arn, policy.created) = (existing.arn, existing.created),
        None => {
            let others = of_target(tx, &policy.resource)?;
            if others.len() >= POLICIES_MAX {
                return Err(Error::LimitExceeded(format!(
                    "A scalable target has at most {POLICIES_MAX} scaling policies"
                )));
            }
            if others.iter().any(|other| other.metric == policy.metric) {
                let message = "Only one TargetTrackingScaling policy for a given metric specification is allowed.";
                return Err(Error::validation(message));
            }
        }
    }
    POLICIES.put(tx, key, &policy)?;
    tx.wake(CHANNEL);
    Ok(policy)
}

pub fn delete(tx: &mut Tx, resource: &Resource, name: &str) -> Result<(), Error> {
    if !POLICIES.contains(tx, resource.named(name))? {
        return Err(Error::no_policy(resource, name));
    }
    POLICIES.delete(tx, resource.named(name))?;
    tx.wake(CHANNEL);
    Ok(())
}

pub fn of_target(read: &(impl Read + ?Sized), resource: &Resource) -> Result<Vec<Policy>, Error> {
    Ok(POLICIES.scan_prefix(read, resource.key(), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// All policies of a namespace.
pub fn all(read: &(impl Read + ?Sized), region: &str, namespace: &str) -> Result<Vec<Policy>, Error> {
    Ok(POLICIES.scan_prefix(read, (region, namespace), Order::Forward)?.values().collect::<Result<_, _>>()?)
}
