//! Publish, PublishBatch.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::topic_arn;
use crate::error::Error;
use crate::message_attributes::{self, WireAttribute};
use crate::model::fan_out::FanOut;
use crate::model::publish::Published;
use crate::model::{publish, topic};
use crate::types::{Content, Message, Topic};
use crate::{Sns, limits};

/// A message to publish: `Publish`'s input, and an entry of a batch. One has a topic, the other an id.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageInput {
    pub topic_arn: Option<String>,
    pub target_arn: Option<String>,
    pub phone_number: Option<String>,
    pub id: String,
    pub message: String,
    pub subject: Option<String>,
    pub message_structure: Option<String>,
    pub message_attributes: BTreeMap<String, WireAttribute>,
    pub message_deduplication_id: Option<String>,
    pub message_group_id: Option<String>,
}

impl MessageInput {
    /// The topic that it is for, as the request names it.
    pub fn topic(&self) -> &str {
        let named = [&self.topic_arn, &self.target_arn].into_iter().flatten().find(|arn| !arn.is_empty());
        named.map(String::as_str).unwrap_or_default()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublishOutput {
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
}

pub async fn publish(sns: Arc<Sns>, cx: Cx, input: MessageInput) -> Result<PublishOutput, Error> {
    if let Some(number) = &input.phone_number {
        return Err(phone_number(number));
    }
    if input.topic_arn.is_none() && input.target_arn.is_none() {
        return Err(Error::missing("TopicArn or TargetArn"));
    }
    check_text(&input)?;
    let prepared = Prepared::new(&cx, input.clone(), None)?;
    if prepared.bytes > *limits::MESSAGE_BYTES_RANGE.end() {
        return Err(Error::parameter("Message too long"));
    }
    let arn = topic_of(&cx, &input)?;
    let topic = topic::find(&cx.db().read()?, &arn)?;
    if prepared.bytes > publish::bytes_max(&topic) {
        return Err(Error::parameter("Message too long"));
    }
    let mut published = send(&sns, &cx, topic, vec![prepared]).await?;
    let Published { message_id, sequence_number } =
        published.pop().ok_or_else(|| Error::Other(service::Error::internal("nothing was published")))?;
    Ok(PublishOutput { message_id, sequence_number })
}

/// Whether it is a number as E.164 writes them.
pub fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

fn phone_number(number: &str) -> Error {
    if !is_phone_number(number) {
        return Error::reason("PhoneNumber", format_args!("{number} is not valid to publish to"));
    }
    Error::NotImplemented("sns:Publish to a phone number".into())
}

fn topic_of(cx: &Cx, input: &MessageInput) -> Result<Arn, Error> {
    let arn = input.topic();
    if arn.contains(":endpoint/") {
        return Err(Error::reason("TargetArn", "No endpoint found for the target arn specified"));
    }
    topic_arn(cx, arn)
}

/// What is wrong with one message alone: in a batch, the others go on.
fn check_text(input: &MessageInput) -> Result<(), Error> {
    let subject = input.subject.as_deref();
    let sendable = |subject: &str| {
        let length = subject.chars().count();
        (1..=limits::SUBJECT_CHARACTERS_MAX).contains(&length) && !subject.chars().any(char::is_control)
    };
    if subject.is_some_and(|subject| !sendable(subject)) {
        return Err(Error::parameter("Subject"));
    }
    if input.message.is_empty() {
        return Err(Error::parameter("Empty message"));
    }
    let ids =
        [("MessageGroupId", &input.message_group_id), ("MessageDeduplicationId", &input.message_deduplication_id)];
    for (name, id) in ids {
        let valid = |id: &String| {
            (1..=limits::FIFO_ID_CHARACTERS_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if id.as_ref().is_some_and(|id| !valid(id)) {
            return Err(Error::reason(
                name,
                "can only include alphanumeric and punctuation characters. 1 to 128 in length.",
            ));
        }
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchInput {
    pub topic_arn: String,
    pub publish_batch_request_entries: Vec<MessageInput>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchOutput {
    pub successful: Vec<Successful>,
    pub failed: Vec<FailedEntry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Successful {
    pub id: String,
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailedEntry {
    pub id: String,
    pub code: String,
    pub message: String,
    pub sender_fault: bool,
}

pub async fn publish_batch(sns: Arc<Sns>, cx: Cx, input: BatchInput) -> Result<BatchOutput, Error> {
    let entries = input.publish_batch_request_entries;
    if entries.is_empty() {
        return Err(Error::EmptyBatch);
    }
    if entries.len() > limits::BATCH_ENTRIES_MAX {
        return Err(Error::TooManyEntries);
    }
    let topic = topic::find(&cx.db().read()?, &topic_arn(&cx, &input.topic_arn)?)?;
    check_ids(&entries)?;
    let (mut output, mut ids, mut prepared) = (BatchOutput::default(), Vec::new(), Vec::new());
    for (place, entry) in (1..).zip(entries) {
        let (id, text) = (entry.id.clone(), check_text(&entry));
        let entry = Prepared::new(&cx, entry, Some(place));
        match text {
            Ok(()) => {
                ids.push(id);
                prepared.push(entry?);
            }
            Err(error) => output.failed.push(failed(id, error)),
        }
    }
    if prepared.iter().map(|entry| entry.bytes).sum::<u64>() > publish::bytes_max(&topic) {
        return Err(Error::BatchTooLong);
    }
    let published = send(&sns, &cx, topic, prepared).await?;
    let successful = ids.into_iter().zip(published).map(|(id, published)| Successful {
        id,
        message_id: published.message_id,
        sequence_number: published.sequence_number,
    });
    output.successful.extend(successful);
    Ok(output)
}

fn check_ids(entries: &[MessageInput]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    if !entries.iter().all(|entry| seen.insert(entry.id.as_str())) {
        return Err(Error::NotDistinct);
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    for id in entries.iter().map(|entry| entry.id.as_str()) {
        if id.len() > limits::BATCH_ENTRY_ID_CHARACTERS_MAX {
            return Err(Error::InvalidBatchEntryId(format!("is too long: {id}")));
        }
        if id.is_empty() || !id.bytes().all(valid) {
            return Err(Error::InvalidBatchEntryId(format!("contains an impermissible character: {id}")));
        }
    }
    Ok(())
}

fn failed(id: String, error: Error) -> FailedEntry {
    let error = service::Error::from(error);
    let sender_fault = error.is_sender_fault();
    FailedEntry { id, code: error.code.into_owned(), message: error.message, sender_fault }
}

/// A message that may be published, as far as can be told without its topic.
struct Prepared {
    message: Message,
    bytes: u64,
}

impl Prepared {
    /// `place` is an entry's in its batch, from 1.
    fn new(cx: &Cx, input: MessageInput, place: Option<usize>) -> Result<Prepared, Error> {
        let attributes = message_attributes::checked(input.message_attributes, place)?;
        let bytes = input.message.len() + message_attributes::size(&attributes);
        let message = Message {
            id: cx.env().uuid(),
            content: content(input.message, input.message_structure.as_deref())?,
            subject: input.subject,
            attributes,
            published: cx.now(),
            group: input.message_group_id,
            deduplication_id: input.message_deduplication_id,
            sequence_number: None,
        };
        Ok(Prepared { message, bytes: bytes as u64 })
    }
}

/// Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>, `MessageStructure`.
fn content(text: String, structure: Option<&str>) -> Result<Content, Error> {
    match structure {
        Some("json") => {}
        None | Some("") => return Ok(Content::Text(text)),
        Some(_) => return Err(Error::parameter("MessageStructure")),
    }
    let texts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)
        .map_err(|_| Error::parameter("Message Structure - JSON message body failed to parse"))?;
    // What is no text is left out.
    let texts: BTreeMap<String, String> =
        texts.into_iter().filter_map(|(name, text)| Some((name, text.as_str()?.to_owned()))).collect();
    if !texts.contains_key("default") {
        return Err(Error::parameter("Message Structure - No default entry in JSON message body"));
    }
    Ok(Content::ByProtocol(texts))
}

/// Publishes messages in their order, in one transaction.
async fn send(sns: &Arc<Sns>, cx: &Cx, topic: Topic, prepared: Vec<Prepared>) -> Result<Vec<Published>, Error> {
    let read = cx.db().read()?;
    let signer = sns.signer(&read)?;
    let (owner, key, arn) = (sns.clone(), signer.clone(), topic.arn.clone());
    let sign = move || {
        let sender = owner.sender(&key);
        let sign = |Prepared { mut message, .. }: Prepared| {
            publish::fit(&topic, &mut message)?;
            let mut fan_out = FanOut::new(message);
            sender.sign(&read, &topic, &mut fan_out)?;
            Ok(fan_out)
        };
        prepared.into_iter().map(sign).collect::<Result<Vec<FanOut>, Error>>()
    };
    // It takes milliseconds, in which other requests are not to wait.
    let messages = tokio::task::spawn_blocking(sign).await.map_err(service::Error::internal)??;
    let (sns, context) = (sns.clone(), cx.clone());
    cx.db()
        .write(move |tx| {
            // As it is now: it may have been changed, or removed, since it was looked at.
            let topic = topic::find(tx, &arn)?;
            let sender = sns.sender(&signer);
            let publish = |message: &FanOut| publish::publish(tx, &context, &sender, &topic, message.clone());
            messages.iter().map(publish).collect()
        })
        .await
}
