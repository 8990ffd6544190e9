//! What SES allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/dg/quotas.html>

use std::time::Duration;

/// A message, as it goes out. AWS's version 2 takes 40 MB: here one transaction of the store has to hold it.
pub const MESSAGE_BYTES_MAX: usize = 10_485_760;
/// A message's part in a row of the store, which holds 2 MiB.
pub const PART_BYTES_MAX: usize = 1 << 20;
/// Recipients of one message.
pub const RECIPIENTS_MAX: usize = 50;
/// Entries of a bulk message.
pub const BULK_ENTRIES_MAX: usize = 50;
/// An address, in bytes: as long as RFC 5321 lets a path be.
pub const ADDRESS_BYTES_MAX: usize = 320;
/// Tags of a message, and the names and values of those, in characters.
pub const MESSAGE_TAGS_MAX: usize = 50;
pub const MESSAGE_TAG_CHARACTERS_MAX: usize = 255;
/// Fields that a message may add to its header, and a value of one, in characters.
pub const FIELDS_MAX: usize = 15;
pub const FIELD_CHARACTERS_MAX: usize = 995;
pub const TEMPLATE_BYTES_MAX: usize = 512_000;
pub const TEMPLATE_NAME_CHARACTERS_MAX: usize = 64;
pub const TEMPLATE_DATA_CHARACTERS_MAX: usize = 262_144;
pub const TEMPLATES_MAX: usize = 20_000;
pub const IDENTITIES_MAX: usize = 10_000;
pub const CONFIGURATION_SETS_MAX: usize = 10_000;
pub const CONFIGURATION_SET_NAME_CHARACTERS_MAX: usize = 64;
pub const EVENT_DESTINATIONS_MAX: usize = 10;
/// Policies of one identity, and one's document, in bytes.
pub const POLICIES_MAX: usize = 20;
pub const POLICY_BYTES_MAX: usize = 4_096;
pub const TAGS_MAX: usize = 50;
/// Items on a page, unless fewer are asked for.
pub const PAGE_ITEMS: usize = 100;
pub const PAGE_ITEMS_MAX: usize = 1_000;

/// How long the link in a verification mail can be followed.
/// Source: <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html#just-verify-email-proc>
pub const VERIFICATION_TIME: Duration = Duration::from_secs(24 * 3_600);
/// How long a message is tried that a relay does not take for now.
/// Source: <https://docs.aws.amazon.com/ses/latest/dg/monitor-using-event-publishing.html> (delivery delays)
pub const DELIVERY_TIME: Duration = Duration::from_secs(14 * 3_600);
/// Between attempts: at first, and at last.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_secs(1);
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1_800);
/// How long an event is tried to be delivered to its topic or bus.
pub const EVENT_TIME: Duration = Duration::from_secs(3_600);
/// What one row of the statistics is about, and for how long they are kept.
/// Source: <https://docs.aws.amazon.com/ses/latest/APIReference/API_GetSendStatistics.html>
pub const STATISTICS_INTERVAL: Duration = Duration::from_secs(900);
pub const STATISTICS_TIME: Duration = Duration::from_secs(14 * 24 * 3_600);
/// Bytes of a header that events carry.
/// Source: <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html> (headersTruncated)
pub const EVENT_HEADER_BYTES_MAX: usize = 10 * 1_024;
/// Messages that one recipient's domain takes at once.
pub const IN_FLIGHT_MAX: usize = 8;
