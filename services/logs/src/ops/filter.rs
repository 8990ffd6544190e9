//! FilterLogEvents: the events of a group that fit a pattern, over all its streams, oldest first.

use std::sync::Arc;

use base::Timestamp;
use kv::Read;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::events::visible;
use super::{GroupChoice, limit, validate_stream};
use crate::Logs;
use crate::error::Error;
use crate::limits;
use crate::model::append::size;
use crate::model::read::{self, Found, Step};
use crate::model::{group, stream};
use crate::pattern::Pattern;
use crate::position::Position;
use crate::types::{Event, Group};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterInput {
    #[serde(flatten)]
    pub group: GroupChoice,
    pub log_stream_names: Vec<String>,
    pub log_stream_name_prefix: Option<String>,
    pub start_time: Option<Timestamp>,
    /// Inclusive.
    pub end_time: Option<Timestamp>,
    pub filter_pattern: String,
    pub next_token: Option<String>,
    pub limit: Option<i64>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterOutput {
    pub events: Vec<EventOutput>,
    /// Empty since 2020, on AWS too: a page says nothing about single streams.
    pub searched_log_streams: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventOutput {
    pub log_stream_name: String,
    pub timestamp: Timestamp,
    pub message: String,
    pub ingestion_time: Timestamp,
    pub event_id: String,
}

impl EventOutput {
    fn new(position: Position, found: Found) -> EventOutput {
        EventOutput {
            log_stream_name: found.stream.to_string(),
            timestamp: found.event.0,
            message: found.event.1,
            ingestion_time: found.ingested,
            event_id: position.to_string(),
        }
    }
}

pub async fn filter(_: Arc<Logs>, cx: Cx, input: FilterInput) -> Result<FilterOutput, Error> {
    let name = input.group.name(&cx)?;
    let limit = limit(input.limit, limits::EVENTS_RANGE)?;
    let pattern = Pattern::parse(&input.filter_pattern)?;
    let from = input.next_token.as_deref().map(str::parse::<Position>).transpose()?;
    validate_streams(&input)?;
    let snapshot = cx.db().read()?;
    let group = group::find(&snapshot, cx.region().as_str(), &name)?;
    for name in &input.log_stream_names {
        stream::find(&snapshot, group.id, name)?;
    }
    let end = input.end_time.map(|end| Timestamp(end.0.saturating_add(1)));
    let mut range = visible(&group, cx.now(), input.start_time, end);
    range.start = from.map_or(range.start, |from| range.start.max(from));
    if range.is_empty() {
        return Ok(FilterOutput::default());
    }
    let wanted = |name: &str| match &input.log_stream_name_prefix {
        Some(prefix) => name.starts_with(prefix),
        None => input.log_stream_names.is_empty() || input.log_stream_names.iter().any(|wanted| wanted == name),
    };
    let keep = |event: &Event| pattern.matches(&event.1);
    page(&snapshot, &group, range, limit, wanted, &keep)
}

fn validate_streams(input: &FilterInput) -> Result<(), Error> {
    let names = &input.log_stream_names;
    if !names.is_empty() && input.log_stream_name_prefix.is_some() {
        let rule = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.";
        return Err(Error::InvalidParameter(rule.into()));
    }
    if names.len() > limits::FILTER_STREAMS_MAX {
        let rule = format!("Member must have length less than or equal to {}", limits::FILTER_STREAMS_MAX);
        return Err(Error::constraint(format_args!("{names:?}"), "logStreamNames", rule));
    }
    names.iter().try_for_each(|name| validate_stream(name))
}

fn page(
    snapshot: &impl Read,
    group: &Group,
    range: std::ops::Range<Position>,
    limit: usize,
    wanted: impl Fn(&str) -> bool,
    keep: &dyn Fn(&Event) -> bool,
) -> Result<FilterOutput, Error> {
    let mut found = read::group(snapshot, group.id, range, wanted, keep)?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    let next = loop {
        let (position, event) = match found.step()? {
            Step::End => break None,
            Step::Paused(position) => break Some(position),
            Step::Event(position, event) => (position, event),
        };
        bytes += size(&event.event);
        if events.len() == limit || (bytes > limits::PAGE_BYTES_MAX && !events.is_empty()) {
            break Some(position);
        }
        events.push(EventOutput::new(position, event));
    };
    Ok(FilterOutput { events, next_token: next.map(|next| next.to_string()), ..FilterOutput::default() })
}
