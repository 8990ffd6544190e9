//! PutBucketLogging and GetBucketLogging: which bucket is told what becomes of requests to this one. [`crate::access_log`] does it.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html>, and answers of S3 to destinations elsewhere
//! or nowhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::acl::{AclHeaders, GivenGrant, GivenGrantee};
use super::bucket::{BucketInput, Empty};
use super::setting::{Document, keep, kept};
use crate::S3;
use crate::error::Error;
use crate::limits;
use crate::model::acl;
use crate::model::bucket::{self, FIRST_REGION};
use crate::model::setting::{self, Kind};
use crate::types::Bucket;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Logging {
    /// Nothing, where there is no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_enabled: Option<Log>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Log {
    pub target_bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_grants: Option<Vec<TargetGrant>>,
    pub target_prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_object_key_format: Option<KeyFormat>,
}

/// Who may what with the objects of a log, besides whose bucket they are in.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TargetGrant {
    pub grantee: TargetGrantee,
    pub permission: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct TargetGrantee {
    /// Told by what else is there.
    #[serde(rename = "xsi:type")]
    pub kind: String,
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "URI", skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    #[serde(rename = "EmailAddress", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// What the keys of a log's objects are made of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyFormat {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple_prefix: Option<SimplePrefix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitioned_prefix: Option<PartitionedPrefix>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct SimplePrefix {}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PartitionedPrefix {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_date_source: Option<String>,
}

/// Whose time keys tell: that of the requests. Without a word, it is that of the log's delivery.
pub const EVENT_TIME: &str = "EventTime";
const DELIVERY_TIME: &str = "DeliveryTime";

impl Log {
    fn check(&self) -> Result<(), Error> {
        let grants = self.target_grants.as_ref().map_or(0, Vec::len);
        if self.target_bucket.is_empty() || grants > limits::GRANTS_MAX {
            return Err(Error::MalformedXml);
        }
        if self.target_prefix.len() > limits::LOG_PREFIX_BYTES_MAX {
            return Err(Error::KeyTooLong(self.target_prefix.len()));
        }
        let Some(format) = &self.target_object_key_format else { return Ok(()) };
        match (&format.simple_prefix, &format.partitioned_prefix) {
            (Some(_), None) => Ok(()),
            (None, Some(prefix)) => match prefix.partition_date_source.as_deref() {
                None | Some(EVENT_TIME | DELIVERY_TIME) => Ok(()),
                Some(_) => Err(Error::MalformedXml),
            },
            _ => Err(Error::MalformedXml),
        }
    }

    /// The grants as headers say them that come with an object; the bucket's owner may everything, too.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn grants(&self, cx: &Cx) -> Result<AclHeaders, Error> {
        let given = self.target_grants.iter().flatten().map(|grant| GivenGrant {
            grantee: GivenGrantee {
                id: grant.grantee.id.clone(),
                uri: grant.grantee.uri.clone(),
                email: grant.grantee.email.clone(),
            },
            permission: grant.permission.clone(),
        });
        AclHeaders::of_grants(cx, &given.collect::<Vec<_>>())
    }

    /// With what tells the kinds of those who are granted something.
    fn told(mut self) -> Log {
        for TargetGrant { grantee, .. } in self.target_grants.iter_mut().flatten() {
            let kind = match (&grantee.id, &grantee.uri) {
                (Some(_), _) => "CanonicalUser",
                (None, Some(_)) => "Group",
                (None, None) => "AmazonCustomerByEmail",
            };
            kind.clone_into(&mut grantee.kind);
        }
        self.target_grants = self.target_grants.filter(|grants| !grants.is_empty());
        self
    }
}

impl Document for Logging {
    const KIND: Kind = Kind::Logging;

    fn missing(_: &str) -> Result<Logging, Error> {
        Ok(Logging::default())
    }

    fn check(&self) -> Result<(), Error> {
        self.logging_enabled.iter().try_for_each(Log::check)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutLoggingInput {
    pub bucket: String,
    pub bucket_logging_status: Logging,
}

/// Whether a bucket can have its log in that one.
fn check_target(cx: &Cx, source: &Bucket, log: &Log) -> Result<(), Error> {
    let read = cx.db().read()?;
    let Ok(target) = bucket::find(&read, &log.target_bucket) else {
        let message = "The target bucket for logging does not exist";
        let told = service::Error::new(400, "InvalidTargetBucketForLogging", message);
        return Err(Error::Told(told.with_member("TargetBucket", log.target_bucket.as_str())));
    };
    if target.region != source.region {
        // The code is spelled so.
        let message = "Cross S3 location logging not allowed. ";
        let told = service::Error::new(403, "CrossLocationLoggingProhibitted", message);
        let told = match source.region.as_str() {
            FIRST_REGION => told,
            region => told.with_member("SourceBucketLocation", region),
        };
        return Err(Error::Told(told.with_member("TargetBucketLocation", target.region)));
    }
    if log.target_grants.is_some() && !acl::has_lists(&read, target.id)? {
        let reason = "The target bucket's object ownership is BucketOwnerEnforced, under which TargetGrants have no effect: use its policy";
        return Err(Error::argument("TargetGrants", "", reason));
    }
    log.grants(cx).map(drop)
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutLoggingInput) -> Result<Empty, Error> {
    let bucket = bucket::find(&cx.db().read()?, &input.bucket)?;
    let Some(log) = input.bucket_logging_status.logging_enabled.map(Log::told) else {
        cx.db().write(move |tx| setting::remove(tx, &input.bucket, Kind::Logging)).await?;
        return Ok(Empty {});
    };
    log.check()?;
    check_target(&cx, &bucket, &log)?;
    keep(&cx, input.bucket, &Logging { logging_enabled: Some(log) }).await
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Logging, Error> {
    kept(&cx, &input.bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_a_target_and_one_format_of_keys() {
        let log = |format: &str| -> Log {
            let text = format!(r#"{{"TargetBucket": "b", "TargetPrefix": "p", "TargetObjectKeyFormat": {format}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        for good in [
            r#"{"SimplePrefix": {}}"#,
            r#"{"PartitionedPrefix": {}}"#,
            r#"{"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}"#,
            "null",
        ] {
            assert!(log(good).check().is_ok(), "{good}");
        }
        for bad in [
            "{}",
            r#"{"SimplePrefix": {}, "PartitionedPrefix": {}}"#,
            r#"{"PartitionedPrefix": {"PartitionDateSource": "SomeTime"}}"#,
        ] {
            assert!(log(bad).check().is_err(), "{bad}");
        }
        assert!(Log::default().check().is_err());
    }
}
