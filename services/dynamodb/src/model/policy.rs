//! Resource policies: who may do what with a table or stream, beside those whom their own policies allow it.

use base::Timestamp;
use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::POLICIES;
use crate::types::ResourcePolicy;

/// What stands for no policy where a revision is expected.
const NO_POLICY: &str = "NO_POLICY";

pub fn find(read: &(impl Read + ?Sized), arn: &str) -> Result<Option<ResourcePolicy>, Error> {
    Ok(POLICIES.get(read, arn)?)
}

/// `why` is the ARN, or how it differs from what was expected.
pub fn missing(why: &str) -> Error {
    Error::PolicyNotFound(format!("Resource-based policy not found for the provided ResourceArn: {why}"))
}

/// The revision that is then in force: the same document keeps the one it has, and another gets a later one. It is a time in
/// milliseconds, as AWS's are, so that revisions can be compared.
///
/// # Errors
/// `PolicyNotFound` when another revision than the expected one is in force.
pub fn put(tx: &mut Tx, now: Timestamp, arn: &str, expected: Option<&str>, document: &str) -> Result<String, Error> {
    let before = match check(tx, arn, expected)? {
        Some(before) if before.document == document => return Ok(before.revision),
        before => before,
    };
    // Earlier releases kept others, which are no numbers.
    let last = before.and_then(|policy| policy.revision.parse::<u64>().ok());
    let revision = last.map_or(now.as_millis(), |last| now.as_millis().max(last.saturating_add(1))).to_string();
    POLICIES.put(tx, arn, &ResourcePolicy { document: document.to_owned(), revision: revision.clone() })?;
    Ok(revision)
}

/// Deletes a policy, if there is one; its revision.
///
/// # Errors
/// `PolicyNotFound` when another revision than the expected one is in force.
pub fn delete(tx: &mut Tx, arn: &str, expected: Option<&str>) -> Result<Option<String>, Error> {
    let before = check(tx, arn, expected)?;
    POLICIES.delete(tx, arn)?;
    Ok(before.map(|policy| policy.revision))
}

fn check(tx: &Tx, arn: &str, expected: Option<&str>) -> Result<Option<ResourcePolicy>, Error> {
    let before = find(tx, arn)?;
    let revision = before.as_ref().map(|policy| policy.revision.as_str());
    // That of a stream has the table's name in it, too.
    let table = arn.split_once("table/").map_or(arn, |(_, name)| name);
    let differs = match (expected, revision) {
        (None, _) | (Some(NO_POLICY), None) => return Ok(before),
        (Some(expected), Some(revision)) if expected == revision => return Ok(before),
        (Some(_), None) => return Err(missing(arn)),
        (Some(NO_POLICY), Some(revision)) => format!(
            "Requested policy update expecting none to be present for table {table}, but a policy exists with revision id {revision}."
        ),
        (Some(expected), Some(revision)) => format!(
            "Requested update for policy with revision id {expected}, but the policy associated to target table {table} has revision id {revision}."
        ),
    };
    Err(missing(&differs))
}
