//! Amazon S3: buckets, and objects in them.

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
mod ops;
mod range;
mod types;
mod workers;

use std::sync::Arc;

use blob::Blobs;
use service::{Api, Service, XmlApi, read, write};

pub use error::Error;
pub use model::content::named_files;

use contents::Contents;
use ops::{attributes, bucket, copy, delete, get, list, on_bucket, on_object, on_version, part, put, upload, version};

/// The service's state in memory.
pub struct S3 {
    contents: Contents,
}

impl S3 {
    /// `blobs` are the bytes of objects. S3's alone: it removes what no object refers to.
    pub fn new(blobs: Blobs) -> Arc<S3> {
        Arc::new(S3 { contents: Contents::new(blobs) })
    }

    /// Where the bytes of objects are kept.
    pub fn blobs(&self) -> &Blobs {
        self.contents.blobs()
    }
}

const API: Api = Api {
    namespace: "com.amazonaws.s3",
    xml: Some(XmlApi { xmlns: "http://s3.amazonaws.com/doc/2006-03-01/", host_label: "s3" }),
    not_implemented: not_implemented::NOT_IMPLEMENTED,
    not_implemented_paths: not_implemented::PATHS,
    access_denied: "AccessDenied",
    body_bytes_max: limits::REQUEST_BYTES_MAX,
    ..Api::named("s3")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<S3>) -> Service {
    Service::builder(API, state)
        .operation(write("CreateBucket", bucket::create).rest(&bindings::CREATE_BUCKET).permissions(|_, cx, i| on_bucket(cx, "s3:CreateBucket", &i.bucket)))
        .operation(read("HeadBucket", bucket::head).action("s3:ListBucket").rest(&bindings::HEAD_BUCKET).permissions(|_, cx, i| on_bucket(cx, "s3:ListBucket", &i.bucket)))
        .operation(write("DeleteBucket", bucket::delete).rest(&bindings::DELETE_BUCKET).permissions(|_, cx, i| on_bucket(cx, "s3:DeleteBucket", &i.bucket)))
        .operation(read("ListBuckets", bucket::list).action("s3:ListAllMyBuckets").rest(&bindings::LIST_BUCKETS).names(&bindings::BUCKETS))
        .operation(read("GetBucketLocation", bucket::location).rest(&bindings::BUCKET_LOCATION).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketLocation", &i.bucket)))
        .operation(write("PutObject", put::put).rest(&bindings::PUT_OBJECT).permissions(|_, cx, i| put::permissions(cx, &i.input)))
        .operation(write("CopyObject", copy::copy).action("s3:PutObject").rest(&bindings::COPY_OBJECT).permissions(|_, _, i| copy::permissions(i)))
        .operation(read("GetObject", get::get).rest(&bindings::GET_OBJECT).permissions(|_, cx, i| on_version(cx, ("s3:GetObject", "s3:GetObjectVersion"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(read("HeadObject", get::head).action("s3:GetObject").rest(&bindings::HEAD_OBJECT).permissions(|_, cx, i| on_version(cx, ("s3:GetObject", "s3:GetObjectVersion"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(read("GetObjectAttributes", attributes::get).rest(&bindings::OBJECT_ATTRIBUTES).names(&bindings::PARTS).permissions(|_, _, i| attributes::permissions(i)))
        .operation(write("DeleteObject", delete::delete).rest(&bindings::DELETE_OBJECT).permissions(|_, cx, i| on_version(cx, ("s3:DeleteObject", "s3:DeleteObjectVersion"), &i.bucket, &i.key, i.version_id.as_deref())))
        .operation(write("DeleteObjects", delete::delete_many).action("s3:DeleteObject").rest(&bindings::DELETE_OBJECTS).names(&bindings::DELETE).permissions(|_, _, _| Ok(Vec::new())))
        .operation(read("ListObjects", list::list).action("s3:ListBucket").rest(&bindings::LIST_OBJECTS).permissions(|_, _, i| Ok(vec![list::permission("s3:ListBucket", &i.bucket, i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)])))
        .operation(read("ListObjectsV2", list::list_v2).action("s3:ListBucket").rest(&bindings::LIST_OBJECTS_V2).permissions(|_, _, i| Ok(vec![list::permission("s3:ListBucket", &i.bucket, i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)])))
        .operation(write("PutBucketVersioning", version::put).rest(&bindings::PUT_VERSIONING).permissions(|_, cx, i| on_bucket(cx, "s3:PutBucketVersioning", &i.bucket)))
        .operation(read("GetBucketVersioning", version::get).rest(&bindings::GET_VERSIONING).permissions(|_, cx, i| on_bucket(cx, "s3:GetBucketVersioning", &i.bucket)))
        .operation(read("ListObjectVersions", version::list).action("s3:ListBucketVersions").rest(&bindings::LIST_VERSIONS).names(&bindings::VERSIONS).permissions(|_, _, i| Ok(vec![list::permission("s3:ListBucketVersions", &i.bucket, i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)])))
        .operation(write("CreateMultipartUpload", upload::create).action("s3:PutObject").rest(&bindings::CREATE_UPLOAD).permissions(|_, cx, i| on_object(cx, "s3:PutObject", &i.bucket, &i.key)))
        .operation(write("UploadPart", upload::upload_part).action("s3:PutObject").rest(&bindings::UPLOAD_PART).permissions(|_, cx, i| on_object(cx, "s3:PutObject", &i.input.bucket, &i.input.key)))
        .operation(write("UploadPartCopy", upload::upload_part_copy).action("s3:PutObject").rest(&bindings::UPLOAD_PART_COPY).permissions(|_, _, i| upload::copy_permissions(i)))
        .operation(write("CompleteMultipartUpload", upload::complete).action("s3:PutObject").rest(&bindings::COMPLETE_UPLOAD).names(&bindings::PARTS).permissions(|_, cx, i| on_object(cx, "s3:PutObject", &i.bucket, &i.key)))
        .operation(write("AbortMultipartUpload", upload::abort).rest(&bindings::ABORT_UPLOAD).permissions(|_, cx, i| on_object(cx, "s3:AbortMultipartUpload", &i.bucket, &i.key)))
        .operation(read("ListParts", part::list_parts).action("s3:ListMultipartUploadParts").rest(&bindings::LIST_PARTS).names(&bindings::PARTS).permissions(|_, cx, i| on_object(cx, "s3:ListMultipartUploadParts", &i.bucket, &i.key)))
        .operation(read("ListMultipartUploads", part::list_uploads).action("s3:ListBucketMultipartUploads").rest(&bindings::LIST_UPLOADS).names(&bindings::UPLOADS).permissions(|_, cx, i| on_bucket(cx, "s3:ListBucketMultipartUploads", &i.bucket)))
        .worker("s3 garbage", workers::collect)
        .build()
}
