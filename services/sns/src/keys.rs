//! Where SNS keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! What a topic remembers (counters, deduplication, its archive) lies under the topic's number, not its name: a topic
//! that is deleted and made again starts empty.

use base::Timestamp;
use kv::Table;
use service::prefix;

use crate::types::{Counters, Duplicate, Message, SigningKey, Subscription, Token, Topic};

/// A topic's number.
pub type TopicId = u64;
/// A message's place among all that were published to its topic.
pub type Sequence = u64;

/// By region and name.
pub const TOPICS: Table<(String, String), Topic> = Table::new(prefix::SNS, 1);
pub const NEXT_TOPIC: Table<(), u64> = Table::new(prefix::SNS, 2);
/// By the topic's region and name, and the subscription's own id.
pub const SUBSCRIPTIONS: Table<(String, String, String), Subscription> = Table::new(prefix::SNS, 3);
/// Which subscription an endpoint has: by the topic's region and name, protocol and endpoint.
pub const ENDPOINTS: Table<(String, String, String, String), String> = Table::new(prefix::SNS, 4);
pub const COUNTERS: Table<TopicId, Counters> = Table::new(prefix::SNS, 5);
/// What a token confirms.
pub const TOKENS: Table<String, Token> = Table::new(prefix::SNS, 6);
/// FIFO: deduplication ids that are remembered, and when each is forgotten.
pub const DUPLICATES: Table<(TopicId, String), Duplicate> = Table::new(prefix::SNS, 7);
pub const DUPLICATES_EXPIRY: Table<(TopicId, Timestamp, String), ()> = Table::new(prefix::SNS, 8);
/// FIFO: what was published while the topic has had an archive, oldest first.
pub const ARCHIVE: Table<(TopicId, Timestamp, Sequence), Message> = Table::new(prefix::SNS, 9);
/// The key that messages are signed with.
pub const SIGNING_KEY: Table<(), SigningKey> = Table::new(prefix::SNS, 10);
