//! GetObject and HeadObject.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Body, Cx, Download};
use wire::DateTime;

use super::encryption::{CustomerHeaders, EncryptionShown};
use super::lifecycle;
use super::listing_permission;
use super::lock::LockShown;
use super::part;
use super::put::shown_version;
use crate::S3;
use crate::conditions::{ReadConditions, quoted};
use crate::digests::Checksums;
use crate::error::Error;
use crate::model::{bucket, content, object};
use crate::name;
use crate::range::{self, Span};
use crate::seal::{self, CustomerKey};
use crate::types::{Bucket, Content, Object, StoredChecksum};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetObjectInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    pub range: Option<String>,
    pub part_number: Option<i64>,
    pub checksum_mode: Option<String>,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<DateTime>,
    pub if_unmodified_since: Option<DateTime>,
    #[serde(flatten)]
    pub customer: CustomerHeaders,
    pub server_side_encryption: Option<String>,
    pub response_cache_control: Option<String>,
    pub response_content_disposition: Option<String>,
    pub response_content_encoding: Option<String>,
    pub response_content_language: Option<String>,
    pub response_content_type: Option<String>,
    pub response_expires: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetObjectOutput {
    pub status_code: u16,
    pub accept_ranges: &'static str,
    pub last_modified: Option<DateTime>,
    pub content_length: u64,
    pub content_range: Option<String>,
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(flatten)]
    pub checksums: Checksums,
    pub version_id: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<String>,
    pub website_redirect_location: Option<String>,
    #[serde(flatten)]
    pub encryption: EncryptionShown,
    pub storage_class: Option<String>,
    pub parts_count: Option<u32>,
    pub tag_count: Option<usize>,
    #[serde(flatten)]
    pub lock: LockShown,
    pub expiration: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

/// The content type of objects that came with none.
const CONTENT_TYPE: &str = "binary/octet-stream";
const STANDARD: &str = "STANDARD";

/// How often an object that is replaced while it is looked up is looked up again.
pub const LOOKUPS_MAX: usize = 5;

pub async fn get(state: Arc<S3>, cx: Cx, input: GetObjectInput) -> Result<Download<GetObjectOutput>, Error> {
    for _ in 0..LOOKUPS_MAX {
        match get_once(&state, &cx, &input).await {
            // The object that was found has been replaced, and its file is gone: another one is there, or none.
            Err(Error::Blob(blob::Error::NotFound(id))) => tracing::debug!(%id, "an object went before it was read"),
            other => return other,
        }
    }
    Err(Error::Told(service::Error::new(503, "SlowDown", "The object is replaced faster than it can be read.")))
}

async fn get_once(state: &S3, cx: &Cx, input: &GetObjectInput) -> Result<Download<GetObjectOutput>, Error> {
    // Held before the object is found: none of the files that it names goes from then on.
    let mut hold = None;
    let mut found = find(cx, input)?;
    if matches!(found.object.content, Content::Parts { .. }) {
        hold = Some(state.contents.hold());
        found = find(cx, input)?;
    }
    let (seal, customer) = (found.object.seal.as_ref(), found.customer.as_ref());
    let key = seal::open(&cx.in_region(&found.bucket.region), &state.vault, seal, customer).await?;
    let body = state.contents.open(&found.read, &found.object, key.as_ref(), found.span, hold).await?;
    Ok(Download { head: found.head(cx, input), body })
}

pub async fn head(_: Arc<S3>, cx: Cx, input: GetObjectInput) -> Result<Download<GetObjectOutput>, Error> {
    let found = find(&cx, &input)?;
    Ok(Download { head: found.head(&cx, &input), body: Body::from(Bytes::new()) })
}

/// What is to be read, at one moment.
pub struct Found {
    read: kv::Snap,
    bucket: Bucket,
    object: Object,
    span: Span,
    /// Whether not all of it is asked for.
    partial: bool,
    /// Of the part that is asked for, if one is.
    checksum: Option<StoredChecksum>,
    /// The key that the request gives.
    customer: Option<CustomerKey>,
    /// When it ends, if it is the current version and a rule says so.
    expiration: Option<String>,
}

/// # Errors
/// When there is no such object, it does not meet its conditions, or has no such bytes.
pub fn find(cx: &Cx, input: &GetObjectInput) -> Result<Found, Error> {
    name::check_key(&input.key)?;
    if let Some(asked) = &input.server_side_encryption {
        let reason = "x-amz-server-side-encryption header is not supported for this operation.";
        return Err(Error::argument("x-amz-server-side-encryption", asked, reason));
    }
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let object = object::find(&read, &bucket, &input.key, input.version_id.as_deref());
    let object = object.map_err(|error| hidden(cx, &input.bucket, &input.key, error))?;
    // Who has not its key is not told whether it has changed, either.
    let customer = input.customer.key()?;
    seal::check_customer(object.seal.as_ref(), customer.as_ref())?;
    let conditions = ReadConditions {
        if_match: input.if_match.clone(),
        if_none_match: input.if_none_match.clone(),
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&object, cx.env().now())?;
    let (span, checksum) = span(&read, input, &object)?;
    let (whole, partial) = (Span::whole(object.size), span.is_some());
    let expiration = match input.version_id {
        None => lifecycle::expiration(&read, &bucket, &input.key, &object)?,
        Some(_) => None,
    };
    Ok(Found { read, bucket, object, span: span.unwrap_or(whole), partial, checksum, customer, expiration })
}

/// Whether there is a key is told to those who may list the bucket; others may not read what is not there.
fn hidden(cx: &Cx, bucket: &str, key: &str, error: Error) -> Error {
    if !matches!(error, Error::NoSuchKey(_) | Error::NoSuchVersion { .. } | Error::Deleted { .. }) {
        return error;
    }
    let listing = listing_permission(cx, bucket, key);
    match listing.and_then(|listing| cx.authorize(&listing)) {
        Ok(()) => error,
        Err(refusal) => Error::Told(refusal),
    }
}

/// Some bytes of an object, and their own checksum where they are a part.
type Asked = (Option<Span>, Option<StoredChecksum>);

/// Which bytes are asked for; `None` for all.
fn span(read: &kv::Snap, input: &GetObjectInput, object: &Object) -> Result<Asked, Error> {
    let Some(number) = input.part_number else {
        let span = input.range.as_deref().map_or(Ok(None), |range| range::parse(range, object.size))?;
        return Ok((span, None));
    };
    if input.range.is_some() {
        let reason = "Cannot specify both Range header and partNumber query parameter";
        return Err(Error::InvalidRequest(reason.into()));
    }
    let number = part::number(number)?;
    let parts = parts_count(object).unwrap_or(1);
    let unsatisfiable = Error::InvalidPartNumber { asked: number, parts };
    match &object.content {
        Content::Parts { id, .. } => match content::part(read, *id, number)? {
            Some((from, part)) => {
                let composite = object.checksum.as_ref().is_some_and(|checksum| checksum.composite);
                let checksum = part.checksum.map(|checksum| StoredChecksum { composite, ..checksum });
                Ok((Some(Span { from, length: part.size }), checksum))
            }
            None => Err(unsatisfiable),
        },
        _ if number == 1 => Ok((Some(Span::whole(object.size)), object.checksum.clone())),
        _ => Err(unsatisfiable),
    }
}

fn parts_count(object: &Object) -> Option<u32> {
    match object.content {
        Content::Parts { count, .. } => Some(count),
        _ => None,
    }
}

impl Found {
    fn head(&self, cx: &Cx, input: &GetObjectInput) -> GetObjectOutput {
        let (object, meta) = (&self.object, &self.object.meta);
        let or = |asked: &Option<String>, own: &Option<String>| asked.clone().or_else(|| own.clone());
        let wants_checksum = input.checksum_mode.as_deref().is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"));
        // Of some bytes, the checksum of all is no use.
        let whole = object.checksum.as_ref().filter(|_| !self.partial);
        let checksum = self.checksum.as_ref().or(whole).filter(|_| wants_checksum);
        let content_type = meta.content_type.clone().unwrap_or_else(|| CONTENT_TYPE.to_owned());
        // An object without bytes has no range that could be told.
        let ranged = self.partial && self.span.length > 0;
        GetObjectOutput {
            status_code: if ranged { 206 } else { 200 },
            accept_ranges: "bytes",
            last_modified: Some(DateTime(object.modified)),
            content_length: self.span.length,
            content_range: ranged.then(|| self.span.header(object.size)),
            etag: quoted(&object.etag),
            checksums: checksum.into(),
            version_id: shown_version(self.bucket.versioning, object),
            cache_control: or(&input.response_cache_control, &meta.cache_control),
            content_disposition: or(&input.response_content_disposition, &meta.content_disposition),
            content_encoding: or(&input.response_content_encoding, &meta.content_encoding),
            content_language: or(&input.response_content_language, &meta.content_language),
            content_type: input.response_content_type.clone().or(Some(content_type)),
            expires: or(&input.response_expires, &meta.expires),
            website_redirect_location: meta.website_redirect.clone(),
            encryption: EncryptionShown::of(object.seal.as_ref(), meta, self.customer.as_ref()),
            storage_class: meta.storage_class.clone().filter(|class| class != STANDARD),
            parts_count: input.part_number.and_then(|_| parts_count(object)),
            expiration: self.expiration.clone(),
            lock: LockShown::of(cx, &input.bucket, &input.key, object),
            tag_count: (!object.tags.is_empty()).then_some(object.tags.len()),
            metadata: meta.user.clone(),
        }
    }
}
