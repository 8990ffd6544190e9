//! Replays: a timer takes each step, which sends the next events of the archive.

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Read, Tx};
use serde_json::{Map, Value};
use service::{Cx, timers};

use crate::error::Error;
use crate::index::Indexes;
use crate::keys::REPLAYS;
use crate::limits::{ACTIVE_REPLAYS_MAX, REPLAY_START_DELAY, REPLAYED_BYTES_PER_STEP, REPLAYED_PER_STEP};
use crate::model::archive;
use crate::model::send::Publication;
use crate::name::BusRef;
use crate::types::{Archive, Replay, ReplayState};

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Replay, Error> {
    REPLAYS.get(read, (region, name))?.ok_or_else(|| Error::NotFound(format!("Replay {name} does not exist.")))
}

pub fn all(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Replay>, Error> {
    Ok(REPLAYS.scan_prefix(read, region, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn start(tx: &mut Tx, replay: &Replay) -> Result<(), Error> {
    let others = all(tx, &replay.arn.region)?;
    if others.iter().any(|other| other.name == replay.name) {
        return Err(Error::AlreadyExists(format!("Replay {} already exists.", replay.name)));
    }
    if others.iter().filter(|other| other.state.is_active()).count() >= ACTIVE_REPLAYS_MAX {
        return Err(Error::LimitExceeded);
    }
    put(tx, replay)?;
    next_step(tx, replay.started + REPLAY_START_DELAY, replay)
}

fn put(tx: &mut Tx, replay: &Replay) -> Result<(), Error> {
    Ok(REPLAYS.put(tx, (&*replay.arn.region, &*replay.name), replay)?)
}

fn next_step(tx: &mut Tx, at: Timestamp, replay: &Replay) -> Result<(), Error> {
    Ok(timers::set(tx, "events", at, replay.arn.to_string().as_bytes(), &Bytes::new())?)
}

pub fn cancel(tx: &mut Tx, now: Timestamp, region: &str, name: &str) -> Result<Replay, Error> {
    let mut replay = find(tx, region, name)?;
    if !matches!(replay.state, ReplayState::Starting | ReplayState::Running) {
        return Err(Error::IllegalStatus(format!("Replay {name} is not in a valid state for this operation.")));
    }
    // Nothing is under way: a step is one transaction, and this is another.
    (replay.state, replay.ended) = (ReplayState::Cancelled, Some(now));
    put(tx, &replay)?;
    Ok(replay)
}

/// Sends the next events, and sets the timer of the step after.
pub fn step(tx: &mut Tx, cx: &Cx, indexes: &Indexes, region: &str, name: &str) -> Result<(), Error> {
    let mut replay = match find(tx, region, name) {
        Ok(replay) if replay.state.is_active() => replay,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let source = archive::name_of(&replay.archive).map(|archive| archive::find(tx, region, archive));
    replay.state = match (replay.state, source) {
        (ReplayState::Cancelling, _) => ReplayState::Cancelled,
        (_, Some(Ok(source))) if send_next(tx, cx, indexes, &source, &mut replay)? => ReplayState::Running,
        (_, Some(Ok(_))) => ReplayState::Completed,
        (_, None | Some(Err(Error::NotFound(_)))) => {
            replay.reason = Some("The archive does not exist any more.".into());
            ReplayState::Failed
        }
        (_, Some(Err(error))) => return Err(error),
    };
    if replay.state.is_active() {
        next_step(tx, cx.now(), &replay)?;
    } else {
        replay.ended = Some(cx.now());
    }
    put(tx, &replay)
}

/// True when there may be more.
fn send_next(tx: &mut Tx, cx: &Cx, indexes: &Indexes, source: &Archive, replay: &mut Replay) -> Result<bool, Error> {
    let Some(bus) = BusRef::of(replay.destination.clone()) else { return Ok(false) };
    let from = replay.last.as_ref().map_or(replay.from, |(time, _)| *time);
    let events = archive::events(tx, source.id, replay.last.as_ref(), from, replay.to, REPLAYED_PER_STEP)?;
    let wanted = |arn: &str| replay.filters.is_empty() || replay.filters.iter().any(|filter| filter == arn);
    let (mut publication, mut taken) = (Publication::new(cx, indexes), 0);
    for ((_, id), bytes) in &events {
        if publication.sent > REPLAYED_BYTES_PER_STEP {
            break;
        }
        taken += 1;
        // What cannot be sent now never can: the events after it are not to wait.
        let Ok(mut event) = serde_json::from_slice::<Map<String, Value>>(bytes) else {
            tracing::warn!(replay = replay.name, id, "an archived event cannot be read, and is not replayed");
            continue;
        };
        event.insert("replay-name".into(), replay.name.as_str().into());
        match publication.publish(tx, &bus, &event, |rule| wanted(&rule.arn.to_string())) {
            Err(Error::Throttled) => {
                tracing::warn!(replay = replay.name, id, "an event is too large for all targets: some do not get it");
                break;
            }
            outcome => outcome?,
        }
    }
    let more = taken < events.len() || events.len() == REPLAYED_PER_STEP;
    if let Some((place, _)) = events.into_iter().take(taken).last() {
        replay.last = Some(place);
    }
    Ok(more)
}

/// The region and name in a replay's ARN.
pub fn name_of(arn: &base::Arn) -> Option<&str> {
    arn.resource.strip_prefix("replay/").filter(|_| arn.service == "events")
}
