//! Distributions, and the hosts' names that are theirs.

use base::Timestamp;
use kv::{Read, Tx};

use super::entity::text;
use super::{is_full, set_uses};
use crate::documents::distribution::DistributionConfig;
use crate::documents::parse;
use crate::error::Error;
use crate::keys::{
    ALIASES, DISTRIBUTION, DISTRIBUTIONS, INVALIDATION_NUMBERS, INVALIDATION_REFERENCES, INVALIDATIONS, NAMES,
};
use crate::limits;
use crate::traffic::images;
use crate::types::{Distribution, Tags};

/// # Errors
/// When there is none.
pub fn find(read: &(impl Read + ?Sized), id: &str) -> Result<Distribution, Error> {
    DISTRIBUTIONS.get(read, id)?.ok_or_else(Error::no_such_distribution)
}

/// # Errors
/// When what is kept cannot be read.
pub fn config(distribution: &Distribution) -> Result<DistributionConfig, Error> {
    parse(&distribution.document)
}

/// Makes one. A reference makes one distribution, whatever the document of a request that has it again.
/// Source: `CallerReference` in <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html>
///
/// # Errors
/// What is wrong with it.
pub fn create(tx: &mut Tx, new: &Distribution, config: &DistributionConfig) -> Result<Distribution, Error> {
    config.check(tx)?;
    check_tags(&new.tags)?;
    if let Some(id) = NAMES.get(tx, (DISTRIBUTION, &config.caller_reference))? {
        let message =
            "The caller reference that you are using to create a distribution is associated with another distribution.";
        return Err(Error::new(409, "DistributionAlreadyExists", format!("{message} Already exists: {id}")));
    }
    if is_full(tx, &DISTRIBUTIONS, (), limits::DISTRIBUTIONS_MAX)? {
        let message = "Processing your request would cause you to exceed the maximum number of distributions allowed.";
        return Err(Error::new(400, "TooManyDistributions", message));
    }
    NAMES.put(tx, (DISTRIBUTION, &config.caller_reference), &new.id)?;
    name(tx, &new.id, &[], &config.aliases.items)?;
    set_uses(tx, (DISTRIBUTION, &new.id), &[], &config.uses())?;
    put(tx, new)?;
    Ok(new.clone())
}

fn put(tx: &mut Tx, distribution: &Distribution) -> Result<(), Error> {
    if distribution.document.len() > limits::DOCUMENT_BYTES_MAX {
        return Err(Error::new(413, "EntitySizeLimitExceeded", "The document is larger than 1 MiB."));
    }
    Ok(DISTRIBUTIONS.put(tx, &distribution.id, distribution)?)
}

/// Gives a distribution other names.
fn name(tx: &mut Tx, id: &str, before: &[String], wanted: &[String]) -> Result<(), Error> {
    for alias in before {
        ALIASES.delete(tx, alias.to_ascii_lowercase())?;
    }
    for alias in wanted {
        let alias = alias.to_ascii_lowercase();
        if ALIASES.get(tx, &alias)?.is_some_and(|taken| taken != id) {
            let message = "One or more of the CNAMEs you provided are already associated with a different resource.";
            return Err(Error::new(409, "CNAMEAlreadyExists", message));
        }
        ALIASES.put(tx, alias, &id.to_owned())?;
    }
    Ok(())
}

fn matching(read: &(impl Read + ?Sized), id: &str, if_match: Option<&str>) -> Result<Distribution, Error> {
    let distribution = find(read, id)?;
    match if_match {
        None | Some("") => Err(Error::no_version()),
        Some(version) if version != distribution.etag => Err(Error::stale_version()),
        Some(_) => Ok(distribution),
    }
}

/// Gives one another document.
///
/// # Errors
/// What is wrong with that, or that another version than the newest is meant.
pub fn update(
    tx: &mut Tx,
    id: &str,
    if_match: Option<&str>,
    new: &DistributionConfig,
    (etag, now): (&str, Timestamp),
) -> Result<Distribution, Error> {
    let before = matching(tx, id, if_match)?;
    new.check(tx)?;
    let old = config(&before)?;
    if old.caller_reference != new.caller_reference {
        return Err(Error::new(400, "IllegalUpdate", "The update contains modifications that are not allowed."));
    }
    name(tx, id, &old.aliases.items, &new.aliases.items)?;
    set_uses(tx, (DISTRIBUTION, id), &old.uses(), &new.uses())?;
    let distribution = Distribution { etag: etag.into(), modified: now, document: text(new)?, ..before };
    put(tx, &distribution)?;
    Ok(distribution)
}

/// # Errors
/// When it is still enabled, or another version than the newest is meant.
pub fn delete(tx: &mut Tx, id: &str, if_match: Option<&str>) -> Result<(), Error> {
    let distribution = matching(tx, id, if_match)?;
    let old = config(&distribution)?;
    if old.enabled {
        let message = "The distribution you are trying to delete has not been disabled.";
        return Err(Error::new(409, "DistributionNotDisabled", message));
    }
    name(tx, id, &old.aliases.items, &[])?;
    set_uses(tx, (DISTRIBUTION, id), &old.uses(), &[])?;
    NAMES.delete(tx, (DISTRIBUTION, &old.caller_reference))?;
    INVALIDATIONS.delete_prefix(tx, (id,))?;
    INVALIDATION_NUMBERS.delete_prefix(tx, (id,))?;
    INVALIDATION_REFERENCES.delete_prefix(tx, (id,))?;
    Ok(DISTRIBUTIONS.delete(tx, id)?)
}

/// # Errors
/// When there are too many, or a key or value is too long, or one that means something here does not say it.
fn check_tags(tags: &Tags) -> Result<(), Error> {
    let fits = |(key, value): (&String, &String)| {
        !key.is_empty() && key.chars().count() <= 128 && value.chars().count() <= 256 && !key.starts_with("aws:")
    };
    if tags.len() <= limits::TAGS_MAX && tags.iter().all(fits) {
        return images::declared(tags).map(drop);
    }
    Err(Error::new(400, "InvalidTagging", "The tagging specified is not valid."))
}

/// Changes a distribution's tags.
///
/// # Errors
/// When there is no distribution, or they are none.
pub fn retag(tx: &mut Tx, id: &str, change: impl FnOnce(&mut Tags)) -> Result<(), Error> {
    let no_such = |_| Error::new(404, "NoSuchResource", "The resource that was specified is not valid.");
    let mut distribution = find(tx, id).map_err(no_such)?;
    change(&mut distribution.tags);
    check_tags(&distribution.tags)?;
    put(tx, &distribution)
}
