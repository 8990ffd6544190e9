//! Publishing: what a topic does with a message.

use base::Timestamp;
use kv::Tx;
use service::Cx;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::keys::Sequence;
use crate::limits;
use crate::model::fan_out::{FanOut, Sender};
use crate::model::{archive, deduplication, topic};
use crate::types::{Message, Topic};

/// What became of a message that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub message_id: String,
    pub sequence_number: Option<String>,
}

/// Publishes a message to its topic's subscribers.
pub fn publish(tx: &mut Tx, cx: &Cx, sender: &Sender, topic: &Topic, mut fan_out: FanOut) -> Result<Published, Error> {
    let published = Published { message_id: fan_out.message().id.clone(), sequence_number: None };
    if !topic.is_fifo() {
        sender.fan_out(tx, cx, topic, fan_out)?;
        return Ok(published);
    }
    let sequence = next_sequence(tx, topic)?;
    let number = sequence_number(sequence);
    if let Some(first) = deduplication::check(tx, cx.now(), topic, fan_out.message(), &number)? {
        return Ok(Published { message_id: first.message_id, sequence_number: Some(first.sequence_number) });
    }
    fan_out.number(&number);
    archive::keep(tx, topic, sequence, fan_out.message())?;
    sender.fan_out(tx, cx, topic, fan_out)?;
    Ok(Published { sequence_number: Some(number), ..published })
}

/// The place of the topic's next message, which is taken by that.
fn next_sequence(tx: &mut Tx, topic: &Topic) -> Result<Sequence, Error> {
    Ok(topic::count(tx, topic.id, |counters| counters.next += 1)?.next)
}

/// Shown with 20 digits, as AWS does, so that they sort as text.
fn sequence_number(sequence: Sequence) -> String {
    (10_000_000_000_000_000_000_u128 + u128::from(sequence)).to_string()
}

/// Checks a message against its topic, and completes it by the topic's rules.
pub fn fit(topic: &Topic, message: &mut Message) -> Result<(), Error> {
    if !topic.is_fifo() {
        if message.deduplication_id.is_some() {
            return Err(Error::reason(
                "MessageDeduplicationId",
                "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            ));
        }
        return Ok(());
    }
    if message.group.is_none() {
        return Err(Error::parameter("The MessageGroupId parameter is required for FIFO topics"));
    }
    if message.deduplication_id.is_none() {
        if !topic.attributes.content_based_deduplication {
            return Err(Error::parameter(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            ));
        }
        message.deduplication_id = Some(content_id(message));
    }
    Ok(())
}

/// The id that content-based deduplication gives: a digest of the body, attributes left out, as AWS documents.
fn content_id(message: &Message) -> String {
    let text = match &message.content {
        crate::types::Content::Text(text) => text.clone(),
        crate::types::Content::ByProtocol(texts) => serde_json::json!(texts).to_string(),
    };
    hex::encode(Sha256::digest(text))
}

/// How large a message may be.
pub fn bytes_max(topic: &Topic) -> u64 {
    topic.attributes.maximum_message_bytes.unwrap_or(limits::MESSAGE_BYTES_MAX)
}

/// The id of a message that another service publishes, by the request that brings it: the same before its transaction and in it.
pub fn delivered_id(request: &str, topic: &Topic, accepted: Timestamp) -> String {
    let digest = Sha256::digest(format!("{request} {} {}", topic.arn, accepted.0));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
