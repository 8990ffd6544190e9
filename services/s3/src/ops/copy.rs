//! CopyObject: the copy shares the bytes, which have the same key for both; that is sealed for each of them as it asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use service::{Cx, Permission};
use vault::{BodyKey, Key};
use wire::DateTime;
use wire::rest_xml::Algorithm;

use super::encryption::{EncryptionShown, SourceHeaders, told};
use super::get::LOOKUPS_MAX;
use super::lifecycle;
use super::meta::{object_input, tags};
use super::put::{content_id, new_object, shown_version};
use super::read_permission;
use super::upload::as_upload;
use crate::S3;
use crate::conditions::{ReadConditions, WriteConditions, date, quoted};
use crate::contents::Pinned;
use crate::digests::{Checksums, Digests, known};
use crate::error::Error;
use crate::limits;
use crate::model::content::{self, NewContent};
use crate::model::setting::{self, Kind};
use crate::model::{acl, bucket as buckets, object};
use crate::name;
use crate::notify::{News, tell};
use crate::range::Span;
use crate::seal::{self, CustomerKey, Made};
use crate::types::{Bucket, Meta, Object, Seal, StoredChecksum, Versioning};

object_input! {
    pub struct CopyObjectInput {
        pub copy_source: String,
        pub copy_source_if_match: Option<String>,
        pub copy_source_if_none_match: Option<String>,
        pub copy_source_if_modified_since: Option<DateTime>,
        pub copy_source_if_unmodified_since: Option<DateTime>,
        #[serde(flatten)]
        pub source_customer: SourceHeaders,
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
    #[serde(flatten)]
    pub encryption: EncryptionShown,
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub encryption_context: Option<String>,
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
    /// Reads `x-amz-copy-source`: `bucket/key`, percent-encoded, with `?versionId=` behind it or not. A plus is a space, as in
    /// forms: that is how some SDKs encode it.
    ///
    /// # Errors
    /// When it is not that.
    pub fn parse(header: &str) -> Result<Source, Error> {
        let bad = |reason: &str| Error::argument("x-amz-copy-source", header, reason);
        let (path, version) = match header.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (header, None),
        };
        let path = path.replace('+', " ");
        let decoded = percent_decode_str(&path).decode_utf8().map_err(|_| bad("Invalid copy source encoding."))?;
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
        read_permission(cx, &self.bucket, &self.key, self.version.as_deref())
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

/// A copy that is asked for.
struct Request {
    input: CopyObjectInput,
    source: Source,
    read_conditions: ReadConditions,
    write_conditions: WriteConditions,
    /// What is said of the copy.
    meta: Meta,
    tags: BTreeMap<String, String>,
    /// Whether the source's own does not count.
    new_meta: bool,
    new_tags: bool,
}

impl Request {
    fn new(cx: &Cx, input: CopyObjectInput) -> Result<Request, Error> {
        name::check_key(&input.key)?;
        let source = Source::parse(&input.copy_source)?;
        let new_meta = replaces("x-amz-metadata-directive", input.metadata_directive.as_deref())?;
        let new_tags = replaces("x-amz-tagging-directive", input.tagging_directive.as_deref())?;
        let (meta, tags) = (input.meta(cx)?, tags(input.tagging.as_deref())?);
        let read_conditions = ReadConditions {
            if_match: input.copy_source_if_match.clone(),
            if_none_match: input.copy_source_if_none_match.clone(),
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let write_conditions = WriteConditions::new(input.if_match.clone(), input.if_none_match.as_deref())?;
        Ok(Request { input, source, read_conditions, write_conditions, meta, tags, new_meta, new_tags })
    }

    /// A copy onto its own source changes something. Of a request without a word that may be the encryption: with S3's own key
    /// instead of another's, or as the bucket says, which S3 takes for a change whatever it was before.
    fn check_change(&self, read: &impl kv::Read, from: &Object, to: &Bucket) -> Result<(), Error> {
        let Request { input, source, meta, .. } = self;
        let same = source.bucket == input.bucket && source.key == input.key && source.version.is_none();
        let changes = self.new_meta
            || meta.storage_class.is_some()
            || meta.website_redirect.is_some()
            || input.encryption.are_given()
            || input.checksum_algorithm.is_some()
            || !seal::shows_md5(from.seal.as_ref())
            || setting::get(read, to.id, Kind::Encryption)?.is_some();
        if !same || changes {
            return Ok(());
        }
        let reason = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
        Err(Error::InvalidRequest(reason.into()))
    }

    /// What the copy has beside its bytes, of what is said of it and of its source.
    fn meta_of(&self, from: &Object, made: &Made) -> Meta {
        let meta = &self.meta;
        let mut kept = if self.new_meta { meta.clone() } else { from.meta.clone() };
        // These are of the copy whatever becomes of the rest.
        kept.storage_class.clone_from(&meta.storage_class);
        (kept.lock, kept.acl, kept.upload) = (meta.lock.clone(), meta.acl.clone(), None);
        kept.website_redirect.clone_from(&meta.website_redirect);
        told(kept, made)
    }
}

pub async fn copy(state: Arc<S3>, cx: Cx, input: CopyObjectInput) -> Result<CopyObjectOutput, Error> {
    let request = Arc::new(Request::new(&cx, input)?);
    for _ in 0..LOOKUPS_MAX {
        if let Some(copied) = copy_once(&state, &cx, &request).await? {
            return Ok(copied);
        }
    }
    Err(Error::Told(service::Error::new(503, "SlowDown", "The source is replaced faster than it can be copied.")))
}

/// `None` where the source has been replaced before it was copied.
async fn copy_once(state: &S3, cx: &Cx, request: &Arc<Request>) -> Result<Option<CopyObjectOutput>, Error> {
    let prepared = prepare(state, cx, request).await?;
    let Prepared { from, made, anew, checksum, etag } = prepared;
    let (new, pinned) = anew.unzip();
    let (id, now, salt) = (content_id(cx), cx.env().now(), cx.env().random_u64());
    let (asked, told_cx) = (request.clone(), cx.clone());
    let copied = cx.db().write(move |tx| {
        let Request { input, source, write_conditions, .. } = &*asked;
        let (source_bucket, current) = source.find(tx)?;
        asked.read_conditions.check_source(&current, now)?;
        if (current.sequence, &current.content) != (from.sequence, &from.content) {
            return Ok(None);
        }
        let (to, key) = (buckets::find(tx, &input.bucket)?, &input.key);
        write_conditions.check(key, object::current(tx, to.id, key)?.as_ref())?;
        acl::check(tx, to.id, asked.meta.acl.as_deref())?;
        let tags = if asked.new_tags { asked.tags.clone() } else { current.tags.clone() };
        // Before the source may be replaced by the copy.
        let content = match &new {
            Some(new) => content::keep(tx, new)?,
            None => content::copy(tx, &current.content, id)?,
        };
        let checksum = checksum.clone().or_else(|| current.checksum.clone());
        let meta = asked.meta_of(&current, &made);
        let new = new_object(current.size, etag.clone(), content, checksum, meta, tags);
        let object = object::put(tx, &to, key, now, salt, Object { seal: Some(made.seal.clone()), ..new })?;
        tell(tx, &told_cx, &to, &News::created("ObjectCreated:Copy", &to, key, &object))?;
        let source_version = shown_version(source_bucket.versioning, &current);
        let expiration = lifecycle::expiration(tx, &to, key, &object)?;
        Ok::<_, Error>(Some((object, to.versioning, source_version, expiration)))
    });
    let Some((object, versioning, copy_source_version_id, expiration)) = copied.await? else { return Ok(None) };
    if let Some(pinned) = pinned.flatten() {
        pinned.named();
    }
    let encryption_context = request.input.encryption.context.clone();
    let output = output(object, versioning, copy_source_version_id, request.input.encryption.customer.key()?.as_ref());
    Ok(Some(CopyObjectOutput { expiration, encryption_context, ..output }))
}

/// The source as it is before it is copied, and what the copy has of it.
struct Prepared {
    from: Object,
    made: Made,
    /// Bytes of its own: of a source that an earlier release left unsealed, or parts of it.
    anew: Option<(NewContent, Option<Pinned>)>,
    /// Of another algorithm than the source has.
    checksum: Option<StoredChecksum>,
    etag: String,
}

async fn prepare(state: &S3, cx: &Cx, request: &Request) -> Result<Prepared, Error> {
    let Request { input, source, read_conditions, .. } = request;
    // None of the source's files goes from here on.
    let hold = state.contents.hold();
    let read = cx.db().read()?;
    let (source_bucket, from) = source.find(&read)?;
    let customer = input.source_customer.key()?;
    seal::check_customer(from.seal.as_ref(), customer.as_ref())?;
    read_conditions.check_source(&from, cx.env().now())?;
    if from.size > limits::COPY_BYTES_MAX {
        return Err(Error::InvalidRequest(
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120".into(),
        ));
    }
    let to = buckets::find(&read, &input.bucket)?;
    request.check_change(&read, &from, &to)?;
    let wanted = input.encryption.wanted(&read, &to, &input.key)?;
    let key =
        seal::open(&cx.in_region(&source_bucket.region), &state.vault, from.seal.as_ref(), customer.as_ref()).await?;
    let cx = cx.in_region(&to.region);
    let is_sealed = !content::has_unsealed(&read, &from)?;
    let (made, anew) = match (&from.seal, &key) {
        (Some(Seal { name, .. }), Some(key)) if is_sealed => {
            (seal::wrap(&cx, &state.vault, &wanted, *name, key.clone()).await?, None)
        }
        _ => {
            let made = seal::make(&cx, &state.vault, &wanted).await?;
            let anew = sealed_anew(state, &cx, &read, (&from, key.as_ref()), &made).await?;
            (made, Some(anew))
        }
    };
    let algorithm = input.checksum_algorithm.as_deref().map(known).transpose()?;
    let (checksum, etag) = digests_of(state, &read, (&from, key.as_ref()), algorithm, &made).await?;
    drop(hold);
    Ok(Prepared { from, made, anew, checksum, etag })
}

/// The bytes of an object that is not sealed, or not as a whole, once more, sealed.
async fn sealed_anew(
    state: &S3,
    cx: &Cx,
    read: &kv::Snap,
    (from, from_key): (&Object, Option<&Key>),
    made: &Made,
) -> Result<(NewContent, Option<Pinned>), Error> {
    let hold = Some(state.contents.hold());
    let body = state.contents.open(read, from, from_key, Span::whole(from.size), hold).await?;
    let (digests, key) = (Digests::of(Algorithm::Crc64Nvme), BodyKey::new(&made.key, &made.seal.name)?);
    let body = as_upload(body, from.size);
    let received = state.contents.receive(body, digests, key, limits::INLINE_BYTES_MAX, limits::COPY_BYTES_MAX).await?;
    Ok(received.place.into_content(content_id(cx)))
}

/// What the copy tells of its bytes: a checksum of `algorithm`, where the source has another, and an entity tag, as it is sealed.
/// They are read for that only where the source does not know.
async fn digests_of(
    state: &S3,
    read: &kv::Snap,
    (from, key): (&Object, Option<&Key>),
    algorithm: Option<Algorithm>,
    made: &Made,
) -> Result<(Option<StoredChecksum>, String), Error> {
    let own = from.checksum.as_ref().filter(|checksum| !checksum.composite);
    let algorithm = algorithm.filter(|algorithm| own.is_none_or(|own| own.algorithm != algorithm.name()));
    let (shown, was_shown) = (seal::shows_md5(Some(&made.seal)), seal::shows_md5(from.seal.as_ref()));
    // That of what was sent in parts is made of those of the parts.
    let parts = from.etag.split_once('-').map(|(_, parts)| parts);
    let is_made = shown && !was_shown && parts.is_none();
    let etag = match parts {
        _ if shown || !was_shown => from.etag.clone(),
        None => seal::etag(Some(&made.seal), &made.key, &from.etag),
        Some(parts) => format!("{}-{parts}", seal::etag(Some(&made.seal), &made.key, &from.etag)),
    };
    if algorithm.is_none() && !is_made {
        return Ok((None, etag));
    }
    let hold = Some(state.contents.hold());
    let mut body = state.contents.open(read, from, key, Span::whole(from.size), hold).await?;
    let mut digests = Digests::of(algorithm.unwrap_or(Algorithm::Crc64Nvme));
    while let Some(piece) = body.next().await {
        digests.take(piece.map_err(service::Error::internal)?).await;
    }
    let digested = digests.finish(None)?;
    Ok((algorithm.map(|_| digested.checksum), if is_made { digested.etag } else { etag }))
}

fn output(
    object: Object,
    versioning: Versioning,
    copy_source_version_id: Option<String>,
    customer: Option<&CustomerKey>,
) -> CopyObjectOutput {
    CopyObjectOutput {
        copy_object_result: CopyObjectResult {
            etag: quoted(&object.etag),
            last_modified: date(object.modified),
            checksums: object.checksum.as_ref().into(),
        },
        copy_source_version_id,
        expiration: None,
        // Unlike other writes, a copy tells of the null version.
        version_id: shown_version(versioning, &object),
        encryption: EncryptionShown::of(object.seal.as_ref(), &object.meta, customer),
        encryption_context: None,
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
            ("b/k+l%2Bm", source("b", "k l+m", None)),
        ] {
            assert_eq!(Source::parse(header).unwrap(), expected, "{header}");
        }
        for bad in ["", "b", "/b/", "//k", "b/%ff"] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
    }
}
