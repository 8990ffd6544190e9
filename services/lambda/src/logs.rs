//! What functions print, on its way to the logs service: gathered for a moment, then delivered together.
//!
//! Lines that were not written yet are lost when the server is killed; a thousand invocations share one write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::{AccountId, Arn, Region};
use bytes::Bytes;
use futures_util::StreamExt;
use runtime::limits::LINE_OVERHEAD_BYTES;
use runtime::{FunctionSpec, LogLine};
use serde::Serialize;
use service::Cx;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Lambda;
use crate::limits;

/// Deliveries under way at once.
const DELIVERIES_AT_ONCE: usize = 64;

#[derive(Default)]
pub struct LogBuffer {
    pending: Mutex<Pending>,
    filled: Notify,
}

#[derive(Default)]
struct Pending {
    streams: HashMap<Stream, Vec<LogLine>>,
    bytes: usize,
    /// Lines that found no room.
    dropped: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Stream {
    region: String,
    account: String,
    group: String,
    stream: String,
}

impl LogBuffer {
    pub fn push(&self, spec: &FunctionSpec, stream: &str, lines: Vec<LogLine>) {
        let bytes: usize = lines.iter().map(|line| line.message.len() + LINE_OVERHEAD_BYTES).sum();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.bytes + bytes > limits::LOG_BUFFER_BYTES_MAX {
            pending.dropped += lines.len();
            return;
        }
        pending.bytes += bytes;
        let stream = Stream {
            region: spec.region.clone(),
            account: spec.account.clone(),
            group: spec.log_group.clone(),
            stream: stream.to_owned(),
        };
        pending.streams.entry(stream).or_default().extend(lines);
        self.filled.notify_one();
    }

    /// Writes everything that is there.
    pub async fn flush(&self, cx: &Cx) {
        let Pending { streams, dropped, .. } =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if dropped > 0 {
            tracing::warn!(lines = dropped, "functions print more than can be written; log lines were dropped");
        }
        let deliveries = streams.into_iter().flat_map(|(stream, lines)| deliveries(&stream, lines));
        let deliver = async |delivery: Delivery| {
            if let Err(error) = cx.renew().invoke(delivery.to.clone(), delivery.event).await {
                tracing::error!(%error, to = %delivery.to, "log lines of a function could not be written");
            }
        };
        // Together, so that they share commits; lines of one stream, when they need several deliveries, in order of
        // their timestamps all the same.
        futures_util::stream::iter(deliveries).for_each_concurrent(DELIVERIES_AT_ONCE, deliver).await;
    }
}

struct Delivery {
    to: Arn,
    event: Bytes,
}

/// What a log group takes: lines for one of its streams.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogEvents<'a> {
    log_stream: &'a str,
    events: &'a [LogEvent],
}

#[derive(Serialize)]
struct LogEvent {
    timestamp: u64,
    message: String,
}

/// Lines of one stream, in pieces that fit a delivery.
fn deliveries(stream: &Stream, lines: Vec<LogLine>) -> Vec<Delivery> {
    let (region, account) = (Region::new(stream.region.as_str()), AccountId::new(stream.account.as_str()));
    let to = Arn::new("logs", &region, &account, format!("log-group:{}", stream.group));
    let mut all = Vec::new();
    let (mut events, mut bytes) = (Vec::new(), 0);
    let mut end = |events: &mut Vec<LogEvent>| {
        match serde_json::to_vec(&LogEvents { log_stream: &stream.stream, events }) {
            Ok(event) => all.push(Delivery { to: to.clone(), event: event.into() }),
            Err(error) => tracing::error!(%error, "log lines cannot be encoded"),
        }
        events.clear();
    };
    for LogLine { timestamp, message } in lines {
        // A control character takes six bytes in JSON.
        let escapes = message.bytes().filter(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\').count();
        let size = LINE_OVERHEAD_BYTES + message.len() + 5 * escapes;
        if bytes + size > limits::LOG_DELIVERY_BYTES_MAX && !events.is_empty() {
            end(&mut events);
            bytes = 0;
        }
        bytes += size;
        events.push(LogEvent { timestamp: timestamp.as_millis(), message });
    }
    if !events.is_empty() {
        end(&mut events);
    }
    all
}

/// Writes lines as they come, until the server stops; then lets functions end, and writes their last lines.
pub async fn run(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    lambda.host.connect(&cx);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = lambda.logs.filled.notified() => {}
        }
        // Whatever comes within the delay is written together.
        stop.run_until_cancelled(tokio::time::sleep(limits::LOG_DELAY)).await;
        lambda.logs.flush(&cx).await;
    }
    lambda.runtime.shutdown(limits::SHUTDOWN_GRACE).await;
    lambda.logs.flush(&cx).await;
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn lines_are_cut_into_deliveries() {
        let text = |name: &str| name.to_owned();
        let stream = Stream {
            region: text("us-east-1"),
            account: text("000000000000"),
            group: text("/aws/lambda/f"),
            stream: text("s"),
        };
        let line = |bytes| LogLine { timestamp: Timestamp(7), message: "\u{1}".repeat(bytes) };
        let all = deliveries(&stream, vec![line(1), line(200_000), line(1)]);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].to.to_string(), "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f");
        let first: serde_json::Value = serde_json::from_slice(&all[0].event).unwrap();
        let events = serde_json::json!([{"timestamp": 7, "message": "\u{1}"}]);
        assert_eq!(first, serde_json::json!({"logStream": "s", "events": events}));
        assert!(all[1].event.len() < kv::limits::VALUE_BYTES_MAX);
        let short = deliveries(&stream, (0..100_000).map(|_| line(1)).collect());
        assert!(short.iter().all(|delivery| delivery.event.len() <= limits::LOG_DELIVERY_BYTES_MAX));
    }
}
