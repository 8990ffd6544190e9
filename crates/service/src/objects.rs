//! Objects in buckets, for services that read or write some of their own accord: code, origins, imports, exports.
//!
//! Each function is a call of S3's operation as the context's caller, so that buckets' policies, versions, notifications and
//! checksums are what they are for clients, and errors have S3's codes (`NoSuchBucket`, `NoSuchKey`, `AccessDenied`). Bytes pass
//! by in pieces. What this does not tell of an object, [`Cx::exchange`] does.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::DateTime;

use crate::{Body, Cx, Error, Upload};

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Address {
    pub bucket: String,
    pub key: String,
    /// One of its versions; without it, the newest.
    #[serde(rename = "VersionId", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Address {
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Address {
        Address { bucket: bucket.into(), key: key.into(), version: None }
    }
}

/// What is told of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Object {
    /// Of the bytes that were asked for.
    #[serde(rename = "ContentLength")]
    pub size: u64,
    /// With its quotes.
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(rename = "VersionId")]
    pub version: Option<String>,
    pub last_modified: Option<DateTime>,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
}

/// An object among others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    pub key: String,
    pub size: u64,
    #[serde(rename = "ETag")]
    pub etag: String,
}

/// Some objects of a bucket, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Page {
    pub contents: Vec<Entry>,
    /// Whether there are more, behind the last of these.
    pub is_truncated: bool,
}

/// What an object is to have beside its bytes.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Properties {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `AES256` or `aws:kms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_encryption: Option<String>,
    #[serde(rename = "SSEKMSKeyId", skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
}

/// Tells of an object.
///
/// # Errors
/// When there is none, or the caller may not read it.
pub async fn head(cx: &Cx, of: &Address) -> Result<Object, Error> {
    cx.call("s3", "HeadObject", of).await
}

/// An object's bytes, or those of a range.
///
/// # Errors
/// When there is none, it has no such bytes, or the caller may not read it.
pub async fn get(cx: &Cx, of: &Address, range: Option<Range<u64>>) -> Result<(Object, Body), Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input<'a> {
        #[serde(flatten)]
        of: &'a Address,
        range: Option<String>,
    }
    let range = range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
    cx.exchange("s3", "GetObject", Input { of, range }, None).await
}

/// Puts an object, which is there once all its bytes have come without an error; its entity tag.
///
/// # Errors
/// When they do not come, or the caller may not write it. Nothing is left then.
pub async fn put(cx: &Cx, to: &Address, properties: &Properties, body: Upload) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Input<'a> {
        #[serde(flatten)]
        to: &'a Address,
        #[serde(flatten)]
        properties: &'a Properties,
    }
    #[derive(Deserialize)]
    struct Output {
        #[serde(rename = "ETag")]
        etag: String,
    }
    let (output, _): (Output, _) = cx.exchange("s3", "PutObject", Input { to, properties }, Some(body)).await?;
    Ok(output.etag)
}

/// Up to a thousand objects whose keys begin with `prefix`, behind the key `after`.
///
/// # Errors
/// When there is no such bucket, or the caller may not list it.
pub async fn list(cx: &Cx, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
    cx.call("s3", "ListObjectsV2", json!({"Bucket": bucket, "Prefix": prefix, "StartAfter": after})).await
}
