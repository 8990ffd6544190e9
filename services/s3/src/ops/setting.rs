//! Tags, encryption, ownership and public access of buckets: documents that are kept and shown, each with three operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::bucket::{BucketInput, Empty};
use super::encryption::{KMS, KMS_TWICE, MANAGED};
use super::meta::{Tagged, check_tags};
use super::on_bucket;
use crate::S3;
use crate::error::Error;
use crate::model::acl::{self, ENFORCED};
use crate::model::bucket;
use crate::model::setting::{self, Kind};
use crate::thumbnails;

/// A document of a bucket's.
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    const KIND: Kind;

    /// What whoever asks is told where there is none.
    fn missing(bucket: &str) -> Result<Self, Error>;

    /// # Errors
    /// What is wrong with it.
    fn check(&self) -> Result<(), Error>;
}

/// An error that is told of a bucket.
pub fn told(status: u16, code: &'static str, message: &str, bucket: &str) -> Error {
    Error::Told(service::Error::new(status, code, message).with_member("BucketName", bucket))
}

/// Keeps a document.
///
/// # Errors
/// When it, or the bucket, is none.
pub async fn keep<D: Document>(cx: &Cx, bucket: String, document: &D) -> Result<Empty, Error> {
    document.check()?;
    let text = serde_json::to_string(document).map_err(service::Error::internal)?;
    cx.db().write(move |tx| setting::put(tx, &bucket, D::KIND, &text)).await?;
    Ok(Empty {})
}

/// The document of a bucket.
///
/// # Errors
/// When there is none.
pub fn kept<D: Document>(cx: &Cx, bucket: &str) -> Result<D, Error> {
    let read = cx.db().read()?;
    match setting::get(&read, bucket::find(&read, bucket)?.id, D::KIND)? {
        Some(text) => Ok(serde_json::from_str(&text).map_err(service::Error::internal)?),
        None => D::missing(bucket),
    }
}

/// Removes the document of a bucket.
///
/// # Errors
/// When there is no bucket.
pub async fn forget(cx: &Cx, bucket: String, kind: Kind) -> Result<Empty, Error> {
    cx.db().write(move |tx| setting::remove(tx, &bucket, kind)).await?;
    Ok(Empty {})
}

/// Tags of a bucket or an object, in the order in which they came.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tagging {
    pub tag_set: Vec<Tag>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl Tagging {
    /// # Errors
    /// When a key comes twice.
    pub fn map(&self) -> Result<BTreeMap<String, String>, Error> {
        let mut map = BTreeMap::new();
        for Tag { key, value } in &self.tag_set {
            if map.insert(key.clone(), value.clone()).is_some() {
                let reason = "Cannot provide multiple Tags with the same key".into();
                return Err(Error::InvalidTag { reason, key: Some(key.clone()), value: None });
            }
        }
        Ok(map)
    }

    /// # Errors
    /// What is wrong with the tags of a bucket.
    pub fn check_of(&self, bucket: Tagged) -> Result<(), Error> {
        let tags = self.map()?;
        check_tags(&tags, bucket)?;
        thumbnails::declared(&tags).map(drop)
    }
}

impl From<&BTreeMap<String, String>> for Tagging {
    fn from(map: &BTreeMap<String, String>) -> Tagging {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
        Tagging { tag_set: map.iter().map(tag).collect() }
    }
}

impl Document for Tagging {
    const KIND: Kind = Kind::Tags;

    fn missing(bucket: &str) -> Result<Tagging, Error> {
        Err(told(404, "NoSuchTagSet", "The TagSet does not exist", bucket))
    }

    fn check(&self) -> Result<(), Error> {
        self.check_of(Tagged::Bucket)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutTaggingInput {
    pub bucket: String,
    pub tagging: Tagging,
}

pub fn tagging_permissions(cx: &Cx, input: &PutTaggingInput) -> Result<Vec<Permission>, service::Error> {
    let mut all = on_bucket(cx, "s3:PutBucketTagging", &input.bucket)?;
    all.extend(thumbnails::permissions(cx, &input.bucket, &input.tagging)?);
    Ok(all)
}

pub async fn put_tagging(_: Arc<S3>, cx: Cx, input: PutTaggingInput) -> Result<Empty, Error> {
    // No tags are as none ever were.
    if input.tagging.tag_set.is_empty() {
        return forget(&cx, input.bucket, Kind::Tags).await;
    }
    keep(&cx, input.bucket, &input.tagging).await
}

pub async fn get_tagging(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Tagging, Error> {
    kept(&cx, &input.bucket)
}

pub async fn delete_tagging(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::Tags).await
}

/// Whom what others put belongs to, and with that whether there are access control lists. There is one account: all is its own.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OwnershipControls {
    pub rules: Vec<OwnershipRule>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OwnershipRule {
    pub object_ownership: String,
}

impl OwnershipControls {
    pub fn of(ownership: &str) -> OwnershipControls {
        OwnershipControls { rules: vec![OwnershipRule { object_ownership: ownership.into() }] }
    }

    /// # Errors
    /// Where there is a list of a bucket's that says more than that its owner may: that there may be none.
    pub fn check_acl(&self) -> Result<(), Error> {
        if self.rules.iter().all(|rule| rule.object_ownership != ENFORCED) {
            return Ok(());
        }
        let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        Err(Error::Told(service::Error::new(400, "InvalidBucketAclWithObjectOwnership", message)))
    }
}

const OWNERSHIPS: [&str; 3] = [ENFORCED, "BucketOwnerPreferred", "ObjectWriter"];

impl Document for OwnershipControls {
    const KIND: Kind = Kind::Ownership;

    fn missing(bucket: &str) -> Result<OwnershipControls, Error> {
        let message = "The bucket ownership controls were not found";
        Err(told(404, "OwnershipControlsNotFoundError", message, bucket))
    }

    fn check(&self) -> Result<(), Error> {
        match self.rules.as_slice() {
            [rule] if OWNERSHIPS.contains(&rule.object_ownership.as_str()) => Ok(()),
            _ => Err(Error::MalformedXml),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutOwnershipInput {
    pub bucket: String,
    pub ownership_controls: OwnershipControls,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOwnershipOutput {
    pub ownership_controls: OwnershipControls,
}

pub async fn put_ownership(_: Arc<S3>, cx: Cx, input: PutOwnershipInput) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    let grants = acl::of_bucket(&read, bucket::find(&read, &input.bucket)?.id)?;
    if grants.is_some_and(|grants| acl::says_more(&grants)) {
        input.ownership_controls.check_acl()?;
    }
    keep(&cx, input.bucket, &input.ownership_controls).await
}

pub async fn get_ownership(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetOwnershipOutput, Error> {
    kept(&cx, &input.bucket).map(|ownership_controls| GetOwnershipOutput { ownership_controls })
}

pub async fn delete_ownership(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::Ownership).await
}

/// What keeps policies from opening a bucket to everybody. All of it is on for a new bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublicAccess {
    pub block_public_acls: bool,
    pub ignore_public_acls: bool,
    pub block_public_policy: bool,
    pub restrict_public_buckets: bool,
}

impl PublicAccess {
    /// Of a new bucket.
    pub const BLOCKED: PublicAccess = PublicAccess {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
}

impl Document for PublicAccess {
    const KIND: Kind = Kind::PublicAccess;

    fn missing(bucket: &str) -> Result<PublicAccess, Error> {
        let message = "The public access block configuration was not found";
        Err(told(404, "NoSuchPublicAccessBlockConfiguration", message, bucket))
    }

    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutPublicAccessInput {
    pub bucket: String,
    pub public_access_block_configuration: PublicAccess,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPublicAccessOutput {
    pub public_access_block_configuration: PublicAccess,
}

pub async fn put_public_access(_: Arc<S3>, cx: Cx, input: PutPublicAccessInput) -> Result<Empty, Error> {
    keep(&cx, input.bucket, &input.public_access_block_configuration).await
}

pub async fn get_public_access(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetPublicAccessOutput, Error> {
    let found = kept(&cx, &input.bucket)?;
    Ok(GetPublicAccessOutput { public_access_block_configuration: found })
}

pub async fn delete_public_access(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::PublicAccess).await
}

/// How objects are encrypted that come without a word of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Encryption {
    pub rules: Vec<EncryptionRule>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EncryptionRule {
    pub apply_server_side_encryption_by_default: Option<EncryptionByDefault>,
    pub bucket_key_enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct EncryptionByDefault {
    #[serde(rename = "SSEAlgorithm")]
    pub algorithm: String,
    #[serde(rename = "KMSMasterKeyID", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Document for Encryption {
    const KIND: Kind = Kind::Encryption;

    /// S3 encrypts all objects, also those of buckets that say nothing.
    fn missing(_: &str) -> Result<Encryption, Error> {
        let default = EncryptionByDefault { algorithm: MANAGED.into(), key: None };
        let rule = EncryptionRule { apply_server_side_encryption_by_default: Some(default), bucket_key_enabled: false };
        Ok(Encryption { rules: vec![rule] })
    }

    fn check(&self) -> Result<(), Error> {
        let [rule] = self.rules.as_slice() else { return Err(Error::MalformedXml) };
        let Some(default) = &rule.apply_server_side_encryption_by_default else { return Ok(()) };
        if default.algorithm == KMS_TWICE {
            return Err(Error::NotImplemented("SSEAlgorithm: aws:kms:dsse"));
        }
        if ![MANAGED, KMS].contains(&default.algorithm.as_str()) {
            return Err(Error::MalformedXml);
        }
        if default.algorithm == MANAGED && default.key.is_some() {
            let reason =
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            return Err(Error::argument("ApplyServerSideEncryptionByDefault", "", reason));
        }
        Ok(())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutEncryptionInput {
    pub bucket: String,
    pub server_side_encryption_configuration: Encryption,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetEncryptionOutput {
    pub server_side_encryption_configuration: Encryption,
}

pub async fn put_encryption(_: Arc<S3>, cx: Cx, input: PutEncryptionInput) -> Result<Empty, Error> {
    keep(&cx, input.bucket, &input.server_side_encryption_configuration).await
}

pub async fn get_encryption(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetEncryptionOutput, Error> {
    let found = kept(&cx, &input.bucket)?;
    Ok(GetEncryptionOutput { server_side_encryption_configuration: found })
}

pub async fn delete_encryption(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::Encryption).await
}
