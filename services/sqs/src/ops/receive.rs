//! ReceiveMessage, with long polling.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::queue_arn;
use super::send::WireAttribute;
use crate::Sqs;
use crate::digest;
use crate::error::Error;
use crate::keys;
use crate::limits;
use crate::model::message::{self, Received};
use crate::model::queue;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReceiveInput {
    pub queue_url: String,
    pub attribute_names: Vec<String>,
    pub message_system_attribute_names: Vec<String>,
    pub message_attribute_names: Vec<String>,
    pub max_number_of_messages: Option<i64>,
    pub visibility_timeout: Option<i64>,
    pub wait_time_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceiveOutput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<MessageOutput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageOutput {
    pub message_id: String,
    pub receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    pub md5_of_body: String,
    pub body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<&'static str, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    pub md5_of_attributes: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub message_attributes: BTreeMap<String, WireAttribute>,
}

const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

/// A request with its numbers checked.
struct Wanted {
    limit: usize,
    visibility: Option<u64>,
    wait: Option<u64>,
}

pub async fn receive(_: Arc<Sqs>, cx: Cx, mut input: ReceiveInput) -> Result<ReceiveOutput, Error> {
    let wanted = validate(&input)?;
    input.message_system_attribute_names.append(&mut input.attribute_names);
    if let Some(unknown) =
        input.message_system_attribute_names.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str()))
    {
        return Err(Error::InvalidAttributeName(unknown.clone()));
    }
    let arn = queue_arn(&cx, &input.queue_url)?;
    let messages = poll(&cx, &arn, &wanted).await?;
    Ok(ReceiveOutput { messages: messages.into_iter().map(|received| output(received, &input)).collect() })
}

fn validate(input: &ReceiveInput) -> Result<Wanted, Error> {
    let max = input.max_number_of_messages.unwrap_or(1);
    if !limits::RECEIVE_MESSAGES_RANGE.contains(&max) {
        return Err(Error::invalid(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."));
    }
    let seconds = |value: Option<i64>, range: std::ops::RangeInclusive<u64>, name: &str| {
        let check = |value: i64| {
            let valid = u64::try_from(value).ok().filter(|value| range.contains(value));
            valid.ok_or_else(|| {
                Error::invalid(
                    value,
                    name,
                    format_args!("Must be >= {} and <= {}, if provided.", range.start(), range.end()),
                )
            })
        };
        value.map(check).transpose()
    };
    Ok(Wanted {
        limit: usize::try_from(max).unwrap_or(1),
        visibility: seconds(input.visibility_timeout, limits::VISIBILITY_SECONDS_RANGE, "VisibilityTimeout")?,
        wait: seconds(input.wait_time_seconds, limits::WAIT_SECONDS_RANGE, "WaitTimeSeconds")?,
    })
}

/// Receives what there is; with nothing there, waits until something comes or the time is over.
async fn poll(cx: &Cx, arn: &base::Arn, wanted: &Wanted) -> Result<Vec<Received>, Error> {
    let queue = queue::find(&cx.db().read()?, arn)?;
    let wait = wanted.wait.unwrap_or(queue.attributes.wait_seconds);
    let until = cx.now() + Duration::from_secs(wait);
    loop {
        let mut changed = cx.db().watch(&keys::channel(queue.id));
        let now = cx.env().now();
        // Looking costs no write: only a queue that has something for us is worth a transaction.
        let next = message::next_visible(&cx.db().read()?, &queue)?;
        if next.is_some_and(|next| next <= now) {
            let (arn, limit, visibility) = (arn.clone(), wanted.limit, wanted.visibility);
            let received = cx.db().write(move |tx| message::receive(tx, now, &arn, limit, visibility)).await?;
            if !received.is_empty() {
                return Ok(received);
            }
        }
        if now >= until {
            return Ok(Vec::new());
        }
        let next = message::next_visible(&cx.db().read()?, &queue)?.map_or(until, |next| next.min(until));
        wake_at(now, next, &mut changed).await;
        // A queue that was deleted meanwhile has nothing to wait for.
        queue::find(&cx.db().read()?, arn)?;
    }
}

async fn wake_at(now: Timestamp, next: Timestamp, changed: &mut kv::Watch) {
    tokio::select! {
        () = changed.changed() => {}
        () = tokio::time::sleep(next.since(now)) => {}
    }
}

fn output(received: Received, input: &ReceiveInput) -> MessageOutput {
    let Received { message, state, receipt } = received;
    let mut attributes = BTreeMap::from([
        ("ApproximateReceiveCount", (message.received_before + state.received).to_string()),
        ("SenderId", message.sender_id),
        ("SentTimestamp", message.sent.as_millis().to_string()),
    ]);
    let optional = [
        ("ApproximateFirstReceiveTimestamp", state.first_received.map(|time| time.as_millis().to_string())),
        ("AWSTraceHeader", message.trace_header),
        ("DeadLetterQueueSourceArn", message.dead_letter_source.map(|arn| arn.to_string())),
        ("MessageDeduplicationId", message.deduplication_id),
        ("MessageGroupId", message.group),
        ("SequenceNumber", message.sequence_number),
    ];
    attributes.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let names = &input.message_system_attribute_names;
    attributes.retain(|name, _| names.iter().any(|wanted| wanted == "All" || wanted == name));

    let wanted: BTreeMap<_, _> =
        message.attributes.iter().filter(|(name, _)| is_wanted(name, &input.message_attribute_names)).collect();
    MessageOutput {
        md5_of_body: digest::of_body(&message.body),
        md5_of_attributes: digest::of_attributes(wanted.iter().map(|(name, value)| (*name, *value))),
        message_attributes: wanted.into_iter().map(|(name, value)| (name.clone(), value.into())).collect(),
        message_id: message.id,
        receipt_handle: receipt.to_string(),
        body: message.body,
        attributes,
    }
}

/// `All`, `*`, `.*`, a name, or a prefix written as `prefix.*`.
fn is_wanted(name: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == "All" || wanted == "*" || wanted == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_names_select() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(is_wanted("a.b", &names(&["a.*"])));
        assert!(is_wanted("x", &names(&["All"])) && is_wanted("x", &names(&["*"])) && is_wanted("x", &names(&[".*"])));
        assert!(!is_wanted("x", &names(&["y", "xy.*"])) && !is_wanted("x", &[]));
    }
}
