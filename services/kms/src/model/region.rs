//! Keys that are in several Regions: one is primary, the others are its replicas. They have id, material and rotation in common.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html>

use base::{Arn, Timestamp};
use kv::{Read, Tx};
use service::timers;

use super::{key, material};
use crate::error::Error;
use crate::keys::KEYS;
use crate::limits::REPLICAS_MAX;
use crate::types::{Key, Material, Regions};
use crate::workers::Due;

/// What ids of such keys begin with.
pub const ID_PREFIX: &str = "mrk-";

impl Key {
    /// Whether it is a replica of a key in another Region.
    pub fn is_replica(&self) -> bool {
        self.regions.as_ref().is_some_and(|regions| regions.primary != self.arn.region)
    }

    /// Whether there are replicas of it.
    pub fn has_replicas(&self) -> bool {
        self.regions.as_ref().is_some_and(|regions| !regions.replicas.is_empty()) && !self.is_replica()
    }

    /// The ARN of the key that it is in another Region.
    pub fn arn_in(&self, region: &str) -> Arn {
        Arn { region: region.to_owned(), ..self.arn.clone() }
    }
}

/// # Errors
/// When it is a replica: what all have in common is changed with the primary key.
pub fn check_primary(key: &Key) -> Result<(), Error> {
    if key.is_replica() { Err(not_primary(key)) } else { Ok(()) }
}

/// # Errors
/// When it is in one Region alone, or a replica.
pub fn check_replicable(key: &Key) -> Result<&Regions, Error> {
    key.regions.as_ref().filter(|_| !key.is_replica()).ok_or_else(|| not_primary(key))
}

fn not_primary(key: &Key) -> Error {
    Error::Unsupported(format!("{} is not a multi-region primary key.", key.arn))
}

/// The keys that it is in other Regions.
pub fn related(read: &(impl Read + ?Sized), key: &Key) -> Result<Vec<Key>, Error> {
    let Some(regions) = &key.regions else { return Ok(Vec::new()) };
    let mut related = Vec::new();
    for region in regions.replicas.iter().chain([&regions.primary]).filter(|region| **region != key.arn.region) {
        related.extend(KEYS.get(read, (&**region, &*key.id))?);
    }
    Ok(related)
}

/// Writes down in all of these Regions that the key with this id is in them.
fn put_regions(tx: &mut Tx, id: &str, regions: &Regions) -> Result<(), Error> {
    for region in regions.replicas.iter().chain([&regions.primary]) {
        if let Some(found) = KEYS.get(&*tx, (&**region, id))? {
            key::put(tx, &Key { regions: Some(regions.clone()), ..found })?;
        }
    }
    Ok(())
}

/// Keeps a replica with its material, if its primary key has no other by now. Returns it as it is kept.
pub fn replicate(tx: &mut Tx, of: &Arn, replica: &Key, materials: &[(u32, Material)]) -> Result<Key, Error> {
    let primary = key::get(tx, of)?;
    key::check_usable(&primary)?;
    let mut regions = check_replicable(&primary)?.clone();
    if KEYS.contains(&*tx, (&*replica.arn.region, &*replica.id))? {
        return Err(Error::Replicated(replica.arn.to_string()));
    }
    let count = regions.replicas.len();
    if count >= REPLICAS_MAX {
        return Err(Error::LimitExceeded(format!("{of} has {count} replicas, which is the most it can have.")));
    }
    if material::next_number(&*tx, &primary)? != materials.last().map_or(1, |(number, _)| number.saturating_add(1)) {
        return Err(Error::InvalidState(format!("{} is being rotated.", primary.arn)));
    }
    for (number, copy) in materials {
        material::put(tx, replica, *number, copy)?;
    }
    let replica = Key { current: primary.current, rotation: primary.rotation, ..replica.clone() };
    key::put(tx, &replica)?;
    regions.replicas.push(replica.arn.region.clone());
    put_regions(tx, &primary.id, &regions)?;
    key::get(tx, &replica.arn)
}

/// Makes the replica in another Region the primary key, and the primary key a replica.
pub fn make_primary(tx: &mut Tx, of: &Arn, region: &str) -> Result<(), Error> {
    let before = key::get(tx, of)?;
    key::check_usable(&before)?;
    let mut regions = check_replicable(&before)?.clone();
    if !regions.replicas.iter().any(|replica| replica == region) {
        return Err(Error::NotFound(format!("Key '{}' does not exist", before.arn_in(region))));
    }
    let after = key::get(tx, &before.arn_in(region))?;
    key::check_usable(&after)?;
    if let Some(rotation) = before.rotation {
        timers::cancel(tx, "kms", rotation.next, &Due::Rotate.key(&before.arn))?;
        material::set_timer(tx, &after.arn, rotation)?;
    }
    regions.replicas.retain(|replica| replica != region);
    regions.replicas.push(std::mem::replace(&mut regions.primary, region.to_owned()));
    put_regions(tx, &before.id, &regions)
}

/// Writes down for the replicas of a key when it rotates.
pub fn share_rotation(tx: &mut Tx, key: &Key) -> Result<(), Error> {
    for replica in related(&*tx, key)? {
        key::put(tx, &Key { rotation: key.rotation, ..replica })?;
    }
    Ok(())
}

/// A replica is gone. A primary key that was to be deleted waits from now on, if it was the last one.
pub fn forget(tx: &mut Tx, gone: &Key, now: Timestamp) -> Result<(), Error> {
    let Some(mut regions) = gone.regions.clone().filter(|_| gone.is_replica()) else { return Ok(()) };
    regions.replicas.retain(|region| *region != gone.arn.region);
    put_regions(tx, &gone.id, &regions)?;
    let primary = gone.arn_in(&regions.primary);
    let mut waiting = key::get(tx, &primary)?;
    match waiting.deletion_after_replicas.take() {
        Some(days) if regions.replicas.is_empty() => {
            key::put(tx, &waiting)?;
            key::schedule_deletion(tx, now, &primary, days).map(drop)
        }
        _ => Ok(()),
    }
}
