//! What happens in one instance, for the extensions that have subscribed to it: what Lambda itself has to say, and what the
//! function and its extensions print.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html>

pub(crate) mod api;
mod delivery;
mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Env, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::limits::TELEMETRY_HISTORY_BYTES_MAX;
use api::Subscription;
use queue::Queue;

/// The two APIs by which one subscribes. They differ in what they call things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Logs,
    Telemetry,
}

/// A version of what subscribers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    pub api: Api,
    /// Whether a line of a log in JSON is an object, rather than text.
    pub is_structured: bool,
    /// Whether `platform.runtimeDone` is known.
    pub knows_done: bool,
}

/// Who has printed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Function,
    Extension,
}

/// What one can subscribe to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Types {
    pub platform: bool,
    pub function: bool,
    pub extension: bool,
}

#[derive(Debug, PartialEq)]
enum What {
    Platform { kind: &'static str, record: Value },
    Line { source: Source, text: String, is_json: bool },
}

/// Something that happened.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    time: Timestamp,
    what: What,
    /// About as much as it takes when it is sent.
    pub bytes: usize,
}

/// What one can subscribe to in one instance, and who has.
pub(crate) struct Telemetry {
    env: Env,
    state: Mutex<State>,
}

struct State {
    /// Whether extensions may still subscribe: until the function is ready.
    open: bool,
    /// What happened before an extension could subscribe.
    history: Vec<Arc<Told>>,
    history_bytes: usize,
    subscribers: Vec<Subscriber>,
    /// Ends with this.
    deliveries: JoinSet<()>,
}

struct Subscriber {
    name: String,
    schema: Schema,
    types: Types,
    queue: Arc<Queue>,
}

/// Who has subscribed, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscribed {
    pub name: String,
    pub api: Api,
    pub types: Vec<&'static str>,
}

/// Why a subscription is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotSubscribed {
    Closed,
    /// It has subscribed by the other API.
    ByOther(Api),
}

/// Bytes that an event takes besides its text.
const EVENT_BYTES: usize = 80;

const OF_TELEMETRY: [&str; 7] = [
    "platform.initStart",
    "platform.initRuntimeDone",
    "platform.initReport",
    "platform.restoreStart",
    "platform.restoreRuntimeDone",
    "platform.restoreReport",
    "platform.telemetrySubscription",
];
const OF_LOGS: [&str; 3] = ["platform.end", "platform.fault", "platform.logsSubscription"];
const DONE: &str = "platform.runtimeDone";

impl Api {
    pub fn name(self) -> &'static str {
        if self == Api::Logs { "Logs" } else { "Telemetry" }
    }

    /// What it calls a subscription.
    pub fn subscription(self) -> &'static str {
        if self == Api::Logs { "platform.logsSubscription" } else { "platform.telemetrySubscription" }
    }
}

impl Types {
    pub fn names(self) -> Vec<&'static str> {
        let all = [(self.platform, "platform"), (self.function, "function"), (self.extension, "extension")];
        all.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, name)| name).collect()
    }
}

impl Told {
    pub fn platform(time: Timestamp, kind: &'static str, record: Value) -> Told {
        let bytes = EVENT_BYTES + record.to_string().len();
        Told { time, what: What::Platform { kind, record }, bytes }
    }

    fn line(time: Timestamp, source: Source, text: &str, is_json: bool) -> Told {
        let text = text.strip_suffix('\n').unwrap_or(text).to_string();
        let bytes = EVENT_BYTES + text.len();
        Told { time, what: What::Line { source, text, is_json }, bytes }
    }

    /// Whether a subscriber to these types, in this version, is told.
    pub fn is_for(&self, types: Types, schema: Schema) -> bool {
        match &self.what {
            What::Platform { kind, .. } => types.platform && schema.knows(kind),
            What::Line { source: Source::Function, .. } => types.function,
            What::Line { source: Source::Extension, .. } => types.extension,
        }
    }

    /// As a subscriber gets it.
    pub fn render(&self, schema: Schema) -> String {
        let (kind, record) = match &self.what {
            What::Platform { kind, record } => (*kind, record.clone()),
            What::Line { source, text, is_json } => {
                let kind = if *source == Source::Function { "function" } else { "extension" };
                let object = (*is_json && schema.is_structured).then(|| serde_json::from_str(text).ok()).flatten();
                (kind, object.filter(Value::is_object).unwrap_or_else(|| text.as_str().into()))
            }
        };
        json!({"time": self.time.iso8601(), "type": kind, "record": record}).to_string()
    }
}

impl Schema {
    fn knows(self, kind: &str) -> bool {
        let of_the_other: &[&str] = if self.api == Api::Logs { &OF_TELEMETRY } else { &OF_LOGS };
        !of_the_other.contains(&kind) && (self.knows_done || kind != DONE)
    }
}

impl Telemetry {
    pub fn new(env: Env) -> Arc<Telemetry> {
        let (history, subscribers, deliveries) = (Vec::new(), Vec::new(), JoinSet::new());
        let state = State { open: true, history, history_bytes: 0, subscribers, deliveries };
        Arc::new(Telemetry { env, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lambda itself has something to say.
    pub fn platform(&self, kind: &'static str, record: impl FnOnce() -> Value) {
        let mut state = self.state();
        if state.is_heard() {
            state.tell(Told::platform(self.env.now(), kind, record()));
        }
    }

    /// Something was printed. `is_json`: the log is one of JSON objects.
    pub fn line(&self, source: Source, text: &str, is_json: bool) {
        let mut state = self.state();
        if state.is_heard() {
            state.tell(Told::line(self.env.now(), source, text, is_json));
        }
    }

    /// Takes in a subscriber, who is also told what has happened so far. The same one again changes nothing.
    pub fn subscribe(&self, name: &str, subscription: &Subscription, pid: u32) -> Result<(), NotSubscribed> {
        let mut state = self.state();
        let Subscription { schema, types, buffering, destination } = subscription;
        if !state.open {
            return Err(NotSubscribed::Closed);
        }
        match state.subscribers.iter().find(|subscriber| subscriber.name == name) {
            Some(known) if known.schema.api == schema.api => return Ok(()),
            Some(known) => return Err(NotSubscribed::ByOther(known.schema.api)),
            None => {}
        }
        let queue = Arc::new(Queue::new(*buffering));
        let subscriber = Subscriber { name: name.into(), schema: *schema, types: *types, queue: queue.clone() };
        state.history.iter().for_each(|told| subscriber.tell(told));
        state.subscribers.push(subscriber);
        let record = json!({"name": name, "state": "Subscribed", "types": types.names()});
        state.tell(Told::platform(self.env.now(), schema.api.subscription(), record));
        let delivery = delivery::deliver(queue, destination.clone(), *schema, *types, pid, self.env.clone());
        state.deliveries.spawn(delivery);
        Ok(())
    }

    /// Nobody subscribes any more. Tells who has.
    pub fn close(&self) -> Vec<Subscribed> {
        let mut state = self.state();
        state.open = false;
        (state.history, state.history_bytes) = (Vec::new(), 0);
        let subscribed =
            |it: &Subscriber| Subscribed { name: it.name.clone(), api: it.schema.api, types: it.types.names() };
        state.subscribers.iter().map(subscribed).collect()
    }

    /// Sends what waits without waiting for more: nothing more comes for a while.
    pub fn flush(&self) {
        self.state().subscribers.iter().for_each(|subscriber| subscriber.queue.flush());
    }
}

impl State {
    fn is_heard(&self) -> bool {
        self.open || !self.subscribers.is_empty()
    }

    fn tell(&mut self, told: Told) {
        let told = Arc::new(told);
        self.subscribers.iter().for_each(|subscriber| subscriber.tell(&told));
        if self.open && self.history_bytes + told.bytes <= TELEMETRY_HISTORY_BYTES_MAX {
            self.history_bytes += told.bytes;
            self.history.push(told);
        }
    }
}

impl Subscriber {
    fn tell(&self, told: &Arc<Told>) {
        if told.is_for(self.types, self.schema) {
            self.queue.push(told.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: Schema = Schema { api: Api::Logs, is_structured: false, knows_done: false };
    const TELEMETRY: Schema = Schema { api: Api::Telemetry, is_structured: true, knows_done: true };
    const ALL: Types = Types { platform: true, function: true, extension: true };

    #[test]
    fn events_are_of_one_api_or_both() {
        let told = |kind| Told::platform(Timestamp(0), kind, json!({}));
        let of = |kind| [LOGS, TELEMETRY].map(|schema| told(kind).is_for(ALL, schema));
        assert_eq!(of("platform.initStart"), [false, true]);
        assert_eq!(of("platform.fault"), [true, false]);
        assert_eq!(of("platform.report"), [true, true]);
        assert_eq!(of("platform.runtimeDone"), [false, true]);
        let later = Schema { knows_done: true, ..LOGS };
        assert!(told("platform.runtimeDone").is_for(ALL, later));
        assert!(!told("platform.report").is_for(Types { platform: false, ..ALL }, TELEMETRY));
    }

    #[test]
    fn lines_are_objects_where_the_log_and_the_version_have_them() {
        let render = |text, is_json, schema| Told::line(Timestamp(0), Source::Function, text, is_json).render(schema);
        let plain = r#"{"time":"1970-01-01T00:00:00.000Z","type":"function","record":"a\"b"}"#;
        assert_eq!(
            serde_json::from_str::<Value>(&render("a\"b\n", false, TELEMETRY)).ok(),
            serde_json::from_str(plain).ok()
        );
        let record = |text, is_json, schema| -> Option<Value> {
            serde_json::from_str::<Value>(&render(text, is_json, schema)).ok()?.get("record").cloned()
        };
        assert_eq!(record("{\"a\":1}\n", true, TELEMETRY), Some(json!({"a": 1})));
        assert_eq!(record("{\"a\":1}\n", true, LOGS), Some(json!("{\"a\":1}")));
        assert_eq!(record("{\"a\":1}\n", false, TELEMETRY), Some(json!("{\"a\":1}")));
        assert_eq!(record("3\n", true, TELEMETRY), Some(json!("3")));
    }
}
