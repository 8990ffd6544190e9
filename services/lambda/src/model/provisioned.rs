//! Provisioned concurrency: instances that a version or an alias has ready.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{ALIASES, FUNCTIONS, PROVISIONED, PROVISIONED_CHANNEL, VERSIONS};
use crate::limits;
use crate::model::{self, Page, function};
use crate::name::{FunctionRef, Qualifier};
use crate::types::{Alias, Provisioned};

fn key(function: &FunctionRef) -> (&str, &str, String) {
    (function.region.as_str(), &function.name, function.qualifier_key())
}

pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<Provisioned, Error> {
    if matches!(function.qualifier, None | Some(Qualifier::Latest)) {
        return Err(Error::invalid("The function resource provided must be an alias or a published version."));
    }
    check_target(read, function)?;
    PROVISIONED.get(read, key(function))?.ok_or(Error::ProvisionedConcurrencyNotFound)
}

/// Sets how many instances are kept, within what the function, the account and the server have.
pub fn put(tx: &mut Tx, function: &FunctionRef, config: &Provisioned, server_max: usize) -> Result<(), Error> {
    let version = check_target(tx, function)?;
    check_overlap(tx, function, version)?;
    PROVISIONED.put(tx, key(function), config)?;
    check_limits(tx, function, server_max)?;
    tx.wake(PROVISIONED_CHANNEL);
    Ok(())
}

pub fn delete(tx: &mut Tx, function: &FunctionRef) -> Result<(), Error> {
    find(tx, function)?;
    remove(tx, function)
}

/// Ends it for what the reference names, if there is any.
pub fn remove(tx: &mut Tx, function: &FunctionRef) -> Result<(), Error> {
    PROVISIONED.delete(tx, key(function))?;
    tx.wake(PROVISIONED_CHANNEL);
    Ok(())
}

/// The number of the version that is meant, or that the alias points to.
fn check_target(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<u64, Error> {
    let (region, name) = (function.region.as_str(), &*function.name);
    let missing = || Error::function_not_found(function.qualified_arn());
    let no_alias = || Error::ResourceNotFound(format!("Cannot find alias arn: {}", function.qualified_arn()));
    match &function.qualifier {
        None | Some(Qualifier::Latest) => {
            Err(Error::invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions."))
        }
        Some(Qualifier::Version(number)) => {
            let exists = *number > 0 && VERSIONS.contains(read, (region, name, *number))?;
            exists.then_some(*number).ok_or_else(missing)
        }
        Some(Qualifier::Alias(alias)) => match ALIASES.get(read, (region, name, &**alias))? {
            Some(Alias { version: 0, .. }) => Err(Error::invalid("Alias cannot have a null or $LATEST version")),
            Some(alias) => Ok(alias.version),
            None => Err(no_alias()),
        },
    }
}

/// A version has instances ready for itself or for one alias of it, not for both.
fn check_overlap(read: &(impl Read + ?Sized), function: &FunctionRef, version: u64) -> Result<(), Error> {
    let (region, name) = (function.region.as_str(), &*function.name);
    for qualifier in PROVISIONED.scan_prefix(read, (region, name), Order::Forward)?.keys() {
        let (_, _, other) = qualifier?;
        if other == function.qualifier_key() {
            continue;
        }
        let of_version = other == version.to_string();
        let of_alias = ALIASES.get(read, (region, name, &*other))?.is_some_and(|alias| alias.version == version);
        let by_alias = matches!(function.qualifier, Some(Qualifier::Alias(_)));
        match (of_version, of_alias) {
            (true, _) if by_alias => {
                return Err(Error::ResourceConflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
                        .into(),
                ));
            }
            (_, true) if !by_alias => {
                return Err(Error::ResourceConflict("Version is pointed by a Provisioned Concurrency alias".into()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_limits(read: &(impl Read + ?Sized), function: &FunctionRef, server_max: usize) -> Result<(), Error> {
    let found = function::find(read, function)?;
    let own = of_function(read, function)?;
    if found.reserved_concurrency.is_some_and(|reserved| own > reserved) {
        return Err(Error::invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
        ));
    }
    let everywhere = sum(PROVISIONED.scan(read, Order::Forward)?.values())?;
    if everywhere as usize > server_max {
        return Err(Error::invalid(format!(
            "Specified ConcurrentExecutions for function exceeds what this server has: it keeps at most {server_max} instances provisioned, so that others find room, and {everywhere} would be."
        )));
    }
    let all = total(read, function.region.as_str())?;
    if all + function::reserved(read, function.region.as_str())? + limits::UNRESERVED_EXECUTIONS_MIN
        > limits::CONCURRENT_EXECUTIONS
        && found.reserved_concurrency.is_none()
    {
        return Err(Error::invalid(format!(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{}].",
            limits::UNRESERVED_EXECUTIONS_MIN
        )));
    }
    Ok(())
}

/// What a function has provisioned, over all its versions and aliases.
pub fn of_function(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<u32, Error> {
    sum(PROVISIONED.scan_prefix(read, (function.region.as_str(), &*function.name), Order::Forward)?.values())
}

fn total(read: &(impl Read + ?Sized), region: &str) -> Result<u32, Error> {
    sum(PROVISIONED.scan_prefix(read, region, Order::Forward)?.values())
}

fn sum(configs: impl Iterator<Item = Result<Provisioned, kv::Error>>) -> Result<u32, Error> {
    let mut total = 0u32;
    for config in configs {
        total = total.saturating_add(config?.requested);
    }
    Ok(total)
}

/// A page of a function's, by qualifier.
pub fn list(
    read: &(impl Read + ?Sized),
    function: &FunctionRef,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<(String, Provisioned)>, Error> {
    function::find(read, function)?;
    let key = (function.region.as_str(), &*function.name);
    let rows = PROVISIONED.scan_after(read, key, (key.0, key.1, after.unwrap_or_default()), Order::Forward)?;
    let rows = rows.map(|row| row.map(|((_, _, qualifier), config)| (qualifier, config)));
    model::page(rows, limit, |_| true, |(qualifier, _)| qualifier.clone())
}

/// Everything that is to be kept ready, in all regions: references, and how many instances each has.
pub fn all(read: &(impl Read + ?Sized)) -> Result<Vec<(FunctionRef, u32)>, Error> {
    let mut all = Vec::new();
    for row in PROVISIONED.scan(read, Order::Forward)? {
        let ((region, name, qualifier), config) = row?;
        let Some(function) = FUNCTIONS.get(read, (&*region, &*name))? else { continue };
        let Some(reference) = FunctionRef::of_arn(&function.arn) else { continue };
        all.push((FunctionRef { qualifier: Qualifier::parse(&qualifier), ..reference }, config.requested));
    }
    Ok(all)
}

/// The versions that a reference runs, each with its part of `count`: two where an alias splits its traffic.
pub fn shares(
    read: &(impl Read + ?Sized),
    function: &FunctionRef,
    count: u32,
) -> Result<Vec<(function::Resolved, u32)>, Error> {
    // No alias gives all of its traffic to its second version: 1.0 finds the first, 0.0 the second where there is one.
    let first = function::resolve(read, function, 1.0)?;
    let weight = match &function.qualifier {
        Some(Qualifier::Alias(name)) => {
            let alias = ALIASES.get(read, (function.region.as_str(), &*function.name, &**name))?;
            alias.and_then(|alias| alias.weighted).map_or(0.0, |(_, weight)| weight)
        }
        _ => 0.0,
    };
    let of_second = (f64::from(count) * weight).round() as u32;
    let mut shares = vec![(first, count.saturating_sub(of_second))];
    if of_second > 0 {
        shares.push((function::resolve(read, function, 0.0)?, of_second));
    }
    Ok(shares)
}
