//! What keys are made of: the material in use, and earlier ones, which still decrypt.

use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use super::{key, region};
use crate::error::Error;
use crate::keys::MATERIALS;
use crate::limits::{self, DAY};
use crate::types::{Key, Material, Rotation};
use crate::workers::Due;

pub fn get(read: &(impl Read + ?Sized), key: &Key, number: u32) -> Result<Option<Material>, Error> {
    Ok(MATERIALS.get(read, (&*key.arn.region, &*key.id, number))?)
}

pub fn put(tx: &mut Tx, key: &Key, number: u32, material: &Material) -> Result<(), Error> {
    Ok(MATERIALS.put(tx, (&*key.arn.region, &*key.id, number), material)?)
}

/// All of a key's, with their numbers: a few dozen at most.
pub fn all(read: &(impl Read + ?Sized), key: &Key) -> Result<Vec<(u32, Material)>, Error> {
    let mut all = Vec::new();
    for row in MATERIALS.scan_prefix(read, (&*key.arn.region, &*key.id), Order::Forward)? {
        let ((_, _, number), material) = row?;
        all.push((number, material));
    }
    Ok(all)
}

/// The material that is told of a key: the one in use, or the one that was before it was deleted or expired.
pub fn shown(read: &(impl Read + ?Sized), key: &Key) -> Result<Option<Material>, Error> {
    match key.current {
        Some(number) => get(read, key, number),
        None => Ok(all(read, key)?.into_iter().rev().find(|(number, _)| key.pending != Some(*number)).map(|row| row.1)),
    }
}

/// The number that the next one gets.
pub fn next_number(read: &(impl Read + ?Sized), key: &Key) -> Result<u32, Error> {
    Ok(all(read, key)?.last().map_or(1, |(number, _)| number.saturating_add(1)))
}

/// Makes `material` the one in use, and keeps the one before.
pub fn rotate(
    tx: &mut Tx,
    key: &mut Key,
    number: u32,
    mut material: Material,
    now: Timestamp,
    on_demand: bool,
) -> Result<(), Error> {
    material.rotated = Some((now, on_demand));
    put(tx, key, number, &material)?;
    (key.current, key.pending) = (Some(number), None);
    if on_demand {
        key.on_demand_rotations = key.on_demand_rotations.saturating_add(1);
    }
    key::put(tx, key)
}

/// # Errors
/// When the key was rotated on demand as often as it can be.
pub fn check_on_demand(key: &Key) -> Result<(), Error> {
    if key.on_demand_rotations < limits::ON_DEMAND_ROTATIONS_MAX {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!(
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: {}",
        key.arn
    )))
}

/// Has the key rotated every so many days; never, without them.
pub fn schedule(tx: &mut Tx, now: Timestamp, arn: &Arn, days: Option<u32>) -> Result<(), Error> {
    let mut key = key::get(tx, arn)?;
    if let Some(rotation) = key.rotation {
        timers::cancel(tx, "kms", rotation.next, &Due::Rotate.key(arn))?;
    }
    key.rotation = days.map(|days| Rotation { period_days: days, next: now + period(days) });
    if let Some(rotation) = key.rotation {
        set_timer(tx, arn, rotation)?;
    }
    key::put(tx, &key)?;
    region::share_rotation(tx, &key)
}

pub fn period(days: u32) -> Duration {
    DAY * days
}

pub fn set_timer(tx: &mut Tx, arn: &Arn, rotation: Rotation) -> Result<(), Error> {
    let pause = period(rotation.period_days);
    Ok(timers::set_regular(tx, "kms", rotation.next, &Due::Rotate.key(arn), &Bytes::new(), pause)?)
}

/// Forgets imported material: what the key encrypted cannot be read until it comes again.
pub fn forget(tx: &mut Tx, key: &mut Key, number: u32) -> Result<(), Error> {
    let Some(mut material) = get(tx, key, number)? else { return Ok(()) };
    if let Some(expires) = material.expires.take() {
        timers::cancel(tx, "kms", expires, &Due::Expire(number).key(&key.arn))?;
    }
    material.sealed = None;
    put(tx, key, number, &material)?;
    // A key is usable when all that it was made of is there.
    key.current = None;
    key::put(tx, key)
}
