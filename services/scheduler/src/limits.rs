//! What the Scheduler allows, with units.
//!
//! Sources: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>, and the constraints of its
//! service model.

use std::time::Duration;

/// In a region.
pub const SCHEDULES_MAX: u64 = 1_000_000;
/// In a region, the default one among them.
pub const GROUPS_MAX: usize = 500;
pub const NAME_CHARACTERS_MAX: usize = 64;
pub const INPUT_BYTES_MAX: usize = 256 << 10;
pub const PAGE_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;

/// Schedules that one request looks at for a page: where few of them are wanted, a page has fewer, and says how to go on.
pub const LOOKED_AT_MAX: usize = 10_000;
/// Schedules that one transaction deletes with their group.
pub const DELETED_PER_STEP: usize = 500;
/// How far back the start of a recurring schedule may be.
pub const START_PAST_MAX: Duration = Duration::from_secs(300);
/// A recurring schedule that fires later than this is late: what else came due meanwhile is passed over.
pub const LATE_MAX: Duration = Duration::from_secs(60);
/// How long a request with the same client token is the same request.
pub const CLIENT_TOKEN_LIFE: Duration = Duration::from_secs(86_400);
/// Bytes of a payload that a dead letter holds: its attributes take up to the rest of what a queue takes.
pub const LETTER_PAYLOAD_BYTES_MAX: usize = 248 << 10;
