//! What Kinesis allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>

use std::ops::RangeInclusive;
use std::time::Duration;

/// Names of streams, shards and consumers, in characters.
pub const NAME_CHARACTERS_MAX: usize = 128;
pub const ARN_CHARACTERS_MAX: usize = 2_048;
pub const PARTITION_KEY_CHARACTERS_MAX: usize = 256;
/// A record with its partition key, unless its stream allows more.
pub const RECORD_KIB_RANGE: RangeInclusive<i64> = 1_024..=10_240;
/// Records of one PutRecords, and their bytes with their partition keys.
pub const BATCH_RECORDS_MAX: usize = 500;
pub const BATCH_BYTES_MAX: usize = 10 << 20;
/// Records that one GetRecords answers, and their bytes.
pub const PAGE_RECORDS_MAX: usize = 10_000;
pub const PAGE_BYTES_MAX: usize = 10 << 20;
/// Bytes of records in one event of a subscription.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// Shards that an account may have in a region, and the most that one request may make.
pub const SHARDS_MAX: u64 = 20_000;
pub const SHARDS_PER_REQUEST_MAX: i64 = 100_000;
pub const SHARDS_PER_SCALING_MAX: u64 = 10_000;
/// Splits and merges in one transaction of a scaling, each of which writes some rows.
pub const CHANGES_PER_SCALING_STEP: usize = 250;
pub const ON_DEMAND_STREAMS_MAX: u64 = 50;
/// Shards that an on-demand stream begins with.
pub const ON_DEMAND_SHARDS: u64 = 4;
/// Changes of a stream's mode, and of its number of shards, within a day.
pub const MODE_CHANGES_MAX: usize = 2;
pub const SCALINGS_MAX: usize = 10;
pub const DAY: Duration = Duration::from_secs(86_400);

pub const RETENTION_HOURS_MIN: u32 = 24;
pub const RETENTION_HOURS_MAX: u32 = 8_760;
pub const CONSUMERS_MAX: usize = 20;
pub const TAGS_MAX: usize = 50;
pub const TAGS_PER_REQUEST_MAX: usize = 200;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
pub const POLICY_BYTES_MAX: usize = 20_480;
pub const WARM_MIBPS_MAX: i64 = 10_240;

pub const STREAMS_LISTED_MAX: usize = 100;
pub const SHARDS_DESCRIBED_MAX: usize = 100;
pub const SHARDS_LISTED_MAX: usize = 1_000;
pub const CONSUMERS_LISTED_MAX: usize = 100;
pub const TAGS_LISTED_MAX: usize = 50;
/// What a page of anything may be asked to have; more than its own most is as good as that.
pub const PAGE_SIZE_RANGE: RangeInclusive<i64> = 1..=10_000;

pub const ITERATOR_LIFETIME: Duration = Duration::from_secs(300);
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(300);
pub const SUBSCRIPTION_LIFETIME: Duration = Duration::from_secs(300);
/// How soon after a subscription began another of the same consumer to the same shard is refused.
pub const SUBSCRIPTION_GUARD: Duration = Duration::from_secs(5);
/// How often a subscription is told that there is nothing new.
pub const SUBSCRIPTION_PULSE: Duration = Duration::from_secs(5);

/// What one shard takes and gives each second, where throughput is limited.
pub const SHARD_WRITE_BYTES: f64 = 1_048_576.0;
pub const SHARD_WRITE_RECORDS: f64 = 1_000.0;
pub const SHARD_READ_BYTES: f64 = 2_097_152.0;
pub const SHARD_READS: f64 = 5.0;

/// How often streams are looked through for records past their retention, and the shards that one step looks at.
pub const TRIM_INTERVAL: Duration = Duration::from_secs(60);
pub const SHARDS_PER_TRIM: usize = 200;
/// Records that are stored as one value: as many as one request brings for a shard, up to these bytes.
pub const BLOCK_BYTES: usize = 256 << 10;
/// Bytes of one piece of a block that is larger because a record is.
pub const PIECE_BYTES: usize = 1 << 20;
