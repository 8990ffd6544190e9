//! Functions: making, finding, changing and removing them.

use std::collections::BTreeMap;

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    ALIASES, EVENT_CONFIGS, FUNCTIONS, MAPPINGS_CHANNEL, POLICIES, PROVISIONED, PROVISIONED_CHANNEL, VERSIONS,
};
use crate::limits;
use crate::model::{self, Page, provisioned, url, version};
use crate::name::{FunctionRef, Qualifier};
use crate::types::{Function, Version};

pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<Function, Error> {
    let found = FUNCTIONS.get(read, (function.region.as_str(), &*function.name))?;
    found
        .filter(|found| found.arn.account == function.account.as_str())
        .ok_or_else(|| Error::function_not_found(function.qualified_arn()))
}

/// Stores a new function with its `$LATEST` version, and publishes it when asked to.
pub fn create(tx: &mut Tx, function: &Function, latest: &Version, publish: bool) -> Result<Version, Error> {
    let key = (&*function.arn.region, &*function.name);
    if FUNCTIONS.contains(tx, key)? {
        return Err(Error::ResourceConflict(format!("Function already exist: {}", function.name)));
    }
    FUNCTIONS.put(tx, key, function)?;
    VERSIONS.put(tx, (key.0, key.1, latest.number), latest)?;
    // A mapping may have outlived an earlier function of this name.
    tx.wake(MAPPINGS_CHANNEL);
    if publish { version::publish(tx, function, latest, None) } else { Ok(latest.clone()) }
}

/// Changes `$LATEST` by `change`, which sees the version in force. Returns the old one and the new one.
pub fn update(
    tx: &mut Tx,
    function: &FunctionRef,
    revision: Option<&str>,
    change: impl Fn(Version) -> Result<Version, Error>,
) -> Result<(Function, Version, Version), Error> {
    let found = find(tx, function)?;
    let before = version::find(tx, function, 0)?;
    model::check_revision(revision, &before.revision, "GetFunction/GetAlias")?;
    let after = change(before.clone())?;
    VERSIONS.put(tx, (&*found.arn.region, &*found.name, 0u64), &after)?;
    tx.wake(MAPPINGS_CHANNEL);
    Ok((found, before, after))
}

/// Removes a function with everything that belongs to it. Returns its versions.
pub fn delete(tx: &mut Tx, function: &FunctionRef) -> Result<Vec<Version>, Error> {
    find(tx, function)?;
    let key = (function.region.as_str(), &*function.name);
    let versions = VERSIONS.scan_prefix(&*tx, key, Order::Forward)?.values().collect::<Result<_, _>>()?;
    FUNCTIONS.delete(tx, key)?;
    VERSIONS.delete_prefix(tx, key)?;
    ALIASES.delete_prefix(tx, key)?;
    POLICIES.delete_prefix(tx, key)?;
    EVENT_CONFIGS.delete_prefix(tx, key)?;
    url::remove_all(tx, key.0, key.1)?;
    PROVISIONED.delete_prefix(tx, key)?;
    tx.wake(PROVISIONED_CHANNEL);
    tx.wake(MAPPINGS_CHANNEL);
    Ok(versions)
}

/// A page of a region's functions in order of their names, each with its `$LATEST` version.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<(Function, Version)>, Error> {
    let functions = FUNCTIONS.scan_after(read, region, (region, after.unwrap_or_default()), Order::Forward)?.values();
    let (functions, marker) = model::page(functions, limit, |_| true, |function| function.name.clone())?;
    let mut page = Vec::with_capacity(functions.len());
    for function in functions {
        if let Some(latest) = VERSIONS.get(read, (region, &*function.name, 0u64))? {
            page.push((function, latest));
        }
    }
    Ok((page, marker))
}

/// A page of all versions of all functions of a region, by function and number.
pub fn list_versions(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<(&str, u64)>,
    limit: usize,
) -> Result<Page<(Function, Version)>, Error> {
    let (name, number) = after.unwrap_or_default();
    let rows = match after {
        Some(_) => VERSIONS.scan_after(read, region, (region, name, number), Order::Forward)?,
        None => VERSIONS.scan_prefix(read, region, Order::Forward)?,
    };
    let marker = |((_, name, number), _): &((String, String, u64), Version)| format!("{name}:{number}");
    let (versions, marker) = model::page(rows, limit, |_| true, marker)?;
    let mut page = Vec::with_capacity(versions.len());
    for ((_, name, _), version) in versions {
        if let Some(function) = FUNCTIONS.get(read, (region, &*name))? {
            page.push((function, version));
        }
    }
    Ok((page, marker))
}

/// Sets or removes the reserved concurrency.
pub fn reserve(tx: &mut Tx, function: &FunctionRef, executions: Option<u32>) -> Result<(), Error> {
    if !exists(tx, function)? {
        return Err(Error::function_not_found(function.arn_of(&Qualifier::Latest)));
    }
    let mut found = find(tx, function)?;
    found.reserved_concurrency = executions;
    FUNCTIONS.put(tx, (&*found.arn.region, &*found.name), &found)?;
    let provisioned = provisioned::of_function(tx, function)?;
    if let Some(executions) = executions.filter(|executions| *executions < provisioned) {
        return Err(Error::invalid(format!(
            "ReservedConcurrentExecutions {executions} should not be lower than function's total provisioned concurrency [{provisioned}]."
        )));
    }
    let reserved = reserved(tx, function.region.as_str())?;
    if executions.is_some() && reserved + limits::UNRESERVED_EXECUTIONS_MIN > limits::CONCURRENT_EXECUTIONS {
        return Err(Error::invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{}].",
            limits::UNRESERVED_EXECUTIONS_MIN
        )));
    }
    Ok(())
}

pub fn allow_recursion(tx: &mut Tx, function: &FunctionRef, allowed: bool) -> Result<(), Error> {
    let found = Function { recursion_allowed: allowed, ..find(tx, function)? };
    Ok(FUNCTIONS.put(tx, (&*found.arn.region, &*found.name), &found)?)
}

/// Executions that a region's functions have reserved.
pub fn reserved(read: &(impl Read + ?Sized), region: &str) -> Result<u32, Error> {
    let mut total = 0u32;
    for function in FUNCTIONS.scan_prefix(read, region, Order::Forward)?.values() {
        total = total.saturating_add(function?.reserved_concurrency.unwrap_or_default());
    }
    Ok(total)
}

/// Adds tags, within the limit.
pub fn tag(tx: &mut Tx, function: &FunctionRef, tags: &BTreeMap<String, String>) -> Result<(), Error> {
    let mut found = find(tx, function)?;
    found.tags.extend(tags.clone());
    check_tags(&found.tags)?;
    Ok(FUNCTIONS.put(tx, (&*found.arn.region, &*found.name), &found)?)
}

pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::invalid("Number of tags exceeds resource tag limit."));
    }
    if let Some(reserved) = tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(Error::invalid(format!("The tag key '{reserved}' begins with aws:, which is reserved.")));
    }
    Ok(())
}

pub fn untag(tx: &mut Tx, function: &FunctionRef, keys: &[String]) -> Result<(), Error> {
    let mut found = find(tx, function)?;
    found.tags.retain(|key, _| !keys.contains(key));
    Ok(FUNCTIONS.put(tx, (&*found.arn.region, &*found.name), &found)?)
}

/// What an invocation of a reference runs.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub function: Function,
    pub version: Version,
}

/// Finds the version that a reference means; `random` (0 to 1) decides where an alias splits its traffic.
/// Whether there is such a function, with such a version or alias.
pub fn exists(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<bool, Error> {
    match resolve(read, function, 1.0) {
        Ok(_) => Ok(true),
        Err(Error::ResourceNotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

pub fn resolve(read: &(impl Read + ?Sized), function: &FunctionRef, random: f64) -> Result<Resolved, Error> {
    let found = find(read, function)?;
    let number = match &function.qualifier {
        None | Some(Qualifier::Latest) => 0,
        Some(Qualifier::Version(number)) => *number,
        Some(Qualifier::Alias(name)) => {
            let alias = ALIASES.get(read, (&*found.arn.region, &*found.name, &**name))?;
            let alias = alias.ok_or_else(|| Error::function_not_found(function.qualified_arn()))?;
            match alias.weighted {
                Some((other, weight)) if random < weight => other,
                _ => alias.version,
            }
        }
    };
    // Number 0 is not a version that can be asked for by number.
    let is_zero = function.qualifier == Some(Qualifier::Version(0));
    let version = VERSIONS.get(read, (&*found.arn.region, &*found.name, number))?.filter(|_| !is_zero);
    let version = version.ok_or_else(|| Error::function_not_found(function.qualified_arn()))?;
    Ok(Resolved { function: found, version })
}

#[cfg(test)]
mod tests {
    use base::{AccountId, Env, Region, Timestamp};
    use kv::{Db, Memory};

    use super::*;
    use crate::keys::VERSIONS;
    use crate::types::{Alias, Code, Settings};

    fn reference(qualifier: Option<Qualifier>) -> FunctionRef {
        let (region, account) = (Region::new("r"), AccountId::new("000000000000"));
        FunctionRef { region, account, name: "f".into(), qualifier }
    }

    fn version(number: u64) -> Version {
        Version {
            number,
            description: String::new(),
            settings: Settings::new(
                "python3.12".into(),
                "a.b".into(),
                "arn:aws:iam::000000000000:role/r".parse().unwrap(),
            ),
            code: Code { blob: blob::BlobId::of(b""), bytes: 0, unpacked_bytes: 0 },
            layers: Vec::new(),
            modified: Timestamp(0),
            revision: String::new(),
            runtime_on_update: false,
        }
    }

    /// A function with versions 1 and 2, and the alias `live` that gives a tenth to version 2.
    async fn canary() -> Db {
        let db = Db::open(Memory::default());
        let write = |tx: &mut Tx| {
            let function = Function {
                name: "f".into(),
                arn: reference(None).arn(),
                next_version: 3,
                tags: BTreeMap::new(),
                reserved_concurrency: None,
                recursion_allowed: false,
            };
            create(tx, &function, &version(0), false)?;
            for number in [1, 2] {
                VERSIONS.put(tx, ("r", "f", number), &version(number))?;
            }
            let (description, revision) = (String::new(), String::new());
            let alias = Alias { name: "live".into(), version: 1, weighted: Some((2, 0.1)), description, revision };
            ALIASES.put(tx, ("r", "f", "live"), &alias)?;
            Ok::<_, Error>(())
        };
        db.write(write).await.unwrap();
        db
    }

    #[tokio::test]
    async fn a_weight_is_honoured_over_many_calls() {
        let (read, env) = (canary().await.read().unwrap(), Env::simulated(3, Timestamp(0)));
        let live = reference(Some(Qualifier::Alias("live".into())));
        let second = (0..10_000).filter(|_| {
            let random = (env.random_u64() >> 11) as f64 / (1u64 << 53) as f64;
            resolve(&read, &live, random).unwrap().version.number == 2
        });
        // Four standard deviations: sqrt(10000 * 0.1 * 0.9) = 30.
        let second = second.count();
        assert!((880..=1_120).contains(&second), "{second} of 10,000 calls, seed 3");
    }

    #[tokio::test]
    async fn references_find_what_they_name() {
        let read = canary().await.read().unwrap();
        let number = |qualifier| resolve(&read, &reference(qualifier), 0.5).map(|found| found.version.number).ok();
        assert_eq!(number(None), Some(0));
        assert_eq!(number(Some(Qualifier::Latest)), Some(0));
        assert_eq!(number(Some(Qualifier::Version(2))), Some(2));
        assert_eq!(number(Some(Qualifier::Alias("live".into()))), Some(1));
        for missing in [Qualifier::Version(0), Qualifier::Version(3), Qualifier::Alias("dead".into())] {
            assert_eq!(number(Some(missing)), None);
        }
    }
}
