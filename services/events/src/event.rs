//! What is read from events.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>

use base::Timestamp;
use serde_json::{Map, Value};

/// When an event happened, as it says itself.
pub fn time_of(event: &Map<String, Value>) -> Option<Timestamp> {
    event.get("time").and_then(Value::as_str).and_then(Timestamp::parse_iso8601)
}

/// A text member of an event.
pub fn text<'e>(event: &'e Map<String, Value>, name: &str) -> &'e str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}
