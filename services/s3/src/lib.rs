//! Amazon S3: buckets, and objects in them.

mod access_log;
mod bindings;
mod conditions;
mod contents;
mod digests;
mod error;
mod keys;
mod limits;
mod model;
mod name;
mod not_implemented;
mod notify;
mod ops;
mod post_policy;
mod range;
pub mod scrub;
mod seal;
mod sealed;
mod target;
mod thumbnails;
mod types;
mod website;
mod workers;

use std::sync::Arc;

use blob::Blobs;
use media::Images;
use service::{Api, Service, XmlApi, read, write};
use vault::Vault;
use wire::query::Names;

pub use error::Error;
pub use model::content::{User, named_files};
pub use post_policy::PostPolicy;

use access_log::Journal;
use contents::Contents;
use ops::{
    acl, attributes, bucket, copy, cors, delete, get, lifecycle, list, lock, logging, notification, part, policy, post,
    put, setting, tag, upload, version, website as site,
};
use ops::{on_bucket, on_object, on_version, to_read};

/// The service's state in memory.
pub struct S3 {
    contents: Contents,
    /// What seals the keys of objects.
    vault: Vault,
    images: Option<Images>,
    /// See [`Options::legacy_buckets`].
    legacy_buckets: bool,
    /// What is to be told in access logs.
    journal: Arc<Journal>,
}

/// What a server decides for its S3.
#[derive(Default)]
pub struct Options {
    /// What makes thumbnails. Without it, none are made.
    pub images: Option<Images>,
    /// Whether buckets are made with access control lists, and without blocks of public access, where requests do not say, as S3 made
    /// them before April 2023.
    pub legacy_buckets: bool,
}

impl S3 {
    /// `blobs` are the bytes of objects. S3's alone: it removes what no object refers to. They are sealed with keys that `vault`
    /// seals.
    pub fn new(blobs: Blobs, vault: Vault) -> Arc<S3> {
        S3::with(blobs, vault, Options::default())
    }

    /// The same as a server decides.
    pub fn with(blobs: Blobs, vault: Vault, options: Options) -> Arc<S3> {
        let Options { images, legacy_buckets } = options;
        let journal = Arc::new(Journal::new(limits::LOG_LINES_BYTES_MAX));
        Arc::new(S3 { contents: Contents::new(blobs), vault, images, legacy_buckets, journal })
    }

    /// Where the bytes of objects are kept.
    pub fn blobs(&self) -> &Blobs {
        self.contents.blobs()
    }
}

const API: Api = Api {
    namespace: "com.amazonaws.s3",
    xml: Some(XmlApi { xmlns: "http://s3.amazonaws.com/doc/2006-03-01/", names: &Names::NONE, host_label: Some("s3") }),
    not_implemented: not_implemented::NOT_IMPLEMENTED,
    not_implemented_paths: not_implemented::PATHS,
    access_denied: "AccessDenied",
    body_bytes_max: limits::REQUEST_BYTES_MAX,
    ..Api::named("s3")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<S3>) -> Service {
    let websites = state.clone();
    Service::builder(API, state.clone())
        .operation(write("CreateBucket", bucket::create).rest(&bindings::CREATE_BUCKET).names(&bindings::CREATE).permissions(|_, cx, i| bucket::create_permissions(cx, i)))
        .operation(read("HeadBucket", bucket::head).action("s3:ListBucket").rest(&bindings::HEAD_BUCKET).permissions(|_, cx, i| on_bucket(cx, "s3:ListBucket", &i.bucket)))
        .operation(write("DeleteBucket", bucket::delete).rest(&bindings::DELETE_BUCKET).permissions(|_, cx, i| on_bucket(cx, "s3:DeleteBucket", &i.bucket)))
        .operation(read("ListBuckets", bucket::list).action("s3:ListAllMyBuckets").rest(&bindings::LIST_BUCKETS).names(&bindings::BUCKETS))
        .operation(read("GetBucketLocation", bucket::location).rest(&bindings::BUCKET_LOCATION).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketLocation", &i.bucket)))
        .operation(write("PutObject", put::put).rest(&bindings::PUT_OBJECT).permissions(|_, cx, i| put::permissions(cx, &i.input)))
        .operation(write("PostObject", post::post).action("s3:PutObject").rest(&bindings::POST_OBJECT).permissions(|_, cx, i| post::permissions(cx, i)))
        .operation(write("CopyObject", copy::copy).action("s3:PutObject").rest(&bindings::COPY_OBJECT).permissions(|_, cx, i| copy::permissions(cx, i)))
        .operation(read("GetObject", get::get).rest(&bindings::GET_OBJECT).permissions(|_, cx, i| to_read(cx, &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(read("HeadObject", get::head).action("s3:GetObject").rest(&bindings::HEAD_OBJECT).permissions(|_, cx, i| to_read(cx, &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(read("GetObjectAttributes", attributes::get).rest(&bindings::OBJECT_ATTRIBUTES).names(&bindings::PARTS).permissions(|_, cx, i| attributes::permissions(cx, i)))
        .operation(write("DeleteObject", delete::delete).rest(&bindings::DELETE_OBJECT).permissions(|_, cx, i| on_version(cx, ("s3:DeleteObject", "s3:DeleteObjectVersion"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(write("DeleteObjects", delete::delete_many).action("s3:DeleteObject").rest(&bindings::DELETE_OBJECTS).names(&bindings::DELETE).permissions(|_, _, _| Ok(Vec::new())))
        .operation(read("ListObjects", list::list).action("s3:ListBucket").rest(&bindings::LIST_OBJECTS).permissions(|_, cx, i| list::permission(cx, "s3:ListBucket", &i.bucket, i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)))
        .operation(read("ListObjectsV2", list::list_v2).action("s3:ListBucket").rest(&bindings::LIST_OBJECTS_V2).permissions(|_, cx, i| list::permission(cx, "s3:ListBucket", &i.bucket, i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)))
        .operation(write("PutBucketVersioning", version::put).rest(&bindings::PUT_VERSIONING).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketVersioning", &i.bucket)))
        .operation(read("GetBucketVersioning", version::get).rest(&bindings::GET_VERSIONING).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketVersioning", &i.bucket)))
        .operation(read("ListObjectVersions", version::list).action("s3:ListBucketVersions").rest(&bindings::LIST_VERSIONS).names(&bindings::VERSIONS).permissions(|_, cx, i| list::permission(cx, "s3:ListBucketVersions", &i.bucket, i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)))
        .operation(write("CreateMultipartUpload", upload::create).action("s3:PutObject").rest(&bindings::CREATE_UPLOAD).permissions(|_, cx, i| upload::create_permissions(cx, i)))
        .operation(write("UploadPart", upload::upload_part).action("s3:PutObject").rest(&bindings::UPLOAD_PART).permissions(|_, cx, i| on_object(cx, "s3:PutObject", &i.input.bucket, &i.input.key)))
        .operation(write("UploadPartCopy", upload::upload_part_copy).action("s3:PutObject").rest(&bindings::UPLOAD_PART_COPY).permissions(|_, cx, i| upload::copy_permissions(cx, i)))
        .operation(write("CompleteMultipartUpload", upload::complete).action("s3:PutObject").rest(&bindings::COMPLETE_UPLOAD).names(&bindings::PARTS).permissions(|_, cx, i| on_object(cx, "s3:PutObject", &i.bucket, &i.key)))
        .operation(write("AbortMultipartUpload", upload::abort).rest(&bindings::ABORT_UPLOAD).permissions(|_, cx, i| on_object(cx, "s3:AbortMultipartUpload", &i.bucket, &i.key)))
        .operation(read("ListParts", part::list_parts).action("s3:ListMultipartUploadParts").rest(&bindings::LIST_PARTS).names(&bindings::PARTS).permissions(|_, cx, i| on_object(cx, "s3:ListMultipartUploadParts", &i.bucket, &i.key)))
        .operation(read("ListMultipartUploads", part::list_uploads).action("s3:ListBucketMultipartUploads").rest(&bindings::LIST_UPLOADS).names(&bindings::UPLOADS).permissions(|_, cx, i| on_bucket(cx, "s3:ListBucketMultipartUploads", &i.bucket)))
        .operation(write("PutBucketTagging", setting::put_tagging).action("s3:PutBucketTagging").rest(&bindings::PUT_BUCKET_TAGGING).names(&bindings::TAGS).permissions(|_, cx, i| setting::tagging_permissions(cx, i)))
        .operation(read("GetBucketTagging", setting::get_tagging).action("s3:GetBucketTagging").rest(&bindings::GET_BUCKET_TAGGING).names(&bindings::TAGS).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketTagging", &i.bucket)))
        .operation(write("DeleteBucketTagging", setting::delete_tagging).action("s3:PutBucketTagging").rest(&bindings::DELETE_BUCKET_TAGGING).names(&bindings::TAGS).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketTagging", &i.bucket)))
        .operation(write("PutBucketOwnershipControls", setting::put_ownership).action("s3:PutBucketOwnershipControls").rest(&bindings::PUT_OWNERSHIP).names(&bindings::RULES).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketOwnershipControls", &i.bucket)))
        .operation(read("GetBucketOwnershipControls", setting::get_ownership).action("s3:GetBucketOwnershipControls").rest(&bindings::GET_OWNERSHIP).names(&bindings::RULES).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketOwnershipControls", &i.bucket)))
        .operation(write("DeleteBucketOwnershipControls", setting::delete_ownership).action("s3:PutBucketOwnershipControls").rest(&bindings::DELETE_OWNERSHIP).names(&bindings::RULES).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketOwnershipControls", &i.bucket)))
        .operation(write("PutPublicAccessBlock", setting::put_public_access).action("s3:PutBucketPublicAccessBlock").rest(&bindings::PUT_PUBLIC_ACCESS).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketPublicAccessBlock", &i.bucket)))
        .operation(read("GetPublicAccessBlock", setting::get_public_access).action("s3:GetBucketPublicAccessBlock").rest(&bindings::GET_PUBLIC_ACCESS).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketPublicAccessBlock", &i.bucket)))
        .operation(write("DeletePublicAccessBlock", setting::delete_public_access).action("s3:PutBucketPublicAccessBlock").rest(&bindings::DELETE_PUBLIC_ACCESS).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketPublicAccessBlock", &i.bucket)))
        .operation(write("PutBucketEncryption", setting::put_encryption).action("s3:PutEncryptionConfiguration").rest(&bindings::PUT_ENCRYPTION).names(&bindings::RULES).permissions(|_, cx, i| on_bucket(cx, "s3:PutEncryptionConfiguration", &i.bucket)))
        .operation(read("GetBucketEncryption", setting::get_encryption).action("s3:GetEncryptionConfiguration").rest(&bindings::GET_ENCRYPTION).names(&bindings::RULES).permissions(|_, cx, i| on_bucket(cx, "s3:GetEncryptionConfiguration", &i.bucket)))
        .operation(write("DeleteBucketEncryption", setting::delete_encryption).action("s3:PutEncryptionConfiguration").rest(&bindings::DELETE_ENCRYPTION).names(&bindings::RULES).permissions(|_, cx, i| on_bucket(cx, "s3:PutEncryptionConfiguration", &i.bucket)))
        .operation(write("PutBucketPolicy", policy::put).action("s3:PutBucketPolicy").rest(&bindings::PUT_POLICY).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketPolicy", &i.bucket)))
        .operation(read("GetBucketPolicy", policy::get).action("s3:GetBucketPolicy").rest(&bindings::GET_POLICY).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketPolicy", &i.bucket)))
        .operation(write("DeleteBucketPolicy", policy::delete).action("s3:DeleteBucketPolicy").rest(&bindings::DELETE_POLICY).permissions(|_, cx, i| on_bucket(cx, "s3:DeleteBucketPolicy", &i.bucket)))
        .operation(read("GetBucketPolicyStatus", policy::status).action("s3:GetBucketPolicyStatus").rest(&bindings::POLICY_STATUS).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketPolicyStatus", &i.bucket)))
        .operation(write("PutBucketCors", cors::put).action("s3:PutBucketCORS").rest(&bindings::PUT_CORS).names(&bindings::CORS).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketCORS", &i.bucket)))
        .operation(read("GetBucketCors", cors::get).action("s3:GetBucketCORS").rest(&bindings::GET_CORS).names(&bindings::CORS).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketCORS", &i.bucket)))
        .operation(write("DeleteBucketCors", cors::delete).action("s3:PutBucketCORS").rest(&bindings::DELETE_CORS).names(&bindings::CORS).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketCORS", &i.bucket)))
        .operation(read("GetBucketAcl", acl::of_bucket).action("s3:GetBucketAcl").rest(&bindings::GET_BUCKET_ACL).names(&bindings::GRANTS).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketAcl", &i.bucket)))
        .operation(write("PutBucketAcl", acl::put_of_bucket).action("s3:PutBucketAcl").rest(&bindings::PUT_BUCKET_ACL).names(&bindings::GRANTS).permissions(|_, cx, i| acl::put_permissions(cx, i, ("s3:PutBucketAcl", ""))))
        .operation(read("GetObjectAcl", acl::of_object).rest(&bindings::GET_OBJECT_ACL).names(&bindings::GRANTS).permissions(|_, cx, i| on_version(cx, ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(write("PutObjectAcl", acl::put_of_object).rest(&bindings::PUT_OBJECT_ACL).names(&bindings::GRANTS).permissions(|_, cx, i| acl::put_permissions(cx, i, ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"))))
        .operation(write("PutObjectTagging", tag::put).rest(&bindings::PUT_OBJECT_TAGGING).names(&bindings::TAGS).permissions(|_, cx, i| tag::put_permissions(cx, i)))
        .operation(read("GetObjectTagging", tag::get).rest(&bindings::GET_OBJECT_TAGGING).names(&bindings::TAGS).permissions(|_, cx, i| on_version(cx, ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(write("DeleteObjectTagging", tag::delete).rest(&bindings::DELETE_OBJECT_TAGGING).names(&bindings::TAGS).permissions(|_, cx, i| on_version(cx, ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(write("PutBucketNotificationConfiguration", notification::put).action("s3:PutBucketNotification").rest(&bindings::PUT_NOTIFICATION).names(&bindings::NOTIFICATION).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketNotification", &i.bucket)))
        .operation(read("GetBucketNotificationConfiguration", notification::get).action("s3:GetBucketNotification").rest(&bindings::GET_NOTIFICATION).names(&bindings::NOTIFICATION).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketNotification", &i.bucket)))
        .operation(write("PutObjectLockConfiguration", lock::put_configuration).action("s3:PutBucketObjectLockConfiguration").rest(&bindings::PUT_OBJECT_LOCK).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketObjectLockConfiguration", &i.bucket)))
        .operation(read("GetObjectLockConfiguration", lock::get_configuration).action("s3:GetBucketObjectLockConfiguration").rest(&bindings::GET_OBJECT_LOCK).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketObjectLockConfiguration", &i.bucket)))
        .operation(write("PutObjectRetention", lock::put_retention).rest(&bindings::PUT_RETENTION).permissions(|_, cx, i| lock::retain_permissions(cx, i)))
        .operation(read("GetObjectRetention", lock::get_retention).rest(&bindings::GET_RETENTION).permissions(|_, cx, i| on_object(cx, "s3:GetObjectRetention", &i.bucket, &i.key)))
        .operation(write("PutObjectLegalHold", lock::put_legal_hold).rest(&bindings::PUT_LEGAL_HOLD).permissions(|_, cx, i| on_object(cx, "s3:PutObjectLegalHold", &i.bucket, &i.key)))
        .operation(read("GetObjectLegalHold", lock::get_legal_hold).rest(&bindings::GET_LEGAL_HOLD).permissions(|_, cx, i| on_object(cx, "s3:GetObjectLegalHold", &i.bucket, &i.key)))
        .operation(write("PutBucketLifecycleConfiguration", lifecycle::put).action("s3:PutLifecycleConfiguration").rest(&bindings::PUT_LIFECYCLE).names(&bindings::LIFECYCLE).permissions(|_, cx, i| on_bucket(cx, "s3:PutLifecycleConfiguration", &i.bucket)))
        .operation(read("GetBucketLifecycleConfiguration", lifecycle::get).action("s3:GetLifecycleConfiguration").rest(&bindings::GET_LIFECYCLE).names(&bindings::LIFECYCLE).permissions(|_, cx, i| on_bucket(cx, "s3:GetLifecycleConfiguration", &i.bucket)))
        .operation(write("DeleteBucketLifecycle", lifecycle::delete).action("s3:PutLifecycleConfiguration").rest(&bindings::DELETE_LIFECYCLE).permissions(|_, cx, i| on_bucket(cx, "s3:PutLifecycleConfiguration", &i.bucket)))
        .operation(write("PutBucketLogging", logging::put).rest(&bindings::PUT_LOGGING).names(&bindings::LOGGING).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketLogging", &i.bucket)))
        .operation(read("GetBucketLogging", logging::get).rest(&bindings::GET_LOGGING).names(&bindings::LOGGING).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketLogging", &i.bucket)))
        .operation(write("PutBucketWebsite", site::put).rest(&bindings::PUT_WEBSITE).names(&bindings::WEBSITE).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketWebsite", &i.bucket)))
        .operation(read("GetBucketWebsite", site::get).rest(&bindings::GET_WEBSITE).names(&bindings::WEBSITE).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketWebsite", &i.bucket)))
        .operation(write("DeleteBucketWebsite", site::delete).rest(&bindings::DELETE_WEBSITE).permissions(|_, cx, i| on_bucket(cx, "s3:DeleteBucketWebsite", &i.bucket)))
        .front(website::Websites(websites))
        .cors(cors::allowed)
        .watch(access_log::watch)
        .sender(notify::BucketSender)
        .timers(workers::fire)
        .target(target::BucketTarget(state))
        .worker("s3 garbage", workers::collect)
        .late_worker("s3 access logs", access_log::deliver)
        .build()
}
