//! Where the members of operations travel in HTTP, as the official model has them.

use wire::query::{Flat, Names};
use wire::rest::{Binding, Mark, Payload, Places};

/// Lists whose elements have another name than the member, or stand in an element of their own.
pub static BUCKETS: Names = Names::new(&[("Buckets", Flat::wrapped("Bucket"))]);
pub static CREATE: Names = Names::new(&[("Tags", Flat::wrapped("Tag"))]);
pub static DELETE: Names = Names::new(&[("Objects", Flat::list("Object")), ("Errors", Flat::list("Error"))]);
pub static PARTS: Names = Names::new(&[("Parts", Flat::list("Part"))]);
pub static VERSIONS: Names =
    Names::new(&[("Versions", Flat::list("Version")), ("DeleteMarkers", Flat::list("DeleteMarker"))]);
pub static TAGS: Names = Names::new(&[("TagSet", Flat::wrapped("Tag"))]);
pub static RULES: Names = Names::new(&[("Rules", Flat::list("Rule"))]);
pub static LIFECYCLE: Names = Names::new(&[
    ("Rules", Flat::list("Rule")),
    ("Tags", Flat::list("Tag")),
    ("Transitions", Flat::list("Transition")),
    ("NoncurrentVersionTransitions", Flat::list("NoncurrentVersionTransition")),
]);
pub static GRANTS: Names = Names::new(&[("AccessControlList", Flat::wrapped("Grant"))]);
pub static CORS: Names = Names::new(&[
    ("CORSRules", Flat::list("CORSRule")),
    ("AllowedHeaders", Flat::list("AllowedHeader")),
    ("AllowedMethods", Flat::list("AllowedMethod")),
    ("AllowedOrigins", Flat::list("AllowedOrigin")),
    ("ExposeHeaders", Flat::list("ExposeHeader")),
]);
pub static NOTIFICATION: Names = Names::new(&[
    ("TopicConfigurations", Flat::list("TopicConfiguration")),
    ("QueueConfigurations", Flat::list("QueueConfiguration")),
    ("LambdaFunctionConfigurations", Flat::list("CloudFunctionConfiguration")),
    ("Events", Flat::list("Event")),
    ("FilterRules", Flat::list("FilterRule")),
]);
pub static LOGGING: Names = Names::new(&[("TargetGrants", Flat::wrapped("Grant"))]);
pub static WEBSITE: Names = Names::new(&[("RoutingRules", Flat::wrapped("RoutingRule"))]);
pub static UPLOADS: Names = Names::new(&[("Uploads", Flat::list("Upload"))]);

/// What comes of an access control list.
macro_rules! acl_headers {
    ($($own:expr,)*) => {
        &[
            ("x-amz-acl", "ACL"),
            ("x-amz-grant-full-control", "GrantFullControl"),
            ("x-amz-grant-read", "GrantRead"),
            ("x-amz-grant-read-acp", "GrantReadACP"),
            ("x-amz-grant-write", "GrantWrite"),
            ("x-amz-grant-write-acp", "GrantWriteACP"),
            $($own,)*
        ]
    };
}
const BUCKET_HEADERS: Places = acl_headers![
    ("x-amz-bucket-object-lock-enabled", "ObjectLockEnabledForBucket"),
    ("x-amz-object-ownership", "ObjectOwnership"),
    ("x-amz-bucket-namespace", "BucketNamespace"),
];

pub static CREATE_BUCKET: Binding = Binding::new("PUT", "/{Bucket}", 200)
    .headers(BUCKET_HEADERS)
    .payload(Payload::Document("CreateBucketConfiguration"))
    .response_headers(&[("location", "Location"), ("x-amz-bucket-arn", "BucketArn")]);
pub static HEAD_BUCKET: Binding = Binding::new("HEAD", "/{Bucket}", 200).response_headers(&[
    ("x-amz-bucket-arn", "BucketArn"),
    ("x-amz-bucket-region", "BucketRegion"),
    ("x-amz-access-point-alias", "AccessPointAlias"),
    ("content-type", "ContentType"),
]);
pub static DELETE_BUCKET: Binding = Binding::new("DELETE", "/{Bucket}", 204);
pub static LIST_BUCKETS: Binding = Binding::new("GET", "/", 200)
    .query(&[
        ("max-buckets", "MaxBuckets"),
        ("continuation-token", "ContinuationToken"),
        ("prefix", "Prefix"),
        ("bucket-region", "BucketRegion"),
    ])
    .root("ListAllMyBucketsResult");
pub static BUCKET_LOCATION: Binding = Binding::new("GET", "/{Bucket}?location", 200)
    .response_payload(Payload::Document("LocationConstraint"))
    .root("LocationConstraint");

/// A customer's own key.
const CUSTOMER: [(&str, &str); 3] = [
    ("x-amz-server-side-encryption-customer-algorithm", "SSECustomerAlgorithm"),
    ("x-amz-server-side-encryption-customer-key", "SSECustomerKey"),
    ("x-amz-server-side-encryption-customer-key-md5", "SSECustomerKeyMD5"),
];
/// That of a copy's source.
const SOURCE_CUSTOMER: [(&str, &str); 3] = [
    ("x-amz-copy-source-server-side-encryption-customer-algorithm", "CopySourceSSECustomerAlgorithm"),
    ("x-amz-copy-source-server-side-encryption-customer-key", "CopySourceSSECustomerKey"),
    ("x-amz-copy-source-server-side-encryption-customer-key-md5", "CopySourceSSECustomerKeyMD5"),
];
/// Places of an answer that says of an object's encryption, too.
macro_rules! encrypted {
    ($($own:expr,)*) => {
        &[
            $($own,)*
            ("x-amz-server-side-encryption", "ServerSideEncryption"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "BucketKeyEnabled"),
            CUSTOMER[0],
            CUSTOMER[2],
        ]
    };
}
/// What a KMS key is bound to.
const CONTEXT: (&str, &str) = ("x-amz-server-side-encryption-context", "SSEKMSEncryptionContext");

/// What comes with an object, and of its body.
macro_rules! object_headers {
    ($($own:expr,)*) => {
        acl_headers![
            $($own,)*
            ("cache-control", "CacheControl"),
            ("content-disposition", "ContentDisposition"),
            ("content-encoding", "ContentEncoding"),
            ("content-language", "ContentLanguage"),
            ("content-type", "ContentType"),
            ("expires", "Expires"),
            ("x-amz-storage-class", "StorageClass"),
            ("x-amz-tagging", "Tagging"),
            ("x-amz-website-redirect-location", "WebsiteRedirectLocation"),
            ("x-amz-server-side-encryption", "ServerSideEncryption"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "BucketKeyEnabled"),
            CONTEXT,
            CUSTOMER[0],
            CUSTOMER[1],
            CUSTOMER[2],
            ("x-amz-object-lock-mode", "ObjectLockMode"),
            ("x-amz-object-lock-retain-until-date", "ObjectLockRetainUntilDate"),
            ("x-amz-object-lock-legal-hold", "ObjectLockLegalHoldStatus"),
            ("x-amz-object-lock-event-hold", "ObjectLockEventHold"),
        ]
    };
}

/// A list of places that has those of checksums among them.
macro_rules! with_checksums {
    ($list:ident![$($own:expr,)*]) => {
        $list![
            ("x-amz-checksum-crc32", "ChecksumCRC32"),
            ("x-amz-checksum-crc32c", "ChecksumCRC32C"),
            ("x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"),
            ("x-amz-checksum-sha1", "ChecksumSHA1"),
            ("x-amz-checksum-sha256", "ChecksumSHA256"),
            ("x-amz-checksum-sha512", "ChecksumSHA512"),
            ("x-amz-checksum-md5", "ChecksumMD5"),
            ("x-amz-checksum-xxhash64", "ChecksumXXHASH64"),
            ("x-amz-checksum-xxhash3", "ChecksumXXHASH3"),
            ("x-amz-checksum-xxhash128", "ChecksumXXHASH128"),
            $($own,)*
        ]
    };
}
macro_rules! places {
    ($($own:expr,)*) => { &[$($own,)*] };
}

pub const PUT_HEADERS: Places = with_checksums!(object_headers![
    ("content-md5", "ContentMD5"),
    ("x-amz-sdk-checksum-algorithm", "ChecksumAlgorithm"),
    ("x-amz-trailer", "Trailer"),
    ("if-match", "IfMatch"),
    ("if-none-match", "IfNoneMatch"),
    ("x-amz-write-offset-bytes", "WriteOffsetBytes"),
]);
const COPY_HEADERS: Places = object_headers![
    ("x-amz-copy-source", "CopySource"),
    ("x-amz-copy-source-if-match", "CopySourceIfMatch"),
    ("x-amz-copy-source-if-none-match", "CopySourceIfNoneMatch"),
    ("x-amz-copy-source-if-modified-since", "CopySourceIfModifiedSince"),
    ("x-amz-copy-source-if-unmodified-since", "CopySourceIfUnmodifiedSince"),
    SOURCE_CUSTOMER[0],
    SOURCE_CUSTOMER[1],
    SOURCE_CUSTOMER[2],
    ("x-amz-checksum-algorithm", "ChecksumAlgorithm"),
    ("x-amz-metadata-directive", "MetadataDirective"),
    ("x-amz-tagging-directive", "TaggingDirective"),
    ("if-match", "IfMatch"),
    ("if-none-match", "IfNoneMatch"),
];
/// When an object ends, where a rule of its bucket says so.
const EXPIRATION: (&str, &str) = ("x-amz-expiration", "Expiration");
/// Headers of the user's own.
pub const USER: (&str, &str) = ("x-amz-meta-", "Metadata");

pub static PUT_OBJECT: Binding = Binding::new("PUT", "/{Bucket}/{Key+}", 200)
    .headers(PUT_HEADERS)
    .prefix_headers(USER.0, USER.1)
    .response_headers(with_checksums!(encrypted![
        CONTEXT,
        ("etag", "ETag"),
        ("x-amz-checksum-type", "ChecksumType"),
        ("x-amz-version-id", "VersionId"),
        ("x-amz-object-size", "Size"),
        EXPIRATION,
    ]));
/// No operation of the SDKs, but of forms in browsers: what it is given is fields.
pub static POST_OBJECT: Binding = Binding::new("POST", "/{Bucket}", 204)
    .response_status("StatusCode")
    .response_headers(with_checksums!(encrypted![
        ("location", "Location"),
        ("etag", "ETag"),
        ("x-amz-checksum-type", "ChecksumType"),
        ("x-amz-version-id", "VersionId"),
        EXPIRATION,
    ]))
    .response_payload(Payload::Blob("Document"));
pub static COPY_OBJECT: Binding = Binding::new("PUT", "/{Bucket}/{Key+}", 200)
    .marks(&[Mark::Header("x-amz-copy-source")])
    .headers(COPY_HEADERS)
    .prefix_headers(USER.0, USER.1)
    .response_headers(encrypted![
        CONTEXT,
        ("x-amz-copy-source-version-id", "CopySourceVersionId"),
        EXPIRATION,
        ("x-amz-version-id", "VersionId"),
    ])
    .response_payload(Payload::Document("CopyObjectResult"));

const GET_QUERY: Places = &[
    ("versionId", "VersionId"),
    ("partNumber", "PartNumber"),
    ("response-cache-control", "ResponseCacheControl"),
    ("response-content-disposition", "ResponseContentDisposition"),
    ("response-content-encoding", "ResponseContentEncoding"),
    ("response-content-language", "ResponseContentLanguage"),
    ("response-content-type", "ResponseContentType"),
    ("response-expires", "ResponseExpires"),
];
const GET_HEADERS: Places = &[
    ("if-match", "IfMatch"),
    ("if-none-match", "IfNoneMatch"),
    ("if-modified-since", "IfModifiedSince"),
    ("if-unmodified-since", "IfUnmodifiedSince"),
    ("range", "Range"),
    ("x-amz-checksum-mode", "ChecksumMode"),
    // Which has no place here: who sends it is told so.
    ("x-amz-server-side-encryption", "ServerSideEncryption"),
    CUSTOMER[0],
    CUSTOMER[1],
    CUSTOMER[2],
];
const OBJECT_RESPONSE: Places = with_checksums!(encrypted![
    ("accept-ranges", "AcceptRanges"),
    ("last-modified", "LastModified"),
    ("content-length", "ContentLength"),
    ("content-range", "ContentRange"),
    ("etag", "ETag"),
    ("x-amz-checksum-type", "ChecksumType"),
    ("x-amz-version-id", "VersionId"),
    ("cache-control", "CacheControl"),
    ("content-disposition", "ContentDisposition"),
    ("content-encoding", "ContentEncoding"),
    ("content-language", "ContentLanguage"),
    ("content-type", "ContentType"),
    ("expires", "Expires"),
    ("x-amz-website-redirect-location", "WebsiteRedirectLocation"),
    ("x-amz-storage-class", "StorageClass"),
    ("x-amz-mp-parts-count", "PartsCount"),
    ("x-amz-tagging-count", "TagCount"),
    EXPIRATION,
    ("x-amz-object-lock-mode", "ObjectLockMode"),
    ("x-amz-object-lock-retain-until-date", "ObjectLockRetainUntilDate"),
    ("x-amz-object-lock-legal-hold", "ObjectLockLegalHoldStatus"),
]);

pub static GET_OBJECT: Binding = Binding::new("GET", "/{Bucket}/{Key+}", 200)
    .query(GET_QUERY)
    .headers(GET_HEADERS)
    .response_status("StatusCode")
    .response_headers(OBJECT_RESPONSE)
    .response_prefix_headers(USER.0, USER.1);
pub static HEAD_OBJECT: Binding = Binding::new("HEAD", "/{Bucket}/{Key+}", 200)
    .query(GET_QUERY)
    .headers(GET_HEADERS)
    .response_status("StatusCode")
    .response_headers(OBJECT_RESPONSE)
    .response_prefix_headers(USER.0, USER.1);
pub static OBJECT_ATTRIBUTES: Binding = Binding::new("GET", "/{Bucket}/{Key+}?attributes", 200)
    .query(&[("versionId", "VersionId")])
    .headers(&[
        ("x-amz-object-attributes", "ObjectAttributes"),
        ("x-amz-max-parts", "MaxParts"),
        ("x-amz-part-number-marker", "PartNumberMarker"),
        CUSTOMER[0],
        CUSTOMER[1],
        CUSTOMER[2],
    ])
    .response_headers(&[("last-modified", "LastModified"), ("x-amz-version-id", "VersionId")])
    .root("GetObjectAttributesResponse");

const BYPASS: (&str, &str) = ("x-amz-bypass-governance-retention", "BypassGovernanceRetention");

pub static DELETE_OBJECT: Binding = Binding::new("DELETE", "/{Bucket}/{Key+}", 204)
    .query(&[("versionId", "VersionId")])
    .headers(&[
        ("if-match", "IfMatch"),
        ("x-amz-if-match-last-modified-time", "IfMatchLastModifiedTime"),
        ("x-amz-if-match-size", "IfMatchSize"),
        BYPASS,
    ])
    .response_headers(&[("x-amz-delete-marker", "DeleteMarker"), ("x-amz-version-id", "VersionId")]);
pub static DELETE_OBJECTS: Binding = Binding::new("POST", "/{Bucket}?delete", 200)
    .headers(&[BYPASS])
    .payload(Payload::Document("Delete"))
    .root("DeleteResult");

pub static LIST_OBJECTS: Binding = Binding::new("GET", "/{Bucket}", 200)
    .query(&[
        ("delimiter", "Delimiter"),
        ("encoding-type", "EncodingType"),
        ("marker", "Marker"),
        ("max-keys", "MaxKeys"),
        ("prefix", "Prefix"),
    ])
    .root("ListBucketResult");
pub static LIST_OBJECTS_V2: Binding = Binding::new("GET", "/{Bucket}?list-type=2", 200)
    .query(&[
        ("delimiter", "Delimiter"),
        ("encoding-type", "EncodingType"),
        ("max-keys", "MaxKeys"),
        ("prefix", "Prefix"),
        ("continuation-token", "ContinuationToken"),
        ("fetch-owner", "FetchOwner"),
        ("start-after", "StartAfter"),
    ])
    .root("ListBucketResult");

pub static PUT_VERSIONING: Binding =
    Binding::new("PUT", "/{Bucket}?versioning", 200).payload(Payload::Document("VersioningConfiguration"));
pub static GET_VERSIONING: Binding = Binding::new("GET", "/{Bucket}?versioning", 200).root("VersioningConfiguration");
pub static LIST_VERSIONS: Binding = Binding::new("GET", "/{Bucket}?versions", 200)
    .query(&[
        ("delimiter", "Delimiter"),
        ("encoding-type", "EncodingType"),
        ("key-marker", "KeyMarker"),
        ("max-keys", "MaxKeys"),
        ("prefix", "Prefix"),
        ("version-id-marker", "VersionIdMarker"),
    ])
    .root("ListVersionsResult");

const CREATE_UPLOAD_HEADERS: Places =
    object_headers![("x-amz-checksum-algorithm", "ChecksumAlgorithm"), ("x-amz-checksum-type", "ChecksumType"),];
const SLOT: Places = &[("partNumber", "PartNumber"), ("uploadId", "UploadId")];
const UPLOAD: Places = &[("uploadId", "UploadId")];

pub static CREATE_UPLOAD: Binding = Binding::new("POST", "/{Bucket}/{Key+}?uploads", 200)
    .headers(CREATE_UPLOAD_HEADERS)
    .prefix_headers(USER.0, USER.1)
    .response_headers(encrypted![
        CONTEXT,
        ("x-amz-checksum-algorithm", "ChecksumAlgorithm"),
        ("x-amz-checksum-type", "ChecksumType"),
    ])
    .root("InitiateMultipartUploadResult");
pub static UPLOAD_PART: Binding = Binding::new("PUT", "/{Bucket}/{Key+}", 200)
    .marks(&[Mark::Query("partNumber"), Mark::Query("uploadId")])
    .query(SLOT)
    .headers(with_checksums!(places![
        ("content-md5", "ContentMD5"),
        ("x-amz-sdk-checksum-algorithm", "ChecksumAlgorithm"),
        ("x-amz-trailer", "Trailer"),
        CUSTOMER[0],
        CUSTOMER[1],
        CUSTOMER[2],
    ]))
    .response_headers(with_checksums!(encrypted![("etag", "ETag"),]));
pub static UPLOAD_PART_COPY: Binding = Binding::new("PUT", "/{Bucket}/{Key+}", 200)
    .marks(&[Mark::Query("partNumber"), Mark::Query("uploadId"), Mark::Header("x-amz-copy-source")])
    .query(SLOT)
    .headers(&[
        ("x-amz-copy-source", "CopySource"),
        ("x-amz-copy-source-range", "CopySourceRange"),
        ("x-amz-copy-source-if-match", "CopySourceIfMatch"),
        ("x-amz-copy-source-if-none-match", "CopySourceIfNoneMatch"),
        ("x-amz-copy-source-if-modified-since", "CopySourceIfModifiedSince"),
        ("x-amz-copy-source-if-unmodified-since", "CopySourceIfUnmodifiedSince"),
        SOURCE_CUSTOMER[0],
        SOURCE_CUSTOMER[1],
        SOURCE_CUSTOMER[2],
        CUSTOMER[0],
        CUSTOMER[1],
        CUSTOMER[2],
    ])
    .response_headers(encrypted![("x-amz-copy-source-version-id", "CopySourceVersionId"),])
    .response_payload(Payload::Document("CopyPartResult"));
pub static COMPLETE_UPLOAD: Binding = Binding::new("POST", "/{Bucket}/{Key+}", 200)
    .marks(&[Mark::Query("uploadId")])
    .query(UPLOAD)
    .headers(with_checksums!(places![
        ("x-amz-checksum-type", "ChecksumType"),
        ("x-amz-mp-object-size", "MpuObjectSize"),
        ("if-match", "IfMatch"),
        ("if-none-match", "IfNoneMatch"),
    ]))
    .payload(Payload::Document("MultipartUpload"))
    .response_headers(encrypted![EXPIRATION, ("x-amz-version-id", "VersionId"),])
    .root("CompleteMultipartUploadResult");
pub static ABORT_UPLOAD: Binding = Binding::new("DELETE", "/{Bucket}/{Key+}", 204)
    .marks(&[Mark::Query("uploadId")])
    .query(UPLOAD)
    .headers(&[("x-amz-if-match-initiated-time", "IfMatchInitiatedTime")]);
pub static LIST_PARTS: Binding = Binding::new("GET", "/{Bucket}/{Key+}", 200)
    .marks(&[Mark::Query("uploadId")])
    .query(&[("uploadId", "UploadId"), ("max-parts", "MaxParts"), ("part-number-marker", "PartNumberMarker")])
    .root("ListPartsResult");
pub static LIST_UPLOADS: Binding = Binding::new("GET", "/{Bucket}?uploads", 200)
    .query(&[
        ("delimiter", "Delimiter"),
        ("encoding-type", "EncodingType"),
        ("key-marker", "KeyMarker"),
        ("max-uploads", "MaxUploads"),
        ("prefix", "Prefix"),
        ("upload-id-marker", "UploadIdMarker"),
    ])
    .root("ListMultipartUploadsResult");

pub static PUT_BUCKET_TAGGING: Binding =
    Binding::new("PUT", "/{Bucket}?tagging", 204).payload(Payload::Document("Tagging"));
pub static GET_BUCKET_TAGGING: Binding = Binding::new("GET", "/{Bucket}?tagging", 200).root("Tagging");
pub static DELETE_BUCKET_TAGGING: Binding = Binding::new("DELETE", "/{Bucket}?tagging", 204);

pub static PUT_OWNERSHIP: Binding =
    Binding::new("PUT", "/{Bucket}?ownershipControls", 200).payload(Payload::Document("OwnershipControls"));
pub static GET_OWNERSHIP: Binding =
    Binding::new("GET", "/{Bucket}?ownershipControls", 200).response_payload(Payload::Document("OwnershipControls"));
pub static DELETE_OWNERSHIP: Binding = Binding::new("DELETE", "/{Bucket}?ownershipControls", 204);

pub static PUT_PUBLIC_ACCESS: Binding = Binding::new("PUT", "/{Bucket}?publicAccessBlock", 200)
    .payload(Payload::Document("PublicAccessBlockConfiguration"));
pub static GET_PUBLIC_ACCESS: Binding = Binding::new("GET", "/{Bucket}?publicAccessBlock", 200)
    .response_payload(Payload::Document("PublicAccessBlockConfiguration"));
pub static DELETE_PUBLIC_ACCESS: Binding = Binding::new("DELETE", "/{Bucket}?publicAccessBlock", 204);

pub static PUT_ENCRYPTION: Binding =
    Binding::new("PUT", "/{Bucket}?encryption", 200).payload(Payload::Document("ServerSideEncryptionConfiguration"));
pub static GET_ENCRYPTION: Binding = Binding::new("GET", "/{Bucket}?encryption", 200)
    .response_payload(Payload::Document("ServerSideEncryptionConfiguration"));
pub static DELETE_ENCRYPTION: Binding = Binding::new("DELETE", "/{Bucket}?encryption", 204);

pub static PUT_CORS: Binding =
    Binding::new("PUT", "/{Bucket}?cors", 200).payload(Payload::Document("CORSConfiguration"));
pub static GET_CORS: Binding = Binding::new("GET", "/{Bucket}?cors", 200).root("CORSConfiguration");
pub static DELETE_CORS: Binding = Binding::new("DELETE", "/{Bucket}?cors", 204);

pub static PUT_WEBSITE: Binding =
    Binding::new("PUT", "/{Bucket}?website", 200).payload(Payload::Document("WebsiteConfiguration"));
pub static GET_WEBSITE: Binding = Binding::new("GET", "/{Bucket}?website", 200).root("WebsiteConfiguration");
pub static DELETE_WEBSITE: Binding = Binding::new("DELETE", "/{Bucket}?website", 204);

pub static PUT_POLICY: Binding = Binding::new("PUT", "/{Bucket}?policy", 204).payload(Payload::Blob("Policy"));
pub static GET_POLICY: Binding = Binding::new("GET", "/{Bucket}?policy", 200)
    .response_headers(&[("content-type", "ContentType")])
    .response_payload(Payload::Blob("Policy"));
pub static DELETE_POLICY: Binding = Binding::new("DELETE", "/{Bucket}?policy", 204);
pub static POLICY_STATUS: Binding =
    Binding::new("GET", "/{Bucket}?policyStatus", 200).response_payload(Payload::Document("PolicyStatus"));

const ACL_HEADERS: Places = acl_headers![];
const VERSION: Places = &[("versionId", "VersionId")];
pub static GET_BUCKET_ACL: Binding = Binding::new("GET", "/{Bucket}?acl", 200).root("AccessControlPolicy");
pub static PUT_BUCKET_ACL: Binding =
    Binding::new("PUT", "/{Bucket}?acl", 200).headers(ACL_HEADERS).payload(Payload::Document("AccessControlPolicy"));
pub static GET_OBJECT_ACL: Binding =
    Binding::new("GET", "/{Bucket}/{Key+}?acl", 200).query(VERSION).root("AccessControlPolicy");
pub static PUT_OBJECT_ACL: Binding = Binding::new("PUT", "/{Bucket}/{Key+}?acl", 200)
    .query(VERSION)
    .headers(ACL_HEADERS)
    .payload(Payload::Document("AccessControlPolicy"));
pub static PUT_OBJECT_TAGGING: Binding = Binding::new("PUT", "/{Bucket}/{Key+}?tagging", 200)
    .query(VERSION)
    .payload(Payload::Document("Tagging"))
    .response_headers(&[("x-amz-version-id", "VersionId")]);
pub static GET_OBJECT_TAGGING: Binding = Binding::new("GET", "/{Bucket}/{Key+}?tagging", 200)
    .query(VERSION)
    .response_headers(&[("x-amz-version-id", "VersionId")])
    .root("Tagging");
pub static DELETE_OBJECT_TAGGING: Binding = Binding::new("DELETE", "/{Bucket}/{Key+}?tagging", 204)
    .query(VERSION)
    .response_headers(&[("x-amz-version-id", "VersionId")]);

pub static PUT_OBJECT_LOCK: Binding =
    Binding::new("PUT", "/{Bucket}?object-lock", 200).payload(Payload::Document("ObjectLockConfiguration"));
pub static GET_OBJECT_LOCK: Binding =
    Binding::new("GET", "/{Bucket}?object-lock", 200).response_payload(Payload::Document("ObjectLockConfiguration"));
pub static PUT_RETENTION: Binding = Binding::new("PUT", "/{Bucket}/{Key+}?retention", 200)
    .query(VERSION)
    .headers(&[BYPASS])
    .payload(Payload::Document("Retention"));
pub static GET_RETENTION: Binding = Binding::new("GET", "/{Bucket}/{Key+}?retention", 200)
    .query(VERSION)
    .response_payload(Payload::Document("Retention"));
pub static PUT_LEGAL_HOLD: Binding =
    Binding::new("PUT", "/{Bucket}/{Key+}?legal-hold", 200).query(VERSION).payload(Payload::Document("LegalHold"));
pub static GET_LEGAL_HOLD: Binding = Binding::new("GET", "/{Bucket}/{Key+}?legal-hold", 200)
    .query(VERSION)
    .response_payload(Payload::Document("LegalHold"));

pub static PUT_LOGGING: Binding =
    Binding::new("PUT", "/{Bucket}?logging", 200).payload(Payload::Document("BucketLoggingStatus"));
pub static GET_LOGGING: Binding = Binding::new("GET", "/{Bucket}?logging", 200).root("BucketLoggingStatus");

const MINIMUM_SIZE: Places = &[("x-amz-transition-default-minimum-object-size", "TransitionDefaultMinimumObjectSize")];
pub static PUT_LIFECYCLE: Binding = Binding::new("PUT", "/{Bucket}?lifecycle", 200)
    .headers(MINIMUM_SIZE)
    .payload(Payload::Document("LifecycleConfiguration"))
    .response_headers(MINIMUM_SIZE);
pub static GET_LIFECYCLE: Binding =
    Binding::new("GET", "/{Bucket}?lifecycle", 200).response_headers(MINIMUM_SIZE).root("LifecycleConfiguration");
pub static DELETE_LIFECYCLE: Binding = Binding::new("DELETE", "/{Bucket}?lifecycle", 204);

pub static PUT_NOTIFICATION: Binding = Binding::new("PUT", "/{Bucket}?notification", 200)
    .headers(&[("x-amz-skip-destination-validation", "SkipDestinationValidation")])
    .payload(Payload::Document("NotificationConfiguration"));
pub static GET_NOTIFICATION: Binding =
    Binding::new("GET", "/{Bucket}?notification", 200).root("NotificationConfiguration");
