//! Object lock: versions that cannot be deleted before a time, or while they are held.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use std::time::Duration;

use base::Timestamp;
use kv::{Read, Tx};
use serde::{Deserialize, Serialize};

use super::setting::{self, Kind};
use super::{bucket, object};
use crate::error::Error;
use crate::keys::BucketId;
use crate::types::{Bucket, Lock, LockMode, Object, Retention, Versioning};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// As S3 counts them.
const DAYS_OF_YEAR: i64 = 365;

/// How a bucket locks: a document that it has.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    pub object_lock_enabled: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_retention: Option<DefaultRetention>,
}

/// How new versions are retained that come without a word of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DefaultRetention {
    pub mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<i64>,
    /// Is not taken.
    #[serde(skip_serializing)]
    pub default_event_hold: Option<serde::de::IgnoredAny>,
}

impl DefaultRetention {
    fn duration(&self) -> Option<Duration> {
        let days = self.days.or(self.years.map(|years| years.saturating_mul(DAYS_OF_YEAR)))?;
        Some(DAY.saturating_mul(u32::try_from(days).ok()?))
    }
}

/// How a bucket locks; `None` where it does not.
///
/// # Errors
/// When the store cannot be read.
pub fn configuration(read: &impl Read, bucket: BucketId) -> Result<Option<Configuration>, Error> {
    let Some(text) = setting::get(read, bucket, Kind::ObjectLock)? else { return Ok(None) };
    Ok(Some(serde_json::from_str(&text).map_err(service::Error::internal)?))
}

/// # Errors
/// That the bucket does not lock.
pub fn check_locks(read: &impl Read, bucket: BucketId) -> Result<(), Error> {
    match setting::get(read, bucket, Kind::ObjectLock)? {
        Some(_) => Ok(()),
        None => Err(Error::InvalidRequest("Bucket is missing Object Lock Configuration".into())),
    }
}

/// Has a bucket lock like this from now on. It has to keep versions.
///
/// # Errors
/// That it does not.
pub fn configure(tx: &mut Tx, name: &str, configuration: &String) -> Result<(), Error> {
    if bucket::find(tx, name)?.versioning != Versioning::Enabled {
        let reason = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
        return Err(Error::InvalidBucketState(reason));
    }
    setting::put(tx, name, Kind::ObjectLock, configuration)
}

/// The lock of a version that is made: what was asked for, or what the bucket has for all.
///
/// # Errors
/// That the bucket does not lock, where something was asked for.
pub fn of_new(read: &impl Read, bucket: &Bucket, now: Timestamp, asked: &Lock) -> Result<Lock, Error> {
    let Some(configuration) = configuration(read, bucket.id)? else {
        return if asked.is_none() {
            Ok(Lock::default())
        } else {
            check_locks(read, bucket.id).map(|()| Lock::default())
        };
    };
    let default = configuration.rule.and_then(|rule| rule.default_retention).and_then(|default| {
        Some(Retention { mode: LockMode::named(&default.mode)?, until: now + default.duration()? })
    });
    Ok(Lock { retention: asked.retention.or(default), legal_hold: asked.legal_hold })
}

/// # Errors
/// That the version may not be deleted now.
pub fn check_delete(object: &Object, now: Timestamp, bypass: bool) -> Result<(), Error> {
    let lock = &object.meta.lock;
    let retained = in_force(lock, now).is_some_and(|retention| retention.mode == LockMode::Compliance || !bypass);
    if retained || lock.legal_hold == Some(true) { Err(Error::Locked) } else { Ok(()) }
}

fn in_force(lock: &Lock, now: Timestamp) -> Option<Retention> {
    lock.retention.filter(|retention| retention.until > now)
}

/// Retains a version, or ends that.
///
/// # Errors
/// That it is retained for longer, or more strictly.
pub fn retain(
    tx: &mut Tx,
    bucket: &Bucket,
    (key, version): (&str, Option<&str>),
    retention: Option<Retention>,
    (now, bypass): (Timestamp, bool),
) -> Result<Object, Error> {
    check_locks(tx, bucket.id)?;
    let mut object = object::find(tx, bucket, key, version).map_err(|error| error.of_method("PUT"))?;
    if let Some(old) = in_force(&object.meta.lock, now) {
        let extends = retention.is_some_and(|new| new.mode == old.mode && new.until >= old.until);
        if !extends && (old.mode == LockMode::Compliance || !bypass) {
            return Err(Error::Locked);
        }
    }
    object.meta.lock.retention = retention;
    object::replace(tx, bucket.id, key, &object)?;
    Ok(object)
}

/// Holds a version, or lets it go.
///
/// # Errors
/// That the bucket does not lock.
pub fn hold(tx: &mut Tx, bucket: &Bucket, key: &str, version: Option<&str>, held: bool) -> Result<(), Error> {
    check_locks(tx, bucket.id)?;
    let mut object = object::find(tx, bucket, key, version).map_err(|error| error.of_method("PUT"))?;
    object.meta.lock.legal_hold = Some(held);
    object::replace(tx, bucket.id, key, &object)
}
