//! Buckets.

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::lock;
use crate::error::Error;
use crate::keys::{BUCKETS, NEXT_BUCKET, OBJECTS, SETTINGS, VERSIONS};
use crate::limits;
use crate::types::{Bucket, Versioning};

/// The region that S3 began with, which has habits of its own.
pub const FIRST_REGION: &str = "us-east-1";

/// The bucket of this name.
///
/// # Errors
/// [`Error::NoSuchBucket`].
pub fn find(read: &impl Read, name: &str) -> Result<Bucket, Error> {
    BUCKETS.get(read, name)?.ok_or_else(|| Error::NoSuchBucket(name.to_owned()))
}

/// Makes a bucket. Names are the same in all regions.
///
/// # Errors
/// [`Error::BucketAlreadyOwnedByYou`], or that there are enough.
pub fn create(tx: &mut Tx, now: Timestamp, name: &str, region: &str) -> Result<Bucket, Error> {
    if let Some(bucket) = BUCKETS.get(tx, name)? {
        // In the oldest region, whoever has a bucket may make it again: nothing changes.
        let again = region == FIRST_REGION && bucket.region == FIRST_REGION;
        return if again { Ok(bucket) } else { Err(Error::BucketAlreadyOwnedByYou(name.to_owned())) };
    }
    if BUCKETS.scan(tx, Order::Forward)?.keys().take(limits::BUCKETS_MAX).count() == limits::BUCKETS_MAX {
        return Err(Error::TooManyBuckets);
    }
    let id = NEXT_BUCKET.get(tx, ())?.unwrap_or(1);
    NEXT_BUCKET.put(tx, (), &(id + 1))?;
    let (name, region) = (name.to_owned(), region.to_owned());
    let bucket = Bucket { name, id, region, created: now, versioning: Versioning::Never };
    BUCKETS.put(tx, &bucket.name, &bucket)?;
    Ok(bucket)
}

/// # Errors
/// [`Error::BucketNotEmpty`].
pub fn check_empty(read: &impl Read, bucket: &Bucket) -> Result<(), Error> {
    let has_objects = OBJECTS.scan_prefix(read, (bucket.id,), Order::Forward)?.next().is_some();
    if has_objects || VERSIONS.scan_prefix(read, (bucket.id,), Order::Forward)?.next().is_some() {
        return Err(Error::BucketNotEmpty(bucket.name.clone()));
    }
    Ok(())
}

/// Deletes an empty bucket.
///
/// # Errors
/// [`Error::BucketNotEmpty`].
pub fn delete(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let bucket = find(tx, name)?;
    check_empty(tx, &bucket)?;
    SETTINGS.delete_prefix(tx, (bucket.id,))?;
    Ok(BUCKETS.delete(tx, name)?)
}

/// Says whether a bucket keeps versions.
///
/// # Errors
/// [`Error::NoSuchBucket`], [`Error::InvalidBucketState`] of one that locks objects.
pub fn set_versioning(tx: &mut Tx, name: &str, versioning: Versioning) -> Result<(), Error> {
    let bucket = Bucket { versioning, ..find(tx, name)? };
    if versioning != Versioning::Enabled && lock::configuration(tx, bucket.id)?.is_some() {
        let reason =
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
        return Err(Error::InvalidBucketState(reason));
    }
    Ok(BUCKETS.put(tx, name, &bucket)?)
}

/// A page of buckets whose names begin with `prefix`, after the name `after`; and whether there are more.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    read: &impl Read,
    prefix: &str,
    after: Option<&str>,
    most: usize,
    keep: impl Fn(&Bucket) -> bool,
) -> Result<(Vec<Bucket>, bool), Error> {
    let mut found = Vec::new();
    let rows = BUCKETS.scan_after(read, kv::Partial(prefix.as_bytes()), after.unwrap_or_default(), Order::Forward)?;
    for row in rows {
        let (_, bucket) = row?;
        if !keep(&bucket) {
            continue;
        }
        if found.len() == most {
            return Ok((found, true));
        }
        found.push(bucket);
    }
    Ok((found, false))
}
