//! Batches of records as functions get them, what functions answer, and what is told of batches that are given up.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html>

use base::{Arn, Timestamp};
use serde_json::{Map, Value, json};
use sources::stream::{WindowEvent, batch_info};
use sources::{Batch, GivenUp};

use crate::invoke::Ran;
use crate::types::Mapping;

pub fn event(batch: &Batch<'_>, source: &Arn) -> Value {
    let mut event = Map::new();
    event.insert("Records".into(), batch.records.iter().map(|record| Value::Object(record.event.clone())).collect());
    if let Some(WindowEvent { window, length, is_final, is_early }) = &batch.window {
        let state: Value = serde_json::from_str(&window.state).unwrap_or_else(|_| json!({}));
        event.insert("window".into(), json!({"start": seconds(window.start), "end": seconds(window.start + *length)}));
        event.insert("state".into(), state);
        event.insert("shardId".into(), json!(batch.shard));
        event.insert("eventSourceARN".into(), json!(source));
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

/// How the function answered last, for a letter.
pub fn response(ran: &Ran) -> Value {
    json!({"statusCode": 200, "executedVersion": ran.version, "functionError": ran.outcome.function_error})
}

/// What the destination is told of records that are given up.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
pub fn letter(what: &GivenUp<'_>, mapping: &Mapping, now: Timestamp) -> Value {
    let mut message = json!({
        "requestContext": {
            "requestId": what.request_id, "functionArn": mapping.function, "condition": what.condition.name(),
            "approximateInvokeCount": what.attempts,
        },
        "version": "1.0",
        "timestamp": now.iso8601(),
    });
    if let Some(response) = what.response {
        message["responseContext"] = response.clone();
    }
    let (name, info) = batch_info(&mapping.source, what.shard, what.records);
    message[name] = info;
    message
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sources::Window;

    use super::*;

    #[test]
    fn a_window_is_told_with_its_state() {
        let stream: Arn = "arn:aws:dynamodb:r:0:table/t/stream/l".parse().unwrap();
        let window = Window { start: Timestamp::from_secs(60), state: state(br#"{"state":{"n":1},"other":2}"#) };
        let length = Duration::from_secs(60);
        let told = WindowEvent { window: &window, length, is_final: true, is_early: false };
        assert_eq!(
            event(&Batch { shard: "s", records: &[], window: Some(told) }, &stream),
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
