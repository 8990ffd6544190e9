//! Buses: making, finding, changing and removing them.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{BUSES, RULE_COUNTS, RULES, VERSIONS};
use crate::name::BusRef;
use crate::types::{Bus, Tags};

/// The bus. The default one is there without being made.
pub fn find(read: &(impl Read + ?Sized), bus: &BusRef) -> Result<Bus, Error> {
    match BUSES.get(read, (bus.region(), &*bus.name))? {
        Some(bus) => Ok(bus),
        None if bus.is_default() => Ok(fresh(bus, Timestamp::ZERO)),
        None => Err(Error::bus_not_found(&bus.name)),
    }
}

/// A bus on which nothing is set.
pub fn fresh(bus: &BusRef, created: Timestamp) -> Bus {
    Bus {
        arn: bus.arn.clone(),
        name: bus.name.clone(),
        created,
        modified: created,
        description: None,
        kms_key: None,
        dead_letter: None,
        log: None,
        policy: None,
        tags: Tags::new(),
    }
}

pub fn create(tx: &mut Tx, bus: &Bus) -> Result<(), Error> {
    if BUSES.contains(tx, (&*bus.arn.region, &*bus.name))? {
        return Err(Error::AlreadyExists(format!("Event bus {} already exists.", bus.name)));
    }
    put(tx, bus)
}

fn put(tx: &mut Tx, bus: &Bus) -> Result<(), Error> {
    Ok(BUSES.put(tx, (&*bus.arn.region, &*bus.name), bus)?)
}

pub fn change(
    tx: &mut Tx,
    now: Timestamp,
    bus: &BusRef,
    change: impl FnOnce(&mut Bus) -> Result<(), Error>,
) -> Result<Bus, Error> {
    let mut found = find(tx, bus)?;
    change(&mut found)?;
    found.modified = now;
    put(tx, &found)?;
    Ok(found)
}

/// Removes a bus that has no rules. One that is not there counts as removed.
pub fn delete(tx: &mut Tx, bus: &BusRef) -> Result<(), Error> {
    if RULES.scan_prefix(tx, (bus.region(), &*bus.name), Order::Forward)?.next().is_some() {
        return Err(Error::validation("Cannot delete event bus with rules."));
    }
    VERSIONS.delete(tx, (bus.region(), &*bus.name))?;
    RULE_COUNTS.delete(tx, (bus.region(), &*bus.name))?;
    Ok(BUSES.delete(tx, (bus.region(), &*bus.name))?)
}

/// A region's buses by name, the default one among them.
pub fn all(read: &(impl Read + ?Sized), default: &BusRef) -> Result<Vec<Bus>, Error> {
    let mut buses: Vec<Bus> =
        BUSES.scan_prefix(read, default.region(), Order::Forward)?.values().collect::<Result<_, _>>()?;
    if !buses.iter().any(|bus| bus.name == default.name) {
        buses.push(fresh(default, Timestamp::ZERO));
        buses.sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok(buses)
}

/// Notes that rules, targets or archives of the bus are others now. `version` was made for this request.
pub fn changed(tx: &mut Tx, bus: &BusRef, version: u64) -> Result<(), Error> {
    Ok(VERSIONS.put(tx, (bus.region(), &*bus.name), &version)?)
}
