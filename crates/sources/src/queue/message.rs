//! Messages as SQS gives them, and as consumers get them.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event>

use std::collections::BTreeMap;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::BATCH_BYTES_MAX;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Received {
    pub messages: Vec<Message>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Message {
    pub message_id: String,
    pub receipt_handle: String,
    pub body: String,
    #[serde(rename = "MD5OfBody")]
    pub md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes")]
    pub md5_of_attributes: Option<String>,
    pub attributes: BTreeMap<String, String>,
    pub message_attributes: BTreeMap<String, MessageAttribute>,
}

/// In from SQS with its members capitalized, out to the function without.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"), default)]
pub struct MessageAttribute {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
    /// Lists are not something that a message can have, but their members are there.
    #[serde(skip_deserializing)]
    pub string_list_values: [String; 0],
    #[serde(skip_deserializing)]
    pub binary_list_values: [String; 0],
    pub data_type: String,
}

/// The event for a batch.
pub fn event(queue: &Arn, messages: &[Message]) -> Value {
    json!({"Records": messages.iter().map(|message| record(queue, message)).collect::<Vec<_>>()})
}

/// A message as a record of an event.
pub fn record(queue: &Arn, message: &Message) -> Value {
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": message.message_attributes,
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": queue.region,
    });
    if let Some(md5) = &message.md5_of_attributes {
        record["md5OfMessageAttributes"] = md5.as_str().into();
    }
    record
}

/// The body as the JSON that it is; as text, where it is none.
pub fn decoded_body(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| body.into())
}

/// About how many bytes the record takes in an event; rather too many, since quotes and line breaks are escaped.
pub fn size(message: &Message) -> usize {
    let escaped = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
                0..0x20 => 6,
                _ => 1,
            })
            .sum::<usize>()
    };
    let attribute = |(name, attribute): (&String, &MessageAttribute)| {
        let value = attribute.string_value.as_ref().or(attribute.binary_value.as_ref());
        name.len() + attribute.data_type.len() + value.map_or(0, |value| escaped(value)) + 100
    };
    let attributes: usize = message.message_attributes.iter().map(attribute).sum();
    let system: usize = message.attributes.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    escaped(&message.body) + attributes + system + message.receipt_handle.len() + 512
}

/// The batch in parts that are each small enough to be handed on.
pub fn split(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut parts: Vec<Vec<Message>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let size = size(&message);
        match parts.last_mut() {
            Some(part) if bytes + size <= BATCH_BYTES_MAX => part.push(message),
            _ => {
                parts.push(vec![message]);
                bytes = 0;
            }
        }
        bytes += size;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_shape_that_functions_know() {
        let received: Received = serde_json::from_value(json!({"Messages": [{
            "MessageId": "m", "ReceiptHandle": "r", "Body": "b", "MD5OfBody": "5", "Attributes": {"SentTimestamp": "1"},
            "MessageAttributes": {"k": {"StringValue": "v", "DataType": "String"}},
        }]}))
        .unwrap();
        let queue: Arn = "arn:aws:sqs:us-east-1:000000000000:q".parse().unwrap();
        assert_eq!(
            event(&queue, &received.messages),
            json!({"Records": [{
                "messageId": "m", "receiptHandle": "r", "body": "b", "attributes": {"SentTimestamp": "1"},
                "messageAttributes": {"k": {"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"}},
                "md5OfBody": "5", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
                "awsRegion": "us-east-1",
            }]})
        );
    }

    #[test]
    fn batches_are_split_to_fit() {
        let message = |bytes: usize| Message { body: "\n".repeat(bytes / 2), ..Message::default() };
        let parts = split(vec![message(4 << 20), message(1 << 20), message(4 << 20), message(10)]);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        let queue: Arn = "arn:aws:sqs:us-east-1:000000000000:q".parse().unwrap();
        assert!(parts.iter().all(|part| event(&queue, part).to_string().len() <= BATCH_BYTES_MAX));
        assert!(split(Vec::new()).is_empty());
    }
}
