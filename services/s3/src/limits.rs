//! What S3 bounds, and what this server bounds besides.
//!
//! Source: <https://docs.aws.amazon.com/general/latest/gr/s3.html>

use std::time::Duration;

use service::journal::Pace;

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
/// How long a bucket may have new objects retained.
pub const RETENTION_DAYS_MAX: i64 = 36_500;
pub const RETENTION_YEARS_MAX: i64 = 100;
/// Rules of a bucket for what becomes of its objects, and bytes of a rule's name.
pub const LIFECYCLE_RULES_MAX: usize = 1_000;
pub const RULE_ID_BYTES_MAX: usize = 255;
/// Noncurrent versions that a rule may leave.
pub const NEWER_NONCURRENT_MAX: i64 = 100;
/// Entries of an access control list.
pub const GRANTS_MAX: usize = 100;
/// Routing rules of a website.
pub const ROUTING_RULES_MAX: usize = 50;
/// Characters of a tag's key, and of its value.
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// Kinds of thumbnails of a bucket.
pub const THUMBNAILS_MAX: usize = 10;
/// Thumbnails of one bucket that are made at once.
pub const THUMBNAILS_IN_FLIGHT_MAX: usize = 4;
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
/// Bytes of a chunk of a body, each of which is sealed by itself. What is on disk depends on it: see [`crate::sealed`].
pub const SEALED_CHUNK_BYTES: usize = 64 << 10;
/// Chunks of a file that are opened at a time while it is sent.
pub const CHUNKS_PER_READ: usize = 4;
/// Bytes that are read at a time of a file of an earlier release, which is not sealed, while it is sent.
pub const CHUNK_BYTES: usize = 256 << 10;
/// Parts of objects that are gone, which are let go in one transaction.
pub const PARTS_PER_TRANSACTION: usize = 1_000;
/// Files of objects that are gone, which are looked at in one round.
pub const GARBAGE_PER_ROUND: usize = 1_000;
/// What a step of a scrub reads at most, but for the rest of a file: 32 MiB.
pub const SCRUB_STEP_BYTES: u64 = 32 << 20;
/// Files, versions and uploads that it looks at, and those of one snapshot.
pub const SCRUB_STEP_ROWS: u64 = 10_000;
/// How long a step of a scrub is slowed down at most.
pub const SCRUB_STEP_TIME_MAX: Duration = Duration::from_secs(300);
pub const SCRUB_PAGE: usize = 1_000;
/// Versions, or uploads, that a step of a lifecycle's round looks at.
pub const LIFECYCLE_STEP: usize = 1_000;
/// Versions that it removes at most.
pub const EXPIRED_PER_STEP: usize = 100;
/// Uploads that it gives up at most: each may have ten thousand parts.
pub const ABORTED_PER_STEP: usize = 1;
/// From a round of a lifecycle to the next.
pub const LIFECYCLE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Lines of access logs that wait in memory, of all buckets, in bytes: 8 MiB.
pub const LOG_LINES_BYTES_MAX: usize = 8 << 20;
/// They wait for others for long, so that a log's objects are few.
pub const LOG_PACE: Pace = Pace { gather: Duration::from_secs(15), retry: Duration::from_secs(1) };
/// Characters of a field that the client decides on: an address, a browser's name.
pub const LOG_FIELD_CHARACTERS_MAX: usize = 8 << 10;
/// Of a log's prefix, in bytes.
pub const LOG_PREFIX_BYTES_MAX: usize = 800;
