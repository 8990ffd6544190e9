//! What reading sources is bounded by, with units.

use std::time::Duration;

/// A batch, as JSON: what a synchronous invocation of a function takes.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const BATCH_BYTES_MAX: usize = 6_291_456;
/// Batches of one queue that are under way at once, where nobody says.
pub const CONCURRENCY_DEFAULT: usize = 16;
/// The state of a tumbling window.
pub const WINDOW_STATE_BYTES_MAX: usize = 1 << 20;
/// Records of one shard that have been read and are not done with.
pub const SHARD_BUFFER_BYTES_MAX: usize = 16 << 20;
/// Waits between attempts of a batch that failed, doubled each time.
pub const BATCH_RETRY_MIN: Duration = Duration::from_millis(200);
pub const BATCH_RETRY_MAX: Duration = Duration::from_secs(60);
