//! PutEvents, TestEventPattern.

use std::sync::Arc;

use base::Timestamp;
use kv::Tx;
use pattern::Pattern;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::events::Envelope;
use service::{Constraints, Cx, Permission};
use wire::DateTime;

use crate::Events;
use crate::error::Error;
use crate::limits::{ENTRIES_BYTES_MAX, ENTRIES_MAX, PATTERN_CHARACTERS_MAX};
use crate::model::bus;
use crate::model::send::Publication;
use crate::name::BusRef;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub entries: Vec<Entry>,
    pub endpoint_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Entry {
    pub time: Option<DateTime>,
    pub source: Option<String>,
    pub resources: Vec<String>,
    pub detail_type: Option<String>,
    pub detail: Option<String>,
    pub event_bus_name: Option<String>,
    pub trace_header: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutOutput {
    pub failed_entry_count: usize,
    pub entries: Vec<Outcome>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// What an entry lacks: code and message.
type Refused = (&'static str, String);
/// The event that an entry is, and the bus that it is for.
type Prepared = Result<(BusRef, Map<String, Value>), Refused>;

/// The bus of each entry must allow it, by the caller's policies or by its own.
pub fn permissions(cx: &Cx, input: &PutInput) -> Result<Vec<Permission>, service::Error> {
    let mut names: Vec<Option<&str>> = input.entries.iter().map(|entry| entry.event_bus_name.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let read = cx.db().read()?;
    let permission = |name: Option<&str>| {
        let on = BusRef::parse(cx, name)?;
        let policy = match bus::find(&read, &on) {
            Ok(bus) => bus.policy,
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Permission { resource_policy: policy, ..Permission::new("events:PutEvents", &on.arn) })
    };
    Ok(names.into_iter().map(permission).collect::<Result<_, Error>>()?)
}

pub async fn put(events: Arc<Events>, cx: Cx, input: PutInput) -> Result<PutOutput, Error> {
    if input.endpoint_id.is_some() {
        return Err(Error::NotImplemented("Sending events to a global endpoint".into()));
    }
    check(&input.entries)?;
    let prepared: Vec<Prepared> = input.entries.iter().map(|entry| prepare(&cx, entry)).collect();
    let outcomes = prepared.iter().map(outcome).collect::<Vec<_>>();
    let accepted: Vec<_> = prepared.into_iter().filter_map(Result::ok).collect();
    if !accepted.is_empty() {
        let context = cx.clone();
        let write = move |tx: &mut Tx| {
            let mut publication = Publication::new(&context, &events.indexes);
            accepted.iter().try_for_each(|(bus, event)| publication.publish(tx, bus, event, |_| true))
        };
        cx.db().write(write).await?;
    }
    Ok(PutOutput {
        failed_entry_count: outcomes.iter().filter(|outcome| outcome.error_code.is_some()).count(),
        entries: outcomes,
    })
}

fn outcome(prepared: &Prepared) -> Outcome {
    match prepared {
        Ok((_, event)) => Outcome { event_id: Some(crate::event::text(event, "id").to_owned()), ..Outcome::default() },
        Err((code, message)) => {
            Outcome { error_code: Some(code), error_message: Some(message.clone()), ..Outcome::default() }
        }
    }
}

/// What is wrong with the request as a whole.
fn check(entries: &[Entry]) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if entries.is_empty() {
        constraints.fail("[]", "entries", "have length greater than or equal to 1");
    }
    if entries.len() > ENTRIES_MAX {
        let shown = entries.iter().map(in_words).collect::<Vec<_>>().join(", ");
        constraints.fail(
            format_args!("[{shown}]"),
            "entries",
            format_args!("have length less than or equal to {ENTRIES_MAX}"),
        );
    }
    constraints.check()?;
    if entries.iter().map(size).sum::<usize>() > ENTRIES_BYTES_MAX {
        return Err(Error::validation("Total size of the entries in the request is over the limit."));
    }
    Ok(())
}

/// An entry as AWS's own words show it.
fn in_words(entry: &Entry) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".into());
    let time = entry.time.map_or_else(|| "null".into(), |time| time.0.as_secs().to_string());
    let resources =
        if entry.resources.is_empty() { "null".into() } else { format!("[{}]", entry.resources.join(", ")) };
    format!(
        "PutEventsRequestEntry(time={time}, source={}, resources={resources}, detailType={}, detail={}, eventBusName={}, traceHeader={}, kmsKeyIdentifier=null, internalMetadata=null)",
        shown(&entry.source),
        shown(&entry.detail_type),
        shown(&entry.detail),
        shown(&entry.event_bus_name),
        shown(&entry.trace_header),
    )
}

/// The bytes that an entry counts with.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-send-events-size>
fn size(entry: &Entry) -> usize {
    let texts = [&entry.source, &entry.detail_type, &entry.detail];
    let texts = texts.into_iter().flatten().chain(&entry.resources).map(String::len).sum::<usize>();
    texts + entry.time.map_or(0, |_| 14)
}

fn prepare(cx: &Cx, entry: &Entry) -> Prepared {
    let required = |value: &Option<String>, name: &str| {
        value.clone().filter(|value| !value.is_empty()).ok_or_else(|| {
            ("InvalidArgument", format!("Parameter {name} is not valid. Reason: {name} is a required argument."))
        })
    };
    let source = required(&entry.source, "Source")?;
    let detail_type = required(&entry.detail_type, "DetailType")?;
    let detail = required(&entry.detail, "Detail")?;
    // Services of the cloud do not come this way.
    if source.starts_with("aws.") || source == "aws" {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".into()));
    }
    // Within something else, as it will be in its event: that must be read again, and nesting has a limit.
    let detail: Value = match serde_json::from_str::<[Value; 1]>(&format!("[{detail}]")) {
        Ok([detail @ Value::Object(_)]) => detail,
        _ => return Err(("MalformedDetail", "Detail is malformed.".into())),
    };
    let on =
        BusRef::parse(cx, entry.event_bus_name.as_deref()).map_err(|error| ("InvalidArgument", error.to_string()))?;
    let envelope = Envelope {
        id: &cx.env().uuid(),
        detail_type: &detail_type,
        source: &source,
        account: cx.account().as_str(),
        time: entry.time.map_or(cx.now(), Timestamp::from),
        region: on.region(),
        resources: &entry.resources,
        detail,
    };
    let event = envelope.into_event();
    Ok((on, event))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TestInput {
    pub event_pattern: String,
    pub event: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TestOutput {
    pub result: bool,
}

/// What an event must have for a pattern to be tried on it.
const MANDATORY: [&str; 6] = ["id", "account", "source", "time", "region", "detail-type"];

pub async fn test(_: Arc<Events>, _: Cx, input: TestInput) -> Result<TestOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.length(Some(&input.event_pattern), "eventPattern", PATTERN_CHARACTERS_MAX);
    constraints.check()?;
    let event: Option<Map<String, Value>> = serde_json::from_str(&input.event).ok();
    let is_whole = |event: &Map<String, Value>| MANDATORY.iter().all(|name| event.contains_key(*name));
    let Some(event) = event.filter(is_whole) else {
        return Err(Error::validation("Parameter Event is not valid."));
    };
    let matches = Pattern::parse(&input.event_pattern)?.matches(&event);
    let result = matches.map_err(|too_complex| Error::parameter("Event", too_complex))?;
    Ok(TestOutput { result })
}
