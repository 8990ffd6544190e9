//! Aliases: names of keys that can be given to another key.

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use super::key;
use crate::error::Error;
use crate::keys::{ALIASES, KEY_ALIASES};
use crate::limits;
use crate::types::{Alias, Key};

pub const PREFIX: &str = "alias/";
/// Of the keys that services manage.
pub const AWS_PREFIX: &str = "alias/aws/";

pub fn get(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Option<Alias>, Error> {
    Ok(ALIASES.get(read, (region, name))?)
}

pub fn create(tx: &mut Tx, now: Timestamp, arn: &Arn, target: &Arn) -> Result<(), Error> {
    if get(tx, &arn.region, &arn.resource)?.is_some() {
        return Err(Error::AlreadyExists(arn.to_string()));
    }
    let key = key::get(tx, target)?;
    key::check_stays(&key)?;
    let count =
        KEY_ALIASES.scan_prefix(tx, (&*arn.region, &*key.id), Order::Forward)?.take(limits::ALIASES_OF_KEY_MAX).count();
    if count == limits::ALIASES_OF_KEY_MAX {
        return Err(Error::LimitExceeded(format!("{target} has {count} aliases, which is the most it can have.")));
    }
    put(tx, arn, &Alias { key: key.id, created: now, updated: now })
}

fn put(tx: &mut Tx, arn: &Arn, alias: &Alias) -> Result<(), Error> {
    KEY_ALIASES.put(tx, (&*arn.region, &*alias.key, &*arn.resource), &())?;
    Ok(ALIASES.put(tx, (&*arn.region, &*arn.resource), alias)?)
}

fn found(read: &impl Read, arn: &Arn) -> Result<Alias, Error> {
    get(read, &arn.region, &arn.resource)?.ok_or_else(|| Error::NotFound(format!("Alias {arn} is not found.")))
}

/// Gives a name to another key, which has to be of the same kind.
pub fn update(tx: &mut Tx, now: Timestamp, arn: &Arn, target: &Arn) -> Result<(), Error> {
    let mut alias = found(tx, arn)?;
    let new = key::get(tx, target)?;
    key::check_stays(&new)?;
    let old: Key = key::get(tx, &Arn { resource: format!("{}{}", key::PREFIX, alias.key), ..arn.clone() })?;
    if old.usage != new.usage || old.spec.family() != new.spec.family() {
        return Err(Error::Validation(format!(
            "Alias {arn} cannot be changed from a key for {} to one for {}.",
            old.usage.word(),
            new.usage.word()
        )));
    }
    KEY_ALIASES.delete(tx, (&*arn.region, &*alias.key, &*arn.resource))?;
    (alias.key, alias.updated) = (new.id, now);
    put(tx, arn, &alias)
}

pub fn delete(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let alias = found(tx, arn)?;
    KEY_ALIASES.delete(tx, (&*arn.region, &*alias.key, &*arn.resource))?;
    Ok(ALIASES.delete(tx, (&*arn.region, &*arn.resource))?)
}

/// The names of a key.
pub fn of_key(read: &(impl Read + ?Sized), region: &str, key: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for row in KEY_ALIASES.scan_prefix(read, (region, key), Order::Forward)?.keys() {
        names.push(row?.2);
    }
    Ok(names)
}

pub fn delete_all(tx: &mut Tx, key: &Arn, id: &str) -> Result<(), Error> {
    for name in of_key(tx, &key.region, id)? {
        ALIASES.delete(tx, (&*key.region, &*name))?;
    }
    Ok(KEY_ALIASES.delete_prefix(tx, (&*key.region, id))?)
}

/// A page of a region's aliases after the one named `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<(String, Alias)>, bool), Error> {
    let mut page = Vec::new();
    let rows = match after {
        Some(after) => ALIASES.scan_after(read, region, (region, after), Order::Forward)?,
        None => ALIASES.scan_prefix(read, region, Order::Forward)?,
    };
    for row in rows {
        if page.len() == limit {
            return Ok((page, true));
        }
        let ((_, name), alias) = row?;
        page.push((name, alias));
    }
    Ok((page, false))
}
