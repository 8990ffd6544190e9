//! Letters to queues, topics and functions that tell of what came to its end.

use base::{Arn, Region};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use service::{Caller, Cx, Delivery, Error};

use crate::queue;

/// What is told of events that came to their end.
pub struct Letter<'a> {
    /// Whom it comes from: the message group, where the queue or the topic is a FIFO one.
    pub group: &'a str,
    pub body: &'a str,
    /// Of a message.
    pub attributes: Option<Value>,
    /// Tells letters apart.
    pub request_id: &'a str,
    /// For a dead-letter queue: what is sent again from there.
    pub undelivered: Option<Delivery>,
}

/// Sends as the caller, who needs permission.
///
/// # Errors
/// When the letter was not taken.
pub async fn send(cx: &Cx, caller: Caller, to: &Arn, letter: Letter<'_>) -> Result<(), Error> {
    let cx = cx.cloud().cx(caller, Region::new(to.region.as_str()), None);
    let cx = letter.undelivered.map_or(cx.clone(), |delivery| cx.telling_of(delivery));
    let (service, operation, mut input) = match to.service.as_str() {
        "sqs" => ("sqs", "SendMessage", json!({"QueueUrl": queue::url(&cx, to), "MessageBody": letter.body})),
        "sns" => ("sns", "Publish", json!({"TopicArn": to, "Message": letter.body})),
        _ => {
            let payload = STANDARD.encode(letter.body);
            let input = json!({"FunctionName": to, "InvocationType": "Event", "Payload": payload});
            return cx.call::<Value>("lambda", "Invoke", input).await.map(|_| ());
        }
    };
    if let Some(attributes) = letter.attributes {
        input["MessageAttributes"] = attributes;
    }
    if to.resource.ends_with(".fifo") {
        input["MessageGroupId"] = letter.group.into();
        input["MessageDeduplicationId"] = letter.request_id.into();
    }
    cx.call::<Value>(service, operation, input).await.map(|_| ())
}
