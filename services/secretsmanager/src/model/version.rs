//! Versions of a secret, and the labels that say which of them is which.

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::secret;
use crate::error::Error;
use crate::keys::VERSIONS;
use crate::limits;
use crate::types::{CURRENT, PENDING, PREVIOUS, Secret, Version};

pub fn get(read: &(impl Read + ?Sized), secret: &Secret, id: &str) -> Result<Option<Version>, Error> {
    Ok(VERSIONS.get(read, (secret.region(), &*secret.name, id))?)
}

/// All of a secret's: some hundred at most.
pub fn all(read: &(impl Read + ?Sized), secret: &Secret) -> Result<Vec<(String, Version)>, Error> {
    let mut all = Vec::new();
    for row in VERSIONS.scan_prefix(read, (secret.region(), &*secret.name), Order::Forward)? {
        let ((_, _, id), version) = row?;
        all.push((id, version));
    }
    Ok(all)
}

/// Keeps a version under these labels, which leave the versions that had them.
pub fn put(tx: &mut Tx, secret: &mut Secret, id: &str, version: &Version, stages: &[String]) -> Result<(), Error> {
    VERSIONS.put(tx, (secret.region(), &*secret.name, id), version)?;
    // What was pending and has been in force is neither any more.
    if stages.iter().any(|stage| stage == CURRENT)
        && secret.version_of(CURRENT).is_some_and(|before| before != id && secret.version_of(PENDING) == Some(before))
    {
        detach(secret, PENDING);
    }
    for stage in stages {
        attach(secret, stage, id)?;
    }
    prune(tx, secret)?;
    secret::put(tx, secret)
}

/// Notes the day on which a version was read, which may be gone by now.
pub fn note_access(tx: &mut Tx, secret: &Secret, id: &str, day: Timestamp) -> Result<(), Error> {
    match get(tx, secret, id)? {
        Some(made) => {
            let made = Version { accessed: Some(day), ..made };
            Ok(VERSIONS.put(tx, (secret.region(), &*secret.name, id), &made)?)
        }
        None => Ok(()),
    }
}

/// Gives a label to a version. Who loses `AWSCURRENT` gets `AWSPREVIOUS`.
pub fn attach(secret: &mut Secret, stage: &str, id: &str) -> Result<(), Error> {
    let before = secret.version_of(stage).map(str::to_owned);
    if before.as_deref() == Some(id) {
        return Ok(());
    }
    detach(secret, stage);
    let stages = secret.stages.entry(id.to_owned()).or_default();
    stages.push(stage.to_owned());
    if stages.len() > limits::STAGES_MAX {
        return Err(Error::Limit(format!("A version has at most {} staging labels.", limits::STAGES_MAX)));
    }
    match before {
        Some(before) if stage == CURRENT => attach(secret, PREVIOUS, &before),
        _ => Ok(()),
    }
}

pub fn detach(secret: &mut Secret, stage: &str) {
    for stages in secret.stages.values_mut() {
        stages.retain(|label| label != stage);
    }
    secret.stages.retain(|_, stages| !stages.is_empty());
}

/// Removes the oldest versions without a label, where there are many.
fn prune(tx: &mut Tx, secret: &Secret) -> Result<(), Error> {
    let mut deprecated = all(tx, secret)?;
    deprecated.retain(|(id, _)| !secret.stages.contains_key(id));
    deprecated.sort_by_key(|(_, version)| version.created);
    let surplus = deprecated.len().saturating_sub(limits::DEPRECATED_MAX);
    for (id, _) in deprecated.into_iter().take(surplus) {
        VERSIONS.delete(tx, (secret.region(), &*secret.name, &*id))?;
    }
    Ok(())
}
