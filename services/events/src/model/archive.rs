//! Archives: what they are, and the events in them.

use std::ops::Bound;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::event;
use crate::keys::{ARCHIVED, ARCHIVES, ArchiveId, NEXT_ARCHIVE, RULES};
use crate::limits::EXPIRED_PER_TRANSACTION;
use crate::model::{bus, rule};
use crate::name::BusRef;
use crate::types::{Archive, Rule, RuleState, Tags};

/// Who manages the rule that fills an archive.
const MANAGED_BY: &str = "prod.vhs.events.aws.internal";
const DAY_MILLIS: u64 = 86_400_000;

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Archive, Error> {
    ARCHIVES.get(read, (region, name))?.ok_or_else(|| Error::NotFound(format!("Archive {name} does not exist.")))
}

pub fn all(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Archive>, Error> {
    Ok(ARCHIVES.scan_prefix(read, region, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Makes an archive, with the rule that fills it.
pub fn create(tx: &mut Tx, version: u64, mut archive: Archive) -> Result<(), Error> {
    let region = archive.arn.region.clone();
    if ARCHIVES.contains(tx, (&*region, &*archive.name))? {
        return Err(Error::AlreadyExists(format!("Archive {} already exists.", archive.name)));
    }
    let on = bus_of(&archive)?;
    bus::find(tx, &on)?;
    archive.id = NEXT_ARCHIVE.get(tx, ())?.unwrap_or(1);
    NEXT_ARCHIVE.put(tx, (), &(archive.id + 1))?;
    put(tx, version, &archive)
}

/// Stores an archive and the rule that fills it.
fn put(tx: &mut Tx, version: u64, archive: &Archive) -> Result<(), Error> {
    let on = bus_of(archive)?;
    ARCHIVES.put(tx, (&*archive.arn.region, &*archive.name), archive)?;
    let name = rule_name(archive);
    // A rule of that name may be somebody's own.
    if RULES.get(tx, (on.region(), &*on.name, &*name))?.is_some_and(|rule| rule.archive != Some(archive.id)) {
        return Err(Error::AlreadyExists(format!("Rule {name} already exists.")));
    }
    let rule = Rule {
        arn: on.rule_arn(&name),
        bus: on.name.clone(),
        name,
        pattern: Some(pattern(archive)?),
        schedule: None,
        state: RuleState::Enabled,
        description: None,
        role: None,
        managed_by: Some(MANAGED_BY.into()),
        created_by: archive.arn.account.clone(),
        tags: Tags::new(),
        scheduled: archive.created,
        next: None,
        archive: Some(archive.id),
    };
    rule::store(tx, archive.created, &on, version, rule)
}

fn rule_name(archive: &Archive) -> String {
    format!("Events-Archive-{}", archive.name)
}

/// Events that are replayed are not kept again.
fn pattern(archive: &Archive) -> Result<String, Error> {
    let mut pattern: Map<String, Value> = match &archive.pattern {
        Some(pattern) => serde_json::from_str(pattern).map_err(|error| pattern::Invalid(error.to_string()))?,
        None => Map::new(),
    };
    pattern.insert("replay-name".into(), serde_json::json!([{"exists": false}]));
    Ok(Value::Object(pattern).to_string())
}

pub fn bus_of(archive: &Archive) -> Result<BusRef, Error> {
    BusRef::of(archive.source.clone()).ok_or_else(|| Error::bus_not_found(&archive.source.resource))
}

pub fn change(
    tx: &mut Tx,
    region: &str,
    name: &str,
    version: u64,
    change: impl FnOnce(&mut Archive),
) -> Result<Archive, Error> {
    let mut archive = find(tx, region, name)?;
    change(&mut archive);
    put(tx, version, &archive)?;
    Ok(archive)
}

pub fn delete(tx: &mut Tx, region: &str, name: &str, version: u64) -> Result<(), Error> {
    let archive = find(tx, region, name)?;
    let on = bus_of(&archive)?;
    let rule = rule::find(tx, &on, &rule_name(&archive));
    match rule {
        Ok(rule) if rule.archive == Some(archive.id) => rule::remove(tx, &on, &rule, version)?,
        Ok(_) | Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    ARCHIVED.delete_prefix(tx, archive.id)?;
    Ok(ARCHIVES.delete(tx, (region, name))?)
}

/// Keeps an event, by the time in it.
pub fn keep(tx: &mut Tx, now: Timestamp, bus: &BusRef, id: ArchiveId, event: &Map<String, Value>) -> Result<(), Error> {
    let archive = all(tx, bus.region())?.into_iter().find(|archive| archive.id == id);
    let Some(mut archive) = archive else { return Ok(()) };
    let bytes = serde_json::to_vec(event).map_err(service::Error::internal)?;
    archive.events += 1;
    archive.bytes += bytes.len() as u64;
    ARCHIVES.put(tx, (bus.region(), &*archive.name), &archive)?;
    let time = event::time_of(event).unwrap_or(now);
    Ok(ARCHIVED.put(tx, (id, time, event::text(event, "id")), &Bytes::from(bytes))?)
}

/// An event's time and its id.
pub type Place = (Timestamp, String);

/// Events of an archive from a time on, after one that is known, up to another time.
pub fn events(
    read: &(impl Read + ?Sized),
    id: ArchiveId,
    after: Option<&Place>,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<(Place, Bytes)>, Error> {
    let mut found = Vec::new();
    for row in ARCHIVED.scan_range(read, id, Bound::Included(from), Bound::Included(to), Order::Forward)? {
        let ((_, time, event), bytes) = row?;
        let place = (time, event);
        if after.is_none_or(|after| place > *after) {
            found.push((place, bytes));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

/// Removes events past their archive's retention; true when there may be more.
pub fn expire(tx: &mut Tx, now: Timestamp, region: &str, name: &str) -> Result<bool, Error> {
    let mut archive = match find(tx, region, name) {
        Ok(archive) if archive.retention_days > 0 => archive,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let until = Timestamp(now.as_millis().saturating_sub(archive.retention_days.saturating_mul(DAY_MILLIS)));
    let old = events(tx, archive.id, None, Timestamp::ZERO, until, EXPIRED_PER_TRANSACTION)?;
    for ((time, event), bytes) in &old {
        ARCHIVED.delete(tx, (archive.id, *time, &**event))?;
        archive.events = archive.events.saturating_sub(1);
        archive.bytes = archive.bytes.saturating_sub(bytes.len() as u64);
    }
    if !old.is_empty() {
        ARCHIVES.put(tx, (region, name), &archive)?;
    }
    Ok(old.len() == EXPIRED_PER_TRANSACTION)
}

/// The name in an archive's ARN.
pub fn name_of(arn: &Arn) -> Option<&str> {
    arn.resource.strip_prefix("archive/").filter(|_| arn.service == "events")
}
