//! SendMessage, SendMessageBatch.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use kv::Tx;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::Blob;

use super::batch::{self, BatchOutput, Entry};
use super::queue_arn;
use crate::Sqs;
use crate::digest;
use crate::error::Error;
use crate::limits;
use crate::model::{message, queue};
use crate::types::{AttributeValue, Message, MessageAttribute, Queue};

/// A message to send: `SendMessage`'s input, and an entry of a batch. One has a queue, the other an id.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageInput {
    pub queue_url: String,
    pub id: String,
    pub message_body: Option<String>,
    pub delay_seconds: Option<i64>,
    pub message_attributes: BTreeMap<String, WireAttribute>,
    pub message_system_attributes: BTreeMap<String, WireAttribute>,
    pub message_deduplication_id: Option<String>,
    pub message_group_id: Option<String>,
}

/// A message attribute on the wire.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WireAttribute {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<Blob>,
    pub data_type: String,
}

impl From<&MessageAttribute> for WireAttribute {
    fn from(attribute: &MessageAttribute) -> WireAttribute {
        let (string_value, binary_value) = match &attribute.value {
            AttributeValue::Text(text) => (Some(text.clone()), None),
            AttributeValue::Binary(bytes) => (None, Some(Blob(bytes.clone()))),
        };
        WireAttribute { string_value, binary_value, data_type: attribute.data_type.clone() }
    }
}

/// The answer to a message; in a batch, an entry of `Successful` with its id.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendMessageOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "MD5OfMessageBody")]
    pub md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    pub md5_of_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    pub md5_of_system_attributes: Option<String>,
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
}

pub async fn send(_: Arc<Sqs>, cx: Cx, input: MessageInput) -> Result<SendMessageOutput, Error> {
    let arn = queue_arn(&cx, &input.queue_url)?;
    let checked = Checked::new(&cx, input)?;
    let now = cx.now();
    cx.db()
        .write(move |tx| {
            let queue = queue::find(tx, &arn)?;
            checked.send(tx, now, &queue)
        })
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendBatchInput {
    pub queue_url: String,
    pub entries: Vec<MessageInput>,
}

impl Entry for MessageInput {
    const NAME: &'static str = "SendMessageBatchRequestEntry";

    fn id(&self) -> &str {
        &self.id
    }
}

pub async fn send_batch(_: Arc<Sqs>, cx: Cx, input: SendBatchInput) -> Result<BatchOutput<SendMessageOutput>, Error> {
    batch::validate(&input.entries)?;
    let arn = queue_arn(&cx, &input.queue_url)?;
    let checked: Vec<_> = input.entries.into_iter().map(|entry| (entry.id.clone(), Checked::new(&cx, entry))).collect();
    let sent = checked.iter().filter_map(|(_, entry)| entry.as_ref().ok()).map(|entry| entry.bytes).sum();
    if sent > limits::MESSAGE_BYTES_MAX {
        return Err(Error::BatchRequestTooLong { sent });
    }
    let now = cx.now();
    cx.db()
        .write(move |tx| {
            let queue = queue::find(tx, &arn)?;
            check_order(&queue, &checked)?;
            let mut output = BatchOutput::default();
            for (id, entry) in &checked {
                match entry {
                    Err(error) => output.fail(id, error),
                    Ok(entry) => {
                        let sent = entry.send(tx, now, &queue);
                        output.push(id, sent.map(|sent| SendMessageOutput { id: Some(id.clone()), ..sent }))?;
                    }
                }
            }
            Ok(output)
        })
        .await
}

/// What places messages in a FIFO queue has to be there for all entries of a batch: else all are refused.
fn check_order(queue: &Queue, entries: &[(String, Result<Checked, Error>)]) -> Result<(), Error> {
    if !queue.is_fifo() {
        return Ok(());
    }
    let checked = entries.iter().filter_map(|(_, entry)| entry.as_ref().ok());
    for entry in checked {
        entry.check_fifo(queue).map_err(|error| Error::InvalidParameterValue(error.to_string()))?;
    }
    Ok(())
}

/// A message that may be sent, as far as can be told without its queue.
struct Checked {
    message: Message,
    delay: Option<u64>,
    bytes: u64,
    output: SendMessageOutput,
}

impl Checked {
    fn new(cx: &Cx, input: MessageInput) -> Result<Checked, Error> {
        let body = input.message_body.filter(|body| !body.is_empty()).ok_or(Error::MissingParameter("MessageBody"))?;
        validate_text(&body).map_err(Error::InvalidMessageContents)?;
        let attributes = attributes(input.message_attributes)?;
        let system = system_attributes(input.message_system_attributes)?;
        let delay = input.delay_seconds.map(|seconds| {
            let valid = u64::try_from(seconds).ok().filter(|seconds| limits::DELAY_SECONDS_RANGE.contains(seconds));
            valid.ok_or_else(|| Error::invalid(seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."))
        });
        for (name, id) in
            [("MessageGroupId", &input.message_group_id), ("MessageDeduplicationId", &input.message_deduplication_id)]
        {
            id.as_deref().map_or(Ok(()), |id| validate_fifo_id(name, id))?;
        }
        let undelivered = cx.undelivered(body.as_bytes())?;
        let message = Message {
            id: cx.env().uuid(),
            body,
            trace_header: system.get("AWSTraceHeader").and_then(text).or_else(|| cx.trace().map(str::to_owned)),
            sender_id: cx.caller().user_id.clone(),
            sent: cx.now(),
            group: input.message_group_id,
            deduplication_id: input.message_deduplication_id,
            sequence_number: None,
            dead_letter_source: None,
            received_before: 0,
            undelivered,
            attributes,
        };
        let output = SendMessageOutput {
            md5_of_body: digest::of_body(&message.body),
            md5_of_attributes: digest::of_attributes(&message.attributes),
            md5_of_system_attributes: digest::of_attributes(&system),
            message_id: message.id.clone(),
            sequence_number: None,
            id: None,
        };
        Ok(Checked { bytes: message::size(&message), message, delay: delay.transpose()?, output })
    }

    fn send(&self, tx: &mut Tx, now: Timestamp, queue: &Queue) -> Result<SendMessageOutput, Error> {
        message::check_size(queue, &self.message)?;
        let mut message = self.message.clone();
        if queue.is_fifo() {
            self.check_fifo(queue)?;
            message.deduplication_id.get_or_insert_with(|| message::content_id(&self.message.body));
        } else if let Some(id) = &message.deduplication_id {
            let reason = "The request includes a parameter that is not valid for this queue type.";
            return Err(Error::invalid(id, "MessageDeduplicationId", reason));
        }
        // Zero is no wish on a FIFO queue, whose own delay applies to all messages.
        let delay = self.delay.filter(|_| !queue.is_fifo());
        let sent = message::send(tx, now, queue, message, delay)?;
        Ok(SendMessageOutput {
            message_id: sent.message_id,
            sequence_number: sent.sequence_number,
            ..self.output.clone()
        })
    }

    fn check_fifo(&self, queue: &Queue) -> Result<(), Error> {
        if self.message.group.is_none() {
            return Err(Error::MissingParameter("MessageGroupId"));
        }
        if let Some(delay) = self.delay.filter(|delay| *delay > 0) {
            let reason = "The request include parameter that is not valid for this queue type.";
            return Err(Error::invalid(delay, "DelaySeconds", reason));
        }
        if self.message.deduplication_id.is_none() && !queue.attributes.content_based_deduplication {
            let text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
            return Err(Error::InvalidParameterValue(text.into()));
        }
        Ok(())
    }
}

/// The text of a `String` attribute.
fn text(attribute: &MessageAttribute) -> Option<String> {
    match &attribute.value {
        AttributeValue::Text(text) => Some(text.clone()),
        AttributeValue::Binary(_) => None,
    }
}

/// Bodies hold what XML 1.0 can: <https://www.w3.org/TR/REC-xml/#charsets>.
fn validate_text(text: &str) -> Result<(), String> {
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    match text.chars().find(|character| !allowed(*character)) {
        None => Ok(()),
        Some(character) => Err(format!(
            "Invalid characters found: U+{:04X}. Valid unicode characters are #x9 | #xA | #xD | [#x20 to #xD7FF] | [#xE000 to #xFFFD] | [#x10000 to #x10FFFF]",
            u32::from(character)
        )),
    }
}

fn validate_fifo_id(name: &str, id: &str) -> Result<(), Error> {
    if !id.is_empty() && id.len() <= limits::FIFO_ID_CHARACTERS_MAX && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::invalid(
        id,
        name,
        format_args!("{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."),
    ))
}

fn attributes(input: BTreeMap<String, WireAttribute>) -> Result<BTreeMap<String, MessageAttribute>, Error> {
    if input.len() > limits::MESSAGE_ATTRIBUTES_MAX {
        return Err(Error::InvalidParameterValue(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{}].",
            input.len(),
            limits::MESSAGE_ATTRIBUTES_MAX
        )));
    }
    input.into_iter().map(|(name, value)| attribute(&name, value).map(|value| (name, value))).collect()
}

fn system_attributes(input: BTreeMap<String, WireAttribute>) -> Result<BTreeMap<String, MessageAttribute>, Error> {
    if let Some(unknown) = input.keys().find(|name| *name != "AWSTraceHeader") {
        return Err(Error::InvalidParameterValue(format!("Message system attribute name '{unknown}' is invalid.")));
    }
    attributes(input)
}

fn attribute(name: &str, input: WireAttribute) -> Result<MessageAttribute, Error> {
    let invalid = |reason: String| Err(Error::InvalidParameterValue(reason));
    // Letters are not only those of English: AWS takes Latin ones with accents.
    let valid = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '-' | '_' | '.')
            || (('\u{c0}'..='\u{17f}').contains(&c) && c.is_alphabetic())
    };
    let lower = name.to_ascii_lowercase();
    let reserved = (lower.starts_with("aws.") || lower.starts_with("amazon.")) && name != "AWSTraceHeader";
    if name.is_empty()
        || name.chars().count() > limits::MESSAGE_ATTRIBUTE_NAME_CHARACTERS_MAX
        || !name.chars().all(valid)
        || reserved
        || name.starts_with('.')
        || name.ends_with('.')
        || name.contains("..")
    {
        return invalid(format!(
            "Message (user) attribute name '{name}' is invalid. Names use letters, digits, '-', '_' and '.', at most 256, without a leading, trailing or double dot, and do not begin with AWS. or Amazon."
        ));
    }
    if input.data_type.chars().count() > limits::MESSAGE_ATTRIBUTE_TYPE_CHARACTERS_MAX {
        return invalid(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String, and 256 characters at most."
        ));
    }
    let kind = input.data_type.split('.').next().unwrap_or_default();
    let value = match (kind, input.string_value, input.binary_value) {
        ("", ..) => {
            return invalid(format!("The message attribute '{name}' must contain non-empty message attribute type."));
        }
        ("String" | "Number", Some(text), None) if !text.is_empty() => AttributeValue::Text(text),
        ("Binary", None, Some(bytes)) if !bytes.0.is_empty() => AttributeValue::Binary(bytes.0),
        ("String" | "Number" | "Binary", ..) => {
            return invalid(format!(
                "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
            ));
        }
        _ => {
            return invalid(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            ));
        }
    };
    if let AttributeValue::Text(text) = &value {
        validate_text(text).map_err(Error::InvalidParameterValue)?;
        if kind == "Number" && text.parse::<f64>().is_err() {
            return invalid(format!("Can't cast the value of message (user) attribute '{name}' to a number."));
        }
    }
    Ok(MessageAttribute { data_type: input.data_type, value })
}
