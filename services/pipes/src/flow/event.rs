//! Events on their way through a pipe: as their source gives them, or as the enrichment does.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html>

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sources::queue::{self, Message, decoded_body};
use sources::stream::Record;

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub value: Value,
    /// Which of the source's events it is, where that is known.
    pub place: Option<usize>,
    /// What it says of itself to who reports failures.
    pub id: Option<String>,
    /// Whether its encoded fields are those of the source.
    is_source: bool,
}

impl Event {
    fn of_source(value: Map<String, Value>, place: usize) -> Event {
        let value = Value::Object(value);
        Event { id: id(&value), value, place: Some(place), is_source: true }
    }

    /// One that the enrichment has made. It is of the source's event whose id it has.
    pub fn enriched(value: Value, before: &[Event]) -> Event {
        let id = id(&value);
        let origin = before.iter().find(|event| id.is_some() && event.id == id);
        Event { place: origin.and_then(|event| event.place), id, value, is_source: false }
    }

    /// The event for templates and paths: what is JSON within it is JSON.
    pub fn for_paths(&self) -> Value {
        match &self.value {
            Value::Object(event) if self.is_source => Value::Object(decoded(event.clone())),
            other => other.clone(),
        }
    }

    pub fn decoded(self) -> Map<String, Value> {
        match self.value {
            Value::Object(event) => decoded(event),
            _ => Map::new(),
        }
    }
}

/// The id by which a target reports a failure: a message's, or a record's.
fn id(event: &Value) -> Option<String> {
    let id = event.get("messageId").or_else(|| event.get("eventID"));
    id.and_then(Value::as_str).map(str::to_owned)
}

pub fn of_message(queue: &Arn, message: &Message, place: usize) -> Event {
    match queue::record(queue, message) {
        Value::Object(event) => Event::of_source(event, place),
        _ => Event::of_source(Map::new(), place),
    }
}

pub fn of_record(record: &Record, place: usize) -> Event {
    Event::of_source(flat(&record.event), place)
}

/// A record as pipes have it: what functions get within `kinesis` comes first.
pub fn flat(record: &Map<String, Value>) -> Map<String, Value> {
    let Some(inner) = record.get("kinesis").and_then(Value::as_object) else { return record.clone() };
    let rest = record.iter().filter(|(name, _)| *name != "kinesis");
    inner.iter().chain(rest).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The event with a body or with data that are JSON as JSON. Other data stay in base64, other bodies text.
///
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html#input-transform-implicit>
pub fn decoded(mut event: Map<String, Value>) -> Map<String, Value> {
    let field = match event.get("eventSource").and_then(Value::as_str) {
        Some("aws:sqs") => "body",
        Some("aws:kinesis") => "data",
        _ => return event,
    };
    let Some(Value::String(text)) = event.get(field) else { return event };
    let decoded = match field {
        "body" => Some(decoded_body(text)),
        _ => STANDARD.decode(text).ok().and_then(|data| serde_json::from_slice(&data).ok()),
    };
    if let Some(decoded) = decoded {
        event.insert(field.to_owned(), decoded);
    }
    event
}

pub fn shown(events: &[Event]) -> String {
    Value::Array(events.iter().map(|event| event.value.clone()).collect()).to_string()
}

/// The source's events, of `count`, that these are of. An event that is of none that is known stands for all of them.
pub fn places(events: &[Event], failed: &[usize], count: usize) -> Vec<usize> {
    let of = |place: &usize| events.get(*place).and_then(|event| event.place);
    let places: Option<Vec<usize>> = failed.iter().map(of).collect();
    let mut places = places.unwrap_or_else(|| (0..count).collect());
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn records_are_flat_and_their_data_decoded_where_they_are_json() {
        let record = |data: &[u8]| {
            let kinesis = json!({"partitionKey": "k", "data": STANDARD.encode(data)});
            map(json!({"kinesis": kinesis, "eventSource": "aws:kinesis", "eventID": "s:1"}))
        };
        let flat = flat(&record(br#"{"n":1}"#));
        assert_eq!(flat.keys().collect::<Vec<_>>(), ["partitionKey", "data", "eventSource", "eventID"]);
        assert_eq!(decoded(flat)["data"], json!({"n": 1}));
        let plain = super::flat(&record(b"plain"));
        assert_eq!(decoded(plain.clone()), plain);
        let body = |body: &str| decoded(map(json!({"eventSource": "aws:sqs", "body": body})))["body"].clone();
        assert_eq!((body("[1]"), body("text")), (json!([1]), json!("text")));
        let change = map(json!({"eventSource": "aws:dynamodb", "body": "[1]", "data": "e30="}));
        assert_eq!(decoded(change.clone()), change);
    }

    #[test]
    fn what_an_enrichment_made_is_of_the_event_whose_id_it_has() {
        let source: Vec<Event> = ["a", "b", "c"]
            .iter()
            .enumerate()
            .map(|(place, id)| Event::of_source(map(json!({"messageId": id, "body": "{}"})), place))
            .collect();
        let enriched = [json!({"messageId": "c"}), json!({"messageId": "a"}), json!({"other": 1})];
        let enriched: Vec<Event> = enriched.into_iter().map(|value| Event::enriched(value, &source)).collect();
        assert_eq!(places(&enriched, &[1, 0], 3), [0, 2]);
        assert_eq!(places(&enriched, &[0, 2], 3), [0, 1, 2]);
        assert!(places(&enriched, &[], 3).is_empty());
    }
}
