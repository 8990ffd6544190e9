//! PutObject.

use std::sync::Arc;

use serde::Serialize;
use service::{Cx, Permission, Uploaded};

use super::meta::{checksum_input, object_input, tags};
use super::{object_permission, on_object};
use crate::S3;
use crate::conditions::{WriteConditions, quoted};
use crate::contents::{Place, Received};
use crate::digests::Digests;
use crate::error::Error;
use crate::limits;
use crate::model::content::{self, NewContent};
use crate::model::{bucket, object};
use crate::name;
use crate::notify::{News, tell};
use crate::types::{Content, ContentId, Meta, Object, StoredChecksum, Versioning};

object_input! {
    pub struct PutObjectInput {
        #[serde(rename = "ContentMD5")]
        pub content_md5: Option<String>,
        pub checksum_algorithm: Option<String>,
        pub trailer: Option<String>,
        #[serde(rename = "ChecksumCRC32")]
        pub checksum_crc32: Option<String>,
        #[serde(rename = "ChecksumCRC32C")]
        pub checksum_crc32c: Option<String>,
        #[serde(rename = "ChecksumCRC64NVME")]
        pub checksum_crc64nvme: Option<String>,
        #[serde(rename = "ChecksumSHA1")]
        pub checksum_sha1: Option<String>,
        #[serde(rename = "ChecksumSHA256")]
        pub checksum_sha256: Option<String>,
        pub if_match: Option<String>,
        pub if_none_match: Option<String>,
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutObjectOutput {
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(flatten)]
    pub checksums: Checksums,
    pub version_id: Option<String>,
    pub server_side_encryption: Option<String>,
    #[serde(rename = "SSEKMSKeyId")]
    pub sse_kms_key_id: Option<String>,
    pub size: Option<u64>,
}

/// A checksum, under the name of its algorithm.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checksums {
    #[serde(rename = "ChecksumCRC32", skip_serializing_if = "Option::is_none")]
    pub crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C", skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME", skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<String>,
    #[serde(rename = "ChecksumSHA1", skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256", skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(rename = "ChecksumType", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

impl From<Option<&StoredChecksum>> for Checksums {
    fn from(stored: Option<&StoredChecksum>) -> Checksums {
        let Some(stored) = stored else { return Checksums::default() };
        let of = |algorithm: &str| (stored.algorithm == algorithm).then(|| stored.value.clone());
        Checksums {
            crc32: of("CRC32"),
            crc32c: of("CRC32C"),
            crc64nvme: of("CRC64NVME"),
            sha1: of("SHA1"),
            sha256: of("SHA256"),
            kind: Some(if stored.composite { "COMPOSITE" } else { "FULL_OBJECT" }),
        }
    }
}

pub fn permissions(cx: &Cx, input: &PutObjectInput) -> Result<Vec<Permission>, service::Error> {
    let mut all = on_object(cx, "s3:PutObject", &input.bucket, &input.key)?;
    if input.tagging.is_some() {
        all.push(object_permission(cx, "s3:PutObjectTagging", &input.bucket, &input.key)?);
    }
    Ok(all)
}

/// A name for bytes in the store, or for parts.
pub fn content_id(cx: &Cx) -> ContentId {
    let mut id = ContentId::default();
    cx.env().random(&mut id);
    id
}

/// An object that is not in its place yet: [`object::put`] says when and which version it is.
pub fn new_object(
    size: u64,
    etag: String,
    content: Content,
    checksum: Option<StoredChecksum>,
    meta: Meta,
    tags: std::collections::BTreeMap<String, String>,
) -> Object {
    let (sequence, version, modified, marker) = (0, None, base::Timestamp::ZERO, false);
    Object { sequence, version, modified, marker, size, etag, content, checksum, meta, tags }
}

pub async fn put(state: Arc<S3>, cx: Cx, upload: Uploaded<PutObjectInput>) -> Result<PutObjectOutput, Error> {
    let Uploaded { input, body } = upload;
    name::check_key(&input.key)?;
    let (meta, tags) = (input.meta()?, tags(input.tagging.as_deref())?);
    let conditions = WriteConditions::new(input.if_match.clone(), input.if_none_match.as_deref())?;
    let digests = Digests::new(&checksum_input!(input))?;
    refuse_early(&cx, &input.bucket, &input.key, &conditions)?;
    let received = state.contents.receive(body, digests, limits::INLINE_BYTES_MAX, limits::PUT_BYTES_MAX).await?;
    let Received { size, digested, place } = received;
    let (new, pinned) = match place {
        Place::Small(bytes) => (NewContent::Small(content_id(&cx), bytes), None),
        Place::File(pinned) => (NewContent::Blob(pinned.id), Some(pinned)),
    };
    let (now, salt) = (cx.env().now(), cx.env().random_u64());
    let (bucket_name, key) = (input.bucket, input.key);
    let request = cx.clone();
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &bucket_name)?;
        conditions.check(&key, object::current(tx, bucket.id, &key)?.as_ref())?;
        let content = content::keep(tx, &new)?;
        let (etag, checksum) = (digested.etag.clone(), Some(digested.checksum.clone()));
        let new = new_object(size, etag, content, checksum, meta.clone(), tags.clone());
        let object = object::put(tx, &bucket, &key, now, salt, new)?;
        tell(tx, &request, &bucket, &News::created("ObjectCreated:Put", &bucket, &key, &object))?;
        Ok::<_, Error>((bucket.versioning, object))
    });
    let (versioning, object) = stored.await?;
    if let Some(pinned) = pinned {
        pinned.named();
    }
    Ok(PutObjectOutput {
        etag: quoted(&object.etag),
        checksums: object.checksum.as_ref().into(),
        version_id: made_version(versioning, &object),
        server_side_encryption: Some(encryption(&object.meta)),
        sse_kms_key_id: object.meta.encryption_key,
        size: None,
    })
}

/// What would be refused once the body is there is refused before, where that can be told. It is looked at again then.
fn refuse_early(cx: &Cx, bucket: &str, key: &str, conditions: &WriteConditions) -> Result<(), Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, bucket)?;
    conditions.check(key, object::current(&read, bucket.id, key)?.as_ref())
}

/// A version's id in answers: buckets that never had versions do not speak of them.
pub fn shown_version(versioning: Versioning, object: &Object) -> Option<String> {
    (versioning != Versioning::Never).then(|| object::shown(object))
}

/// The id of a version that was made: a write that replaces the null version is told nothing of it.
pub fn made_version(versioning: Versioning, object: &Object) -> Option<String> {
    shown_version(versioning, object).filter(|_| versioning == Versioning::Enabled)
}

/// What is said of an object's encryption: S3 encrypts all of them.
pub fn encryption(meta: &Meta) -> String {
    meta.encryption.clone().unwrap_or_else(|| "AES256".to_owned())
}
