//! API keys: each in a region, found by its id, and by what clients send.

use kv::{Order, Read, Tx};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::keys::{API_KEY_VALUES, API_KEYS, EXTENSIONS, PLAN_KEYS, PLANS_OF_KEY, USAGE};
use crate::limits;
use crate::types::usage::ApiKey;

/// Under what a value is found: values themselves are sealed.
pub fn hash(value: &str) -> Vec<u8> {
    Sha256::digest(value).to_vec()
}

pub fn find(read: &(impl Read + ?Sized), region: &str, id: &str) -> Result<ApiKey, Error> {
    let key = API_KEYS.get(read, id)?.filter(|key| key.region == region);
    key.ok_or_else(|| Error::NotFound("Invalid API Key identifier specified".into()))
}

/// A region's keys, oldest first.
pub fn list(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<ApiKey>, Error> {
    let mut keys = API_KEYS.scan(read, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    keys.retain(|key| key.region == region);
    keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(keys)
}

/// The key with this value, if one is there.
pub fn of_value(read: &(impl Read + ?Sized), region: &str, value: &str) -> Result<Option<ApiKey>, Error> {
    match API_KEY_VALUES.get(read, (region, hash(value)))? {
        Some(id) => Ok(API_KEYS.get(read, &id.0)?),
        None => Ok(None),
    }
}

/// Whether a region has room for more keys.
pub fn check_room(tx: &Tx, region: &str, more: usize) -> Result<(), Error> {
    if list(tx, region)?.len() + more > limits::API_KEYS_PER_REGION_MAX {
        return Err(Error::LimitExceeded(format!("There can be {} API keys at most", limits::API_KEYS_PER_REGION_MAX)));
    }
    Ok(())
}

/// Stores a new key with this value, for which there is room.
pub fn create(tx: &mut Tx, key: &ApiKey, value: &str) -> Result<(), Error> {
    if API_KEY_VALUES.contains(tx, (&key.region, hash(value)))? {
        return Err(Error::Conflict("API Key already exists".into()));
    }
    API_KEY_VALUES.put(tx, (&key.region, hash(value)), &crate::types::usage::KeyId(key.id.clone()))?;
    Ok(API_KEYS.put(tx, &key.id, key)?)
}

/// Changes a key by `change`.
pub fn update(
    tx: &mut Tx,
    region: &str,
    id: &str,
    change: impl FnOnce(&mut ApiKey) -> Result<(), Error>,
) -> Result<ApiKey, Error> {
    let mut key = find(tx, region, id)?;
    change(&mut key)?;
    API_KEYS.put(tx, id, &key)?;
    Ok(key)
}

/// Removes a key with this value, from its plans too.
pub fn delete(tx: &mut Tx, region: &str, id: &str, value: &str) -> Result<(), Error> {
    find(tx, region, id)?;
    API_KEY_VALUES.delete(tx, (region, hash(value)))?;
    API_KEYS.delete(tx, id)?;
    let plans = PLANS_OF_KEY.scan_prefix(tx, id, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    for ((_, plan), _) in plans {
        PLAN_KEYS.delete(tx, (&plan, id))?;
        USAGE.delete_prefix(tx, (&plan, id))?;
        EXTENSIONS.delete(tx, (&plan, id))?;
    }
    PLANS_OF_KEY.delete_prefix(tx, id)?;
    Ok(())
}
