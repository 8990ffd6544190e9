//! DeleteObject and DeleteObjects.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::lock::bypasses;
use super::object_permission;
use crate::S3;
use crate::conditions::WriteConditions;
use crate::error::Error;
use crate::limits;
use crate::model::object::Deleted;
use crate::model::{bucket, object};
use crate::name;
use crate::notify::{News, tell};
use crate::types::Bucket;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteObjectInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    pub if_match: Option<String>,
    pub if_match_last_modified_time: Option<IgnoredAny>,
    pub if_match_size: Option<IgnoredAny>,
    pub bypass_governance_retention: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteObjectOutput {
    pub delete_marker: Option<bool>,
    pub version_id: Option<String>,
}

/// A key, or one version of it, that is to go.
#[derive(Clone, Debug)]
struct Doomed {
    key: String,
    version: Option<String>,
    conditions: WriteConditions,
    bypass: bool,
    salt: u64,
}

impl Doomed {
    fn missing(&self) -> Error {
        Error::NoSuchVersion { key: self.key.clone(), version: self.version.clone().unwrap_or_default() }
    }

    fn delete(&self, tx: &mut kv::Tx, cx: &Cx, bucket: &Bucket, now: base::Timestamp) -> Result<Deleted, Error> {
        name::check_key(&self.key)?;
        let there = match &self.version {
            Some(version) => object::find_version(tx, bucket.id, &self.key, version)?,
            None => object::current(tx, bucket.id, &self.key)?,
        };
        if self.conditions.if_match.is_some()
            && self.version.is_none()
            && let Err(Error::Deleted { .. }) = object::find(tx, bucket, &self.key, None)
        {
            return Err(Error::PreconditionFailed("If-Match"));
        }
        self.conditions.check(&self.key, there.as_ref())?;
        let deleted = match &self.version {
            Some(version) => object::delete_version(tx, bucket, &self.key, version, (now, self.bypass))?,
            None => object::delete(tx, bucket, &self.key, now, self.salt)?,
        };
        if there.is_some() || deleted.marker {
            tell(tx, cx, bucket, &News::removed(&self.key, self.version.as_deref(), &deleted))?;
        }
        Ok(deleted)
    }
}

pub async fn delete(_: Arc<S3>, cx: Cx, input: DeleteObjectInput) -> Result<DeleteObjectOutput, Error> {
    // S3 knows these in directory buckets alone.
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(Error::NotImplemented("x-amz-if-match-size, x-amz-if-match-last-modified-time"));
    }
    let conditions = WriteConditions { if_match: input.if_match, is_new: false };
    let bypass = bypasses(&cx, input.bypass_governance_retention, &input.bucket, &input.key)?;
    let salt = cx.env().random_u64();
    let doomed = Doomed { key: input.key, version: input.version_id, conditions, bypass, salt };
    let (bucket, now, request) = (input.bucket, cx.env().now(), cx.clone());
    let deleted = cx.db().write(move |tx| doomed.delete(tx, &request, &bucket::find(tx, &bucket)?, now)).await?;
    Ok(DeleteObjectOutput { delete_marker: deleted.marker.then_some(true), version_id: deleted.version })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteObjectsInput {
    pub bucket: String,
    pub bypass_governance_retention: bool,
    pub delete: Delete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Delete {
    pub objects: Vec<ObjectIdentifier>,
    pub quiet: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ObjectIdentifier {
    pub key: String,
    pub version_id: Option<String>,
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    pub last_modified_time: Option<IgnoredAny>,
    pub size: Option<IgnoredAny>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteObjectsOutput {
    pub deleted: Vec<DeletedEntry>,
    pub errors: Vec<ErrorEntry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletedEntry {
    pub key: String,
    pub version_id: Option<String>,
    pub delete_marker: Option<bool>,
    pub delete_marker_version_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorEntry {
    pub key: String,
    pub version_id: Option<String>,
    pub code: String,
    pub message: String,
}

/// What became of each, in the order in which they were named. A permission that one lacks is its own error.
pub async fn delete_many(_: Arc<S3>, cx: Cx, input: DeleteObjectsInput) -> Result<DeleteObjectsOutput, Error> {
    let Delete { objects, quiet } = input.delete;
    if objects.is_empty() || objects.len() > limits::DELETED_AT_ONCE_MAX {
        return Err(Error::MalformedXml);
    }
    if objects.iter().any(|object| object.last_modified_time.is_some() || object.size.is_some()) {
        return Err(Error::NotImplemented("LastModifiedTime, Size"));
    }
    let mut output = DeleteObjectsOutput { deleted: Vec::new(), errors: Vec::new() };
    let mut doomed = Vec::with_capacity(objects.len());
    for ObjectIdentifier { key, version_id, etag, .. } in objects {
        let action = if version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        if let Err(refusal) =
            object_permission(&cx, action, &input.bucket, &key).and_then(|permission| cx.authorize(&permission))
        {
            let (code, message) = Error::Told(refusal).entry();
            output.errors.push(ErrorEntry { key, version_id, code, message });
            continue;
        }
        let conditions = WriteConditions { if_match: etag, is_new: false };
        let bypass = bypasses(&cx, input.bypass_governance_retention, &input.bucket, &key)?;
        doomed.push(Doomed { key, version: version_id, conditions, bypass, salt: cx.env().random_u64() });
    }
    if doomed.is_empty() {
        return Ok(output);
    }
    let (bucket, now, all) = (input.bucket, cx.env().now(), doomed.clone());
    let request = cx.clone();
    let results = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &bucket)?;
        let each = all.iter().map(|doomed| match doomed.delete(tx, &request, &bucket, now) {
            // Nothing was written of it: conditions and names are looked at before.
            Err(Error::Store(error)) => Err(Error::Store(error)),
            // Among others, a version whose id is none is one that is not there.
            Err(Error::InvalidArgument { name: "versionId", .. }) => Ok(Err(doomed.missing().entry())),
            result => Ok(result.map_err(Error::entry)),
        });
        each.collect::<Result<Vec<_>, Error>>()
    });
    for (Doomed { key, version, .. }, result) in doomed.into_iter().zip(results.await?) {
        match result {
            Ok(deleted) if !quiet => output.deleted.push(entry(key, version, deleted)),
            Ok(_) => {}
            Err((code, message)) => output.errors.push(ErrorEntry { key, version_id: version, code, message }),
        }
    }
    Ok(output)
}

fn entry(key: String, version_id: Option<String>, deleted: Deleted) -> DeletedEntry {
    let delete_marker = deleted.marker.then_some(true);
    let delete_marker_version_id = deleted.version.filter(|_| deleted.marker);
    DeletedEntry { key, version_id, delete_marker, delete_marker_version_id }
}
