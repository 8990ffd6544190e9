//! Events that the cloud's services tell of themselves (an object was created, a capacity reached its maximum): they come
//! to the default bus, as on AWS.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/overview-service-events.html>

use base::Timestamp;
use bytes::Bytes;
use kv::Tx;
use serde_json::{Map, Value, json};

use crate::{Cx, Delivery, Error, outbox};

/// The service that has the buses.
const BRIDGE: &str = "events";
const DEFAULT_BUS: &str = "event-bus/default";
/// What of it stands for a service that tells.
const SOURCES: &str = "event-source/";

/// Tells an event of a service's own on the default bus of the request's region, once `tx` commits. `source` is
/// `aws.s3`, `detail_type` is `Object Created`, `resources` are ARNs.
///
/// Where no rule could match by source and type, that costs one read of a small row, and `detail` is not made. The bus gets
/// the event through the outbox, gives it its id there, and needs no permission for it.
///
/// # Errors
/// When the store cannot be read, or the event is too large for it.
pub fn emit(
    tx: &mut Tx,
    cx: &Cx,
    source: &str,
    detail_type: &str,
    resources: &[String],
    detail: impl FnOnce() -> Value,
) -> Result<(), Error> {
    let bus = cx.arn(BRIDGE, DEFAULT_BUS);
    let Some(target) = cx.cloud().target(BRIDGE) else { return Ok(()) };
    if !target.awaits(tx, &bus, source, detail_type)? {
        return Ok(());
    }
    let envelope = Envelope {
        id: "",
        detail_type,
        source,
        account: cx.account().as_str(),
        time: cx.now(),
        region: cx.region().as_str(),
        resources,
        detail: detail(),
    };
    let event = Value::Object(envelope.into_event()).to_string();
    let from = cx.arn(BRIDGE, format!("{SOURCES}{source}"));
    Ok(outbox::send_as_is(tx, Delivery::new(cx, from, bus, Bytes::from(event)), None)?)
}

/// Whether a delivery was sent by [`emit`].
pub fn is_emitted(delivery: &Delivery) -> bool {
    delivery.from.service == BRIDGE && delivery.from.resource.starts_with(SOURCES)
}

/// What an event is made of, as rules and targets see it.
///
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>
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

/// A moment as events tell it: in whole seconds.
pub fn time(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
