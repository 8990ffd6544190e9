//! GetLogEvents: a stream's events, page by page, in both directions.

use std::ops::Range;
use std::sync::Arc;

use base::Timestamp;
use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{GroupChoice, limit, validate_stream};
use crate::Logs;
use crate::error::Error;
use crate::limits;
use crate::model::append::size;
use crate::model::read::{self, Found, Step};
use crate::model::{expiry, group, stream};
use crate::position::{Position, Token};
use crate::types::{Group, Stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetInput {
    #[serde(flatten)]
    pub group: GroupChoice,
    pub log_stream_name: String,
    pub start_time: Option<Timestamp>,
    /// Exclusive.
    pub end_time: Option<Timestamp>,
    pub next_token: Option<String>,
    pub limit: Option<i64>,
    pub start_from_head: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOutput {
    pub events: Vec<EventOutput>,
    /// The token that was given, when there is nothing more that way: how clients know the end.
    pub next_forward_token: String,
    pub next_backward_token: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventOutput {
    pub timestamp: Timestamp,
    pub message: String,
    pub ingestion_time: Timestamp,
}

pub async fn get(_: Arc<Logs>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    let name = input.group.name(&cx)?;
    validate_stream(&input.log_stream_name)?;
    let limit = limit(input.limit, limits::EVENTS_RANGE)?;
    let token = input.next_token.as_deref().map(str::parse::<Token>).transpose()?;
    let snapshot = cx.db().read()?;
    let group = group::find(&snapshot, cx.region().as_str(), &name)?;
    let stream = stream::find(&snapshot, group.id, &input.log_stream_name)?;
    let range = visible(&group, cx.now(), input.start_time, input.end_time);
    let (range, order, gap) = match token {
        Some(Token::Forward(gap)) => (range.start.max(gap)..range.end, Order::Forward, gap),
        Some(Token::Backward(gap)) => (range.start..range.end.min(gap), Order::Reverse, gap),
        None if input.start_from_head => (range.clone(), Order::Forward, range.start),
        None => (range.clone(), Order::Reverse, range.start),
    };
    let page = page(&snapshot, &group, &stream, range, order, limit)?;
    let (backward, forward) = match (page.first(), page.last()) {
        (Some((first, _)), Some((last, _))) => (*first, last.next()),
        _ => (gap, gap),
    };
    Ok(GetOutput {
        events: page.into_iter().map(|(_, found)| EventOutput::from(found)).collect(),
        next_forward_token: Token::Forward(forward).to_string(),
        next_backward_token: Token::Backward(backward).to_string(),
    })
}

impl From<Found> for EventOutput {
    fn from(found: Found) -> EventOutput {
        EventOutput { timestamp: found.event.0, message: found.event.1, ingestion_time: found.ingested }
    }
}

/// What a request may see: from `start` up to, and without, `end`, as far as retention lets it.
pub fn visible(group: &Group, now: Timestamp, start: Option<Timestamp>, end: Option<Timestamp>) -> Range<Position> {
    let kept = expiry::cutoff(group, now).unwrap_or(Timestamp::ZERO);
    Position::at(start.unwrap_or(Timestamp::ZERO).max(kept))..Position::at(end.unwrap_or(Timestamp(u64::MAX)))
}

/// The first events in `order`, as many as a page holds, oldest first.
fn page(
    snapshot: &impl Read,
    group: &Group,
    stream: &Stream,
    range: Range<Position>,
    order: Order,
    limit: usize,
) -> Result<Vec<(Position, Found)>, Error> {
    let mut page = Vec::new();
    if range.is_empty() {
        return Ok(page);
    }
    let mut events = read::stream(snapshot, group.id, stream.id, &stream.name, range, order)?;
    let mut bytes = 0;
    while page.len() < limit
        && let Step::Event(position, found) = events.step()?
    {
        bytes += size(&found.event);
        if bytes > limits::PAGE_BYTES_MAX && !page.is_empty() {
            break;
        }
        page.push((position, found));
    }
    if order == Order::Reverse {
        page.reverse();
    }
    Ok(page)
}
