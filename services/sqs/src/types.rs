//! What SQS stores. Times are moments in milliseconds, durations are seconds, as in the API.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::keys::{QueueId, Sequence, Turn};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    pub id: QueueId,
    pub name: String,
    pub arn: Arn,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub attributes: Attributes,
    pub tags: BTreeMap<String, String>,
    /// FIFO: the deduplication scope that was in force before the last change of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_scope: Option<EarlierScope>,
}
kv::stored!(Queue, version = 1);

impl Queue {
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    /// Whether deduplication ids are told apart by group now.
    pub fn deduplicates_by_group(&self, now: Timestamp) -> bool {
        match self.earlier_scope {
            Some(earlier) if now < earlier.until => earlier.by_group,
            _ => self.attributes.deduplicate_by_group,
        }
    }
}

/// A changed deduplication scope takes effect once every id is forgotten that was remembered before: none is judged by
/// two rules. AWS says "up to 60 seconds" of changed attributes.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EarlierScope {
    pub by_group: bool,
    pub until: Timestamp,
}

/// What can be set on a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    pub delay_seconds: u64,
    pub maximum_message_bytes: u64,
    pub retention_seconds: u64,
    pub wait_seconds: u64,
    pub visibility_seconds: u64,
    /// The policy document, as its owner wrote it.
    pub policy: Option<String>,
    pub redrive: Option<Redrive>,
    pub redrive_allow: Option<RedriveAllow>,
    pub kms_master_key: Option<String>,
    pub kms_reuse_seconds: u64,
    pub sqs_managed_sse: bool,
    pub content_based_deduplication: bool,
    /// Whether deduplication ids are told apart by group (`DeduplicationScope` `messageGroup`).
    pub deduplicate_by_group: bool,
    /// Whether the throughput limit counts by group (`FifoThroughputLimit` `perMessageGroupId`).
    pub throughput_by_group: bool,
}

/// Where a message goes that was received too often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redrive {
    pub target: Arn,
    pub max_receive_count: u64,
}

/// Which queues may use this one as their dead-letter queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RedriveAllow {
    All,
    None,
    ByQueue(Vec<Arn>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    pub next: Sequence,
    /// Messages in the queue, whatever their state.
    pub messages: u64,
}
kv::stored!(Counters, version = 1);

/// What was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// `AWSTraceHeader` is the only system attribute there is.
    pub trace_header: Option<String>,
    pub sender_id: String,
    pub sent: Timestamp,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    /// FIFO: the number shown to clients, kept when the message moves to a dead-letter queue.
    pub sequence_number: Option<String>,
    /// The queue that it was moved from.
    pub dead_letter_source: Option<Arn>,
    /// How often it was received in the queues that it was in before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub received_before: u64,
    /// A letter of another service: the delivery that did not arrive. Receivers do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<Bytes>,
}
kv::stored!(Message, version = 1);

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional `.label`.
    pub data_type: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(Bytes),
}

/// Where a message is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub visible: Timestamp,
    pub received: u64,
    pub first_received: Option<Timestamp>,
    /// Standard queues: its place among the visible messages, once it is one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}
kv::stored!(State, version = 1);

impl State {
    /// Whether it has been handed to a receiver who still has time.
    pub fn is_in_flight(&self, now: Timestamp) -> bool {
        self.received > 0 && self.visible > now
    }
}

/// A FIFO group's entry in the ready list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub ready: Timestamp,
    pub head: Sequence,
}
kv::stored!(Group, version = 1);

/// What was answered to the first message with a deduplication id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duplicate {
    pub message_id: String,
    pub sequence_number: String,
    pub expires: Timestamp,
}
kv::stored!(Duplicate, version = 1);

/// A task that moves messages out of a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveTask {
    #[serde(default)]
    pub id: String,
    pub source: Arn,
    /// Where they go; without one, each goes back to where it came from.
    pub destination: Option<Arn>,
    pub per_second: Option<u64>,
    pub moved: u64,
    pub to_move: u64,
    pub status: MoveStatus,
    pub failure: Option<String>,
}
kv::stored!(MoveTask, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveStatus {
    Running,
    Completed,
    Cancelled,
    Failed,
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    const GOLDEN_MESSAGE: &str = "\
        018aa26964a169a4626f6479a162aa6174747269627574657381a16182a9646174615f74797065a642696e617279a576616c\
        756581a642696e617279c40101ac74726163655f686561646572c0a973656e6465725f6964a173a473656e7409a567726f75\
        70c0b064656475706c69636174696f6e5f6964c0af73657175656e63655f6e756d626572c0b2646561645f6c65747465725f\
        736f75726365b161726e3a6177733a7371733a723a303a71";

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let state = State { visible: Timestamp(5), received: 1, first_received: Some(Timestamp(4)), turn: None };
        assert_eq!(
            hex::encode(state.to_bytes().unwrap()),
            "0183a776697369626c6505a8726563656976656401ae66697273745f726563656976656404"
        );
        let message = Message {
            id: "i".into(),
            body: "b".into(),
            attributes: BTreeMap::from([(
                "a".into(),
                MessageAttribute {
                    data_type: "Binary".into(),
                    value: AttributeValue::Binary(Bytes::from_static(&[1])),
                },
            )]),
            trace_header: None,
            sender_id: "s".into(),
            sent: Timestamp(9),
            group: None,
            deduplication_id: None,
            sequence_number: None,
            dead_letter_source: Some("arn:aws:sqs:r:0:q".parse().unwrap()),
            received_before: 0,
            undelivered: None,
        };
        let bytes = message.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_MESSAGE);
        assert_eq!(Message::from_bytes(&bytes).unwrap(), message);
    }
}
