//! PutObject.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;
use serde::de::IgnoredAny;
use service::{Cx, Permission, Upload, Uploaded};
use vault::BodyKey;

use super::encryption::{EncryptionShown, told};
use super::lifecycle;
use super::meta::{object_input, tags};
use crate::S3;
use crate::conditions::{WriteConditions, quoted};
use crate::contents::Received;
use crate::digests::{Checksums, Digests, Stated};
use crate::error::Error;
use crate::limits;
use crate::model::content;
use crate::model::{acl, bucket, lock, object};
use crate::name;
use crate::notify::{News, tell};
use crate::seal;
use crate::types::{Bucket, Content, ContentId, Meta, Object, StoredChecksum, Versioning};

object_input! {
    pub struct PutObjectInput {
        #[serde(flatten)]
        pub stated: Stated,
        pub if_match: Option<String>,
        pub if_none_match: Option<String>,
        pub write_offset_bytes: Option<IgnoredAny>,
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
    #[serde(flatten)]
    pub encryption: EncryptionShown,
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub encryption_context: Option<String>,
    pub size: Option<u64>,
    pub expiration: Option<String>,
}

pub fn permissions(cx: &Cx, input: &PutObjectInput) -> Result<Vec<Permission>, service::Error> {
    let mut context = input.context();
    let conditions = [("s3:if-match", &input.if_match), ("s3:if-none-match", &input.if_none_match)];
    context.extend(conditions.into_iter().filter_map(|(key, value)| Some((key.to_owned(), vec![value.clone()?]))));
    input.permissions(cx, context)
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
    tags: BTreeMap<String, String>,
) -> Object {
    let (sequence, version, modified, marker) = (0, None, base::Timestamp::ZERO, false);
    Object { sequence, version, modified, marker, size, etag, content, checksum, meta, tags, seal: None }
}

pub async fn put(state: Arc<S3>, cx: Cx, upload: Uploaded<PutObjectInput>) -> Result<PutObjectOutput, Error> {
    let Uploaded { input, body } = upload;
    let tags = tags(input.tagging.as_deref())?;
    let (customer, encryption_context) = (input.encryption.customer.key()?, input.encryption.context.clone());
    let order = Order { input, tags, event: "ObjectCreated:Put", sizes: 0..=limits::PUT_BYTES_MAX };
    let (versioning, object, expiration) = store(&state, &cx, order, body).await?;
    Ok(PutObjectOutput {
        etag: quoted(&object.etag),
        checksums: object.checksum.as_ref().into(),
        version_id: made_version(versioning, &object),
        encryption: EncryptionShown::of(object.seal.as_ref(), &object.meta, customer.as_ref()),
        encryption_context,
        size: None,
        expiration,
    })
}

/// An object whose bytes come with the request.
pub struct Order {
    pub input: PutObjectInput,
    pub tags: BTreeMap<String, String>,
    /// What those are told who want to hear of it.
    pub event: &'static str,
    /// How many bytes it may have.
    pub sizes: RangeInclusive<u64>,
}

/// An object in its place, and when a rule of its bucket ends it.
pub type Stored = (Versioning, Object, Option<String>);

/// Receives an object, and puts it into its place.
///
/// # Errors
/// When it does not come as it should, or may not be there. Nothing of it is left then.
pub async fn store(state: &S3, cx: &Cx, order: Order, body: Upload) -> Result<Stored, Error> {
    let Order { input, tags, event, sizes } = order;
    name::check_key(&input.key)?;
    let meta = input.meta(cx)?;
    // S3 appends to objects of directory buckets alone.
    if input.write_offset_bytes.is_some() {
        return Err(Error::NotImplemented("x-amz-write-offset-bytes"));
    }
    let conditions = WriteConditions::new(input.if_match.clone(), input.if_none_match.as_deref())?;
    let digests = Digests::new(&input.stated)?;
    if !meta.lock.is_none() && input.stated.md5.is_none() && digests.stated().is_none() {
        let reason = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        return Err(Error::InvalidRequest(reason.into()));
    }
    let bucket = refuse_early(cx, &input.bucket, &input.key, &conditions, &meta)?;
    let wanted = input.encryption.wanted(&cx.db().read()?, &bucket, &input.key)?;
    let made = seal::make(&cx.in_region(&bucket.region), &state.vault, &wanted).await?;
    let meta = told(meta, &made);
    let body_key = BodyKey::new(&made.key, &made.seal.name)?;
    let received = state.contents.receive(body, digests, body_key, limits::INLINE_BYTES_MAX, *sizes.end()).await?;
    let Received { size, digested, place } = received;
    if size < *sizes.start() {
        return Err(Error::EntityTooSmall { size, least: *sizes.start(), part: None });
    }
    let etag = seal::etag(Some(&made.seal), &made.key, &digested.etag);
    let (new, pinned) = place.into_content(content_id(cx));
    let (now, salt) = (cx.env().now(), cx.env().random_u64());
    let (bucket_name, key) = (input.bucket, input.key);
    let request = cx.clone();
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &bucket_name)?;
        conditions.check(&key, object::current(tx, bucket.id, &key)?.as_ref())?;
        acl::check(tx, bucket.id, meta.acl.as_deref())?;
        let content = content::keep(tx, &new)?;
        let checksum = Some(digested.checksum.clone());
        let new = new_object(size, etag.clone(), content, checksum, meta.clone(), tags.clone());
        let new = Object { seal: Some(made.seal.clone()), ..new };
        let object = object::put(tx, &bucket, &key, now, salt, new)?;
        tell(tx, &request, &bucket, &News::created(event, &bucket, &key, &object))?;
        let expiration = lifecycle::expiration(tx, &bucket, &key, &object)?;
        Ok::<_, Error>((bucket.versioning, object, expiration))
    });
    let stored = stored.await?;
    if let Some(pinned) = pinned {
        pinned.named();
    }
    Ok(stored)
}

/// What would be refused once the body is there is refused before, where that can be told. It is looked at again then.
fn refuse_early(cx: &Cx, bucket: &str, key: &str, conditions: &WriteConditions, meta: &Meta) -> Result<Bucket, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, bucket)?;
    lock::of_new(&read, &bucket, cx.env().now(), &meta.lock)?;
    acl::check(&read, bucket.id, meta.acl.as_deref())?;
    conditions.check(key, object::current(&read, bucket.id, key)?.as_ref())?;
    Ok(bucket)
}

/// A version's id in answers: buckets that never had versions do not speak of them.
pub fn shown_version(versioning: Versioning, object: &Object) -> Option<String> {
    (versioning != Versioning::Never).then(|| object::shown(object))
}

/// The id of a version that was made: a write that replaces the null version is told nothing of it.
pub fn made_version(versioning: Versioning, object: &Object) -> Option<String> {
    shown_version(versioning, object).filter(|_| versioning == Versioning::Enabled)
}
