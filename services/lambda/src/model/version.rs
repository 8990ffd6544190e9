//! Versions: publishing and removing them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ALIASES, EVENT_CONFIGS, FUNCTIONS, POLICIES, VERSIONS};
use crate::model::{self, Page, function, provisioned};
use crate::name::{FunctionRef, Qualifier};
use crate::types::{Function, Version};

/// The version with that number; 0 is `$LATEST`.
pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef, number: u64) -> Result<Version, Error> {
    let found = VERSIONS.get(read, (function.region.as_str(), &*function.name, number))?;
    found.ok_or_else(|| {
        let qualifier = if number == 0 { Qualifier::Latest } else { Qualifier::Version(number) };
        Error::function_not_found(function.arn_of(&qualifier))
    })
}

/// What PublishVersion asks for besides the function.
pub struct Publish {
    pub code_sha256: Option<String>,
    pub revision: Option<String>,
    pub description: Option<String>,
}

/// Publishes `$LATEST` as it is.
pub fn publish_latest(tx: &mut Tx, function: &FunctionRef, request: &Publish) -> Result<(Function, Version), Error> {
    let found = function::find(tx, function)?;
    let latest = find(tx, function, 0)?;
    model::check_revision(request.revision.as_deref(), &latest.revision, "GetFunction/GetAlias")?;
    let current = latest.code.sha256();
    if let Some(expected) =
        request.code_sha256.as_ref().filter(|expected| !expected.is_empty() && **expected != current)
    {
        return Err(Error::invalid(format!(
            "CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST."
        )));
    }
    let version = publish(tx, &found, &latest, request.description.as_deref())?;
    Ok((found, version))
}

/// Gives `latest` a number, unless the last published version is just like it.
pub fn publish(
    tx: &mut Tx,
    function: &Function,
    latest: &Version,
    description: Option<&str>,
) -> Result<Version, Error> {
    let key = (&*function.arn.region, &*function.name);
    let last = VERSIONS.get(tx, (key.0, key.1, function.next_version - 1))?.filter(|last| last.number > 0);
    if let Some(last) = last
        && (&last.settings, &last.code, &last.layers) == (&latest.settings, &latest.code, &latest.layers)
    {
        return Ok(last);
    }
    let version = Version {
        number: function.next_version,
        description: description.unwrap_or(&latest.description).to_owned(),
        ..latest.clone()
    };
    VERSIONS.put(tx, (key.0, key.1, version.number), &version)?;
    FUNCTIONS.put(tx, key, &Function { next_version: function.next_version + 1, ..function.clone() })?;
    Ok(version)
}

/// Says when a version's runtime is to be updated. That is not a change of the version.
pub fn manage_runtime(tx: &mut Tx, function: &FunctionRef, number: u64, on_update: bool) -> Result<(), Error> {
    let found = function::find(tx, function)?;
    let version = Version { runtime_on_update: on_update, ..find(tx, function, number)? };
    Ok(VERSIONS.put(tx, (&*found.arn.region, &*found.name, number), &version)?)
}

/// Removes a published version that no alias points to. One that is not there is no error, as on AWS.
pub fn delete(tx: &mut Tx, function: &FunctionRef, number: u64) -> Result<Option<Version>, Error> {
    function::find(tx, function)?;
    let key = (function.region.as_str(), &*function.name);
    let mut aliases = Vec::new();
    for alias in ALIASES.scan_prefix(&*tx, key, Order::Forward)?.values() {
        let alias = alias?;
        if alias.version == number || alias.weighted.is_some_and(|(other, _)| other == number) {
            aliases.push(alias.name);
        }
    }
    if !aliases.is_empty() {
        return Err(Error::ResourceConflict(format!(
            "Unable to delete version because the following aliases reference it: [{}]",
            aliases.join(", ")
        )));
    }
    let version = VERSIONS.get(tx, (key.0, key.1, number))?;
    let qualifier = number.to_string();
    VERSIONS.delete(tx, (key.0, key.1, number))?;
    POLICIES.delete(tx, (key.0, key.1, &*qualifier))?;
    EVENT_CONFIGS.delete(tx, (key.0, key.1, &*qualifier))?;
    provisioned::remove(tx, &FunctionRef { qualifier: Some(Qualifier::Version(number)), ..function.clone() })?;
    Ok(version)
}

/// A page of a function's versions, `$LATEST` first.
pub fn list(
    read: &(impl Read + ?Sized),
    function: &FunctionRef,
    after: Option<u64>,
    limit: usize,
) -> Result<(Function, Page<Version>), Error> {
    let found = function::find(read, function)?;
    let key = (function.region.as_str(), &*function.name);
    let rows = match after {
        Some(after) => VERSIONS.scan_after(read, key, (key.0, key.1, after), Order::Forward)?,
        None => VERSIONS.scan_prefix(read, key, Order::Forward)?,
    };
    let page = model::page(rows.values(), limit, |_| true, |version| version.number.to_string())?;
    Ok((found, page))
}
