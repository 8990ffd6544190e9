//! PutLogEvents.

use std::ops::Range;
use std::sync::Arc;

use base::Timestamp;
use kv::Tx;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{stream as streams, validate_group, validate_stream};
use crate::Logs;
use crate::error::Error;
use crate::limits;
use crate::model::{append, expiry, group, stream};
use crate::types::{Event, Group};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutInput {
    pub log_group_name: String,
    pub log_stream_name: String,
    pub log_events: Vec<EventInput>,
}

#[derive(Debug, Deserialize)]
pub struct EventInput {
    pub timestamp: Timestamp,
    pub message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutOutput {
    pub next_sequence_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_log_events_info: Option<Rejected>,
}

/// Ends are exclusive, the start is inclusive.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_new_log_event_start_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_old_log_event_end_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_log_event_end_index: Option<usize>,
}

pub async fn put(_: Arc<Logs>, cx: Cx, input: PutInput) -> Result<PutOutput, Error> {
    validate_group(&input.log_group_name)?;
    validate_stream(&input.log_stream_name)?;
    validate_batch(&input.log_events)?;
    let events: Vec<_> = input.log_events.into_iter().map(|event| Event(event.timestamp, event.message)).collect();
    let (region, now) = (cx.region().to_string(), cx.now());
    cx.db()
        .write(move |tx| {
            let group = group::find(tx, &region, &input.log_group_name)?;
            put_in(tx, now, &group, &input.log_stream_name, &events)
        })
        .await
}

fn put_in(tx: &mut Tx, now: Timestamp, group: &Group, name: &str, events: &[Event]) -> Result<PutOutput, Error> {
    let stream = stream::find(tx, group.id, name)?;
    let (accepted, rejected) = accept(now, group, events);
    let accepted = events.get(accepted).unwrap_or_default();
    if accepted.is_empty() {
        let next_sequence_token = streams::sequence_token(&stream);
        return Ok(PutOutput { next_sequence_token, rejected_log_events_info: rejected });
    }
    append::append(tx, now, group, name, &append::chunks(accepted.to_vec()))?;
    let next_sequence_token = streams::sequence_token(&stream::find(tx, group.id, name)?);
    Ok(PutOutput { next_sequence_token, rejected_log_events_info: rejected })
}

/// Which of the events, in order of time, are neither too old, nor too new, nor past the group's retention.
fn accept(now: Timestamp, group: &Group, events: &[Event]) -> (Range<usize>, Option<Rejected>) {
    let before = |moment: Timestamp| events.partition_point(|event| event.0 < moment);
    let too_old = before(now - limits::EVENT_AGE_MAX);
    let expired = expiry::cutoff(group, now).map_or(0, before);
    let too_new = events.partition_point(|event| event.0 <= now + limits::EVENT_LEAD_MAX);
    let rejected = Rejected {
        too_new_log_event_start_index: (too_new < events.len()).then_some(too_new),
        too_old_log_event_end_index: (too_old > 0).then_some(too_old),
        expired_log_event_end_index: (expired > 0).then_some(expired),
    };
    let start = too_old.max(expired);
    (start..too_new.max(start), Some(rejected).filter(|rejected| *rejected != Rejected::default()))
}

fn validate_batch(events: &[EventInput]) -> Result<(), Error> {
    let invalid = |rule: String| Err(Error::InvalidParameter(rule));
    let (count, max) = (events.len(), limits::BATCH_EVENTS_MAX);
    if count == 0 || count > max {
        let rule =
            if count == 0 { "greater than or equal to 1".into() } else { format!("less than or equal to {max}") };
        return Err(Error::constraint("[…]", "logEvents", format_args!("Member must have length {rule}")));
    }
    if let Some(empty) = events.iter().position(|event| event.message.is_empty()) {
        let member = format!("logEvents.{}.member.message", empty + 1);
        return Err(Error::constraint("", &member, "Member must have length greater than or equal to 1"));
    }
    let bytes: usize = events.iter().map(|event| event.message.len() + limits::EVENT_OVERHEAD_BYTES).sum();
    if bytes > limits::BATCH_BYTES_MAX {
        return invalid(format!("Upload too large: {bytes} bytes exceeds limit of {}", limits::BATCH_BYTES_MAX));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return invalid("Log events in a single PutLogEvents request must be in chronological order.".into());
    }
    if let [first, .., last] = events
        && last.timestamp.since(first.timestamp) > limits::BATCH_SPAN_MAX
    {
        return invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.".into(),
        );
    }
    Ok(())
}
