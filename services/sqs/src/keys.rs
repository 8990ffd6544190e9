//! Where SQS keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! A queue's messages live under the queue's number, not its name: a queue that is deleted and made again starts empty.

use base::Timestamp;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{Counters, Duplicate, Group, Message, MoveTask, Queue, State};

/// A queue's number.
pub type QueueId = u64;
/// A message's place in its queue.
pub type Sequence = u64;

/// A place in the order of a fair queue.
pub type Turn = u64;

/// By region and name.
pub const QUEUES: Table<(String, String), Queue> = Table::new(prefix::SQS, 1);
pub const NEXT_QUEUE: Table<(), u64> = Table::new(prefix::SQS, 2);
/// What was sent. Never rewritten: what changes is in [`STATES`].
pub const MESSAGES: Table<(QueueId, Sequence), Message> = Table::new(prefix::SQS, 3);
pub const STATES: Table<(QueueId, Sequence), State> = Table::new(prefix::SQS, 4);
/// FIFO: all messages by the moment they are, or become, visible. Standard queues: those that are not in [`FAIR`].
pub const VISIBLE: Table<(QueueId, Timestamp, Sequence), ()> = Table::new(prefix::SQS, 5);
pub const COUNTERS: Table<QueueId, Counters> = Table::new(prefix::SQS, 6);
/// FIFO: the groups that have messages.
pub const GROUPS: Table<(QueueId, String), Group> = Table::new(prefix::SQS, 7);
/// FIFO: each group's messages in order.
pub const GROUP_MESSAGES: Table<(QueueId, String, Sequence), ()> = Table::new(prefix::SQS, 8);
/// FIFO: groups by the moment their first message may be received; the value is the group.
pub const READY: Table<(QueueId, Timestamp, Sequence), String> = Table::new(prefix::SQS, 9);
/// FIFO: deduplication ids that are remembered, and when each is forgotten.
pub const DUPLICATES: Table<(QueueId, String), Duplicate> = Table::new(prefix::SQS, 10);
pub const DUPLICATES_EXPIRY: Table<(QueueId, Timestamp, String), ()> = Table::new(prefix::SQS, 11);
/// Tasks that move messages, by the source's number and the time they started.
pub const MOVE_TASKS: Table<(QueueId, Timestamp), MoveTask> = Table::new(prefix::SQS, 12);

/// Fair queues: the turn that was served last. A queue has one from its first message with a group on.
pub const TURN: Table<QueueId, Turn> = Table::new(prefix::SQS, 13);
/// Fair queues: the turn of each tenant's newest message, while it is to come.
pub const TENANTS: Table<(QueueId, String), Turn> = Table::new(prefix::SQS, 14);
/// Standard queues: visible messages in the order in which they are handed out.
pub const FAIR: Table<(QueueId, Turn, Sequence), ()> = Table::new(prefix::SQS, 15);

/// What a sleeping receiver of the queue waits on.
pub fn channel(queue: QueueId) -> Bytes {
    Bytes::from([&[prefix::SQS][..], &queue.to_be_bytes()].concat())
}
