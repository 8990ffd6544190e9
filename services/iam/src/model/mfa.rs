//! Authenticators, and the users they belong to.

use std::ops::RangeInclusive;

use auth::totp;
use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{MFA_DEVICES, MFA_OF, fold};
use crate::limits::{MFA_DEVICES_PER_USER_MAX, MFA_FAILURES_MAX};
use crate::model::owner;
use crate::types::{MfaDevice, Tags, User};

/// How far the clock of a device may be from the one here, when it is brought into step: ten minutes.
const RESYNC_STEPS: i64 = 20;

const INVALID: &str = "Authentication code for device is not valid.";

pub fn find(read: &impl Read, name: &str) -> Result<MfaDevice, Error> {
    let found = MFA_DEVICES.get(read, fold(name))?.filter(|device| device.name == name);
    found.ok_or_else(|| Error::NoSuchEntity(format!("VirtualMFADevice with name {name} doesn't exist.")))
}

pub fn create(tx: &mut Tx, device: &MfaDevice) -> Result<(), Error> {
    if MFA_DEVICES.contains(tx, fold(&device.name))? {
        return Err(Error::EntityAlreadyExists("MFADevice entity at the same path and name already exists.".into()));
    }
    put(tx, device)
}

fn put(tx: &mut Tx, device: &MfaDevice) -> Result<(), Error> {
    Ok(MFA_DEVICES.put(tx, fold(&device.name), device)?)
}

pub fn delete(tx: &mut Tx, name: &str) -> Result<(), Error> {
    if find(&*tx, name)?.user.is_some() {
        return Err(Error::DeleteConflict("MFA VirtualDevice is in use. Must deactivate first.".into()));
    }
    Ok(MFA_DEVICES.delete(tx, fold(name))?)
}

/// Gives a device to a user, who shows two codes of it, one after the other.
pub fn enable(tx: &mut Tx, user: &str, name: &str, codes: [&str; 2], now: Timestamp) -> Result<(), Error> {
    owner::find::<User>(&*tx, user)?;
    let device = find(&*tx, name)?;
    if device.user.is_some() {
        return Err(Error::EntityAlreadyExists("MFA Device is already in use.".into()));
    }
    if MFA_OF.scan_prefix(&*tx, (fold(user),), Order::Forward)?.count() >= MFA_DEVICES_PER_USER_MAX {
        return Err(Error::LimitExceeded { quota: "MFADevicesPerUser", limit: MFA_DEVICES_PER_USER_MAX });
    }
    let last_step = in_step(&device, codes, now, -2..=0)?;
    MFA_OF.put(tx, (fold(user), fold(name)), &())?;
    put(tx, &MfaDevice { user: Some((user.into(), now)), last_step, ..device })
}

/// Follows the clock of a user's device, which two codes tell.
pub fn resync(tx: &mut Tx, user: &str, name: &str, codes: [&str; 2], now: Timestamp) -> Result<(), Error> {
    let device = of_user(&*tx, user, name)?;
    let last_step = in_step(&device, codes, now, -RESYNC_STEPS..=RESYNC_STEPS)?;
    let ahead = last_step.cast_signed() - totp::current_step(now).cast_signed();
    put(tx, &MfaDevice { last_step, ahead, ..device })
}

/// The step of the second of two codes that follow each other, of which the first is of a step so far from now.
fn in_step(device: &MfaDevice, codes: [&str; 2], now: Timestamp, reach: RangeInclusive<i64>) -> Result<u64, Error> {
    let [first, second] = codes;
    let current = totp::current_step(now);
    let mut steps = reach.filter_map(|offset| current.checked_add_signed(offset));
    let fits = |step: &u64| {
        *step >= device.last_step
            && totp::is_code(&device.secret, *step, first)
            && totp::is_code(&device.secret, *step + 1, second)
    };
    let found = steps.find(fits).map(|step| step + 1).filter(|second| *second > device.last_step);
    found.ok_or_else(|| Error::InvalidAuthenticationCode(INVALID.into()))
}

pub fn deactivate(tx: &mut Tx, user: &str, name: &str) -> Result<(), Error> {
    let device = of_user(&*tx, user, name)?;
    MFA_OF.delete(tx, (fold(user), fold(name)))?;
    put(tx, &MfaDevice { user: None, ..device })
}

/// The device with this name, if it is the user's.
pub fn of_user(read: &impl Read, user: &str, name: &str) -> Result<MfaDevice, Error> {
    owner::find::<User>(read, user)?;
    let device = find(read, name)?;
    match &device.user {
        Some((owner, _)) if owner == user => Ok(device),
        _ => Err(Error::NoSuchEntity(format!("MFA Device invalid for user {user}."))),
    }
}

/// A user's devices, by name.
pub fn list(read: &impl Read, user: &str) -> Result<Vec<MfaDevice>, Error> {
    owner::find::<User>(read, user)?;
    let mut devices = Vec::new();
    for key in MFA_OF.scan_prefix(read, (fold(user),), Order::Forward)?.keys() {
        devices.extend(MFA_DEVICES.get(read, key?.1)?);
    }
    Ok(devices)
}

/// Whether this is a code of the user's device. None is taken twice, and after some that are wrong none is taken until the next
/// step of time: the number of a code is soon guessed.
pub fn show(tx: &mut Tx, user: &str, name: &str, code: &str, now: Timestamp) -> Result<bool, Error> {
    let device = of_user(&*tx, user, name)?;
    let current = totp::current_step(now);
    let failures = if device.failed.0 == current { device.failed.1 } else { 0 };
    if failures >= MFA_FAILURES_MAX {
        return Ok(false);
    }
    let step = totp::step_of(&device.secret, code, at(&device, now), device.last_step);
    match step {
        Some(step) => put(tx, &MfaDevice { last_step: step, ..device })?,
        None => put(tx, &MfaDevice { failed: (current, failures + 1), ..device })?,
    }
    Ok(step.is_some())
}

/// What time it is by the device's clock.
fn at(device: &MfaDevice, now: Timestamp) -> Timestamp {
    let step = totp::current_step(now).saturating_add_signed(device.ahead);
    Timestamp::from_secs(step.saturating_mul(totp::STEP_SECONDS))
}

/// Devices go with a user who gets another name.
pub fn rename_user(tx: &mut Tx, before: &str, after: &str) -> Result<(), Error> {
    let keys: Vec<_> = MFA_OF.scan_prefix(&*tx, (fold(before),), Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (_, device) in keys {
        MFA_OF.delete(tx, (fold(before), &device))?;
        MFA_OF.put(tx, (fold(after), &device), &())?;
        if let Some(mut device) = MFA_DEVICES.get(&*tx, &device)? {
            device.user = device.user.map(|(_, since)| (after.to_owned(), since));
            put(tx, &device)?;
        }
    }
    Ok(())
}

pub fn change_tags(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
    let mut device = find(&*tx, name)?;
    change(&mut device.tags)?;
    put(tx, &device)
}
