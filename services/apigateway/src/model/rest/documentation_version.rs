//! Pictures of what is said of a REST API: making, finding, changing and removing them.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{DOCUMENTATION_VERSIONS, DOCUMENTED, STAGES};
use crate::limits;
use crate::model::rest::{documentation, stage};
use crate::types::documentation::{Part, Version};

/// Tools compare these words: `serverless-aws-documentation` makes a version where it is told them, and gives up otherwise.
pub fn find(read: &(impl Read + ?Sized), api: &str, name: &str) -> Result<Version, Error> {
    let version = DOCUMENTATION_VERSIONS.get(read, (api, name))?;
    version.ok_or_else(|| Error::NotFound("Invalid Documentation version specified".into()))
}

/// An API's versions, oldest first.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Version>, Error> {
    let rows = DOCUMENTATION_VERSIONS.scan_prefix(read, api, Order::Forward)?.values();
    let mut versions = rows.collect::<Result<Vec<_>, _>>()?;
    versions.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    Ok(versions)
}

/// What was said of the API when the version was made, in order of the places.
pub fn parts(read: &(impl Read + ?Sized), api: &str, name: &str) -> Result<Vec<Part>, Error> {
    let rows = DOCUMENTED.scan_prefix(read, (api, name), Order::Forward)?.values();
    let mut parts = rows.collect::<Result<Vec<_>, _>>()?;
    parts.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(parts)
}

/// Makes a version of what is said now, which `stage` gets, where one is named.
pub fn create(tx: &mut Tx, api: &str, version: &Version, stage: Option<&str>) -> Result<(), Error> {
    if DOCUMENTATION_VERSIONS.contains(tx, (api, &version.name))? {
        return Err(Error::Conflict(format!("Documentation version already exists: {}", version.name)));
    }
    if list(tx, api)?.len() >= limits::DOCUMENTATION_VERSIONS_MAX {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} documentation versions at most",
            limits::DOCUMENTATION_VERSIONS_MAX
        )));
    }
    DOCUMENTATION_VERSIONS.put(tx, (api, &version.name), version)?;
    for part in documentation::list(tx, api)? {
        DOCUMENTED.put(tx, (api, &version.name, &part.id), &part)?;
    }
    stage.map_or(Ok(()), |stage| give(tx, version.created, api, &version.name, stage))
}

fn give(tx: &mut Tx, now: Timestamp, api: &str, name: &str, stage: &str) -> Result<(), Error> {
    let mut given = stage::find(tx, api, stage)?;
    (given.documentation, given.updated) = (Some(name.to_owned()), now);
    Ok(STAGES.put(tx, (api, stage), &given)?)
}

/// Changes a version by `change`.
pub fn update(
    tx: &mut Tx,
    api: &str,
    name: &str,
    change: impl FnOnce(&mut Version) -> Result<(), Error>,
) -> Result<Version, Error> {
    let mut version = find(tx, api, name)?;
    change(&mut version)?;
    DOCUMENTATION_VERSIONS.put(tx, (api, name), &version)?;
    Ok(version)
}

/// Removes a version that no stage has.
///
/// Source of the words: <https://github.com/hashicorp/terraform-provider-aws/issues/11550>
pub fn delete(tx: &mut Tx, api: &str, name: &str) -> Result<(), Error> {
    find(tx, api, name)?;
    if stage::list(tx, api)?.iter().any(|stage| stage.documentation.as_deref() == Some(name)) {
        let why = "Cannot delete documentation version because there are API Stages associated with it.";
        return Err(Error::bad(why));
    }
    DOCUMENTED.delete_prefix(tx, (api, name))?;
    Ok(DOCUMENTATION_VERSIONS.delete(tx, (api, name))?)
}
