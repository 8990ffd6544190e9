//! What Lambda allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>

use std::ops::RangeInclusive;
use std::time::Duration;

pub const FUNCTION_NAME_CHARACTERS_MAX: usize = 64;
/// A function's name as a request gives it: with account, ARN and qualifier.
pub const FUNCTION_REFERENCE_CHARACTERS_MAX: usize = 140;
pub const QUALIFIER_CHARACTERS_MAX: usize = 128;
pub const HANDLER_CHARACTERS_MAX: usize = 128;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 256;
pub const TIMEOUT_SECONDS_RANGE: RangeInclusive<i64> = 1..=900;
pub const TIMEOUT_SECONDS_DEFAULT: u32 = 3;
pub const MEMORY_MB_RANGE: RangeInclusive<i64> = 128..=10_240;
pub const MEMORY_MB_DEFAULT: u32 = 128;
pub const EPHEMERAL_STORAGE_MB_DEFAULT: u32 = 512;
pub const EPHEMERAL_STORAGE_MB_RANGE: RangeInclusive<i64> = 512..=10_240;
/// All of a function's environment variables, as JSON.
pub const ENVIRONMENT_BYTES_MAX: usize = 4_096;
pub const LAYERS_MAX: usize = 5;
pub const TAGS_MAX: usize = 50;
/// A resource policy.
pub const POLICY_BYTES_MAX: usize = 20_480;

/// A deployment package that travels in the request.
pub const ZIP_BYTES_MAX: usize = 52_428_800;
/// A deployment package and its layers, unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 262_144_000;
/// Files and folders in one package: a bound for the host's sake, well over what fits into the size limit in practice.
pub const ARCHIVE_ENTRIES_MAX: usize = 200_000;
/// A request with a package in base64, and room for the other members.
pub const REQUEST_BYTES_MAX: usize = 71 << 20;
/// AWS's figure for the same, which its error names.
pub const REQUEST_BYTES_STATED: usize = 69_905_067;
/// All code of an account.
pub const CODE_STORAGE_BYTES_MAX: u64 = 80_530_636_800;

/// The payload of a synchronous invocation.
pub const PAYLOAD_BYTES_MAX: usize = sources::BATCH_BYTES_MAX;
/// The payload of an asynchronous one.
pub const EVENT_BYTES_MAX: usize = 1_048_576;
/// Executions that an account may have at once, over all functions.
pub const CONCURRENT_EXECUTIONS: u32 = 1_000;
/// What reservations must leave to the functions without one.
pub const UNRESERVED_EXECUTIONS_MIN: u32 = 100;

/// Rules of a function URL for pages of other origins: entries in one list, and how long a preflight's answer holds.
pub const CORS_ENTRIES_MAX: usize = 100;
pub const CORS_AGE_SECONDS_RANGE: RangeInclusive<i64> = 0..=86_400;
/// How large the pieces are in which a response leaves that was not streamed.
pub const CHUNK_BYTES: usize = 256 << 10;
/// Pieces of a streamed response that wait for their reader.
pub const PARTS_AHEAD: usize = 2;

pub const PROVISIONED_RANGE: RangeInclusive<i64> = 1..=CONCURRENT_EXECUTIONS as i64;
/// The wait before instances are provisioned again whose code could not be read.
pub const PROVISIONING_PAUSE: Duration = Duration::from_secs(10);

pub const LIST_ITEMS_DEFAULT: usize = 50;
pub const LIST_ITEMS_RANGE: RangeInclusive<i64> = 1..=10_000;

pub const RETRY_ATTEMPTS_RANGE: RangeInclusive<i64> = 0..=2;
pub const RETRY_ATTEMPTS_DEFAULT: u32 = 2;
pub const EVENT_AGE_SECONDS_RANGE: RangeInclusive<i64> = 60..=21_600;
pub const EVENT_AGE_SECONDS_DEFAULT: u32 = 21_600;
/// The wait before the first retry after an error of the function; each further one waits that much longer.
pub const RETRY_DELAY: Duration = Duration::from_secs(60);
/// Waits after throttling and errors of the system, doubled each time.
pub const BACK_OFF_MIN: Duration = Duration::from_secs(1);
pub const BACK_OFF_MAX: Duration = Duration::from_secs(300);

pub const BATCH_SIZE_DEFAULT: u32 = 10;
pub const BATCH_SIZE_RANGE: RangeInclusive<i64> = 1..=10_000;
pub const STREAM_BATCH_SIZE_DEFAULT: u32 = 100;
/// Batches of one shard that are under way at once.
pub const PARALLELIZATION_RANGE: RangeInclusive<i64> = 1..=10;
/// Retries of a batch of records, and their age; -1 is without end.
pub const STREAM_RETRIES_RANGE: RangeInclusive<i64> = -1..=10_000;
pub const RECORD_AGE_SECONDS_RANGE: RangeInclusive<i64> = -1..=604_800;
/// The least age that can be asked for, where any is.
pub const RECORD_AGE_SECONDS_MIN: i64 = 60;
pub const TUMBLING_SECONDS_RANGE: RangeInclusive<i64> = 0..=900;
pub const FIFO_BATCH_SIZE_MAX: u32 = 10;
pub const BATCHING_WINDOW_SECONDS_RANGE: RangeInclusive<i64> = 0..=300;
pub const MAXIMUM_CONCURRENCY_RANGE: RangeInclusive<i64> = 2..=1_000;
pub const FILTERS_MAX: usize = 10;
pub const FILTER_CHARACTERS_MAX: usize = 4_096;

/// Folders in each other that a deployment package may have.
pub const ARCHIVE_DEPTH_MAX: usize = 64;

/// How long a link to download code can be used.
pub const DOWNLOAD_LIFETIME: Duration = Duration::from_secs(600);
/// How long log lines are gathered before they are written. They are lost when the server is killed meanwhile.
pub const LOG_DELAY: Duration = Duration::from_millis(100);
/// Log lines that may wait to be written; what comes on top is dropped, with a note.
pub const LOG_BUFFER_BYTES_MAX: usize = 64 << 20;
/// One delivery of log lines.
pub const LOG_DELIVERY_BYTES_MAX: usize = 512 << 10;
/// How often code that nothing refers to any more is looked for, and how long it stays at least: longer than any
/// invocation takes.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);
/// Lifetime of the credentials that functions get, and what must be left of it when they are handed out again.
pub const CREDENTIALS_SECONDS: u64 = 3_600;
pub const CREDENTIALS_LEFT_MIN: Duration = Duration::from_secs(1_800);
/// How long running invocations may take to end when the server stops.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// How often a function may run in one chain of calls, unless its `RecursiveLoop` is `Allow`.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
pub const RUNS_IN_A_CHAIN_MAX: u32 = 16;

/// The part of a server's instances that provisioned concurrency leaves to requests: one in so many.
const UNPROVISIONED_PART: usize = 10;

/// Instances that provisioned concurrency may keep of so many that the server keeps.
pub fn provisioned_max(instances_max: usize) -> usize {
    instances_max.saturating_sub(instances_max.div_ceil(UNPROVISIONED_PART))
}
