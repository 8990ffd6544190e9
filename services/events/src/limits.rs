//! What EventBridge allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>

use std::time::Duration;

pub const ENTRIES_MAX: usize = 10;
/// All entries of one request together.
pub const ENTRIES_BYTES_MAX: usize = 256 << 10;
pub const PATTERN_CHARACTERS_MAX: usize = 4_096;
/// What a bus holds in memory, and what is put together anew after each change.
pub const RULES_OF_BUS_MAX: u64 = 20_000;
/// What AWS gives until more is asked for; in force with `--throttle`.
pub const RULES_OF_BUS_QUOTA: u64 = 300;
pub const TARGETS_OF_RULE_MAX: usize = 5;
pub const TARGETS_OF_REQUEST_MAX: usize = 100;
pub const PAGE_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;
pub const POLICY_BYTES_MAX: usize = 10_240;
pub const ACTIVE_REPLAYS_MAX: usize = 10;

/// How long an API destination, or the endpoint that gives tokens for it, may take to answer.
pub const DESTINATION_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests to an API destination that says nothing of how many it takes.
pub const INVOCATIONS_PER_SECOND: u32 = 300;
/// How often a connection that was made or changed asks again for its token before it counts as refused.
pub const AUTHORIZATION_RETRIES: u32 = 3;
pub const TOKEN_ANSWER_BYTES_MAX: usize = 64 << 10;
pub const STATE_REASON_CHARACTERS_MAX: usize = 512;

/// Bytes of deliveries that one transaction publishes. The store takes more, for all that is written beside them.
pub const PUBLISHED_BYTES_MAX: usize = 16 << 20;
/// Bytes of deliveries after which a step of a replay ends.
pub const REPLAYED_BYTES_PER_STEP: usize = 8 << 20;

/// How long a replay waits for its first step: one that was started by mistake can be cancelled.
pub const REPLAY_START_DELAY: Duration = Duration::from_secs(1);
/// Events that one step of a replay sends.
pub const REPLAYED_PER_STEP: usize = 100;
/// How often archives are looked through for events past their retention, and how many go in one transaction.
pub const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
pub const EXPIRED_PER_TRANSACTION: usize = 1_000;
