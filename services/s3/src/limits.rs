//! What S3 bounds, and what this server bounds besides.
//!
//! Source: <https://docs.aws.amazon.com/general/latest/gr/s3.html>

/// A bucket's name, in bytes.
pub const BUCKET_NAME_BYTES: std::ops::RangeInclusive<usize> = 3..=63;
/// Buckets of the account.
pub const BUCKETS_MAX: usize = 10_000;
/// A page of buckets, unless less is asked for.
pub const BUCKETS_PER_PAGE_MAX: usize = 10_000;
/// An object's key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1_024;
/// An object that is sent at once, and a part of one that is not: 5 GiB.
pub const PUT_BYTES_MAX: u64 = 5 << 30;
/// An object that is copied at once: 5 GiB.
pub const COPY_BYTES_MAX: u64 = 5 << 30;
/// What users put beside an object: names and values together, in bytes.
pub const METADATA_BYTES_MAX: usize = 2_048;
/// A page of keys, versions, parts or uploads.
pub const LIST_MAX: usize = 1_000;
/// Objects that are deleted at once.
pub const DELETED_AT_ONCE_MAX: usize = 1_000;
/// Tags of an object.
pub const OBJECT_TAGS_MAX: usize = 10;
/// Tags of a bucket.
pub const BUCKET_TAGS_MAX: usize = 50;
/// Rules of a bucket for pages of other origins.
pub const CORS_RULES_MAX: usize = 100;
/// Characters of a tag's key, and of its value.
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// Parts of an object, and their numbers.
pub const PART_NUMBERS: std::ops::RangeInclusive<u32> = 1..=10_000;
/// A part that is not the last, in bytes: 5 MiB.
pub const PART_BYTES_MIN: u64 = 5 << 20;
/// An object in parts, in bytes: 50 TB.
pub const OBJECT_BYTES_MAX: u64 = 50_000_000_000_000;
/// A document of a request, in bytes: a thousand keys of the longest, with room for their XML.
pub const REQUEST_BYTES_MAX: usize = 8 << 20;

/// Objects of at most so many bytes live in the store, whose commits share a sync; others are files. See
/// `docs/decisions/0032`.
pub const INLINE_BYTES_MAX: usize = 32 << 10;
/// Bytes that are read of a file at a time while it is sent.
pub const CHUNK_BYTES: usize = 256 << 10;
/// Parts of objects that are gone, which are let go in one transaction.
pub const PARTS_PER_TRANSACTION: usize = 1_000;
/// Files of objects that are gone, which are looked at in one round.
pub const GARBAGE_PER_ROUND: usize = 1_000;
