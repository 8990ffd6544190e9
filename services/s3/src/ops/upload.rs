//! CreateMultipartUpload, UploadPart, UploadPartCopy, CompleteMultipartUpload, AbortMultipartUpload.

use std::sync::Arc;

use futures_util::stream;
use kv::Read;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::{Body, Cx, Permission, Trailers, Upload, Uploaded};
use vault::{BodyKey, Key};
use wire::DateTime;
use wire::rest_xml::Algorithm;

use super::bucket::Empty;
use super::copy::Source;
use super::encryption::{CustomerHeaders, EncryptionShown, SourceHeaders, told};
use super::lifecycle;
use super::meta::{object_input, tags};
use super::object_permission;
use super::part;
use super::put::{content_id, made_version, new_object, shown_version};
use crate::S3;
use crate::conditions::{ReadConditions, WriteConditions, date, quoted};
use crate::contents::{Place, Received};
use crate::digests::{Checksums, Digested, Digests, Stated, known};
use crate::error::Error;
use crate::keys::{BucketId, UPLOADS};
use crate::limits;
use crate::model::upload::Named;
use crate::model::{acl, bucket, lock, object, upload};
use crate::name;
use crate::notify::{News, tell};
use crate::range::{self, Span};
use crate::seal::{self, CustomerKey, Wanted};
use crate::types::{Bucket, Meta, Object, Part, PendingUpload, checksum_kind};

object_input! {
    pub struct CreateUploadInput {
        pub checksum_algorithm: Option<String>,
        pub checksum_type: Option<String>,
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateUploadOutput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    #[serde(flatten)]
    pub encryption: EncryptionShown,
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub encryption_context: Option<String>,
    pub checksum_algorithm: Option<String>,
    pub checksum_type: Option<&'static str>,
}

/// Which checksum an object in parts has, and whether that is made of the parts' checksums.
fn kind(algorithm: Option<&str>, kind: Option<&str>) -> Result<(Algorithm, bool), Error> {
    let Some(algorithm) = algorithm.map(known).transpose()? else {
        if kind.is_some() {
            let reason = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            return Err(Error::InvalidRequest(reason.into()));
        }
        return Ok((Algorithm::Crc64Nvme, false));
    };
    let composite = match kind {
        None => algorithm != Algorithm::Crc64Nvme,
        Some("COMPOSITE") => true,
        Some("FULL_OBJECT") => false,
        Some(other) => {
            return Err(Error::argument(
                "x-amz-checksum-type",
                other,
                "Value for x-amz-checksum-type header is invalid.",
            ));
        }
    };
    let possible = if composite { algorithm != Algorithm::Crc64Nvme } else { algorithm.is_linear() };
    if possible {
        return Ok((algorithm, composite));
    }
    let (kind, algorithm) = (kind.unwrap_or_default(), algorithm.name().to_ascii_lowercase());
    Err(Error::InvalidRequest(format!(
        "The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
    )))
}

pub fn create_permissions(cx: &Cx, input: &CreateUploadInput) -> Result<Vec<Permission>, service::Error> {
    input.permissions(cx, input.context())
}

pub async fn create(state: Arc<S3>, cx: Cx, input: CreateUploadInput) -> Result<CreateUploadOutput, Error> {
    name::check_key(&input.key)?;
    let (meta, tags) = (input.meta(&cx)?, tags(input.tagging.as_deref())?);
    let (algorithm, composite) = kind(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
    let now = cx.env().now();
    let (read, customer) = (cx.db().read()?, input.encryption.customer.key()?);
    let bucket = bucket::find(&read, &input.bucket)?;
    let wanted = input.encryption.wanted(&read, &bucket, &input.key)?;
    let made = seal::make(&cx.in_region(&bucket.region), &state.vault, &wanted).await?;
    let meta = told(meta, &made);
    let new = PendingUpload {
        id: content_id(&cx),
        started: now,
        meta: meta.clone(),
        tags,
        algorithm: algorithm.name().into(),
        chosen: input.checksum_algorithm.is_some(),
        composite,
        seal: Some(made.seal.clone()),
    };
    // In the order in which they began.
    let upload_id = format!("{:012x}{}", now.as_millis(), hex::encode(content_id(&cx)));
    let (bucket_name, key, id) = (input.bucket.clone(), input.key.clone(), upload_id.clone());
    let created = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &bucket_name)?;
        lock::of_new(tx, &bucket, now, &new.meta.lock)?;
        acl::check(tx, bucket.id, new.meta.acl.as_deref())?;
        Ok::<_, Error>(UPLOADS.put(tx, (bucket.id, &key, &id), &new)?)
    });
    created.await?;
    let kind = checksum_kind(composite);
    Ok(CreateUploadOutput {
        bucket: input.bucket,
        key: input.key,
        upload_id,
        encryption: EncryptionShown::of(Some(&made.seal), &meta, customer.as_ref()),
        encryption_context: input.encryption.context,
        checksum_type: input.checksum_algorithm.as_ref().map(|_| kind),
        checksum_algorithm: input.checksum_algorithm,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UploadPartInput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub part_number: i64,
    #[serde(flatten)]
    pub stated: Stated,
    #[serde(flatten)]
    pub customer: CustomerHeaders,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UploadPartOutput {
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(flatten)]
    pub checksums: Checksums,
    #[serde(flatten)]
    pub encryption: EncryptionShown,
}

/// Where a part belongs, and the key that its upload is to have been begun with.
#[derive(Clone, Debug)]
struct Slot {
    bucket: String,
    key: String,
    upload_id: String,
    number: u32,
    customer: Option<CustomerKey>,
}

impl Slot {
    /// The upload, as it is before the part has come, and the key that its parts are sealed below.
    async fn upload(&self, state: &S3, cx: &Cx) -> Result<(PendingUpload, Key), Error> {
        let read = cx.db().read()?;
        let bucket = bucket::find(&read, &self.bucket)?;
        let mut upload = upload::find(&read, bucket.id, &self.key, &self.upload_id)?;
        if upload.seal.is_none() {
            upload = self.sealed_from_now(state, cx, bucket.id).await?;
        }
        let (cx, customer) = (cx.in_region(&bucket.region), self.customer.as_ref());
        let key = seal::open(&cx, &state.vault, upload.seal.as_ref(), customer).await.map_err(of_part)?;
        let key = key.ok_or_else(|| Error::Told(service::Error::internal("an upload without a seal")))?;
        Ok((upload, key))
    }

    /// The upload that an earlier release began, with a seal for the parts that still come.
    async fn sealed_from_now(&self, state: &S3, cx: &Cx, bucket: BucketId) -> Result<PendingUpload, Error> {
        let made = seal::make(cx, &state.vault, &Wanted::Managed).await?;
        let (key, id) = (self.key.clone(), self.upload_id.clone());
        let sealed = cx.db().write(move |tx| {
            let mut upload = upload::find(tx, bucket, &key, &id)?;
            upload.seal.get_or_insert_with(|| made.seal.clone());
            UPLOADS.put(tx, (bucket, &key, &id), &upload)?;
            Ok::<_, Error>(upload)
        });
        sealed.await
    }

    /// Receives the part, and puts it into its place.
    async fn fill(
        self,
        state: &S3,
        cx: &Cx,
        (upload, key): (&PendingUpload, &Key),
        (body, digests): (Upload, Digests),
    ) -> Result<(Digested, base::Timestamp), Error> {
        let name = content_id(cx);
        let body_key = BodyKey::new(key, &name)?;
        // In a file whatever its size: what an object refers to is files, then.
        let Received { size, digested, place } =
            state.contents.receive(body, digests, body_key, 0, limits::PUT_BYTES_MAX).await?;
        let Place::File(pinned) = place else {
            return Err(Error::Told(service::Error::internal("a part is in no file")));
        };
        let modified = cx.env().now();
        let digested = Digested { etag: seal::etag(upload.seal.as_ref(), key, &digested.etag), ..digested };
        let (etag, checksum) = (digested.etag.clone(), Some(digested.checksum.clone()));
        let (number, blob, sealed) = (self.number, pinned.id, Some(name));
        let part = Part { number, size, etag, blob, modified, checksum, sealed };
        let stored = cx.db().write(move |tx| {
            let bucket = bucket::find(tx, &self.bucket)?;
            upload::put_part(tx, bucket.id, &self.key, &self.upload_id, &part)
        });
        stored.await?;
        pinned.named();
        Ok((digested, modified))
    }
}

/// What is wrong with a part's key, in the words that S3 has for parts.
fn of_part(error: Error) -> Error {
    let reason = match error {
        Error::KeyNotGiven | Error::KeyNotNeeded => {
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
        }
        Error::OtherKey => "The provided encryption parameters did not match the ones used originally.",
        other => return other,
    };
    Error::InvalidRequest(reason.into())
}

fn algorithm_of(upload: &PendingUpload) -> Algorithm {
    Algorithm::named(&upload.algorithm).unwrap_or(Algorithm::Crc64Nvme)
}

pub async fn upload_part(
    state: Arc<S3>,
    cx: Cx,
    request: Uploaded<UploadPartInput>,
) -> Result<UploadPartOutput, Error> {
    let Uploaded { input, body } = request;
    let (digests, customer) = (Digests::new(&input.stated)?, input.customer.key()?);
    let UploadPartInput { bucket, key, upload_id, part_number, .. } = input;
    let number = part::number(part_number)?;
    let slot = Slot { bucket, key, upload_id, number, customer: customer.clone() };
    let (upload, key) = slot.upload(&state, &cx).await?;
    let kept = algorithm_of(&upload);
    if let Some(stated) = digests.stated().filter(|stated| upload.chosen && *stated != kept) {
        let (expected, actual) = (kept.name().to_ascii_lowercase(), stated.name().to_ascii_lowercase());
        return Err(Error::InvalidRequest(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        )));
    }
    let (digested, _) = slot.fill(&state, &cx, (&upload, &key), (body, digests.keeping(kept))).await?;
    let told = digested.stated.as_ref().unwrap_or(&digested.checksum);
    let checksums = Checksums { kind: None, ..Some(told).into() };
    let encryption = EncryptionShown::of(upload.seal.as_ref(), &upload.meta, customer.as_ref());
    Ok(UploadPartOutput { etag: quoted(&digested.etag), checksums, encryption })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UploadPartCopyInput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub part_number: i64,
    pub copy_source: String,
    pub copy_source_range: Option<String>,
    pub copy_source_if_match: Option<String>,
    pub copy_source_if_none_match: Option<String>,
    pub copy_source_if_modified_since: Option<DateTime>,
    pub copy_source_if_unmodified_since: Option<DateTime>,
    #[serde(flatten)]
    pub source_customer: SourceHeaders,
    #[serde(flatten)]
    pub customer: CustomerHeaders,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UploadPartCopyOutput {
    pub copy_part_result: CopyPartResult,
    pub copy_source_version_id: Option<String>,
    #[serde(flatten)]
    pub encryption: EncryptionShown,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CopyPartResult {
    #[serde(rename = "ETag")]
    pub etag: String,
    pub last_modified: DateTime,
    #[serde(flatten)]
    pub checksums: Checksums,
}

pub fn copy_permissions(cx: &Cx, input: &UploadPartCopyInput) -> Result<Vec<Permission>, service::Error> {
    let source = Source::parse(&input.copy_source)?;
    let mut put = object_permission(cx, "s3:PutObject", &input.bucket, &input.key)?;
    put.context.push(("s3:x-amz-copy-source".to_owned(), vec![format!("{}/{}", source.bucket, source.key)]));
    Ok(vec![source.permission(cx)?, put])
}

pub async fn upload_part_copy(
    state: Arc<S3>,
    cx: Cx,
    input: UploadPartCopyInput,
) -> Result<UploadPartCopyOutput, Error> {
    let source = Source::parse(&input.copy_source)?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let (customer, source_customer) = (input.customer.key()?, input.source_customer.key()?);
    let UploadPartCopyInput { bucket, key, upload_id, part_number, .. } = input;
    let number = part::number(part_number)?;
    let slot = Slot { bucket, key, upload_id, number, customer: customer.clone() };
    let (upload, key) = slot.upload(&state, &cx).await?;
    // None of the source's files goes from here on.
    let hold = state.contents.hold();
    let read = cx.db().read()?;
    let (source_bucket, from) = source.find(&read)?;
    seal::check_customer(from.seal.as_ref(), source_customer.as_ref())?;
    conditions.check_source(&from, cx.env().now())?;
    let span = match input.copy_source_range.as_deref() {
        Some(range) => copied_span(range, from.size)?,
        None => Span::whole(from.size),
    };
    if span.length > limits::PUT_BYTES_MAX {
        return Err(Error::EntityTooLarge { size: span.length, most: limits::PUT_BYTES_MAX });
    }
    let of_source = cx.in_region(&source_bucket.region);
    let source_key = seal::open(&of_source, &state.vault, from.seal.as_ref(), source_customer.as_ref()).await?;
    let own_hold = Some(state.contents.hold());
    let body = state.contents.open(&read, &from, source_key.as_ref(), span, own_hold).await?;
    let digests = Digests::of(algorithm_of(&upload));
    let (digested, modified) = slot.fill(&state, &cx, (&upload, &key), (as_upload(body, span.length), digests)).await?;
    drop(hold);
    Ok(UploadPartCopyOutput {
        copy_part_result: CopyPartResult {
            etag: quoted(&digested.etag),
            last_modified: date(modified),
            checksums: Checksums { kind: None, ..Some(&digested.checksum).into() },
        },
        copy_source_version_id: shown_version(source_bucket.versioning, &from),
        encryption: EncryptionShown::of(upload.seal.as_ref(), &upload.meta, customer.as_ref()),
    })
}

/// Which bytes of a source are copied: all of them have to be there.
fn copied_span(range: &str, size: u64) -> Result<Span, Error> {
    let bad = || {
        Error::argument(
            "x-amz-copy-source-range",
            range,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
        )
    };
    let ends = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(bad)?;
    let last: u64 = ends.1.parse().map_err(|_| bad())?;
    if ends.0.parse::<u64>().map_err(|_| bad())? > last {
        return Err(bad());
    }
    if last >= size {
        let reason = format!("Range specified is not valid for source object of size: {size}");
        return Err(Error::argument("x-amz-copy-source-range", range, reason));
    }
    range::parse(range, size)?.ok_or_else(bad)
}

/// An object's bytes on their way into another.
pub fn as_upload(body: Body, length: u64) -> Upload {
    let pieces = stream::try_unfold(body, |mut body| async move {
        let piece = body.next().await.transpose().map_err(service::Error::internal)?;
        Ok(piece.map(|piece| (piece, body)))
    });
    Upload::new(pieces, Some(length), Trailers::default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompleteUploadInput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub multipart_upload: Option<CompletedUpload>,
    #[serde(flatten)]
    pub checksums: Checksums,
    pub checksum_type: Option<String>,
    pub mpu_object_size: Option<u64>,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompletedUpload {
    pub parts: Vec<CompletedPart>,
}

impl CompletedUpload {
    /// # Errors
    /// [`Error::MalformedXml`] without parts, or where one says too little.
    fn named(self) -> Result<Vec<Named>, Error> {
        if self.parts.is_empty() {
            return Err(Error::MalformedXml);
        }
        let each = self.parts.into_iter().map(|CompletedPart { part_number, etag, checksums }| {
            let (number, etag) = part_number.zip(etag).ok_or(Error::MalformedXml)?;
            Ok(Named { number, etag: etag.trim_matches('"').to_owned(), checksums })
        });
        each.collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompletedPart {
    pub part_number: Option<u32>,
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    #[serde(flatten)]
    pub checksums: Checksums,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CompleteUploadOutput {
    pub expiration: Option<String>,
    pub location: String,
    pub bucket: String,
    pub key: String,
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(flatten)]
    pub checksums: Checksums,
    pub version_id: Option<String>,
    #[serde(flatten)]
    pub encryption: EncryptionShown,
}

/// What whoever completes an upload says of the whole.
#[derive(Clone, Debug)]
struct Claimed {
    checksums: Checksums,
    kind: Option<String>,
    size: Option<u64>,
}

impl Claimed {
    fn check(&self, whole: &upload::Whole) -> Result<(), Error> {
        let kind = whole.checksum.kind();
        if let Some(claimed) = self.kind.as_deref().filter(|claimed| *claimed != kind) {
            return Err(Error::InvalidRequest(format!(
                "The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode, not {claimed}."
            )));
        }
        if let Some(size) = self.size.filter(|size| *size != whole.size) {
            return Err(Error::InvalidRequest(format!(
                "The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {}",
                whole.size
            )));
        }
        match self.checksums.of(&whole.checksum.algorithm) {
            Some(value) if value != whole.checksum.value => Err(Error::BadDigest(whole.checksum.algorithm.clone())),
            _ => Ok(()),
        }
    }
}

/// The object that an upload has become, for whoever did not hear of it and asks again.
fn completed_before(read: &impl Read, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Object>, Error> {
    match upload::find(read, bucket.id, key, id) {
        Err(Error::NoSuchUpload(_)) => {
            let current = object::current(read, bucket.id, key)?;
            Ok(current.filter(|object| object.meta.upload.as_deref() == Some(id)))
        }
        found => found.map(|_| None),
    }
}

pub async fn complete(_: Arc<S3>, cx: Cx, input: CompleteUploadInput) -> Result<CompleteUploadOutput, Error> {
    let conditions = WriteConditions::new(input.if_match.clone(), input.if_none_match.as_deref())?;
    let claimed = Claimed { checksums: input.checksums, kind: input.checksum_type, size: input.mpu_object_size };
    // That there is no document is told once the upload is found.
    let named = input.multipart_upload.map_or(Ok(Vec::new()), CompletedUpload::named)?;
    let (now, salt) = (cx.env().now(), cx.env().random_u64());
    let (bucket_name, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id);
    let request = cx.clone();
    let completed = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &bucket_name)?;
        if let Some(object) = completed_before(tx, &bucket, &key, &id)? {
            let expiration = lifecycle::expiration(tx, &bucket, &key, &object)?;
            return Ok((bucket.versioning, object, expiration));
        }
        let (upload, whole) = upload::complete(tx, bucket.id, &key, &id, &named)?;
        claimed.check(&whole)?;
        conditions.check_since(upload.started, &key, object::current(tx, bucket.id, &key)?.as_ref())?;
        let upload::Whole { size, etag, content, checksum } = whole;
        let meta = Meta { upload: Some(id.clone()), ..upload.meta };
        let new = new_object(size, etag, content, Some(checksum), meta, upload.tags);
        let new = Object { seal: upload.seal, ..new };
        let object = object::put(tx, &bucket, &key, now, salt, new)?;
        let news = News::created("ObjectCreated:CompleteMultipartUpload", &bucket, &key, &object);
        tell(tx, &request, &bucket, &news)?;
        let expiration = lifecycle::expiration(tx, &bucket, &key, &object)?;
        Ok::<_, Error>((bucket.versioning, object, expiration))
    });
    let (versioning, object, expiration) = completed.await?;
    Ok(CompleteUploadOutput {
        location: format!("{}/{}/{}", cx.endpoint(), input.bucket, input.key),
        bucket: input.bucket,
        key: input.key,
        etag: quoted(&object.etag),
        checksums: object.checksum.as_ref().into(),
        expiration,
        version_id: made_version(versioning, &object),
        encryption: EncryptionShown::of(object.seal.as_ref(), &object.meta, None),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UploadInput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub if_match_initiated_time: Option<IgnoredAny>,
}

pub async fn abort(_: Arc<S3>, cx: Cx, input: UploadInput) -> Result<Empty, Error> {
    // S3 knows it in directory buckets alone.
    if input.if_match_initiated_time.is_some() {
        return Err(Error::NotImplemented("x-amz-if-match-initiated-time"));
    }
    let aborted = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &input.bucket)?;
        upload::abort(tx, bucket.id, &input.key, &input.upload_id)
    });
    aborted.await?;
    Ok(Empty {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_checksums_are_of_all_bytes_and_some_of_parts() {
        let of = |algorithm, of_type| {
            kind(algorithm, of_type).map(|(algorithm, composite)| (algorithm.name(), composite)).ok()
        };
        assert_eq!(of(None, None), Some(("CRC64NVME", false)));
        assert_eq!(of(Some("CRC32"), None), Some(("CRC32", true)));
        assert_eq!(of(Some("CRC32"), Some("FULL_OBJECT")), Some(("CRC32", false)));
        assert_eq!(of(Some("CRC64NVME"), None), Some(("CRC64NVME", false)));
        assert_eq!(of(Some("SHA256"), None), Some(("SHA256", true)));
        for (algorithm, of_type) in
            [("SHA1", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE"), ("CRC32", "SOME"), ("MD4", "COMPOSITE")]
        {
            assert_eq!(of(Some(algorithm), Some(of_type)), None, "{algorithm} {of_type}");
        }
        assert_eq!(of(None, Some("COMPOSITE")), None);
    }

    #[test]
    fn all_that_is_to_be_copied_is_there() {
        assert_eq!(copied_span("bytes=2-4", 5).unwrap(), Span { from: 2, length: 3 });
        for bad in ["bytes=2-5", "bytes=4-2", "bytes=2-", "bytes=-2", "2-4", "bytes=0-0,1-1"] {
            assert!(copied_span(bad, 5).is_err(), "{bad}");
        }
    }
}
