//! Everything that S3 refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The specified bucket does not exist")]
    NoSuchBucket(String),
    #[error("The specified key does not exist.")]
    NoSuchKey(String),
    #[error("The specified version does not exist.")]
    NoSuchVersion { key: String, version: String },
    #[error(
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )]
    NoSuchUpload(String),
    #[error(
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    )]
    InvalidPart { number: u32, upload: String },
    #[error("The list of parts was not in ascending order. Parts must be ordered by part number.")]
    InvalidPartOrder(String),
    #[error("Your proposed upload is smaller than the minimum allowed size")]
    EntityTooSmall { size: u64, least: u64, part: Option<u32> },
    #[error("Your previous request to create the named bucket succeeded and you already own it.")]
    BucketAlreadyOwnedByYou(String),
    #[error("You have attempted to create more buckets than allowed")]
    TooManyBuckets,
    #[error("The bucket you tried to delete is not empty")]
    BucketNotEmpty(String),
    #[error("The specified bucket is not valid.")]
    InvalidBucketName(String),
    #[error("{reason}")]
    InvalidArgument { name: &'static str, value: String, reason: String },
    #[error("The specified location-constraint is not valid")]
    InvalidLocationConstraint(String),
    #[error("The {0} location constraint is incompatible for the region specific endpoint this request was sent to.")]
    IllegalLocationConstraint(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("The XML you provided was not well-formed or did not validate against our published schema")]
    MalformedXml,
    #[error("The requested range is not satisfiable")]
    InvalidRange { asked: String, size: u64 },
    #[error("The requested partnumber is not satisfiable")]
    InvalidPartNumber { asked: u32, parts: u32 },
    #[error("At least one of the pre-conditions you specified did not hold")]
    PreconditionFailed(&'static str),
    #[error("Not Modified")]
    NotModified { etag: String, modified: String },
    /// The digest's name.
    #[error("The {0} you specified did not match the calculated checksum.")]
    BadDigest(String),
    #[error("The Content-MD5 you specified did not match what we received.")]
    BadMd5,
    #[error("The Content-MD5 you specified was invalid.")]
    InvalidDigest,
    #[error("Your proposed upload exceeds the maximum allowed size")]
    EntityTooLarge { size: u64, most: u64 },
    #[error("Your key is too long")]
    KeyTooLong(usize),
    #[error("Your metadata headers exceed the maximum allowed metadata size")]
    MetadataTooLarge(usize),
    /// A tag that is refused, and what is told of it.
    #[error("{reason}")]
    InvalidTag { reason: String, key: Option<String>, value: Option<String> },
    #[error("The specified method is not allowed against this resource.")]
    IsDeleteMarker { version: String, method: &'static str },
    /// The key is deleted: its newest version is a marker.
    #[error("The specified key does not exist.")]
    Deleted { key: String, version: String },
    #[error("Access Denied because object protected by object lock.")]
    Locked,
    /// An object that is encrypted with a customer's key is asked for without it.
    #[error(
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
    )]
    KeyNotGiven,
    #[error(
        "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
    )]
    OtherKey,
    #[error("The encryption parameters are not applicable to this object.")]
    KeyNotNeeded,
    #[error("{0}")]
    InvalidBucketState(&'static str),
    #[error("A header you provided implies functionality that is not implemented")]
    NotImplemented(&'static str),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Blob(#[from] blob::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// An answer that is one already: a body that does not arrive, a refusal.
    #[error(transparent)]
    Told(#[from] service::Error),
}

impl Error {
    pub fn argument(name: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::InvalidArgument { name, value: value.into(), reason: reason.into() }
    }

    /// Tags that are refused without naming one.
    pub fn invalid_tags(reason: impl Into<String>) -> Error {
        Error::InvalidTag { reason: reason.into(), key: None, value: None }
    }

    /// The same of a request that writes: a marker tells the method that it refuses.
    pub fn of_method(self, method: &'static str) -> Error {
        match self {
            Error::IsDeleteMarker { version, .. } => Error::IsDeleteMarker { version, method },
            other => other,
        }
    }

    fn code(&self) -> (u16, &'static str) {
        match self {
            Error::NoSuchBucket(_) => (404, "NoSuchBucket"),
            Error::NoSuchKey(_) | Error::Deleted { .. } => (404, "NoSuchKey"),
            Error::NoSuchVersion { .. } => (404, "NoSuchVersion"),
            Error::NoSuchUpload(_) => (404, "NoSuchUpload"),
            Error::InvalidPart { .. } => (400, "InvalidPart"),
            Error::InvalidPartOrder(_) => (400, "InvalidPartOrder"),
            Error::EntityTooSmall { .. } => (400, "EntityTooSmall"),
            Error::BucketAlreadyOwnedByYou(_) => (409, "BucketAlreadyOwnedByYou"),
            Error::TooManyBuckets => (400, "TooManyBuckets"),
            Error::BucketNotEmpty(_) => (409, "BucketNotEmpty"),
            Error::InvalidBucketName(_) => (400, "InvalidBucketName"),
            Error::InvalidArgument { .. } => (400, "InvalidArgument"),
            Error::InvalidLocationConstraint(_) => (400, "InvalidLocationConstraint"),
            Error::IllegalLocationConstraint(_) => (400, "IllegalLocationConstraintException"),
            Error::InvalidRequest(_) | Error::KeyNotGiven | Error::KeyNotNeeded => (400, "InvalidRequest"),
            Error::MalformedXml => (400, "MalformedXML"),
            Error::InvalidRange { .. } => (416, "InvalidRange"),
            Error::InvalidPartNumber { .. } => (416, "InvalidPartNumber"),
            Error::PreconditionFailed(_) => (412, "PreconditionFailed"),
            Error::NotModified { .. } => (304, "NotModified"),
            Error::BadDigest(_) | Error::BadMd5 => (400, "BadDigest"),
            Error::InvalidDigest => (400, "InvalidDigest"),
            Error::EntityTooLarge { .. } => (400, "EntityTooLarge"),
            Error::KeyTooLong(_) => (400, "KeyTooLongError"),
            Error::MetadataTooLarge(_) => (400, "MetadataTooLarge"),
            Error::InvalidTag { .. } => (400, "InvalidTag"),
            Error::Locked | Error::OtherKey => (403, "AccessDenied"),
            Error::InvalidBucketState(_) => (409, "InvalidBucketState"),
            Error::IsDeleteMarker { .. } => (405, "MethodNotAllowed"),
            Error::NotImplemented(_) => (501, "NotImplemented"),
            Error::Store(_) | Error::Blob(_) | Error::Vault(_) | Error::Told(_) => (500, "InternalError"),
        }
    }

    /// As an entry of a list of errors: code and message.
    pub fn entry(self) -> (String, String) {
        let error = service::Error::from(self);
        (error.code.into_owned(), error.message)
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let (status, code) = error.code();
        let told = service::Error::new(status, code, error.to_string());
        match error {
            Error::Told(error) => error,
            Error::Store(cause) => service::Error::store(cause, 400, "InvalidRequest"),
            Error::Blob(cause) => of_blob(&cause),
            Error::Vault(cause) => service::Error::internal(cause),
            Error::NoSuchBucket(bucket)
            | Error::BucketAlreadyOwnedByYou(bucket)
            | Error::BucketNotEmpty(bucket)
            | Error::InvalidBucketName(bucket) => told.with_member("BucketName", bucket),
            Error::NoSuchKey(key) => told.with_member("Key", key),
            Error::NoSuchVersion { key, version } => told.with_member("Key", key).with_member("VersionId", version),
            Error::NoSuchUpload(upload) | Error::InvalidPartOrder(upload) => told.with_member("UploadId", upload),
            Error::InvalidPart { number, upload } => {
                told.with_member("UploadId", upload).with_member("PartNumber", number.to_string())
            }
            Error::EntityTooSmall { size, least, part } => {
                let told =
                    told.with_member("ProposedSize", size.to_string()).with_member("MinSizeAllowed", least.to_string());
                match part {
                    Some(number) => told.with_member("PartNumber", number.to_string()),
                    None => told,
                }
            }
            Error::InvalidArgument { name, value, .. } => {
                told.with_member("ArgumentName", name).with_member("ArgumentValue", value)
            }
            Error::InvalidLocationConstraint(region) => told.with_member("LocationConstraint", region),
            Error::InvalidRange { asked, size } => told
                .with_member("RangeRequested", asked)
                .with_member("ActualObjectSize", size.to_string())
                .with_header("content-range", format!("bytes */{size}")),
            Error::InvalidPartNumber { asked, parts } => told
                .with_member("PartNumberRequested", asked.to_string())
                .with_member("ActualPartCount", parts.to_string()),
            Error::PreconditionFailed(condition) => told.with_member("Condition", condition),
            Error::NotModified { etag, modified } => {
                told.with_header("etag", etag).with_header("last-modified", modified)
            }
            Error::EntityTooLarge { size, most } => {
                told.with_member("ProposedSize", size.to_string()).with_member("MaxSizeAllowed", most.to_string())
            }
            Error::KeyTooLong(size) => told
                .with_member("Size", size.to_string())
                .with_member("MaxSizeAllowed", crate::limits::KEY_BYTES_MAX.to_string()),
            Error::MetadataTooLarge(size) => told
                .with_member("Size", size.to_string())
                .with_member("MaxSizeAllowed", crate::limits::METADATA_BYTES_MAX.to_string()),
            Error::InvalidTag { key, value, .. } => {
                let told = key.into_iter().fold(told, |told, key| told.with_member("TagKey", key));
                value.into_iter().fold(told, |told, value| told.with_member("TagValue", value))
            }
            Error::IsDeleteMarker { version, method } => told
                .with_member("Method", method)
                .with_member("ResourceType", "DeleteMarker")
                .with_header("x-amz-delete-marker", "true")
                .with_header("x-amz-version-id", version)
                .with_header("allow", "DELETE"),
            Error::Deleted { key, version } => told
                .with_member("Key", key)
                .with_header("x-amz-delete-marker", "true")
                .with_header("x-amz-version-id", version),
            Error::NotImplemented(header) => told.with_member("Header", header),
            _ => told,
        }
    }
}

/// A disk without room is told, as the store tells it; of other failures the caller learns only that they were not theirs.
fn of_blob(cause: &blob::Error) -> service::Error {
    let full = matches!(cause, blob::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull);
    if full {
        tracing::error!(%cause, "an object was refused");
        return service::Error::new(503, "ServiceUnavailable", "The disk of the Cloudlet server is full.");
    }
    service::Error::internal(cause)
}
