//! Batches of records as functions get them, and what functions answer.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html>

use std::time::Duration;

use base::{Arn, Timestamp};
use serde_json::{Map, Value, json};

use super::reader::{Record, batch_info_member};
use crate::limits;
use crate::types::Window;

/// Room in an event for all but its records and the state.
const ENVELOPE_BYTES: usize = 1_024;

/// What an invocation for a tumbling window is told besides its records.
pub struct WindowEvent<'a> {
    pub window: &'a Window,
    pub length: Duration,
    pub shard: &'a str,
    pub stream: &'a Arn,
    /// No more records come for the window.
    pub is_final: bool,
    /// Because its state has become too large.
    pub is_early: bool,
}

/// Bytes of records that an event has room for.
pub fn room(window: Option<&Window>) -> usize {
    (limits::PAYLOAD_BYTES_MAX - ENVELOPE_BYTES).saturating_sub(window.map_or(0, |window| window.state.len()))
}

pub fn event<'r>(records: impl Iterator<Item = &'r Record>, window: Option<&WindowEvent<'_>>) -> Value {
    let mut event = Map::new();
    event.insert("Records".into(), records.map(|record| Value::Object(record.event.clone())).collect());
    if let Some(WindowEvent { window, length, shard, stream, is_final, is_early }) = window {
        let state: Value = serde_json::from_str(&window.state).unwrap_or_else(|_| json!({}));
        event.insert("window".into(), json!({"start": seconds(window.start), "end": seconds(window.start + *length)}));
        event.insert("state".into(), state);
        event.insert("shardId".into(), json!(shard));
        event.insert("eventSourceARN".into(), json!(stream));
        event.insert("isFinalInvokeForWindow".into(), json!(is_final));
        event.insert("isWindowTerminatedEarly".into(), json!(is_early));
    }
    event.into()
}

/// ISO 8601 to the second.
fn seconds(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The state that a function answers, as JSON.
pub fn state(payload: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    answer.get("state").filter(|state| state.is_object()).map_or_else(|| "{}".into(), Value::to_string)
}

/// Which record of the batch is the first that failed, by the function's answer. An answer that makes no sense says that
/// all have.
pub fn first_failure(payload: &[u8], records: &[&str]) -> Option<usize> {
    let Ok(answer) = serde_json::from_slice::<Value>(payload) else { return Some(0) };
    let items = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return None,
        Some(Value::Array(items)) => items,
        Some(_) => return Some(0),
    };
    let place = |item: &Value| {
        let id = item.get("itemIdentifier")?.as_str()?;
        records.iter().position(|sequence| *sequence == id)
    };
    items.iter().map(|item| place(item).unwrap_or(0)).min()
}

/// Why records are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// What the destination is told of records that are given up.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
pub struct Failure<'a> {
    pub request_id: &'a str,
    pub function: String,
    pub condition: Condition,
    pub invocations: u32,
    /// The version that ran last, its error, if any did.
    pub ran: Option<(&'a str, Option<&'a str>)>,
    pub shard: &'a str,
    pub stream: &'a Arn,
    pub now: Timestamp,
}

impl Failure<'_> {
    pub fn message(&self, records: &[&Record]) -> Value {
        let (first, last) = (records.first(), records.last());
        let sequence = |record: Option<&&Record>| record.map(|record| record.sequence.clone());
        let arrival = |record: Option<&&Record>| record.map(|record| record.at.iso8601());
        let condition = match self.condition {
            Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Condition::RecordAgeExceeded => "RecordAgeExceeded",
        };
        let mut message = json!({
            "requestContext": {
                "requestId": self.request_id, "functionArn": self.function, "condition": condition,
                "approximateInvokeCount": self.invocations,
            },
            "version": "1.0",
            "timestamp": self.now.iso8601(),
        });
        if let Some((version, error)) = self.ran {
            message["responseContext"] = json!({"statusCode": 200, "executedVersion": version, "functionError": error});
        }
        message[batch_info_member(self.stream)] = json!({
            "shardId": self.shard,
            "startSequenceNumber": sequence(first),
            "endSequenceNumber": sequence(last),
            "approximateArrivalOfFirstRecord": arrival(first),
            "approximateArrivalOfLastRecord": arrival(last),
            "batchSize": records.len(),
            "streamArn": self.stream,
        });
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_lambda_reads_them() {
        let read = |payload: &str| first_failure(payload.as_bytes(), &["1", "2", "3"]);
        for all_done in ["null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, "\"done\""] {
            assert_eq!(read(all_done), None, "{all_done}");
        }
        let failed = r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}"#;
        assert_eq!(read(failed), Some(1));
        let all_failed = [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"3"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"9"}]}"#,
            r#"{"batchItemFailures":"3"}"#,
            "oops",
        ];
        for all_failed in all_failed {
            assert_eq!(read(all_failed), Some(0), "{all_failed}");
        }
    }

    #[test]
    fn a_window_is_told_with_its_state() {
        let stream: Arn = "arn:aws:dynamodb:r:0:table/t/stream/l".parse().unwrap();
        let window = Window { start: Timestamp::from_secs(60), state: state(br#"{"state":{"n":1},"other":2}"#) };
        let (shard, length) = ("s", Duration::from_secs(60));
        let told = WindowEvent { window: &window, length, shard, stream: &stream, is_final: true, is_early: false };
        assert_eq!(
            event(std::iter::empty(), Some(&told)),
            json!({
                "Records": [], "state": {"n": 1}, "shardId": "s", "eventSourceARN": "arn:aws:dynamodb:r:0:table/t/stream/l",
                "window": {"start": "1970-01-01T00:01:00Z", "end": "1970-01-01T00:02:00Z"},
                "isFinalInvokeForWindow": true, "isWindowTerminatedEarly": false,
            })
        );
        assert_eq!(
            (state(b"null"), state(br#"{"state":"x"}"#), state(b"oops")),
            ("{}".into(), "{}".into(), "{}".into())
        );
    }
}
