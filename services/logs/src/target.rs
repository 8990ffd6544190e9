//! A log group as the target of other services: what a function prints arrives here. Group and stream are made when
//! they are missing, so that no line is lost.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Read, Tx};
use serde::Deserialize;
use service::{BoxFuture, Cx, Delivery, Invoked, Permission, Target};

use crate::error::Error;
use crate::limits;
use crate::model::{append, group, stream};
use crate::ops::{group_in_resource, validate_group, validate_stream};
use crate::types::{Event, Group};

pub struct GroupTarget;

/// `{"logStream": "…", "events": [{"timestamp": ms, "message": "…"}]}`; the group is the one that the ARN names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lines {
    log_stream: String,
    events: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    timestamp: Timestamp,
    message: String,
}

impl Target for GroupTarget {
    fn is_layer(&self, _: &Arn) -> bool {
        true
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), service::Error> {
        check_permission(cx, delivery)?;
        let lines = parse(&delivery.event)?;
        write(tx, cx.now(), &delivery.to, &lines.log_stream, &chunks(lines.events))?;
        Ok(())
    }

    /// Stores the lines before it answers `{}`. Saves the outbox's writes where nothing else is to be committed.
    fn invoke(&self, cx: Cx, to: Arn, event: Bytes) -> BoxFuture<Result<Invoked, service::Error>> {
        Box::pin(async move {
            let lines = parse(&event)?;
            for part in chunks(lines.events).chunks(limits::CHUNKS_PER_TRANSACTION) {
                let (now, to, stream, part) = (cx.now(), to.clone(), lines.log_stream.clone(), part.to_vec());
                cx.db().write(move |tx| write(tx, now, &to, &stream, &part)).await?;
            }
            Ok(Invoked { payload: Bytes::from_static(b"{}"), function_error: None, executed_version: String::new() })
        })
    }
}

/// Groups have no policies of their own here: a service that delivers for itself gets the groups that are named after it,
/// as AWS's console makes them for rules, and a role needs to be allowed.
///
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions>
fn check_permission(cx: &Cx, delivery: &Delivery) -> Result<(), service::Error> {
    let Some(service) = cx.caller().as_service() else {
        let stream = format!("{}:log-stream:*", delivery.to.to_string().trim_end_matches(":*"));
        return cx.authorize_delivery(Permission::new("logs:PutLogEvents", stream));
    };
    let name = group_in_resource(&delivery.to.resource).unwrap_or_default();
    let prefix = format!("/aws/{}/", delivery.from.service);
    if name.starts_with(&prefix) {
        return Ok(());
    }
    let told = format!("{service} may deliver to log groups whose names begin with {prefix}, and {name} does not.");
    Err(service::Error::new(400, "AccessDeniedException", told))
}

fn parse(event: &[u8]) -> Result<Lines, service::Error> {
    serde_json::from_slice(event).map_err(|error| {
        service::Error::from(Error::InvalidParameter(format!("An event for a log group is not as expected: {error}")))
    })
}

fn write(tx: &mut Tx, now: Timestamp, to: &Arn, stream: &str, chunks: &[Vec<Event>]) -> Result<(), Error> {
    let group = ensure_group(tx, now, to)?;
    validate_stream(stream)?;
    match stream::find(tx, group.id, stream) {
        Err(Error::StreamNotFound) => stream::create(tx, now, &group, stream)?,
        other => other?,
    };
    append::append(tx, now, &group, stream, chunks)
}

fn ensure_group(tx: &mut Tx, now: Timestamp, to: &Arn) -> Result<Group, Error> {
    let name = group_in_resource(&to.resource).ok_or(Error::GroupNotFound)?;
    validate_group(name)?;
    match group::find(tx as &dyn Read, &to.region, name) {
        Err(Error::GroupNotFound) => {
            let arn = Arn { resource: format!("log-group:{name}"), ..to.clone() };
            group::create(tx, now, &arn, name, &group::Settings::default())
        }
        other => other,
    }
}

/// As chunks. Empty lines are kept out, as PutLogEvents does; a line too long for an event becomes several.
fn chunks(lines: Vec<Line>) -> Vec<Vec<Event>> {
    let pieces = lines.into_iter().flat_map(|line| {
        let time = line.timestamp;
        split(line.message).into_iter().map(move |message| Event(time, message))
    });
    append::chunks(pieces.filter(|event| !event.1.is_empty()).collect())
}

/// Pieces that each fit an event.
fn split(message: String) -> Vec<String> {
    let max = limits::BATCH_BYTES_MAX - limits::EVENT_OVERHEAD_BYTES;
    if message.len() <= max {
        return vec![message];
    }
    let mut pieces = Vec::new();
    let mut rest = message.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(max));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}
