//! An event as rules and targets see it.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>

use base::Timestamp;
use serde_json::{Map, Value, json};

/// What an event is made of.
pub struct Envelope<'a> {
    pub id: &'a str,
    pub detail_type: &'a str,
    pub source: &'a str,
    pub account: &'a str,
    pub time: Timestamp,
    pub region: &'a str,
    pub resources: &'a [String],
    pub detail: Value,
}

impl Envelope<'_> {
    pub fn into_event(self) -> Map<String, Value> {
        let members = [
            ("version", json!("0")),
            ("id", json!(self.id)),
            ("detail-type", json!(self.detail_type)),
            ("source", json!(self.source)),
            ("account", json!(self.account)),
            ("time", json!(time(self.time))),
            ("region", json!(self.region)),
            ("resources", json!(self.resources)),
            ("detail", self.detail),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Events tell whole seconds.
pub fn time(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// When an event happened, as it says itself.
pub fn time_of(event: &Map<String, Value>) -> Option<Timestamp> {
    event.get("time").and_then(Value::as_str).and_then(Timestamp::parse_iso8601)
}

/// A text member of an event.
pub fn text<'e>(event: &'e Map<String, Value>, name: &str) -> &'e str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}
