//! Rotations: when they begin, and what becomes of them.

use base::Timestamp;
use kv::{Order, Read, Tx};
use schedule::{Gap, Schedule};

use super::version;
use crate::error::Error;
use crate::keys::{self, ROTATIONS};
use crate::limits::{self, DAY};
use crate::types::{PENDING, Rotation, Rules, Secret, UnderWay, Version};

/// The moment at which the secret's row is in [`ROTATIONS`].
fn due(rotation: &Rotation) -> Option<Timestamp> {
    rotation.under_way.as_ref().map(|under_way| under_way.at).or(rotation.next)
}

/// Takes a secret out of what waits.
pub fn pause(tx: &mut Tx, secret: &Secret) -> Result<(), Error> {
    match secret.rotation.as_ref().and_then(due) {
        Some(at) => Ok(ROTATIONS.delete(tx, (at, secret.region(), &*secret.name))?),
        None => Ok(()),
    }
}

/// Changes a secret's rotation, and when it comes due with it.
pub fn set(tx: &mut Tx, secret: &mut Secret, rotation: Option<Rotation>) -> Result<(), Error> {
    pause(tx, secret)?;
    secret.rotation = rotation;
    if let Some(at) = secret.rotation.as_ref().and_then(due) {
        ROTATIONS.put(tx, (at, secret.region(), &*secret.name), &())?;
        tx.wake(&keys::rotations());
    }
    Ok(())
}

/// After a secret was restored.
pub fn resume(tx: &mut Tx, secret: &mut Secret, now: Timestamp) -> Result<(), Error> {
    let Some(mut rotation) = secret.rotation.clone() else { return Ok(()) };
    rotation.next = if rotation.enabled { next(&rotation.rules, now)? } else { None };
    set(tx, secret, Some(rotation))
}

/// When the next rotation begins after a moment.
pub fn next(rules: &Rules, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    if let Some(schedule) = &rules.schedule {
        let Some(zone) = schedule::zone(None) else { return Ok(None) };
        let parsed =
            Schedule::parse(schedule).ok_or_else(|| Error::InvalidParameter("Invalid ScheduleExpression.".into()))?;
        return Ok(parsed.next(now, now, &zone, Gap::Skipped));
    }
    Ok(rules.after_days.map(|days| now + DAY * days))
}

/// Begins a rotation: its version is there, empty, under `AWSPENDING`.
pub fn begin(tx: &mut Tx, secret: &mut Secret, id: &str, now: Timestamp) -> Result<(), Error> {
    let Some(mut rotation) = secret.rotation.clone() else { return Ok(()) };
    rotation.under_way = Some(UnderWay { version: id.to_owned(), step: 0, attempts: 0, at: now });
    set(tx, secret, Some(rotation))?;
    let existing = version::get(tx, secret, id)?;
    let empty = Version { created: now, value: None, is_binary: false, key: None, accessed: None };
    version::put(tx, secret, id, &existing.unwrap_or(empty), &[PENDING.to_owned()])
}

/// Puts the step under way off, or gives the rotation up when it was tried too often. Returns whether it goes on.
pub fn retry(tx: &mut Tx, secret: &mut Secret, now: Timestamp) -> Result<bool, Error> {
    let Some(mut rotation) = secret.rotation.clone() else { return Ok(false) };
    let Some(mut under_way) = rotation.under_way.take() else { return Ok(false) };
    under_way.attempts = under_way.attempts.saturating_add(1);
    let goes_on = under_way.attempts < limits::ROTATION_ATTEMPTS_MAX;
    if goes_on {
        let doublings = under_way.attempts.saturating_sub(1);
        under_way.at = now + limits::ROTATION_RETRY.saturating_mul(2u32.saturating_pow(doublings));
        rotation.under_way = Some(under_way);
    } else {
        rotation.next = if rotation.enabled { next(&rotation.rules, now)? } else { None };
    }
    set(tx, secret, Some(rotation))?;
    super::secret::put(tx, secret)?;
    Ok(goes_on)
}

/// Goes on to the step after the one under way; after the last one the secret is rotated.
pub fn step(tx: &mut Tx, secret: &mut Secret, steps: u32, now: Timestamp) -> Result<(), Error> {
    let Some(mut rotation) = secret.rotation.clone() else { return Ok(()) };
    let Some(mut under_way) = rotation.under_way.take() else { return Ok(()) };
    under_way.step = under_way.step.saturating_add(1);
    (under_way.attempts, under_way.at) = (0, now);
    if under_way.step < steps {
        rotation.under_way = Some(under_way);
    } else {
        (secret.rotated, secret.changed) = (Some(now), now);
        rotation.next = if rotation.enabled { next(&rotation.rules, now)? } else { None };
    }
    set(tx, secret, Some(rotation))?;
    super::secret::put(tx, secret)
}

/// What is due, as regions and names, and when the first thing after that will be.
pub type Due = (Vec<(String, String)>, Option<Timestamp>);

pub fn all_due(read: &impl Read, now: Timestamp, limit: usize) -> Result<Due, Error> {
    let mut due = Vec::new();
    for key in ROTATIONS.scan(read, Order::Forward)?.keys() {
        let (at, region, name) = key?;
        if at > now {
            return Ok((due, Some(at)));
        }
        if due.len() == limit {
            return Ok((due, Some(now)));
        }
        due.push((region, name));
    }
    Ok((due, None))
}
