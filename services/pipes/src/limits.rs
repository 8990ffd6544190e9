//! What pipes allow, with units.
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html>

use std::ops::RangeInclusive;
use std::time::Duration;

pub const NAME_CHARACTERS_MAX: usize = 64;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 512;
pub const TEMPLATE_CHARACTERS_MAX: usize = 8_192;
pub const KMS_KEY_CHARACTERS_MAX: usize = 2_048;
pub const PIPES_MAX: usize = 1_000;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
pub const PAGE_RANGE: RangeInclusive<i64> = 1..=100;
pub const PAGE_DEFAULT: usize = 100;

pub const FILTERS_MAX: usize = 5;
pub const FILTER_CHARACTERS_MAX: usize = 4_096;
pub const BATCH_EVENTS_MAX: usize = 10_000;
pub const BATCH_SIZE_RANGE: RangeInclusive<i64> = 1..=BATCH_EVENTS_MAX as i64;
pub const QUEUE_BATCH_SIZE_DEFAULT: u32 = 10;
pub const STREAM_BATCH_SIZE_DEFAULT: u32 = 100;
pub const FIFO_BATCH_SIZE_MAX: u32 = 10;
pub const BATCHING_WINDOW_SECONDS_RANGE: RangeInclusive<i64> = 0..=300;
pub const PARALLELIZATION_RANGE: RangeInclusive<i64> = 1..=10;
/// Retries of a batch of records, and their age; -1 is without end.
pub const RETRIES_RANGE: RangeInclusive<i64> = -1..=10_000;
pub const RECORD_AGE_SECONDS_RANGE: RangeInclusive<i64> = -1..=604_800;
/// The least age that can be asked for, where any is.
pub const RECORD_AGE_SECONDS_MIN: i64 = 60;

/// How long a batch may take on its way through a pipe.
pub const EXECUTION_MAX: Duration = Duration::from_secs(300);
/// A record in a log group; what is larger loses the data of its execution.
pub const LOG_RECORD_BYTES_MAX: usize = 256 << 10;

/// Events and bytes of one request to a target.
pub const QUEUE_REQUEST: (usize, usize) = (10, 1 << 20);
pub const TOPIC_REQUEST: (usize, usize) = (10, 256 << 10);
pub const BUS_REQUEST: (usize, usize) = (10, 256 << 10);
pub const STREAM_REQUEST: (usize, usize) = (500, 5 << 20);
pub const LOGS_REQUEST: (usize, usize) = (10_000, 1 << 20);
