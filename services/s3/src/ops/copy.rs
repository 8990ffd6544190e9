//! CopyObject: the copy shares the bytes.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use service::{Cx, Permission};
use wire::DateTime;

use super::lifecycle;
use super::meta::{object_input, tags};
use super::put::{content_id, encryption, made_version, new_object, shown_version};
use super::version_permission;
use crate::S3;
use crate::conditions::{ReadConditions, WriteConditions, quoted};
use crate::digests::{Checksums, Digests, known};
use crate::error::Error;
use crate::limits;
use crate::model::{acl, bucket as buckets, content, object};
use crate::name;
use crate::notify::{News, tell};
use crate::range::Span;
use crate::types::{Bucket, Object, StoredChecksum, Versioning};

object_input! {
    pub struct CopyObjectInput {
        pub copy_source: String,
        pub copy_source_if_match: Option<String>,
        pub copy_source_if_none_match: Option<String>,
        pub copy_source_if_modified_since: Option<DateTime>,
        pub copy_source_if_unmodified_since: Option<DateTime>,
        #[serde(rename = "CopySourceSSECustomerAlgorithm")]
        pub copy_source_sse_customer_algorithm: Option<String>,
        pub checksum_algorithm: Option<String>,
        pub metadata_directive: Option<String>,
        pub tagging_directive: Option<String>,
        pub if_match: Option<String>,
        pub if_none_match: Option<String>,
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CopyObjectOutput {
    pub copy_object_result: CopyObjectResult,
    pub copy_source_version_id: Option<String>,
    pub version_id: Option<String>,
    pub expiration: Option<String>,
    pub server_side_encryption: String,
    #[serde(rename = "SSEKMSKeyId")]
    pub sse_kms_key_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CopyObjectResult {
    #[serde(rename = "ETag")]
    pub etag: String,
    pub last_modified: DateTime,
    #[serde(flatten)]
    pub checksums: Checksums,
}

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub bucket: String,
    pub key: String,
    pub version: Option<String>,
}

impl Source {
    /// Reads `x-amz-copy-source`: `bucket/key`, percent-encoded, with `?versionId=` behind it or not.
    ///
    /// # Errors
    /// When it is not that.
    pub fn parse(header: &str) -> Result<Source, Error> {
        let bad = |reason: &str| Error::argument("x-amz-copy-source", header, reason);
        let (path, version) = match header.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (header, None),
        };
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| bad("Invalid copy source encoding."))?;
        let (bucket, key) = decoded
            .strip_prefix('/')
            .unwrap_or(&decoded)
            .split_once('/')
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| bad("Copy Source must mention the source bucket and key: sourcebucket/sourcekey"))?;
        Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), version: version.filter(|id| !id.is_empty()) })
    }

    /// Permission to read it.
    pub fn permission(&self, cx: &Cx) -> Result<Permission, service::Error> {
        let action = if self.version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        version_permission(cx, action, &self.bucket, &self.key, self.version.as_deref())
    }

    /// # Errors
    /// When there is none.
    pub fn find(&self, read: &impl kv::Read) -> Result<(Bucket, Object), Error> {
        let bucket = buckets::find(read, &self.bucket)?;
        let object = object::find(read, &bucket, &self.key, self.version.as_deref())?;
        Ok((bucket, object))
    }
}

pub fn permissions(cx: &Cx, input: &CopyObjectInput) -> Result<Vec<Permission>, service::Error> {
    let source = Source::parse(&input.copy_source)?;
    let directive = input.metadata_directive.clone();
    let mut context = input.context();
    context.push(("s3:x-amz-copy-source".to_owned(), vec![format!("{}/{}", source.bucket, source.key)]));
    context.extend(directive.map(|directive| ("s3:x-amz-metadata-directive".to_owned(), vec![directive])));
    let mut all = input.permissions(cx, context)?;
    all.push(source.permission(cx)?);
    Ok(all)
}

/// Whether a directive says that something is not the source's.
///
/// # Errors
/// When it says neither.
fn replaces(name: &'static str, directive: Option<&str>) -> Result<bool, Error> {
    match directive {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(Error::argument(name, other, "Unknown metadata directive.")),
    }
}

pub async fn copy(state: Arc<S3>, cx: Cx, input: CopyObjectInput) -> Result<CopyObjectOutput, Error> {
    name::check_key(&input.key)?;
    let source = Source::parse(&input.copy_source)?;
    if input.copy_source_sse_customer_algorithm.is_some() {
        return Err(Error::NotImplemented("x-amz-copy-source-server-side-encryption-customer-algorithm"));
    }
    let new_meta = replaces("x-amz-metadata-directive", input.metadata_directive.as_deref())?;
    let new_tags = replaces("x-amz-tagging-directive", input.tagging_directive.as_deref())?;
    let (meta, tags) = (input.meta(&cx)?, tags(input.tagging.as_deref())?);
    let read_conditions = ReadConditions {
        if_match: input.copy_source_if_match.clone(),
        if_none_match: input.copy_source_if_none_match.clone(),
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let write_conditions = WriteConditions::new(input.if_match.clone(), input.if_none_match.as_deref())?;
    let same = source.bucket == input.bucket && source.key == input.key && source.version.is_none();
    let changes = new_meta
        || meta.storage_class.is_some()
        || meta.encryption.is_some()
        || meta.website_redirect.is_some()
        || input.checksum_algorithm.is_some();
    if same && !changes {
        let reason = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Error::InvalidRequest(reason.into()));
    }
    let checksum = checksum(&state, &cx, &source, input.checksum_algorithm.as_deref()).await?;
    let (id, now, salt) = (content_id(&cx), cx.env().now(), cx.env().random_u64());
    let (bucket, key) = (input.bucket, input.key);
    let request = cx.clone();
    let copied = cx.db().write(move |tx| {
        let (source_bucket, from) = source.find(tx)?;
        read_conditions.check_source(&from)?;
        if from.size > limits::COPY_BYTES_MAX {
            return Err(Error::InvalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
                    .into(),
            ));
        }
        let to = buckets::find(tx, &bucket)?;
        write_conditions.check(&key, object::current(tx, to.id, &key)?.as_ref())?;
        acl::check(tx, to.id, meta.acl.as_deref())?;
        let mut kept = if new_meta { meta.clone() } else { from.meta.clone() };
        // These are of the copy whatever becomes of the rest.
        kept.storage_class.clone_from(&meta.storage_class);
        (kept.lock, kept.acl, kept.upload) = (meta.lock.clone(), meta.acl.clone(), None);
        kept.website_redirect.clone_from(&meta.website_redirect);
        (kept.encryption, kept.encryption_key) = (meta.encryption.clone(), meta.encryption_key.clone());
        let tags = if new_tags { tags.clone() } else { from.tags.clone() };
        // Before the source may be replaced by the copy.
        let content = content::copy(tx, &from.content, id)?;
        let made = checksum.as_ref().filter(|(etag, _)| *etag == from.etag).map(|(_, made)| made.clone());
        let checksum = made.or_else(|| from.checksum.clone());
        let new = new_object(from.size, from.etag.clone(), content, checksum, kept, tags);
        let object = object::put(tx, &to, &key, now, salt, new)?;
        tell(tx, &request, &to, &News::created("ObjectCreated:Copy", &to, &key, &object))?;
        let source_version = shown_version(source_bucket.versioning, &from);
        let expiration = lifecycle::expiration(tx, &to, &key, &object)?;
        Ok::<_, Error>((object, to.versioning, source_version, expiration))
    });
    let (object, versioning, copy_source_version_id, expiration) = copied.await?;
    Ok(CopyObjectOutput { expiration, ..output(object, versioning, copy_source_version_id) })
}

/// The checksum of another algorithm than the source has, and the bytes that it is of, by their entity tag.
async fn checksum(
    state: &S3,
    cx: &Cx,
    source: &Source,
    algorithm: Option<&str>,
) -> Result<Option<(String, StoredChecksum)>, Error> {
    let Some(algorithm) = algorithm.map(known).transpose()? else { return Ok(None) };
    let hold = state.contents.hold();
    let read = cx.db().read()?;
    let (_, object) = source.find(&read)?;
    if object.checksum.as_ref().is_some_and(|checksum| checksum.algorithm == algorithm.name() && !checksum.composite) {
        return Ok(None);
    }
    let mut body = state.contents.open(&read, &object.content, Span::whole(object.size), Some(hold)).await?;
    let mut digests = Digests::of(algorithm);
    while let Some(piece) = body.next().await {
        digests.update(&piece.map_err(service::Error::internal)?);
    }
    Ok(Some((object.etag, digests.finish(None)?.checksum)))
}

fn output(object: Object, versioning: Versioning, copy_source_version_id: Option<String>) -> CopyObjectOutput {
    CopyObjectOutput {
        copy_object_result: CopyObjectResult {
            etag: quoted(&object.etag),
            last_modified: DateTime(object.modified),
            checksums: object.checksum.as_ref().into(),
        },
        copy_source_version_id,
        expiration: None,
        version_id: made_version(versioning, &object),
        server_side_encryption: encryption(&object.meta),
        sse_kms_key_id: object.meta.encryption_key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_paths() {
        let source = |bucket: &str, key: &str, version: Option<&str>| Source {
            bucket: bucket.into(),
            key: key.into(),
            version: version.map(str::to_owned),
        };
        for (header, expected) in [
            ("b/k", source("b", "k", None)),
            ("/b/k%20%2F%C3%A4", source("b", "k /ä", None)),
            ("b/a/b?versionId=v", source("b", "a/b", Some("v"))),
            ("b/a%3FversionId=v", source("b", "a?versionId=v", None)),
            ("b%2Fk", source("b", "k", None)),
            ("b/k+", source("b", "k+", None)),
        ] {
            assert_eq!(Source::parse(header).unwrap(), expected, "{header}");
        }
        for bad in ["", "b", "/b/", "//k", "b/%ff"] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
    }
}
