//! Devices that users have confirmed: finding, keeping and forgetting them.

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::grant;
use crate::error::Error;
use crate::keys::DEVICES;
use crate::limits::DEVICES_OF_USER_MAX;
use crate::types::{Device, User};

pub fn find(read: &(impl Read + ?Sized), user: &User, key: &str) -> Result<Option<Device>, Error> {
    Ok(DEVICES.get(read, (&*user.pool, &*user.key, key))?)
}

pub fn get(read: &(impl Read + ?Sized), user: &User, key: &str) -> Result<Device, Error> {
    find(read, user, key)?.ok_or_else(|| Error::NotFound("Device does not exist.".into()))
}

/// Keeps a new device. Where the user has too many, the one that was not used for the longest is forgotten: a browser that forgets what
/// it was told leaves one behind each time.
pub fn confirm(tx: &mut Tx, of: &User, device: &Device) -> Result<(), Error> {
    let (pool, user) = (&*device.pool, &*device.user);
    if DEVICES.contains(tx, (pool, user, &*device.key))? {
        return Err(Error::DeviceKeyExists);
    }
    let others = DEVICES.scan_prefix(tx, (pool, user), Order::Forward)?.values().collect::<Result<Vec<Device>, _>>()?;
    if others.len() >= DEVICES_OF_USER_MAX
        && let Some(oldest) = others.iter().min_by_key(|other| other.authenticated)
    {
        forget(tx, of, &oldest.key)?;
    }
    put(tx, device)
}

fn put(tx: &mut Tx, device: &Device) -> Result<(), Error> {
    Ok(DEVICES.put(tx, (&*device.pool, &*device.user, &*device.key), device)?)
}

/// Changes a device.
pub fn change<T>(tx: &mut Tx, user: &User, key: &str, change: impl FnOnce(&mut Device) -> T) -> Result<T, Error> {
    let mut device = get(tx, user, key)?;
    let changed = change(&mut device);
    put(tx, &device)?;
    Ok(changed)
}

/// Notes that a user has signed in with a device, if it is kept.
pub fn used(tx: &mut Tx, user: &User, key: &str, now: Timestamp) -> Result<(), Error> {
    let Some(device) = find(tx, user, key)? else { return Ok(()) };
    put(tx, &Device { authenticated: now, waiting: None, ..device })
}

/// Forgets a device, and ends the refresh tokens that were given to it: without it they would need no key any more.
pub fn forget(tx: &mut Tx, user: &User, key: &str) -> Result<(), Error> {
    get(tx, user, key)?;
    grant::remove_of_device(tx, user, key)?;
    Ok(DEVICES.delete(tx, (&*user.pool, &*user.key, key))?)
}

pub fn forget_all(tx: &mut Tx, user: &User) -> Result<(), Error> {
    Ok(DEVICES.delete_prefix(tx, (&*user.pool, &*user.key))?)
}

/// A page of a user's devices after the one with the key `after`, and whether there are more.
pub fn list(read: &(impl Read + ?Sized), user: &User, after: &str, limit: usize) -> Result<(Vec<Device>, bool), Error> {
    let (pool, own) = (&*user.pool, &*user.key);
    Ok(kv::page(DEVICES.scan_after(read, (pool, own), (pool, own, after), Order::Forward)?.values(), limit)?)
}
