//! What SQS allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>

use std::ops::RangeInclusive;
use std::time::Duration;

/// The name of a queue, in characters, the `.fifo` of a FIFO queue included.
pub const QUEUE_NAME_CHARACTERS_MAX: usize = 80;
/// A message with its attributes, and a whole batch.
pub const MESSAGE_BYTES_MAX: u64 = 1_048_576;
pub const MESSAGE_BYTES_RANGE: RangeInclusive<u64> = 1_024..=MESSAGE_BYTES_MAX;
pub const MESSAGE_ATTRIBUTES_MAX: usize = 10;
pub const MESSAGE_ATTRIBUTE_NAME_CHARACTERS_MAX: usize = 256;
pub const MESSAGE_ATTRIBUTE_TYPE_CHARACTERS_MAX: usize = 256;
pub const BATCH_ENTRIES_MAX: usize = 10;
pub const BATCH_ENTRY_ID_CHARACTERS_MAX: usize = 80;
pub const RECEIVE_MESSAGES_RANGE: RangeInclusive<i64> = 1..=10;
pub const DELAY_SECONDS_RANGE: RangeInclusive<u64> = 0..=900;
pub const RETENTION_SECONDS_RANGE: RangeInclusive<u64> = 60..=1_209_600;
pub const WAIT_SECONDS_RANGE: RangeInclusive<u64> = 0..=20;
pub const VISIBILITY_SECONDS_RANGE: RangeInclusive<u64> = 0..=43_200;
pub const MAX_RECEIVE_COUNT_RANGE: RangeInclusive<u64> = 1..=1_000;
pub const KMS_REUSE_SECONDS_RANGE: RangeInclusive<u64> = 60..=86_400;
/// Deduplication and message group ids, in characters.
pub const FIFO_ID_CHARACTERS_MAX: usize = 128;
/// How long a deduplication id is remembered.
pub const DEDUPLICATION_INTERVAL: Duration = Duration::from_secs(300);
pub const QUEUE_TAGS_MAX: usize = 50;
pub const LIST_RESULTS_MAX: usize = 1_000;

/// Messages that one receive looks at, so that a queue full of expired or poisoned messages cannot hold the store's
/// writer for long.
pub const MESSAGES_EXAMINED_MAX: usize = 1_000;
/// Messages removed in one transaction when they pass their retention.
pub const EXPIRED_PER_TRANSACTION: usize = 500;
/// How often queues are looked through for messages past their retention.
pub const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
/// Messages that get their turn back in one receive, after their delay or visibility timeout.
pub const ADMITTED_PER_RECEIVE: usize = 100;
/// Message move tasks that are remembered for each queue.
pub const MOVE_TASKS_KEPT: usize = 10;
/// Messages that are looked at to tell what a queue's dead letters are.
pub const LETTERS_EXAMINED_MAX: usize = 1_000;
/// Messages of a queue that are looked at to find out whether it has dead letters.
pub const LETTERS_LOOKED_FOR_MAX: usize = 10;
/// Letters that are sent again in one transaction.
pub const LETTERS_PER_TRANSACTION: usize = 20;
