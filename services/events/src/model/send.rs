//! From an event on a bus to deliveries in the outbox, and into archives.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde_json::{Map, Value, json};
use service::events::Envelope;
use service::{Cx, Delivery, HttpProperties, Properties, outbox};
use template::Path;

use crate::error::Error;
use crate::event;
use crate::index::{Armed, Indexes};
use crate::limits::PUBLISHED_BYTES_MAX;
use crate::model::archive;
use crate::name::{BusRef, is_api_destination, is_bus};
use crate::note::Note;
use crate::transform::{self, Setting};
use crate::types::{Rule, Target};

/// What one transaction publishes.
pub struct Publication<'a> {
    cx: &'a Cx,
    indexes: &'a Indexes,
    /// The events came from another bus: they go to no third one, so that buses in a ring end.
    /// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html>
    passed_on: bool,
    /// Bytes of all deliveries so far.
    pub sent: usize,
}

impl<'a> Publication<'a> {
    pub fn new(cx: &'a Cx, indexes: &'a Indexes) -> Publication<'a> {
        Publication { cx, indexes, passed_on: false, sent: 0 }
    }

    /// Of events that a rule sent.
    pub fn passed_on(self) -> Publication<'a> {
        Publication { passed_on: true, ..self }
    }

    /// Sends an event to the targets of every rule of the bus that matches it and that is `wanted`.
    pub fn publish(
        &mut self,
        tx: &mut Tx,
        bus: &BusRef,
        event: &Map<String, Value>,
        wanted: impl Fn(&Rule) -> bool,
    ) -> Result<(), Error> {
        let index = self.indexes.of(tx, bus)?;
        let matching = index.matching(event);
        let id = event::text(event, "id");
        for armed in matching.undecided.into_iter().filter(|armed| wanted(&armed.rule)) {
            let rule = &armed.rule.name;
            tracing::warn!(bus = bus.name, rule, id, "an event cannot be compared with a rule's pattern");
        }
        for armed in matching.keys.into_iter().filter(|armed| wanted(&armed.rule)) {
            match armed.rule.archive {
                Some(archive) => archive::keep(tx, self.cx.now(), bus, archive, event)?,
                None => self.fire(tx, armed, event)?,
            }
        }
        Ok(())
    }

    /// Sends an event to all targets of a rule.
    pub fn fire(&mut self, tx: &mut Tx, armed: &Armed, event: &Map<String, Value>) -> Result<(), Error> {
        if armed.targets.is_empty() {
            return Ok(());
        }
        let event = Value::Object(event.clone());
        for target in armed.targets.iter().filter(|target| !(self.passed_on && is_bus(&target.arn))) {
            self.sent += send(tx, self.cx, &armed.rule, target, &event)?;
            if self.sent > PUBLISHED_BYTES_MAX {
                return Err(Error::Throttled);
            }
        }
        Ok(())
    }
}

/// The bytes that the target is to get.
fn send(tx: &mut Tx, cx: &Cx, rule: &Rule, target: &Target, event: &Value) -> Result<usize, Error> {
    let note = Note::of(target);
    match transform::apply(&target.input, event, &Setting { rule, ingested: cx.now() }) {
        Ok(text) => {
            let payload = shaped(cx, target, text, event);
            let bytes = payload.len();
            let delivery = Delivery {
                message: properties(target, event),
                // The rule's own role is not for its targets: whoever adds one need not be allowed to pass it.
                role: target.role.clone(),
                note: note.to_bytes(),
                ..Delivery::new(cx, rule.arn.clone(), target.arn.clone(), Bytes::from(payload))
            };
            outbox::send(tx, cx, delivery, None)?;
            Ok(bytes)
        }
        Err(transform::NotJson) => {
            let delivery = Delivery::new(cx, rule.arn.clone(), target.arn.clone(), Bytes::from(event.to_string()));
            let bytes = delivery.event.len();
            let reason = "The input template did not result in valid JSON.";
            let delivery = Delivery { note: note.to_bytes(), ..delivery };
            crate::sender::bury(cx, tx, &delivery, ("INVALID_JSON", reason), None)?;
            Ok(bytes)
        }
    }
}

/// Log groups take lines; every other target takes the text.
fn shaped(cx: &Cx, target: &Target, text: String, event: &Value) -> String {
    if target.arn.service != "logs" {
        return text;
    }
    let written: Option<Value> = serde_json::from_str(&text).ok();
    // A template may give the line's time and message.
    let line =
        written.as_ref().and_then(|line| Some((line.get("timestamp")?.as_u64()?, line.get("message")?.as_str()?)));
    let (timestamp, message) = line.unwrap_or((cx.now().as_millis(), &text));
    let stream = event.get("id").cloned().unwrap_or_default();
    json!({"logStream": stream, "events": [{"timestamp": timestamp, "message": message}]}).to_string()
}

/// What queues, streams and requests have beside the event.
fn properties(target: &Target, event: &Value) -> Properties {
    let partition_key = match target.arn.service.as_str() {
        "kinesis" => {
            let path = target.partition_key_path.as_deref().and_then(Path::parse);
            let key = path.and_then(|path| path.find(event)).or_else(|| event.get("id").cloned());
            key.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        _ => None,
    };
    let http = target.http.as_ref().filter(|_| is_api_destination(&target.arn)).map(|http| HttpProperties {
        path: http.path_values.iter().map(|value| found(value, event)).collect(),
        headers: http.headers.iter().map(|(name, value)| (name.clone(), found(value, event))).collect(),
        query: http.query.iter().map(|(name, value)| (name.clone(), found(value, event))).collect(),
    });
    Properties { group: target.group.clone(), partition_key, http, ..Properties::default() }
}

/// A value of a request: what a path leads to, as text, or the value itself.
fn found(value: &str, event: &Value) -> String {
    let Some(path) = Path::parse(value) else { return value.to_owned() };
    let found = path.find(event).unwrap_or_else(|| json!(""));
    found.as_str().map_or_else(|| found.to_string(), str::to_owned)
}

/// The event of a rule whose schedule came due.
pub fn scheduled_event(rule: &Arn, id: &str, at: Timestamp) -> Map<String, Value> {
    let envelope = Envelope {
        id,
        detail_type: "Scheduled Event",
        source: "aws.events",
        account: &rule.account,
        time: at,
        region: &rule.region,
        resources: &[rule.to_string()],
        detail: json!({}),
    };
    envelope.into_event()
}
