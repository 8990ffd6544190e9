//! What SNS allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/general/latest/gr/sns.html>

use std::ops::RangeInclusive;
use std::time::Duration;

/// The name of a topic, in characters, the `.fifo` of a FIFO topic included.
pub const TOPIC_NAME_CHARACTERS_MAX: usize = 256;
pub const DISPLAY_NAME_CHARACTERS_MAX: usize = 100;
pub const TOPIC_TAGS_MAX: usize = 50;
/// A message with its attributes, and a whole batch, unless the topic says otherwise.
pub const MESSAGE_BYTES_MAX: u64 = 262_144;
/// What a topic can say.
pub const MESSAGE_BYTES_RANGE: RangeInclusive<u64> = 1_024..=1_048_576;
pub const SUBJECT_CHARACTERS_MAX: usize = 100;
pub const MESSAGE_ATTRIBUTE_NAME_BYTES_MAX: usize = 256;
/// Deduplication and message group ids, in characters.
pub const FIFO_ID_CHARACTERS_MAX: usize = 128;
/// How long a deduplication id is remembered.
pub const DEDUPLICATION_INTERVAL: Duration = Duration::from_secs(300);
pub const BATCH_ENTRIES_MAX: usize = 10;
pub const BATCH_ENTRY_ID_CHARACTERS_MAX: usize = 80;
/// Topics and subscriptions on a page.
pub const PAGE_ITEMS: usize = 100;
/// A FIFO topic's subscriptions, and those of a topic that takes messages of more than [`MESSAGE_BYTES_MAX`].
pub const FIFO_SUBSCRIPTIONS_MAX: u64 = 100;
/// Subscriptions of a topic that have a filter policy.
pub const FILTER_POLICIES_MAX: u64 = 200;
/// An endpoint, in bytes: a URL, an address, or an ARN.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;
pub const ARCHIVE_DAYS_RANGE: RangeInclusive<u32> = 1..=365;
/// How long a subscription may wait to be confirmed: as long as its token is valid.
/// Source: <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>
pub const CONFIRMATION_TIME: Duration = Duration::from_secs(48 * 3_600);

/// How long an endpoint may take to answer.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html>
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(15);
/// Retries of an HTTP endpoint, and the time that all of them may take.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>
pub const HTTP_RETRIES_MAX: u32 = 100;
pub const HTTP_RETRY_TIME_MAX: Duration = Duration::from_secs(3_600);

/// Bytes of deliveries that one transaction sends out: of a message for more, the rest follow in transactions of
/// their own, so that none holds the store's writer for long.
pub const FAN_OUT_BYTES_MAX: usize = 8 << 20;
/// Deliveries that one transaction sends out.
pub const FAN_OUT_DELIVERIES_MAX: usize = 500;
/// Archived messages that one transaction looks at for a replay, or removes past their retention.
pub const ARCHIVE_MESSAGES_PER_STEP: usize = 100;
/// How often archives are looked through for messages past their retention.
pub const ARCHIVE_EXPIRY_INTERVAL: Duration = Duration::from_secs(3_600);
