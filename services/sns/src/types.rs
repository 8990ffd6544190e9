//! What SNS stores. Times are moments in milliseconds.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use service::Attribute;

use crate::delivery_policy::{SubscriptionPolicy, TopicPolicy};
use crate::keys::{Sequence, TopicId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    pub id: TopicId,
    pub name: String,
    pub arn: Arn,
    pub created: Timestamp,
    pub attributes: TopicAttributes,
    pub tags: BTreeMap<String, String>,
    /// The document, as its owner wrote it.
    pub data_protection_policy: Option<String>,
}
kv::stored!(Topic, version = 1);

impl Topic {
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// What can be set on a topic. What is `None` is not shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicAttributes {
    pub display_name: String,
    /// The policy document, as its owner wrote it; without one, AWS's default is in force.
    pub policy: Option<String>,
    pub delivery_policy: Option<TopicPolicy>,
    pub kms_master_key: Option<String>,
    /// 1 for SHA-1, 2 for SHA-256.
    pub signature_version: Option<u8>,
    pub tracing: Option<Tracing>,
    pub maximum_message_bytes: Option<u64>,
    pub content_based_deduplication: bool,
    /// Whether deduplication ids are told apart by group (`FifoThroughputScope` `MessageGroup`).
    pub deduplicate_by_group: Option<bool>,
    pub archive: Option<Archive>,
    /// Delivery status logging, by the attributes' own names.
    pub feedback: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tracing {
    PassThrough,
    Active,
}

/// How long a FIFO topic keeps what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    pub days: u32,
    /// When it began: nothing older is in it.
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The number of the next message.
    pub next: Sequence,
    pub confirmed: u64,
    pub pending: u64,
    pub deleted: u64,
    /// Subscriptions with a filter policy.
    pub filtered: u64,
    /// Messages of which not all subscribers have got theirs yet.
    pub fanning_out: u64,
}
kv::stored!(Counters, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    Http,
    Https,
    Email,
    EmailJson,
    Sqs,
    Lambda,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Email => "email",
            Protocol::EmailJson => "email-json",
            Protocol::Sqs => "sqs",
            Protocol::Lambda => "lambda",
        }
    }

    pub fn is_http(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Https)
    }

    pub fn is_mail(self) -> bool {
        matches!(self, Protocol::Email | Protocol::EmailJson)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// The last part of its ARN.
    pub id: String,
    pub topic: Arn,
    pub protocol: Protocol,
    pub endpoint: String,
    /// The ARN of who subscribed.
    pub principal: String,
    pub created: Timestamp,
    /// Whether its endpoint has not confirmed it yet.
    pub pending: bool,
    /// Whether it was confirmed by a signed call.
    pub confirmed_with_signature: bool,
    /// Whether only a signed call may end it.
    pub unsubscribe_with_signature: bool,
    pub attributes: SubscriptionAttributes,
}
kv::stored!(Subscription, version = 1);

impl Subscription {
    pub fn arn(&self) -> Arn {
        Arn { resource: format!("{}:{}", self.topic.resource, self.id), ..self.topic.clone() }
    }
}

/// What can be set on a subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionAttributes {
    pub raw: bool,
    /// The filter policy, as its owner wrote it.
    pub filter: Option<String>,
    /// Whether the filter looks at the message's body rather than at its attributes.
    pub filters_body: bool,
    pub redrive: Option<Redrive>,
    pub delivery_policy: Option<SubscriptionPolicy>,
    pub role: Option<String>,
    pub replay: Option<Replay>,
}

/// Where messages go that could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redrive {
    pub target: Arn,
    /// The document, as its owner wrote it.
    pub document: String,
}

/// Archived messages on their way to a subscriber.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The document, as its owner wrote it.
    pub document: String,
    pub status: ReplayStatus,
    /// Everything before this place has been replayed.
    pub next: (Timestamp, Sequence),
    /// Nothing published after this is replayed; without it, live messages follow the archived ones.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayStatus {
    Pending,
    InProgress,
    Completed,
    Failed,
}

/// What a token confirms: a subscription, or that one which ended goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub subscription: Subscription,
    pub expires: Timestamp,
    /// The topic's number: one that is made again by the same name is another.
    #[serde(default)]
    pub topic: Option<TopicId>,
}
kv::stored!(Token, version = 1);

/// What was answered to the first message with a deduplication id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duplicate {
    pub message_id: String,
    pub sequence_number: String,
    pub expires: Timestamp,
}
kv::stored!(Duplicate, version = 1);

/// What was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub content: Content,
    pub subject: Option<String>,
    pub attributes: BTreeMap<String, Attribute>,
    pub published: Timestamp,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    /// FIFO: the number shown to clients.
    pub sequence_number: Option<String>,
}
kv::stored!(Message, version = 1);

/// The text of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    Text(String),
    /// One for each protocol, and `default` for all others.
    ByProtocol(BTreeMap<String, String>),
}

impl Content {
    pub fn of(&self, protocol: Protocol) -> &str {
        match self {
            Content::Text(text) => text,
            Content::ByProtocol(texts) => {
                texts.get(protocol.name()).or_else(|| texts.get("default")).map(String::as_str).unwrap_or_default()
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// PKCS #8, DER.
    pub private: bytes::Bytes,
    /// X.509, PEM.
    pub certificate: String,
}
kv::stored!(SigningKey, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;
    use service::AttributeValue;

    use super::*;

    const GOLDEN_MESSAGE: &str = "\
        0188a26964a169a7636f6e74656e7481aa427950726f746f636f6c81a764656661756c74a163a77375626a656374c0aa\
        6174747269627574657381a16182a9646174615f74797065a642696e617279a576616c756581a642696e617279c40101\
        a97075626c697368656409a567726f7570a167b064656475706c69636174696f6e5f6964c0af73657175656e63655f6e\
        756d626572c0";
    const GOLDEN_SUBSCRIPTION: &str = "\
        018aa26964a173a5746f706963b161726e3a6177733a736e733a723a303a74a870726f746f636f6caa656d61696c2d6a\
        736f6ea8656e64706f696e74a165a97072696e636970616ca170a76372656174656405a770656e64696e67c3b8636f6e\
        6669726d65645f776974685f7369676e6174757265c2ba756e7375627363726962655f776974685f7369676e61747572\
        65c2aa6174747269627574657387a3726177c2a666696c746572c0ac66696c746572735f626f6479c2a7726564726976\
        65c0af64656c69766572795f706f6c69637985b26865616c7468795265747279506f6c696379c0b17369636b6c795265\
        747279506f6c696379c0ae7468726f74746c65506f6c696379c0ad72657175657374506f6c696379c0aa67756172616e\
        74656564c2a4726f6c65c0a67265706c617984a8646f63756d656e74a164a6737461747573aa496e50726f6772657373\
        a46e657874920102a5756e74696cc0";

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let message = Message {
            id: "i".into(),
            content: Content::ByProtocol(BTreeMap::from([("default".into(), "c".into())])),
            subject: None,
            attributes: BTreeMap::from([(
                "a".into(),
                Attribute {
                    data_type: "Binary".into(),
                    value: AttributeValue::Binary(bytes::Bytes::from_static(&[1])),
                },
            )]),
            published: Timestamp(9),
            group: Some("g".into()),
            deduplication_id: None,
            sequence_number: None,
        };
        let bytes = message.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_MESSAGE);
        assert_eq!(Message::from_bytes(&bytes).unwrap(), message);
        let subscription = Subscription {
            id: "s".into(),
            topic: "arn:aws:sns:r:0:t".parse().unwrap(),
            protocol: Protocol::EmailJson,
            endpoint: "e".into(),
            principal: "p".into(),
            created: Timestamp(5),
            pending: true,
            confirmed_with_signature: false,
            unsubscribe_with_signature: false,
            attributes: SubscriptionAttributes {
                delivery_policy: Some(SubscriptionPolicy::default()),
                replay: Some(Replay {
                    document: "d".into(),
                    status: ReplayStatus::InProgress,
                    next: (Timestamp(1), 2),
                    until: None,
                }),
                ..SubscriptionAttributes::default()
            },
        };
        let bytes = subscription.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_SUBSCRIPTION);
        assert_eq!(Subscription::from_bytes(&bytes).unwrap(), subscription);
    }
}
