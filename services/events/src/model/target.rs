//! The targets of rules.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::TARGETS;
use crate::limits::TARGETS_OF_RULE_MAX;
use crate::model::{bus, rule};
use crate::name::BusRef;
use crate::types::Target;

/// Adds targets to a rule; one with the id of another takes its place.
pub fn put(tx: &mut Tx, on: &BusRef, of: &str, version: u64, targets: &[Target]) -> Result<(), Error> {
    rule::check_managed(&rule::find(tx, on, of)?, false)?;
    for target in targets {
        TARGETS.put(tx, (on.region(), &*on.name, of, &*target.id), target)?;
    }
    if all(tx, on, of)?.len() > TARGETS_OF_RULE_MAX {
        return Err(Error::LimitExceeded);
    }
    bus::changed(tx, on, version)
}

/// Removes the targets with these ids, and returns the ids that no target has.
pub fn remove(
    tx: &mut Tx,
    on: &BusRef,
    of: &str,
    version: u64,
    ids: &[String],
    force: bool,
) -> Result<Vec<String>, Error> {
    rule::check_managed(&rule::find(tx, on, of)?, force)?;
    let mut unknown = Vec::new();
    for id in ids {
        let key = (on.region(), &*on.name, of, &**id);
        if TARGETS.contains(tx, key)? {
            TARGETS.delete(tx, key)?;
        } else {
            unknown.push(id.clone());
        }
    }
    bus::changed(tx, on, version)?;
    Ok(unknown)
}

pub fn all(read: &(impl Read + ?Sized), on: &BusRef, of: &str) -> Result<Vec<Target>, Error> {
    let rows = TARGETS.scan_prefix(read, (on.region(), &*on.name, of), Order::Forward)?;
    Ok(rows.values().collect::<Result<_, _>>()?)
}
