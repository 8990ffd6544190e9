//! Aliases: names for versions, which can split traffic between two of them.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ALIASES, EVENT_CONFIGS, POLICIES, PROVISIONED_CHANNEL};
use crate::model::{self, Page, function, provisioned, url, version};
use crate::name::{FunctionRef, Qualifier};
use crate::types::Alias;

pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef, name: &str) -> Result<Alias, Error> {
    function::find(read, function)?;
    let alias = ALIASES.get(read, (function.region.as_str(), &*function.name, name))?;
    alias.ok_or_else(|| not_found(function, name))
}

fn not_found(function: &FunctionRef, name: &str) -> Error {
    let arn = function.arn_of(&Qualifier::Alias(name.to_owned()));
    Error::ResourceNotFound(format!("Cannot find alias arn: {arn}"))
}

pub fn create(tx: &mut Tx, function: &FunctionRef, alias: &Alias) -> Result<(), Error> {
    version::find(tx, function, alias.version)?;
    let key = (function.region.as_str(), &*function.name, &*alias.name);
    if ALIASES.contains(tx, key)? {
        let arn = function.arn_of(&Qualifier::Alias(alias.name.clone()));
        return Err(Error::ResourceConflict(format!("Alias already exists: {arn}")));
    }
    check_targets(tx, function, alias)?;
    Ok(ALIASES.put(tx, key, alias)?)
}

/// Changes an alias by `change`, which sees the one in force.
pub fn update(
    tx: &mut Tx,
    function: &FunctionRef,
    name: &str,
    revision: Option<&str>,
    change: impl Fn(Alias) -> Alias,
) -> Result<Alias, Error> {
    function::find(tx, function)?;
    let before = ALIASES.get(tx, (function.region.as_str(), &*function.name, name))?.ok_or_else(|| {
        let arn = function.arn_of(&Qualifier::Alias(name.to_owned()));
        Error::ResourceNotFound(format!("Alias not found: {arn}"))
    })?;
    model::check_revision(revision, &before.revision, "GetFunction/GetAlias")?;
    let after = change(before);
    check_targets(tx, function, &after)?;
    ALIASES.put(tx, (function.region.as_str(), &*function.name, name), &after)?;
    tx.wake(PROVISIONED_CHANNEL);
    Ok(after)
}

fn check_targets(read: &(impl Read + ?Sized), function: &FunctionRef, alias: &Alias) -> Result<(), Error> {
    version::find(read, function, alias.version)?;
    let Some((other, _)) = alias.weighted else { return Ok(()) };
    if alias.version == 0 || other == 0 {
        return Err(Error::invalid("$LATEST is not supported for an alias pointing to more than 1 version"));
    }
    if other == alias.version {
        return Err(Error::invalid(format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        )));
    }
    version::find(read, function, other).map(|_| ())
}

/// Removes an alias; one that is not there is no error, as on AWS.
pub fn delete(tx: &mut Tx, function: &FunctionRef, name: &str) -> Result<(), Error> {
    function::find(tx, function)?;
    let key = (function.region.as_str(), &*function.name, name);
    ALIASES.delete(tx, key)?;
    POLICIES.delete(tx, key)?;
    let alias = FunctionRef { qualifier: Some(Qualifier::Alias(name.to_owned())), ..function.clone() };
    url::remove(tx, &alias)?;
    provisioned::remove(tx, &alias)?;
    Ok(EVENT_CONFIGS.delete(tx, key)?)
}

/// A page of a function's aliases in order of their names; only those of `version`, when it is given.
pub fn list(
    read: &(impl Read + ?Sized),
    function: &FunctionRef,
    version: Option<u64>,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<Alias>, Error> {
    function::find(read, function)?;
    let key = (function.region.as_str(), &*function.name);
    let rows = ALIASES.scan_after(read, key, (key.0, key.1, after.unwrap_or_default()), Order::Forward)?.values();
    let points_there = |alias: &Alias| {
        version
            .is_none_or(|version| alias.version == version || alias.weighted.is_some_and(|(other, _)| other == version))
    };
    model::page(rows, limit, points_there, |alias| alias.name.clone())
}
