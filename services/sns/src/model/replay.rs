//! Replays: archived messages on their way to one subscription, a batch at a time.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html>

use std::ops::Bound;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Tx};
use service::{Cx, timers};

use crate::error::Error;
use crate::filter::Candidate;
use crate::keys::ARCHIVE;
use crate::limits;
use crate::model::fan_out::{FanOut, Sender};
use crate::model::{subscription, topic};
use crate::types::{ReplayStatus, Subscription, SubscriptionAttributes, Topic};

const REPLAY: &str = "replay ";

/// The subscription that such a timer is for.
pub fn of_key(key: &[u8]) -> Option<Arn> {
    std::str::from_utf8(key).ok()?.strip_prefix(REPLAY)?.parse().ok()
}

/// Lets the subscription's replay take its next step at `at`.
pub fn schedule(tx: &mut Tx, at: Timestamp, subscription: &Subscription) -> Result<(), Error> {
    let key = format!("{REPLAY}{}", subscription.arn());
    Ok(timers::set(tx, "sns", at, key.as_bytes(), &Bytes::new())?)
}

/// Begins the replay that the attributes ask for, if they do.
pub fn start(_: &mut Tx, topic: &Topic, attributes: &mut SubscriptionAttributes) -> Result<(), Error> {
    let Some(replay) = &mut attributes.replay else { return Ok(()) };
    if topic.attributes.archive.is_none() {
        return Err(Error::parameter("ReplayPolicy: The topic has no message archive"));
    }
    replay.status = ReplayStatus::Pending;
    Ok(())
}

/// Sends the next archived messages to their subscriber.
pub fn step(tx: &mut Tx, cx: &Cx, sender: &Sender, arn: &Arn) -> Result<(), Error> {
    let mut subscription = match subscription::find(tx, arn) {
        Ok(subscription) => subscription,
        Err(Error::NoSuchSubscription) => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(mut replay) = subscription.attributes.replay.clone() else { return Ok(()) };
    if replay.status == ReplayStatus::Completed || subscription.pending {
        return Ok(());
    }
    let topic = topic::find(tx, &subscription.topic)?;
    let (from, until) = (Bound::Included(replay.next), replay.until.unwrap_or(Timestamp(u64::MAX)));
    let rows = ARCHIVE.scan_range(&*tx, topic.id, from, Bound::Unbounded::<(Timestamp, u64)>, Order::Forward)?;
    let batch = rows
        .take_while(|row| row.as_ref().map_or(true, |((_, published, _), _)| *published <= until))
        .take(limits::ARCHIVE_MESSAGES_PER_STEP)
        .collect::<Result<Vec<_>, _>>()?;
    let done = batch.len() < limits::ARCHIVE_MESSAGES_PER_STEP;
    let mut sent_all = true;
    for ((_, published, sequence), message) in batch {
        if sender.sent.get() > limits::FAN_OUT_BYTES_MAX {
            sent_all = false;
            break;
        }
        let fan_out = FanOut::of_replay(message, &replay.document);
        sender.send_to(tx, cx, &topic, &fan_out, &Candidate::new(fan_out.message()), &subscription)?;
        replay.next = (published, sequence + 1);
    }
    let caught_up = done && sent_all;
    let next_step = match replay.until {
        // What is published until then is still to be replayed.
        Some(until) if caught_up && until > cx.now() => Some(until),
        _ if caught_up => None,
        _ => Some(cx.now()),
    };
    replay.status = if next_step.is_none() { ReplayStatus::Completed } else { ReplayStatus::InProgress };
    subscription.attributes.replay = Some(replay);
    subscription::put_replay(tx, &subscription)?;
    next_step.map_or(Ok(()), |at| schedule(tx, at, &subscription))
}
