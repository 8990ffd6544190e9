//! From an event on a bus to deliveries in the outbox, and into archives.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde_json::{Map, Value, json};
use service::{Cx, Delivery, Properties, outbox};

use crate::error::Error;
use crate::event;
use crate::index::{Armed, Indexes};
use crate::model::archive;
use crate::name::BusRef;
use crate::note::Note;
use crate::path::Path;
use crate::transform::{self, Setting};
use crate::types::{Rule, Target};

/// Sends an event to the targets of every rule of the bus that matches it.
pub fn publish(tx: &mut Tx, cx: &Cx, indexes: &Indexes, bus: &BusRef, event: &Map<String, Value>) -> Result<(), Error> {
    publish_to(tx, cx, indexes, bus, event, |_| true)
}

/// The same for the rules that `wanted`.
pub fn publish_to(
    tx: &mut Tx,
    cx: &Cx,
    indexes: &Indexes,
    bus: &BusRef,
    event: &Map<String, Value>,
    wanted: impl Fn(&Rule) -> bool,
) -> Result<(), Error> {
    let index = indexes.of(tx, bus)?;
    let matching = index.matching(event);
    for armed in matching.undecided.into_iter().filter(|armed| wanted(&armed.rule)) {
        let id = event.get("id").and_then(Value::as_str);
        tracing::warn!(bus = bus.name, rule = armed.rule.name, id, "an event cannot be compared with a rule's pattern");
    }
    for armed in matching.keys.into_iter().filter(|armed| wanted(&armed.rule)) {
        match armed.rule.archive {
            Some(archive) => archive::keep(tx, cx.now(), bus, archive, event)?,
            None => fire(tx, cx, armed, event)?,
        }
    }
    Ok(())
}

/// Sends an event to all targets of a rule.
pub fn fire(tx: &mut Tx, cx: &Cx, armed: &Armed, event: &Map<String, Value>) -> Result<(), Error> {
    if armed.targets.is_empty() {
        return Ok(());
    }
    let event = Value::Object(event.clone());
    armed.targets.iter().try_for_each(|target| send(tx, cx, &armed.rule, target, &event))
}

fn send(tx: &mut Tx, cx: &Cx, rule: &Rule, target: &Target, event: &Value) -> Result<(), Error> {
    let note = Note::of(target);
    match transform::apply(&target.input, event, &Setting { rule, ingested: cx.now() }) {
        Ok(text) => {
            let payload = shaped(cx, target, text, event);
            let delivery = Delivery {
                message: properties(target, event),
                // The rule's own role is not for its targets: whoever adds one need not be allowed to pass it.
                role: target.role.clone(),
                note: note.to_bytes(),
                ..Delivery::new(cx, rule.arn.clone(), target.arn.clone(), Bytes::from(payload))
            };
            Ok(outbox::send(tx, cx, delivery, None)?)
        }
        Err(transform::NotJson) => {
            let delivery = Delivery::new(cx, rule.arn.clone(), target.arn.clone(), Bytes::from(event.to_string()));
            let reason = "The input template did not result in valid JSON.";
            crate::sender::bury(cx, tx, &Delivery { note: note.to_bytes(), ..delivery }, ("INVALID_JSON", reason), None)
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

/// What queues and streams keep beside the event.
fn properties(target: &Target, event: &Value) -> Properties {
    let partition_key = match target.arn.service.as_str() {
        "kinesis" => {
            let path = target.partition_key_path.as_deref().and_then(Path::parse);
            let found = path.and_then(|path| path.find(event)).or_else(|| event.get("id").cloned());
            found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        _ => None,
    };
    Properties { group: target.group.clone(), partition_key, ..Properties::default() }
}

/// The event of a rule whose schedule came due.
pub fn scheduled_event(rule: &Arn, id: &str, at: Timestamp) -> Map<String, Value> {
    let envelope = event::Envelope {
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
