//! Log groups: making, finding, changing and removing them.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use kv::{Order, Partial, Read, Tx};

use crate::error::Error;
use crate::keys::{BY_TIME, CHUNKS, GROUPS, GroupId, NEXT_GROUP, STREAMS};
use crate::limits;
use crate::model::expiry;
use crate::types::{Class, Group};

/// The group of that name in a region.
pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Group, Error> {
    GROUPS.get(read, (region, name))?.ok_or(Error::GroupNotFound)
}

/// What can be said about a group as it is made.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub class: Class,
    pub deletion_protected: bool,
    pub tags: BTreeMap<String, String>,
}

pub fn create(tx: &mut Tx, now: Timestamp, arn: &Arn, name: &str, settings: &Settings) -> Result<Group, Error> {
    if GROUPS.contains(tx, (&*arn.region, name))? {
        return Err(Error::GroupExists);
    }
    let id = NEXT_GROUP.get(tx, ())?.unwrap_or(1);
    NEXT_GROUP.put(tx, (), &(id + 1))?;
    let group = Group {
        id,
        name: name.to_owned(),
        arn: arn.clone(),
        created: now,
        class: settings.class,
        retention: None,
        expiry: None,
        deletion_protected: settings.deletion_protected,
        tags: settings.tags.clone(),
    };
    put(tx, &group)?;
    Ok(group)
}

/// Stores a group that has changed.
pub fn put(tx: &mut Tx, group: &Group) -> Result<(), Error> {
    GROUPS.put(tx, (&*group.arn.region, &*group.name), group)?;
    Ok(())
}

/// Removes a group with everything in it.
pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<(), Error> {
    let group = find(tx, region, name)?;
    if group.deletion_protected {
        return Err(Error::Validation(format!(
            "The log group {name} is protected from deletion. Turn deletion protection off first."
        )));
    }
    expiry::cancel(tx, &group)?;
    GROUPS.delete(tx, (region, name))?;
    STREAMS.delete_prefix(tx, group.id)?;
    CHUNKS.delete_prefix(tx, group.id)?;
    BY_TIME.delete_prefix(tx, group.id)?;
    Ok(())
}

/// Changes how long events are kept; `None` is for ever. What is past it is hidden at once, and removed soon.
pub fn set_retention(tx: &mut Tx, now: Timestamp, region: &str, name: &str, days: Option<u32>) -> Result<(), Error> {
    let mut group = find(tx, region, name)?;
    expiry::cancel(tx, &group)?;
    group.retention = days;
    group.expiry = None;
    if days.is_some() {
        expiry::schedule(tx, &mut group, now)?;
    }
    put(tx, &group)
}

/// Adds tags, within the limit.
pub fn tag(tx: &mut Tx, region: &str, name: &str, tags: &BTreeMap<String, String>) -> Result<(), Error> {
    let mut group = find(tx, region, name)?;
    group.tags.extend(tags.clone());
    if group.tags.len() > limits::TAGS_MAX {
        return Err(Error::TooManyTags { resource: group.arn.to_string() });
    }
    put(tx, &group)
}

pub fn untag(tx: &mut Tx, region: &str, name: &str, keys: &[String]) -> Result<(), Error> {
    let mut group = find(tx, region, name)?;
    group.tags.retain(|key, _| !keys.contains(key));
    put(tx, &group)
}

/// A page of a region's groups whose names begin with `prefix` and that `keep`, in order of names after `after`; and
/// whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    keep: impl Fn(&Group) -> bool,
) -> Result<(Vec<Group>, bool), Error> {
    let prefix = (region, Partial(prefix.as_bytes()));
    let rows = match after {
        Some(after) => GROUPS.scan_after(read, prefix, (region, after), Order::Forward)?,
        None => GROUPS.scan_prefix(read, prefix, Order::Forward)?,
    };
    let mut page = Vec::new();
    for group in rows.values() {
        let group = group?;
        if !keep(&group) {
            continue;
        }
        if page.len() == limit {
            return Ok((page, true));
        }
        page.push(group);
    }
    Ok((page, false))
}

/// What a group's streams took in, in bytes.
pub fn bytes(read: &(impl Read + ?Sized), id: GroupId) -> Result<u64, Error> {
    let mut bytes = 0;
    for stream in STREAMS.scan_prefix(read, id, Order::Forward)?.values() {
        bytes += stream?.bytes;
    }
    Ok(bytes)
}
