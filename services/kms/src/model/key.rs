//! Keys: finding, keeping and removing them.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;
use uuid::Uuid;

use super::{alias, grant, region};
use crate::error::Error;
use crate::keys::{IMPORT_TOKENS, KEYS, MATERIALS};
use crate::limits::DAY;
use crate::types::{Deletion, Key, State};
use crate::workers::Due;

pub const PREFIX: &str = "key/";

/// The key of that region and id.
pub fn get(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Key, Error> {
    let id = arn.resource.strip_prefix(PREFIX).unwrap_or_default();
    let found = KEYS.get(read, (&*arn.region, id))?;
    found.filter(|key: &Key| key.arn == *arn).ok_or_else(|| Error::NotFound(format!("Key '{arn}' does not exist")))
}

/// The ARN of the key that `text` names: an id, an ARN, an alias, or the ARN of an alias. `of` makes ARNs of this region
/// and account.
pub fn resolve(read: &(impl Read + ?Sized), of: impl Fn(&str) -> Arn, text: &str) -> Result<Arn, Error> {
    let own = of("");
    let resource = match text.parse::<Arn>() {
        Ok(arn) if arn.service != own.service => return Err(Error::NotFound(format!("Invalid arn {text}"))),
        Ok(arn) if arn.region != own.region => return Err(Error::NotFound(format!("Invalid arn {}", arn.region))),
        Ok(arn) if arn.account != own.account => {
            return Err(Error::NotFound(format!("Key '{arn}' does not exist")));
        }
        Ok(arn) => arn.resource,
        Err(_) if text.starts_with(alias::PREFIX) => text.to_owned(),
        Err(_) => format!("{PREFIX}{text}"),
    };
    if resource.starts_with(alias::PREFIX) {
        let found = alias::get(read, &own.region, &resource)?;
        let found = found.ok_or_else(|| Error::NotFound(format!("Alias {} is not found.", of(&resource))))?;
        return Ok(of(&format!("{PREFIX}{}", found.key)));
    }
    let id = resource.strip_prefix(PREFIX).unwrap_or(&resource);
    if is_id(id) { Ok(of(&format!("{PREFIX}{id}"))) } else { Err(Error::NotFound(format!("Invalid keyId '{id}'"))) }
}

/// A UUID with its hyphens, or one of a multi-Region key.
fn is_id(text: &str) -> bool {
    match text.strip_prefix(region::ID_PREFIX) {
        Some(number) => number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => text.len() == 36 && Uuid::parse_str(text).is_ok(),
    }
}

pub fn put(tx: &mut Tx, key: &Key) -> Result<(), Error> {
    Ok(KEYS.put(tx, (&*key.arn.region, &*key.id), key)?)
}

/// Changes a key, if `change` does not refuse.
pub fn change<T>(tx: &mut Tx, arn: &Arn, change: impl Fn(&mut Key) -> Result<T, Error>) -> Result<T, Error> {
    let mut key = get(tx, arn)?;
    let changed = change(&mut key)?;
    put(tx, &key)?;
    Ok(changed)
}

/// A page of a region's keys after the one named `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<String>, bool), Error> {
    let mut page = Vec::new();
    let rows = match after {
        Some(after) => KEYS.scan_after(read, region, (region, after), Order::Forward)?,
        None => KEYS.scan_prefix(read, region, Order::Forward)?,
    };
    for id in rows.keys() {
        if page.len() == limit {
            return Ok((page, true));
        }
        page.push(id?.1);
    }
    Ok((page, false))
}

/// # Errors
/// When the key may not be used now.
pub fn check_usable(key: &Key) -> Result<(), Error> {
    match key.state() {
        State::Enabled => Ok(()),
        State::Disabled => Err(Error::Disabled(key.arn.to_string())),
        State::PendingDeletion | State::PendingReplicaDeletion => Err(pending_deletion(key)),
        State::PendingImport => Err(Error::InvalidState(format!("{} is pending import.", key.arn))),
    }
}

/// # Errors
/// When the key is about to be deleted.
pub fn check_stays(key: &Key) -> Result<(), Error> {
    let goes = key.deletion.is_some() || key.deletion_after_replicas.is_some();
    if goes { Err(pending_deletion(key)) } else { Ok(()) }
}

fn pending_deletion(key: &Key) -> Error {
    let what = if key.deletion.is_some() { "deletion" } else { "replica deletion" };
    Error::InvalidState(format!("{} is pending {what}.", key.arn))
}

/// # Errors
/// When the service manages the key itself.
pub fn check_own(key: &Key) -> Result<(), Error> {
    match &key.manager {
        None => Ok(()),
        Some(service) => Err(Error::Unsupported(format!(
            "{} is managed by AWS for {service}: it can be used through that service, and not be changed.",
            key.arn
        ))),
    }
}

/// Lets the key be deleted after so many days, which begin when it has no replicas any more.
pub fn schedule_deletion(tx: &mut Tx, now: Timestamp, arn: &Arn, days: u32) -> Result<Key, Error> {
    let mut key = get(tx, arn)?;
    check_stays(&key)?;
    if key.has_replicas() {
        (key.deletion_after_replicas, key.enabled) = (Some(days), false);
        put(tx, &key)?;
        return Ok(key);
    }
    let at = now + DAY * days;
    key.deletion = Some(Deletion { at, window_days: days });
    // What was cancelled stays disabled, as on AWS.
    key.enabled = false;
    put(tx, &key)?;
    timers::set(tx, "kms", at, &Due::Delete.key(arn), &Bytes::new())?;
    Ok(key)
}

pub fn cancel_deletion(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let mut key = get(tx, arn)?;
    let waited = key.deletion_after_replicas.take();
    let Some(deletion) = key.deletion.take() else {
        if waited.is_some() {
            return put(tx, &key);
        }
        return Err(Error::InvalidState(format!("{arn} is not pending deletion.")));
    };
    timers::cancel(tx, "kms", deletion.at, &Due::Delete.key(arn))?;
    put(tx, &key)
}

/// Removes a key with all that is its own. What it encrypted can never be read again.
pub fn delete(tx: &mut Tx, arn: &Arn, now: Timestamp) -> Result<(), Error> {
    let key = get(tx, arn)?;
    let whole = (&*arn.region, &*key.id);
    alias::delete_all(tx, arn, &key.id)?;
    grant::delete_all(tx, arn, &key.id)?;
    MATERIALS.delete_prefix(tx, whole)?;
    IMPORT_TOKENS.delete_prefix(tx, whole)?;
    KEYS.delete(tx, whole)?;
    region::forget(tx, &key, now)
}
