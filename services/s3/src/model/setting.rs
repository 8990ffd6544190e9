//! Documents that a bucket has beside its objects: in JSON, as AWS's API has them.

use kv::{Read, Tx};

use super::bucket;
use crate::error::Error;
use crate::keys::{BucketId, SETTINGS};

/// Which document. The numbers are parts of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Policy = 1,
    PublicAccess = 2,
    Ownership = 3,
    Tags = 4,
    Encryption = 5,
    Cors = 6,
    Notifications = 7,
    ObjectLock = 8,
    Lifecycle = 9,
    Acl = 10,
    Logging = 11,
    Website = 20,
}

/// A bucket's document, if it has one.
///
/// # Errors
/// When the store cannot be read.
pub fn get(read: &impl Read, bucket: BucketId, kind: Kind) -> Result<Option<String>, kv::Error> {
    SETTINGS.get(read, (bucket, kind as u8))
}

/// Gives a bucket a document, instead of the one that it has.
///
/// # Errors
/// [`Error::NoSuchBucket`].
pub fn put(tx: &mut Tx, name: &str, kind: Kind, text: &String) -> Result<(), Error> {
    let bucket = bucket::find(tx, name)?;
    Ok(SETTINGS.put(tx, (bucket.id, kind as u8), text)?)
}

/// Takes a document from a bucket, which need not have it.
///
/// # Errors
/// [`Error::NoSuchBucket`].
pub fn remove(tx: &mut Tx, name: &str, kind: Kind) -> Result<(), Error> {
    let bucket = bucket::find(tx, name)?;
    Ok(SETTINGS.delete(tx, (bucket.id, kind as u8))?)
}
