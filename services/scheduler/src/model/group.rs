//! Groups: making, finding and removing them, with all that is in them.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use crate::NAME;
use crate::error::Error;
use crate::keys::{GROUPS, SCHEDULES};
use crate::limits::{DELETED_PER_STEP, GROUPS_MAX, TAGS_MAX};
use crate::model::schedule;
use crate::name::DEFAULT_GROUP;
use crate::types::{Group, Schedule, Tags};

/// The group with this ARN; the default one is there without being made.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn, name: &str) -> Result<Group, Error> {
    match GROUPS.get(read, (&*arn.region, name))? {
        Some(group) => Ok(group),
        None if name == DEFAULT_GROUP => Ok(fresh(arn.clone(), name, Timestamp::ZERO)),
        None => Err(Error::group_not_found(name)),
    }
}

/// Whether there is a group of this name that is not on its way out.
pub fn is_open(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<bool, Error> {
    Ok(name == DEFAULT_GROUP || GROUPS.get(read, (region, name))?.is_some_and(|group| !group.deleting))
}

pub fn fresh(arn: Arn, name: &str, created: Timestamp) -> Group {
    Group { arn, name: name.to_owned(), created, modified: created, deleting: false, tags: Tags::new() }
}

/// Refuses a group that is not there, or will not be for long.
pub fn check_open(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<(), Error> {
    match GROUPS.get(read, (region, name))? {
        Some(group) if group.deleting => Err(Error::Conflict(format!("Schedule group {name} is being deleted."))),
        None if name != DEFAULT_GROUP => Err(Error::group_not_found(name)),
        _ => Ok(()),
    }
}

pub fn create(tx: &mut Tx, group: &Group) -> Result<(), Error> {
    let (region, name) = (&*group.arn.region, &*group.name);
    if name == DEFAULT_GROUP || GROUPS.contains(tx, (region, name))? {
        return Err(Error::Conflict(format!("Schedule group {name} already exists.")));
    }
    let default = usize::from(!GROUPS.contains(tx, (region, DEFAULT_GROUP))?);
    if GROUPS.scan_prefix(tx, (region,), Order::Forward)?.keys().take(GROUPS_MAX).count() + default >= GROUPS_MAX {
        let message = format!("The number of schedule groups is limited to {GROUPS_MAX}.");
        return Err(Error::QuotaExceeded(message));
    }
    check_tags(&group.tags)?;
    Ok(GROUPS.put(tx, (region, name), group)?)
}

/// Removes a group and the schedules in it. Where these are many, the rest goes in steps.
pub fn delete(tx: &mut Tx, now: Timestamp, region: &str, name: &str) -> Result<(), Error> {
    if name == DEFAULT_GROUP {
        return Err(Error::validation("The default schedule group cannot be deleted."));
    }
    let group = GROUPS.get(tx, (region, name))?.ok_or_else(|| Error::group_not_found(name))?;
    if group.deleting {
        return Ok(());
    }
    GROUPS.put(tx, (region, name), &Group { deleting: true, modified: now, ..group })?;
    step(tx, now, region, name)
}

/// One step of removing a group.
pub fn step(tx: &mut Tx, now: Timestamp, region: &str, name: &str) -> Result<(), Error> {
    let Some(group) = GROUPS.get(tx, (region, name))?.filter(|group| group.deleting) else { return Ok(()) };
    let rows = SCHEDULES.scan_prefix(tx, (region, name), Order::Forward)?.values().take(DELETED_PER_STEP);
    let schedules: Vec<Schedule> = rows.collect::<Result<_, _>>()?;
    for schedule in &schedules {
        schedule::remove(tx, schedule)?;
    }
    if schedules.len() < DELETED_PER_STEP {
        return Ok(GROUPS.delete(tx, (region, name))?);
    }
    Ok(timers::set(tx, NAME, now, group.arn.to_string().as_bytes(), &Bytes::new())?)
}

pub fn retag(tx: &mut Tx, now: Timestamp, arn: &Arn, name: &str, change: impl FnOnce(&mut Tags)) -> Result<(), Error> {
    let mut group = find(tx, arn, name)?;
    change(&mut group.tags);
    check_tags(&group.tags)?;
    group.modified = now;
    Ok(GROUPS.put(tx, (&*arn.region, name), &group)?)
}

fn check_tags(tags: &Tags) -> Result<(), Error> {
    if tags.len() <= TAGS_MAX {
        return Ok(());
    }
    Err(Error::validation(format!("A schedule group has at most {TAGS_MAX} tags.")))
}

/// A region's groups by name, the default one first.
pub fn all(read: &(impl Read + ?Sized), default: Arn) -> Result<Vec<Group>, Error> {
    let rows = GROUPS.scan_prefix(read, (&*default.region,), Order::Forward)?.values();
    let made: Vec<Group> = rows.collect::<Result<_, _>>()?;
    let mut groups = vec![find(read, &default, DEFAULT_GROUP)?];
    groups.extend(made.into_iter().filter(|group| group.name != DEFAULT_GROUP));
    Ok(groups)
}
