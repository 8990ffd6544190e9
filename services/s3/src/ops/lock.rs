//! Object lock: of buckets, and retention and legal holds of objects.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::DateTime;

use super::bucket::{BucketInput, Empty};
use super::object_permission;
use super::setting::{Document, kept};
use super::tag::ObjectInput;
use crate::S3;
use crate::error::Error;
use crate::limits;
use crate::model::lock::{self, Configuration, DefaultRetention};
use crate::model::setting::Kind;
use crate::model::{bucket, object};
use crate::types::{Lock, LockMode, Object, Retention};

/// What has to be said for a bucket to lock.
pub const ENABLED: &str = "Enabled";

impl Document for Configuration {
    const KIND: Kind = Kind::ObjectLock;

    fn missing(bucket: &str) -> Result<Configuration, Error> {
        let message = "Object Lock configuration does not exist for this bucket";
        let told = service::Error::new(404, "ObjectLockConfigurationNotFoundError", message);
        Err(Error::Told(told.with_member("BucketName", bucket)))
    }

    fn check(&self) -> Result<(), Error> {
        if self.object_lock_enabled != ENABLED {
            return Err(Error::MalformedXml);
        }
        match &self.rule {
            Some(rule) => rule.default_retention.as_ref().ok_or(Error::MalformedXml)?.check(),
            None => Ok(()),
        }
    }
}

impl DefaultRetention {
    fn check(&self) -> Result<(), Error> {
        if self.default_event_hold.is_some() {
            return Err(Error::NotImplemented("DefaultEventHold"));
        }
        let (count, most) = match (self.days, self.years) {
            (Some(days), None) => (days, limits::RETENTION_DAYS_MAX),
            (None, Some(years)) => (years, limits::RETENTION_YEARS_MAX),
            _ => return Err(Error::MalformedXml),
        };
        if LockMode::named(&self.mode).is_none() {
            return Err(Error::MalformedXml);
        }
        let reason = match count {
            ..=0 => "Default retention period must be a positive integer value.",
            count if count > most => "Default retention period is too large.",
            _ => return Ok(()),
        };
        Err(Error::Told(service::Error::new(400, "InvalidRetentionPeriod", reason)))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutConfigurationInput {
    pub bucket: String,
    pub object_lock_configuration: Option<Configuration>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConfigurationOutput {
    pub object_lock_configuration: Configuration,
}

pub async fn put_configuration(_: Arc<S3>, cx: Cx, input: PutConfigurationInput) -> Result<Empty, Error> {
    let nothing = || Error::Told(service::Error::new(400, "MissingRequestBodyError", "Request Body is empty"));
    let configuration = input.object_lock_configuration.ok_or_else(nothing)?;
    configuration.check()?;
    let text = serde_json::to_string(&configuration).map_err(service::Error::internal)?;
    cx.db().write(move |tx| lock::configure(tx, &input.bucket, &text)).await?;
    Ok(Empty {})
}

pub async fn get_configuration(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetConfigurationOutput, Error> {
    kept(&cx, &input.bucket).map(|object_lock_configuration| GetConfigurationOutput { object_lock_configuration })
}

/// How long a version is retained, as documents have it; of one that is not, nothing.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RetentionDocument {
    pub mode: Option<String>,
    pub retain_until_date: Option<DateTime>,
    /// Are not taken.
    #[serde(skip_serializing)]
    pub event_hold: Option<IgnoredAny>,
}

impl RetentionDocument {
    fn retention(&self, cx: &Cx) -> Result<Option<Retention>, Error> {
        let (mode, until) = match (self.mode.as_deref(), self.retain_until_date) {
            (None, None) => return Ok(None),
            (Some(mode), Some(until)) => (LockMode::named(mode).ok_or(Error::MalformedXml)?, until.into()),
            _ => return Err(Error::MalformedXml),
        };
        let retention = Retention { mode, until };
        check_future(cx, &retention).map(|()| Some(retention))
    }
}

fn check_future(cx: &Cx, retention: &Retention) -> Result<(), Error> {
    if retention.until > cx.env().now() {
        return Ok(());
    }
    let reason = "The retain until date must be in the future!";
    Err(Error::argument("RetainUntilDate", retention.until.iso8601(), reason))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutRetentionInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    pub bypass_governance_retention: bool,
    pub retention: RetentionDocument,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRetentionOutput {
    pub retention: RetentionDocument,
}

/// Permission to retain, with what policies may look at.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
pub fn retain_permissions(cx: &Cx, input: &PutRetentionInput) -> Result<Vec<Permission>, service::Error> {
    let mut permission = object_permission(cx, "s3:PutObjectRetention", &input.bucket, &input.key)?;
    let RetentionDocument { mode, retain_until_date, .. } = &input.retention;
    permission.context.extend(mode.clone().map(|mode| ("s3:object-lock-mode".to_owned(), vec![mode])));
    if let Some(until) = retain_until_date.map(base::Timestamp::from) {
        let days = until.since(cx.now()).as_secs() / (24 * 60 * 60);
        permission.context.push(("s3:object-lock-retain-until-date".to_owned(), vec![until.iso8601()]));
        permission.context.push(("s3:object-lock-remaining-retention-days".to_owned(), vec![days.to_string()]));
    }
    Ok(vec![permission])
}

/// Whether locks that may be bypassed are: whoever asks for it has to be allowed to.
///
/// Where nothing is locked, AWS refuses to be asked. Here nothing is bypassed then: what cleans buckets up asks for all of them.
///
/// # Errors
/// When the store cannot be read.
pub fn bypasses(cx: &Cx, asked: bool, bucket: &str, key: &str) -> Result<bool, service::Error> {
    if !asked {
        return Ok(false);
    }
    let permission = object_permission(cx, "s3:BypassGovernanceRetention", bucket, key)?;
    // What is deleted past its lock is gone for good: nobody is let through who may not.
    Ok(cx.authorize(&Permission { strict: true, ..permission }).is_ok())
}

pub async fn put_retention(_: Arc<S3>, cx: Cx, input: PutRetentionInput) -> Result<Empty, Error> {
    lock::check_locks(&cx.db().read()?, bucket::find(&cx.db().read()?, &input.bucket)?.id)?;
    if input.retention.event_hold.is_some() {
        return Err(Error::NotImplemented("EventHold"));
    }
    let retention = input.retention.retention(&cx)?;
    let bypass = bypasses(&cx, input.bypass_governance_retention, &input.bucket, &input.key)?;
    let now = cx.env().now();
    let retained = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &input.bucket)?;
        let version = (input.key.as_str(), input.version_id.as_deref());
        lock::retain(tx, &bucket, version, retention, (now, bypass))
    });
    retained.await?;
    Ok(Empty {})
}

/// The lock of a version, of a bucket that has some.
fn found(cx: &Cx, input: &ObjectInput) -> Result<Lock, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    lock::check_locks(&read, bucket.id)?;
    Ok(object::find(&read, &bucket, &input.key, input.version_id.as_deref())?.meta.lock)
}

fn missing() -> Error {
    let message = "The specified object does not have a ObjectLock configuration";
    Error::Told(service::Error::new(404, "NoSuchObjectLockConfiguration", message))
}

pub async fn get_retention(_: Arc<S3>, cx: Cx, input: ObjectInput) -> Result<GetRetentionOutput, Error> {
    let Retention { mode, until } = found(&cx, &input)?.retention.ok_or_else(missing)?;
    let retention = RetentionDocument {
        mode: Some(mode.name().to_owned()),
        retain_until_date: Some(DateTime(until)),
        event_hold: None,
    };
    Ok(GetRetentionOutput { retention })
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LegalHold {
    pub status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutLegalHoldInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    pub legal_hold: LegalHold,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetLegalHoldOutput {
    pub legal_hold: LegalHold,
}

fn held(status: &str) -> Option<bool> {
    match status {
        "ON" => Some(true),
        "OFF" => Some(false),
        _ => None,
    }
}

/// As headers and documents have it.
pub fn status(held: bool) -> &'static str {
    if held { "ON" } else { "OFF" }
}

pub async fn put_legal_hold(_: Arc<S3>, cx: Cx, input: PutLegalHoldInput) -> Result<Empty, Error> {
    lock::check_locks(&cx.db().read()?, bucket::find(&cx.db().read()?, &input.bucket)?.id)?;
    let held = held(&input.legal_hold.status).ok_or(Error::MalformedXml)?;
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &input.bucket)?;
        lock::hold(tx, &bucket, &input.key, input.version_id.as_deref(), held)
    });
    stored.await?;
    Ok(Empty {})
}

pub async fn get_legal_hold(_: Arc<S3>, cx: Cx, input: ObjectInput) -> Result<GetLegalHoldOutput, Error> {
    let held = found(&cx, &input)?.legal_hold.ok_or_else(missing)?;
    Ok(GetLegalHoldOutput { legal_hold: LegalHold { status: status(held).to_owned() } })
}

/// What comes with an object as headers, of its lock.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LockHeaders {
    #[serde(rename = "ObjectLockMode")]
    pub mode: Option<String>,
    #[serde(rename = "ObjectLockRetainUntilDate")]
    pub until: Option<DateTime>,
    #[serde(rename = "ObjectLockLegalHoldStatus")]
    pub legal_hold: Option<String>,
    #[serde(rename = "ObjectLockEventHold")]
    pub event_hold: Option<String>,
}

impl LockHeaders {
    /// # Errors
    /// What is wrong with them.
    pub fn lock(&self, cx: &Cx) -> Result<Lock, Error> {
        let bad = |name: &'static str, value: &str, reason: &str| Error::argument(name, value, reason);
        if self.event_hold.is_some() {
            return Err(Error::NotImplemented("x-amz-object-lock-event-hold"));
        }
        let retention = match (self.mode.as_deref(), self.until) {
            (None, None) => None,
            (Some(mode), Some(until)) => {
                let named = LockMode::named(mode);
                let mode = named.ok_or_else(|| bad("x-amz-object-lock-mode", mode, "Unknown wormMode directive."))?;
                let retention = Retention { mode, until: until.into() };
                check_future(cx, &retention)?;
                Some(retention)
            }
            (mode, _) => {
                let reason = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                return Err(bad("x-amz-object-lock-mode", mode.unwrap_or_default(), reason));
            }
        };
        let reason = "Legal Hold must be either of 'ON' or 'OFF'";
        let legal_hold = self
            .legal_hold
            .as_deref()
            .map(|status| held(status).ok_or_else(|| bad("x-amz-object-lock-legal-hold", status, reason)));
        Ok(Lock { retention, legal_hold: legal_hold.transpose()? })
    }

    /// What has to be permitted besides, to say so of an object.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn permissions(&self, cx: &Cx, bucket: &str, key: &str) -> Result<Vec<Permission>, service::Error> {
        let mut all = Vec::new();
        if self.mode.is_some() {
            all.push(object_permission(cx, "s3:PutObjectRetention", bucket, key)?);
        }
        if self.legal_hold.is_some() {
            all.push(object_permission(cx, "s3:PutObjectLegalHold", bucket, key)?);
        }
        Ok(all)
    }
}

/// What is told of an object's lock, as headers.
#[derive(Debug, Default, Serialize)]
pub struct LockShown {
    #[serde(rename = "ObjectLockMode")]
    pub mode: Option<&'static str>,
    #[serde(rename = "ObjectLockRetainUntilDate")]
    pub until: Option<String>,
    #[serde(rename = "ObjectLockLegalHoldStatus")]
    pub legal_hold: Option<&'static str>,
}

impl LockShown {
    /// As far as whoever reads the object may know.
    pub fn of(cx: &Cx, bucket: &str, key: &str, object: &Object) -> LockShown {
        let Lock { retention, legal_hold } = &object.meta.lock;
        let may = |action| object_permission(cx, action, bucket, key).is_ok_and(|asked| cx.authorize(&asked).is_ok());
        let retention = retention.filter(|_| may("s3:GetObjectRetention"));
        LockShown {
            mode: retention.map(|retention| retention.mode.name()),
            until: retention.map(|retention| retention.until.iso8601()),
            legal_hold: legal_hold.filter(|_| may("s3:GetObjectLegalHold")).map(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lock::Rule;

    #[test]
    fn default_retention_has_one_period_of_sensible_length() {
        let check = |mode: &str, days, years| {
            let default = DefaultRetention { mode: mode.into(), days, years, default_event_hold: None };
            let rule = Some(Rule { default_retention: Some(default) });
            let checked = Configuration { object_lock_enabled: ENABLED.into(), rule }.check();
            checked.map_err(|error| error.entry().0)
        };
        let malformed = || Err("MalformedXML".to_owned());
        let period = || Err("InvalidRetentionPeriod".to_owned());
        assert_eq!(check("GOVERNANCE", Some(1), None), Ok(()));
        assert_eq!(check("COMPLIANCE", None, Some(100)), Ok(()));
        assert_eq!(check("GOVERNANCE", Some(36_501), None), period());
        assert_eq!(check("GOVERNANCE", Some(0), None), period());
        assert_eq!(check("GOVERNANCE", None, Some(101)), period());
        assert_eq!(check("GOVERNANCE", None, Some(-1)), period());
        assert_eq!(check("GOVERNANCE", Some(1), Some(1)), malformed());
        assert_eq!(check("GOVERNANCE", None, None), malformed());
        assert_eq!(check("governance", Some(1), None), malformed());
        assert!(Configuration::default().check().is_err());
    }
}
