//! StartReplay, CancelReplay, DescribeReplay, ListReplays.

use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Constraints, Cx};
use wire::DateTime;

use super::archive::ListInput;
use super::{Page, answer, check_name};
use crate::Events;
use crate::error::Error;
use crate::model::{archive, bus, replay};
use crate::name::{BusRef, is_own};
use crate::types::{Replay, ReplayState};

const NAME_CHARACTERS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StartInput {
    pub replay_name: String,
    pub description: Option<String>,
    pub event_source_arn: String,
    pub event_start_time: DateTime,
    pub event_end_time: DateTime,
    pub destination: Destination,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Destination {
    pub arn: String,
    pub filter_arns: Vec<String>,
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, name: &str) -> Arn {
    cx.arn("events", format!("replay/{name}"))
}

pub async fn start(_: Arc<Events>, cx: Cx, input: StartInput) -> Result<Value, Error> {
    let mut constraints = Constraints::default();
    check_name(&mut constraints, &input.replay_name, "replayName", NAME_CHARACTERS_MAX);
    constraints.length(input.description.as_deref(), "description", 512);
    constraints.check()?;
    let wrong = |name: &str| Error::parameter(name, "Provided Arn is not in correct format.");
    let destination = input.destination.arn.parse().ok().and_then(|arn| BusRef::own(&cx, arn));
    let destination = destination.ok_or_else(|| wrong("Destination.Arn"))?;
    let source: Arn = input.event_source_arn.parse().map_err(|_| wrong("EventSourceArn"))?;
    let read = cx.db().read()?;
    bus::find(&read, &destination)?;
    let name = archive::name_of(&source).filter(|_| is_own(&cx, &source)).ok_or_else(|| wrong("EventSourceArn"))?;
    let found = archive::find(&read, &source.region, name)
        .map_err(|_| Error::parameter("EventSourceArn", format_args!("Archive {name} does not exist.")))?;
    let (from, to) = (Timestamp::from(input.event_start_time), Timestamp::from(input.event_end_time));
    if from >= to {
        return Err(Error::parameter("EventEndTime", "EventStartTime must be before EventEndTime."));
    }
    if found.source != destination.arn {
        return Err(Error::parameter("Destination.Arn", "Cross event bus replay is not permitted."));
    }
    let made = Replay {
        arn: resource(&cx, &input.replay_name),
        name: input.replay_name,
        description: input.description,
        archive: source,
        destination: destination.arn,
        filters: input.destination.filter_arns,
        from,
        to,
        state: ReplayState::Starting,
        reason: None,
        started: cx.now(),
        ended: None,
        last: None,
    };
    let shown = json!({"ReplayArn": made.arn, "State": made.state.name(), "ReplayStartTime": cx.now().as_secs_f64()});
    cx.db().write(move |tx| replay::start(tx, &made)).await?;
    Ok(shown)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplayInput {
    pub replay_name: String,
}

pub async fn cancel(_: Arc<Events>, cx: Cx, input: ReplayInput) -> Result<Value, Error> {
    let region = cx.region().to_string();
    let now = cx.now();
    let cancelled = cx.db().write(move |tx| replay::cancel(tx, now, &region, &input.replay_name)).await?;
    // AWS answers before it is done; here it is.
    Ok(json!({"ReplayArn": cancelled.arn, "State": ReplayState::Cancelling.name()}))
}

pub async fn describe(_: Arc<Events>, cx: Cx, input: ReplayInput) -> Result<Value, Error> {
    let found = replay::find(&cx.db().read()?, cx.region().as_str(), &input.replay_name)?;
    let mut shown = summary(&found);
    let mut destination = json!({"Arn": found.destination});
    if !found.filters.is_empty() {
        destination["FilterArns"] = json!(found.filters);
    }
    shown["ReplayArn"] = json!(found.arn);
    shown["Description"] = json!(found.description);
    shown["Destination"] = destination;
    Ok(answer(shown))
}

pub async fn list(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    input.check("ListReplays")?;
    let prefix = input.name_prefix.unwrap_or_default();
    let mut all = replay::all(&cx.db().read()?, cx.region().as_str())?;
    all.retain(|replay| {
        replay.name.starts_with(&prefix)
            && input.state.as_deref().is_none_or(|state| state == replay.state.name())
            && input.event_source_arn.as_deref().is_none_or(|arn| arn == replay.archive.to_string())
    });
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    let shown: Vec<Value> = page.iter().map(|replay| answer(summary(replay))).collect();
    Ok(answer(json!({"Replays": shown, "NextToken": next})))
}

fn summary(replay: &Replay) -> Value {
    json!({
        "ReplayName": replay.name,
        "EventSourceArn": replay.archive,
        "State": replay.state.name(),
        "StateReason": replay.reason,
        "EventStartTime": replay.from.as_secs_f64(),
        "EventEndTime": replay.to.as_secs_f64(),
        "EventLastReplayedTime": replay.last.as_ref().map(|(time, _)| time.as_secs_f64()),
        "ReplayStartTime": replay.started.as_secs_f64(),
        "ReplayEndTime": replay.ended.map(Timestamp::as_secs_f64),
    })
}
