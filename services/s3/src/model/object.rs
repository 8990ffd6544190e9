//! Versions of keys: the newest, those before it, and markers that say a key was deleted.

use base::Timestamp;
use kv::{Desc, Order, Read, Tx};

use super::{content, lock};
use crate::error::Error;
use crate::keys::{BucketId, NULL_VERSIONS, OBJECTS, VERSIONS};
pub use crate::types::Object;
use crate::types::{Bucket, Content, Meta, Sequence, Versioning};

/// How the null version is named.
pub const NULL: &str = "null";

/// The newest version of a key, if that is an object.
///
/// # Errors
/// When the store cannot be read.
pub fn current(read: &impl Read, bucket: BucketId, key: &str) -> Result<Option<Object>, Error> {
    Ok(OBJECTS.get(read, (bucket, key))?)
}

/// An object to read: the newest version, or the one of this id.
///
/// # Errors
/// That there is none, and whether a marker says so.
pub fn find(read: &impl Read, bucket: &Bucket, key: &str, version: Option<&str>) -> Result<Object, Error> {
    let Some(version) = version else {
        if let Some(object) = current(read, bucket.id, key)? {
            return Ok(object);
        }
        let newest = if bucket.versioning == Versioning::Never { None } else { newest_other(read, bucket.id, key)? };
        return Err(match newest {
            Some(marker) => Error::Deleted { key: key.to_owned(), version: shown(&marker) },
            None => Error::NoSuchKey(key.to_owned()),
        });
    };
    let found = find_version(read, bucket.id, key, version)?;
    let missing = || Error::NoSuchVersion { key: key.to_owned(), version: version.to_owned() };
    let object = found.ok_or_else(missing)?;
    if object.marker { Err(Error::IsDeleteMarker { version: shown(&object), method: "GET" }) } else { Ok(object) }
}

/// The same for a request of this method that is about what objects alone have, such as tags: of a key that is deleted, it
/// is told of the marker.
///
/// # Errors
/// That there is none, or that it is a marker.
pub fn find_unmarked(
    read: &impl Read,
    bucket: &Bucket,
    key: &str,
    version: Option<&str>,
    method: &'static str,
) -> Result<Object, Error> {
    find(read, bucket, key, version).map_err(|error| match error {
        Error::Deleted { version, .. } => Error::IsDeleteMarker { version, method },
        other => other.of_method(method),
    })
}

/// A version's id, as clients see it.
pub fn shown(object: &Object) -> String {
    object.version.clone().unwrap_or_else(|| NULL.to_owned())
}

/// A version by its id, object or marker.
///
/// # Errors
/// When the id is none.
pub fn find_version(read: &impl Read, bucket: BucketId, key: &str, version: &str) -> Result<Option<Object>, Error> {
    if let Some(object) = current(read, bucket, key)?
        && shown(&object) == version
    {
        return Ok(Some(object));
    }
    let sequence = match version {
        NULL => NULL_VERSIONS.get(read, (bucket, key))?,
        version => Some(sequence_of(version)?),
    };
    let Some(sequence) = sequence else { return Ok(None) };
    let found = VERSIONS.get(read, (bucket, key, Desc(sequence)))?;
    Ok(found.filter(|object| shown(object) == version))
}

/// The id of a version: its place in the order, and something that nobody guesses.
pub fn version_id(sequence: Sequence, salt: u64) -> String {
    format!("{sequence:016x}{salt:016x}")
}

fn sequence_of(version: &str) -> Result<Sequence, Error> {
    let valid = version.len() == 32 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sequence = version.get(..16).filter(|_| valid).and_then(|digits| Sequence::from_str_radix(digits, 16).ok());
    sequence.ok_or_else(|| Error::argument("versionId", version, "Invalid version id specified"))
}

fn newest_other(read: &impl Read, bucket: BucketId, key: &str) -> Result<Option<Object>, Error> {
    Ok(VERSIONS.scan_prefix(read, (bucket, key), Order::Forward)?.values().next().transpose()?)
}

/// Later than all versions of the key, and by the clock where that goes on.
fn next_sequence(tx: &Tx, bucket: BucketId, key: &str, now: Timestamp) -> Result<Sequence, Error> {
    let newest = match current(tx, bucket, key)? {
        Some(object) => Some(object),
        None => newest_other(tx, bucket, key)?,
    };
    // Milliseconds, and room for versions within one.
    let by_clock = now.as_millis() << 16;
    Ok(newest.map_or(by_clock, |object| by_clock.max(object.sequence + 1)))
}

/// Puts a new version of a key; `salt` makes its id. What it replaces is let go. Gives the version as it is kept.
///
/// # Errors
/// When the store refuses.
pub fn put(tx: &mut Tx, bucket: &Bucket, key: &str, now: Timestamp, salt: u64, new: Object) -> Result<Object, Error> {
    let sequence = next_sequence(tx, bucket.id, key, now)?;
    make_way(tx, bucket, key)?;
    let version = (bucket.versioning == Versioning::Enabled).then(|| version_id(sequence, salt));
    let lock = lock::of_new(tx, bucket, now, &new.meta.lock)?;
    let object = Object { sequence, version, modified: now, meta: Meta { lock, ..new.meta }, ..new };
    OBJECTS.put(tx, (bucket.id, key), &object)?;
    Ok(object)
}

/// The newest version is about to be another: the one that is stays as an older one, or goes if it would be replaced.
fn make_way(tx: &mut Tx, bucket: &Bucket, key: &str) -> Result<(), Error> {
    if bucket.versioning == Versioning::Suspended {
        remove_older_null(tx, bucket.id, key)?;
    }
    let Some(current) = current(tx, bucket.id, key)? else { return Ok(()) };
    if current.version.is_none() && bucket.versioning != Versioning::Enabled {
        OBJECTS.delete(tx, (bucket.id, key))?;
        return content::release(tx, &current.content);
    }
    keep_older(tx, bucket.id, key, &current)?;
    Ok(OBJECTS.delete(tx, (bucket.id, key))?)
}

fn keep_older(tx: &mut Tx, bucket: BucketId, key: &str, object: &Object) -> Result<(), Error> {
    VERSIONS.put(tx, (bucket, key, Desc(object.sequence)), object)?;
    if object.version.is_none() {
        NULL_VERSIONS.put(tx, (bucket, key), &object.sequence)?;
    }
    Ok(())
}

fn remove_older_null(tx: &mut Tx, bucket: BucketId, key: &str) -> Result<(), Error> {
    let Some(sequence) = NULL_VERSIONS.get(tx, (bucket, key))? else { return Ok(()) };
    if let Some(object) = VERSIONS.get(tx, (bucket, key, Desc(sequence)))? {
        remove_older(tx, bucket, key, &object)?;
    }
    Ok(())
}

fn remove_older(tx: &mut Tx, bucket: BucketId, key: &str, object: &Object) -> Result<(), Error> {
    VERSIONS.delete(tx, (bucket, key, Desc(object.sequence)))?;
    if object.version.is_none() {
        NULL_VERSIONS.delete(tx, (bucket, key))?;
    }
    content::release(tx, &object.content)
}

/// Keeps what has changed beside the bytes of a version that is there.
///
/// # Errors
/// When the store refuses.
pub fn replace(tx: &mut Tx, bucket: BucketId, key: &str, object: &Object) -> Result<(), Error> {
    let is_current = current(tx, bucket, key)?.is_some_and(|current| current.sequence == object.sequence);
    if is_current {
        return Ok(OBJECTS.put(tx, (bucket, key), object)?);
    }
    Ok(VERSIONS.put(tx, (bucket, key, Desc(object.sequence)), object)?)
}

/// What became of a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The version that is gone, or that of the marker which was made.
    pub version: Option<String>,
    /// Whether that is a marker.
    pub marker: bool,
}

/// Deletes a key: for good where it has no versions, else with a marker.
///
/// # Errors
/// When the store refuses.
pub fn delete(tx: &mut Tx, bucket: &Bucket, key: &str, now: Timestamp, salt: u64) -> Result<Deleted, Error> {
    if bucket.versioning == Versioning::Never {
        make_way(tx, bucket, key)?;
        return Ok(Deleted::default());
    }
    let sequence = next_sequence(tx, bucket.id, key, now)?;
    make_way(tx, bucket, key)?;
    let version = (bucket.versioning == Versioning::Enabled).then(|| version_id(sequence, salt));
    let marker = Object {
        sequence,
        version,
        modified: now,
        marker: true,
        size: 0,
        etag: String::new(),
        content: Content::Nothing,
        checksum: None,
        meta: Meta::default(),
        tags: Default::default(),
        seal: None,
    };
    keep_older(tx, bucket.id, key, &marker)?;
    Ok(Deleted { version: Some(shown(&marker)), marker: true })
}

/// Deletes one version for good. One that is not there is no error. `bypass` is whether locks count that may be bypassed.
///
/// # Errors
/// When its id is none; [`Error::Locked`].
pub fn delete_version(
    tx: &mut Tx,
    bucket: &Bucket,
    key: &str,
    version: &str,
    (now, bypass): (Timestamp, bool),
) -> Result<Deleted, Error> {
    let found = find_version(tx, bucket.id, key, version)?;
    let deleted = |marker| Deleted { version: Some(version.to_owned()), marker };
    let Some(object) = found else { return Ok(deleted(false)) };
    lock::check_delete(&object, now, bypass)?;
    let is_current = current(tx, bucket.id, key)?.is_some_and(|current| current.sequence == object.sequence);
    if is_current {
        OBJECTS.delete(tx, (bucket.id, key))?;
        content::release(tx, &object.content)?;
    } else {
        remove_older(tx, bucket.id, key, &object)?;
    }
    promote(tx, bucket.id, key)?;
    Ok(deleted(object.marker))
}

/// Without a newest object, the newest of the others is it, unless that is a marker.
fn promote(tx: &mut Tx, bucket: BucketId, key: &str) -> Result<(), Error> {
    if OBJECTS.contains(tx, (bucket, key))? {
        return Ok(());
    }
    let Some(newest) = newest_other(tx, bucket, key)?.filter(|object| !object.marker) else { return Ok(()) };
    VERSIONS.delete(tx, (bucket, key, Desc(newest.sequence)))?;
    if newest.version.is_none() {
        NULL_VERSIONS.delete(tx, (bucket, key))?;
    }
    Ok(OBJECTS.put(tx, (bucket, key), &newest)?)
}
