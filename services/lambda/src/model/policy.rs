//! Resource policies: who may invoke a function, beside those whom their own policies allow it.

use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::{ALIASES, POLICIES, VERSIONS};
use crate::limits;
use crate::model::{self, function};
use crate::name::{FunctionRef, Qualifier};
use crate::types::Policy;

/// The policy of what the reference names; a reference without a qualifier has its own.
pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<Option<Policy>, Error> {
    Ok(POLICIES.get(read, key(function))?)
}

fn key(function: &FunctionRef) -> (&str, &str, String) {
    (function.region.as_str(), &function.name, function.qualifier_key())
}

/// Whether the version or alias is there that the policy is for.
fn check_target(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<(), Error> {
    let found = function::find(read, function)?;
    let (region, name) = (&*found.arn.region, &*found.name);
    let exists = match &function.qualifier {
        None | Some(Qualifier::Latest) => true,
        Some(Qualifier::Version(number)) => *number > 0 && VERSIONS.contains(read, (region, name, *number))?,
        Some(Qualifier::Alias(alias)) => ALIASES.contains(read, (region, name, &**alias))?,
    };
    match function.qualifier {
        _ if exists => Ok(()),
        Some(Qualifier::Alias(_)) => {
            Err(Error::ResourceNotFound(format!("Cannot find alias arn: {}", function.qualified_arn())))
        }
        _ => Err(Error::function_not_found(function.qualified_arn())),
    }
}

/// Adds a statement. `revision` is the new policy's.
pub fn add(
    tx: &mut Tx,
    function: &FunctionRef,
    id: &str,
    statement: &str,
    expected: Option<&str>,
    revision: &str,
) -> Result<(), Error> {
    check_target(tx, function)?;
    let policy = with(find(tx, function)?, id, statement, expected, revision)?;
    Ok(POLICIES.put(tx, key(function), &policy)?)
}

/// The policy, or a new one, with one more statement.
pub fn with(
    policy: Option<Policy>,
    id: &str,
    statement: &str,
    expected: Option<&str>,
    revision: &str,
) -> Result<Policy, Error> {
    let mut policy = policy.unwrap_or_else(|| Policy { statements: Default::default(), revision: String::new() });
    model::check_revision(expected, &policy.revision, "GetPolicy")?;
    if policy.statements.contains_key(id) {
        return Err(Error::ResourceConflict(format!(
            "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
        )));
    }
    policy.statements.insert(id.to_owned(), statement.to_owned());
    if document(&policy).len() > limits::POLICY_BYTES_MAX {
        return Err(Error::PolicyLengthExceeded);
    }
    policy.revision = revision.to_owned();
    Ok(policy)
}

pub fn remove(
    tx: &mut Tx,
    function: &FunctionRef,
    id: &str,
    expected: Option<&str>,
    revision: &str,
) -> Result<(), Error> {
    check_target(tx, function)?;
    let policy = without(find(tx, function)?, id, expected, revision)?;
    if policy.statements.is_empty() {
        return Ok(POLICIES.delete(tx, key(function))?);
    }
    Ok(POLICIES.put(tx, key(function), &policy)?)
}

/// The policy with one statement less; maybe with none.
pub fn without(policy: Option<Policy>, id: &str, expected: Option<&str>, revision: &str) -> Result<Policy, Error> {
    let mut policy =
        policy.ok_or_else(|| Error::ResourceNotFound("No policy is associated with the given resource.".into()))?;
    model::check_revision(expected, &policy.revision, "GetPolicy")?;
    if policy.statements.remove(id).is_none() {
        return Err(Error::ResourceNotFound(format!("Statement {id} is not found in resource policy.")));
    }
    policy.revision = revision.to_owned();
    Ok(policy)
}

/// Puts another policy in the place of the one that there may be.
pub fn replace(tx: &mut Tx, function: &FunctionRef, policy: &Policy, expected: Option<&str>) -> Result<(), Error> {
    check_target(tx, function)?;
    let current = find(tx, function)?.map(|policy| policy.revision).unwrap_or_default();
    model::check_revision(expected, &current, "GetResourcePolicy")?;
    Ok(POLICIES.put(tx, key(function), policy)?)
}

/// Deletes the whole policy.
pub fn delete(tx: &mut Tx, function: &FunctionRef, expected: Option<&str>) -> Result<(), Error> {
    check_target(tx, function)?;
    let policy = find(tx, function)?.ok_or_else(Error::resource_not_found)?;
    model::check_revision(expected, &policy.revision, "GetResourcePolicy")?;
    Ok(POLICIES.delete(tx, key(function))?)
}

/// The policy as a document.
pub fn document(policy: &Policy) -> String {
    let statements: Vec<&str> = policy.statements.values().map(String::as_str).collect();
    format!(r#"{{"Version":"2012-10-17","Id":"default","Statement":[{}]}}"#, statements.join(","))
}
