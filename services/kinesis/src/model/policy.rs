//! Resource policies: who may do what with a stream or consumer, beside those whom their own policies allow it.

use base::Arn;
use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::POLICIES;
use crate::types::Policy;

pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Option<String>, Error> {
    Ok(POLICIES.get(read, arn.to_string())?.map(|policy| policy.document))
}

pub fn put(tx: &mut Tx, arn: &Arn, document: &str) -> Result<(), Error> {
    Ok(POLICIES.put(tx, arn.to_string(), &Policy { document: document.to_owned() })?)
}

/// # Errors
/// `ResourceNotFound` when there is none.
pub fn delete(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    if find(tx, arn)?.is_none() {
        return Err(Error::ResourceNotFound(format!("No resource policy found for resource ARN {arn}.")));
    }
    forget(tx, arn)
}

/// Deletes a policy, if there is one.
pub fn forget(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    Ok(POLICIES.delete(tx, arn.to_string())?)
}
