//! GetObjectAttributes.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::DateTime;

use super::encryption::CustomerHeaders;
use super::object_permission;
use super::put::shown_version;
use crate::S3;
use crate::digests::Checksums;
use crate::error::Error;
use crate::keys::PARTS;
use crate::limits;
use crate::model::{bucket, object};
use crate::seal;
use crate::types::{Content, Object, StoredChecksum};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttributesInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    /// A list with commas.
    pub object_attributes: String,
    pub max_parts: Option<usize>,
    pub part_number_marker: Option<u32>,
    #[serde(flatten)]
    pub customer: CustomerHeaders,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributesOutput {
    pub last_modified: Option<DateTime>,
    pub version_id: Option<String>,
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    pub checksum: Option<Checksums>,
    pub object_parts: Option<ObjectParts>,
    pub storage_class: Option<String>,
    pub object_size: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ObjectParts {
    #[serde(rename = "PartsCount")]
    pub total_parts_count: u32,
    pub part_number_marker: u32,
    pub next_part_number_marker: u32,
    pub max_parts: usize,
    pub is_truncated: bool,
    pub parts: Vec<PartEntry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PartEntry {
    pub part_number: u32,
    pub size: u64,
    #[serde(flatten)]
    pub checksums: Checksums,
}

pub fn permissions(cx: &Cx, input: &AttributesInput) -> Result<Vec<Permission>, service::Error> {
    let actions = match input.version_id {
        Some(_) => ["s3:GetObjectVersion", "s3:GetObjectVersionAttributes"],
        None => ["s3:GetObject", "s3:GetObjectAttributes"],
    };
    actions.into_iter().map(|action| object_permission(cx, action, &input.bucket, &input.key)).collect()
}

const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

pub async fn get(_: Arc<S3>, cx: Cx, input: AttributesInput) -> Result<AttributesOutput, Error> {
    let wanted: Vec<&str> = input.object_attributes.split(',').map(str::trim).collect();
    if let Some(unknown) = wanted.iter().find(|name| !KNOWN.contains(name)) {
        return Err(Error::argument("x-amz-object-attributes", *unknown, "Invalid attribute name specified."));
    }
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let object = object::find(&read, &bucket, &input.key, input.version_id.as_deref())?;
    seal::check_customer(object.seal.as_ref(), input.customer.key()?.as_ref())?;
    let wants = |name: &str| wanted.contains(&name);
    let checksums = |checksum: &StoredChecksum| Checksums::from(Some(checksum)).without_parts();
    let class = || object.meta.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned());
    Ok(AttributesOutput {
        last_modified: Some(DateTime(object.modified)),
        version_id: shown_version(bucket.versioning, &object),
        // Without quotes, unlike everywhere else.
        etag: wants("ETag").then(|| object.etag.clone()),
        // And without the number of parts, which is told beside it.
        checksum: object.checksum.as_ref().filter(|_| wants("Checksum")).map(checksums),
        object_parts: if wants("ObjectParts") { parts(&read, &object, &input)? } else { None },
        storage_class: wants("StorageClass").then(class),
        object_size: wants("ObjectSize").then_some(object.size),
    })
}

/// The parts of an object that has some.
fn parts(read: &kv::Snap, object: &Object, input: &AttributesInput) -> Result<Option<ObjectParts>, Error> {
    let Content::Parts { id, count } = object.content else { return Ok(None) };
    let max_parts = input.max_parts.unwrap_or(limits::LIST_MAX).min(limits::LIST_MAX);
    let marker = input.part_number_marker.unwrap_or(0);
    let (mut parts, mut is_truncated) = (Vec::new(), false);
    for part in PARTS.scan_prefix(read, (id,), Order::Forward)?.values() {
        let part = part?;
        if part.number <= marker {
            continue;
        }
        if parts.len() == max_parts {
            is_truncated = true;
            break;
        }
        let checksums = Checksums { kind: None, ..part.checksum.as_ref().into() };
        parts.push(PartEntry { part_number: part.number, size: part.size, checksums });
    }
    let next_part_number_marker = parts.last().map_or(marker, |part| part.part_number);
    Ok(Some(ObjectParts {
        total_parts_count: count,
        part_number_marker: marker,
        next_part_number_marker,
        max_parts,
        is_truncated,
        parts,
    }))
}
