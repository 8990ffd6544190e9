//! Scalable targets.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ACTIONS, CHANNEL, PENDING, POLICIES, TARGETS};
use crate::model::action;
use crate::types::{Pending, Resource, Suspended, Target};

/// What a registration says; what it leaves out stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub scaling_in: Option<bool>,
    pub scaling_out: Option<bool>,
    pub scheduled: Option<bool>,
}

pub fn find(read: &(impl Read + ?Sized), resource: &Resource) -> Result<Target, Error> {
    TARGETS.get(read, resource.key())?.ok_or_else(|| Error::no_target(resource))
}

/// Registers a target, or changes one. `fresh` is what a new one is like.
pub fn register(tx: &mut Tx, fresh: Target, change: &Change) -> Result<Target, Error> {
    let key = fresh.resource.key();
    let existing = TARGETS.get(tx, &key)?;
    let is_new = existing.is_none();
    if is_new && (change.min.is_none() || change.max.is_none()) {
        return Err(Error::validation(
            "Both MinCapacity and MaxCapacity must be specified when registering a new scalable target",
        ));
    }
    if !is_new && !fresh.tags.is_empty() {
        return Err(Error::validation(
            "Tags can only be given when a scalable target is first registered: use TagResource",
        ));
    }
    let mut target = existing.unwrap_or(fresh);
    (target.min, target.max) = (change.min.unwrap_or(target.min), change.max.unwrap_or(target.max));
    if target.min > target.max {
        return Err(bounds(target.min, target.max));
    }
    let Suspended { scaling_in, scaling_out, scheduled } = target.suspended;
    target.suspended = Suspended {
        scaling_in: change.scaling_in.unwrap_or(scaling_in),
        scaling_out: change.scaling_out.unwrap_or(scaling_out),
        scheduled: change.scheduled.unwrap_or(scheduled),
    };
    TARGETS.put(tx, &key, &target)?;
    tx.wake(CHANNEL);
    Ok(target)
}

pub fn bounds(min: u32, max: u32) -> Error {
    Error::validation(format!("Maximum capacity cannot be less than minimum capacity: {max} is less than {min}"))
}

/// Ends what is done for a target: its actions and policies go too.
pub fn deregister(tx: &mut Tx, resource: &Resource) -> Result<(), Error> {
    find(tx, resource)?;
    let actions = ACTIONS.scan_prefix(tx, resource.key(), Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    actions.iter().try_for_each(|found| action::unschedule(tx, found))?;
    ACTIONS.delete_prefix(tx, resource.key())?;
    POLICIES.delete_prefix(tx, resource.key())?;
    PENDING.delete(tx, resource.key())?;
    TARGETS.delete(tx, resource.key())?;
    tx.wake(CHANNEL);
    Ok(())
}

/// Gives a target new bounds, into which its capacity is brought.
pub fn bound(tx: &mut Tx, target: &Target, cause: String) -> Result<(), Error> {
    TARGETS.put(tx, target.resource.key(), target)?;
    PENDING.put(tx, target.resource.key(), &Pending { cause })?;
    tx.wake(CHANNEL);
    Ok(())
}

/// All targets of a namespace.
pub fn all(read: &(impl Read + ?Sized), region: &str, namespace: &str) -> Result<Vec<Target>, Error> {
    Ok(TARGETS.scan_prefix(read, (region, namespace), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Of the target with this ARN.
pub fn by_arn(read: &(impl Read + ?Sized), region: &str, arn: &str) -> Result<Target, Error> {
    let mut targets = TARGETS.scan_prefix(read, region, Order::Forward)?.values();
    targets
        .find(|target| target.as_ref().is_ok_and(|target| target.arn == arn))
        .transpose()?
        .ok_or(Error::ResourceNotFound)
}
