//! What CloudWatch Logs allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>

use std::ops::RangeInclusive;
use std::time::Duration;

/// Names of groups and streams, in characters.
pub const NAME_CHARACTERS_MAX: usize = 512;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;

/// A batch: the bytes of its messages, and [`EVENT_OVERHEAD_BYTES`] for each event.
pub const BATCH_BYTES_MAX: usize = 1_048_576;
pub const BATCH_EVENTS_MAX: usize = 10_000;
/// What every event counts beyond its message.
pub const EVENT_OVERHEAD_BYTES: usize = 26;
/// From the first to the last event of a batch.
pub const BATCH_SPAN_MAX: Duration = Duration::from_secs(24 * 3600);
/// Events older than this are rejected.
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
/// Events further in the future than this are rejected.
pub const EVENT_LEAD_MAX: Duration = Duration::from_secs(2 * 3600);

pub const DESCRIBE_RANGE: RangeInclusive<u32> = 1..=50;
pub const EVENTS_RANGE: RangeInclusive<u32> = 1..=10_000;
/// The messages of one answer, counted like a batch.
pub const PAGE_BYTES_MAX: usize = 1_048_576;
pub const FILTER_STREAMS_MAX: usize = 100;
pub const FILTER_PATTERN_CHARACTERS_MAX: usize = 1_024;
/// Parentheses within parentheses of a filter pattern.
pub const FILTER_PATTERN_DEPTH_MAX: usize = 32;

/// Days that events can be kept; without a setting they are kept for ever.
pub const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// From the first to the last event of one stored chunk: what a reader must look back for, since chunks are found by
/// their first event.
pub const CHUNK_SPAN: Duration = Duration::from_secs(60);
/// Chunks written in one transaction by a delivery, so that it keeps within what a transaction may hold.
pub const CHUNKS_PER_TRANSACTION: usize = 4;
/// Messages that one FilterLogEvents looks at, in bytes: then it answers what it found, and a token to go on.
pub const FILTER_EXAMINED_BYTES_MAX: usize = 16 * 1_048_576;
/// Chunks removed in one transaction: past their retention, or of a stream that was deleted.
pub const REMOVED_PER_TRANSACTION: usize = 500;
/// How soon a group is looked at again for events past their retention.
pub const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);
