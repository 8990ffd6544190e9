//! Secrets: finding, keeping and removing them.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Rows, Tx};
use service::timers;

use super::rotation;
use crate::error::Error;
use crate::keys::{SECRETS, VERSIONS};
use crate::types::Secret;

pub const PREFIX: &str = "secret:";
/// The characters that end an ARN: a hyphen and six more.
const SUFFIX: usize = 7;

/// The secret that `text` names: its name, its ARN, or its ARN without what is random in it.
pub fn find(read: &(impl Read + ?Sized), own: &Arn, text: &str) -> Result<Secret, Error> {
    let name = match text.parse::<Arn>() {
        Ok(arn) if (&arn.service, &arn.region, &arn.account) != (&own.service, &own.region, &own.account) => {
            return Err(Error::NotFound);
        }
        Ok(arn) => arn.resource.strip_prefix(PREFIX).ok_or(Error::NotFound)?.to_owned(),
        Err(_) => return get(read, &own.region, text)?.ok_or(Error::NotFound),
    };
    if let Some(whole) = name.len().checked_sub(SUFFIX).and_then(|end| name.get(..end))
        && let Some(secret) = get(read, &own.region, whole)?
        && secret.arn.resource.strip_prefix(PREFIX) == Some(&*name)
    {
        return Ok(secret);
    }
    get(read, &own.region, &name)?.ok_or(Error::NotFound)
}

/// The same where nothing may be done with a secret that is about to be deleted.
pub fn find_usable(read: &(impl Read + ?Sized), own: &Arn, text: &str) -> Result<Secret, Error> {
    let secret = find(read, own, text)?;
    if secret.deletion.is_some() { Err(Error::marked_for_deletion()) } else { Ok(secret) }
}

pub fn get(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Option<Secret>, Error> {
    Ok(SECRETS.get(read, (region, name))?)
}

pub fn put(tx: &mut Tx, secret: &Secret) -> Result<(), Error> {
    Ok(SECRETS.put(tx, (secret.region(), &*secret.name), secret)?)
}

/// Has a secret deleted at a moment: now, or when its recovery window ends.
pub fn schedule_deletion(tx: &mut Tx, secret: &mut Secret, at: Timestamp) -> Result<(), Error> {
    secret.deletion = Some(at);
    // A rotation would make a version of what nobody can read any more.
    rotation::pause(tx, secret)?;
    put(tx, secret)?;
    Ok(timers::set(tx, "secretsmanager", at, secret.arn.to_string().as_bytes(), &Bytes::new())?)
}

pub fn restore(tx: &mut Tx, secret: &mut Secret, now: Timestamp) -> Result<(), Error> {
    if let Some(at) = secret.deletion.take() {
        timers::cancel(tx, "secretsmanager", at, secret.arn.to_string().as_bytes())?;
    }
    rotation::resume(tx, secret, now)?;
    put(tx, secret)
}

pub fn delete(tx: &mut Tx, secret: &mut Secret) -> Result<(), Error> {
    rotation::pause(tx, secret)?;
    VERSIONS.delete_prefix(tx, (secret.region(), &*secret.name))?;
    Ok(SECRETS.delete(tx, (secret.region(), &*secret.name))?)
}

/// Secrets of a region after the one named `after`, in order of their names.
pub fn scan<'a>(
    read: &'a impl Read,
    region: &str,
    after: Option<&str>,
) -> Result<Rows<'a, (String, String), Secret>, Error> {
    Ok(match after {
        Some(after) => SECRETS.scan_after(read, region, (region, after), Order::Forward)?,
        None => SECRETS.scan_prefix(read, region, Order::Forward)?,
    })
}
