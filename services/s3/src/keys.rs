//! Where S3 keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! What is in a bucket lives under the bucket's number, not its name: one that is deleted and made again starts empty.

use blob::BlobId;
use bytes::Bytes;
use kv::{Desc, Table};
use service::prefix;

use crate::types::{Bucket, ContentId, Object, Part, PendingUpload, Sequence};

/// A bucket's number.
pub type BucketId = u64;

/// By name.
pub const BUCKETS: Table<String, Bucket> = Table::new(prefix::S3, 1);
pub const NEXT_BUCKET: Table<(), u64> = Table::new(prefix::S3, 2);
/// The newest version of each key, where that is an object and not a delete marker: what a list without versions shows.
pub const OBJECTS: Table<(BucketId, String), Object> = Table::new(prefix::S3, 3);
/// All other versions and all delete markers, newest first.
pub const VERSIONS: Table<(BucketId, String, Desc<Sequence>), Object> = Table::new(prefix::S3, 4);
/// Which of [`VERSIONS`] is a key's null version, where one of them is.
pub const NULL_VERSIONS: Table<(BucketId, String), Sequence> = Table::new(prefix::S3, 5);
/// The bytes of small objects.
pub const CONTENTS: Table<ContentId, Bytes> = Table::new(prefix::S3, 6);
/// The parts of objects that have some, by where they begin.
pub const PARTS: Table<(ContentId, u64), Part> = Table::new(prefix::S3, 7);
/// How many objects and parts have a file as their bytes; without a row, none.
pub const REFERENCES: Table<[u8; 32], u64> = Table::new(prefix::S3, 8);
/// Files that lost their last reference, until they are deleted.
pub const GARBAGE: Table<[u8; 32], ()> = Table::new(prefix::S3, 9);
/// Contents whose parts are let go one after the other.
pub const DOOMED: Table<ContentId, ()> = Table::new(prefix::S3, 10);

/// Uploads in parts that are under way, by key and by when they began.
pub const UPLOADS: Table<(BucketId, String, String), PendingUpload> = Table::new(prefix::S3, 11);
/// Their parts, by number.
pub const UPLOADED: Table<(ContentId, u32), Part> = Table::new(prefix::S3, 12);

/// A bucket's documents, by their kind: see [`crate::model::setting`].
pub const SETTINGS: Table<(BucketId, u8), String> = Table::new(prefix::S3, 13);

/// What the collector of files sleeps on.
pub fn garbage_channel() -> Bytes {
    Bytes::from_static(&[prefix::S3, 9])
}

/// A blob as part of a key.
pub fn blob_key(id: &BlobId) -> [u8; 32] {
    *id.as_bytes()
}
