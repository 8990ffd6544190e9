//! A message from its acceptance to its end at each of its recipients.

use std::time::Duration;

use base::Arn;
use bytes::{Bytes, BytesMut};
use kv::{Order, Read, Tx};
use serde::{Deserialize, Serialize};
use service::{Cx, Delivery, outbox};

use super::event::{self, Bounce, Event, Kind};
use super::{configuration_set, notice, statistics, suppression};
use crate::error::Error;
use crate::keys::{MESSAGES, PARTS};
use crate::limits;
use crate::types::{Message, Reason, Suppressed};

/// A message on its way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub message: String,
    pub recipient: String,
}

/// The beginning of the resource that stands for a message's recipients at one domain.
const RECIPIENTS: &str = "recipients/";

/// What a message's recipients at one domain have in common: they get it by the same way.
fn lane(message: &Message, recipient: &str) -> Arn {
    Arn { resource: format!("{RECIPIENTS}{}", domain(recipient)), ..message.identity.clone() }
}

/// A message's id as its header has it.
pub fn header_id(region: &str, id: &str) -> String {
    let host = if region == "us-east-1" { "email" } else { region };
    format!("<{id}@{host}.amazonses.com>")
}

/// The domain of an address.
pub fn domain(address: &str) -> String {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_ascii_lowercase()
}

/// The letter that a delivery brings; `None` where it is a mail of SES's own, or an event.
pub fn letter(delivery: &Delivery) -> Result<Option<Letter>, Error> {
    if delivery.to.service != "ses" || !delivery.to.resource.starts_with(RECIPIENTS) {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&delivery.event).map_err(service::Error::internal)?))
}

/// Keeps a message, and sends it on its way.
pub fn accept(tx: &mut Tx, cx: &Cx, message: &Message, source: &Bytes) -> Result<(), Error> {
    let parts = source.chunks(limits::PART_BYTES_MAX).map(Bytes::copy_from_slice);
    let mut count = 0;
    for part in parts {
        PARTS.put(tx, (&*message.id, count), &part)?;
        count += 1;
    }
    let message = Message { parts: count, waiting: message.destination.clone(), ..message.clone() };
    MESSAGES.put(tx, &*message.id, &message)?;
    let recipients = message.destination.len() as u64;
    statistics::count(tx, cx.now(), &message.identity.region, |counts| counts.attempts += recipients)?;
    for recipient in &message.destination {
        let letter = Letter { message: message.id.clone(), recipient: recipient.clone() };
        let event = serde_json::to_vec(&letter).map_err(service::Error::internal)?;
        let delivery = Delivery::new(cx, message.identity.clone(), lane(&message, recipient), event.into());
        outbox::send(tx, cx, delivery, None)?;
    }
    event::publish(tx, cx, &message, &Event::send()).map(drop)
}

/// The message of a letter, if it still waits for this recipient.
pub fn waiting(read: &(impl Read + ?Sized), letter: &Letter) -> Result<Option<Message>, Error> {
    let message = MESSAGES.get(read, &*letter.message)?;
    Ok(message.filter(|message| message.waiting.contains(&letter.recipient)))
}

/// For how long a message may be tried, where its configuration set says that.
pub fn delivery_time(read: &(impl Read + ?Sized), letter: &Letter) -> Result<Option<Duration>, Error> {
    let Some(message) = waiting(read, letter)? else { return Ok(None) };
    let Some(name) = &message.configuration_set else { return Ok(None) };
    let set = configuration_set::get(read, &message.identity.region, name)?;
    Ok(set.and_then(|set| set.max_delivery_seconds).map(Duration::from_secs))
}

/// The bytes of a message.
pub fn source(read: &(impl Read + ?Sized), message: &Message) -> Result<Bytes, Error> {
    let mut source = BytesMut::new();
    for part in PARTS.scan_prefix(read, (&*message.id,), Order::Forward)?.values() {
        source.extend_from_slice(&part?);
    }
    Ok(source.freeze())
}

/// How a message ended at a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With what the relay answered.
    Delivered(String),
    Bounced(Bounce),
    /// Delivered, and not wanted.
    Complained(String),
}

/// Notes the end of a message at a recipient, and tells of it. An address of the simulator, and one that is suppressed already,
/// gets onto no list.
pub fn settle(tx: &mut Tx, cx: &Cx, letter: &Letter, end: &End, lists: bool) -> Result<(), Error> {
    let Some(mut message) = waiting(tx, letter)? else { return Ok(()) };
    let (now, recipient) = (cx.now(), &letter.recipient);
    let events = match end {
        End::Delivered(answer) => vec![Event::delivery(now, &message, recipient, answer)],
        End::Bounced(bounce) => vec![Event::bounce(now, &message, recipient, bounce)],
        End::Complained(answer) => {
            vec![Event::delivery(now, &message, recipient, answer), Event::complaint(now, &message, recipient)]
        }
    };
    let mut told = false;
    for event in &events {
        told = event::publish(tx, cx, &message, event)?;
        statistics_of(tx, cx, &message, event.kind)?;
    }
    // Of the last one: what a complaint tells is not that the message arrived.
    notice::send(tx, cx, &message, recipient, end, told)?;
    if let (true, End::Bounced(Bounce { permanent: true, .. })) = (lists, end) {
        suppress(tx, cx, &message, recipient, Reason::Bounce)?;
    }
    message.waiting.retain(|waiting| waiting != recipient);
    if message.waiting.is_empty() {
        PARTS.delete_prefix(tx, (&*message.id,))?;
        return Ok(MESSAGES.delete(tx, &*message.id)?);
    }
    Ok(MESSAGES.put(tx, &*message.id, &message)?)
}

fn statistics_of(tx: &mut Tx, cx: &Cx, message: &Message, kind: Kind) -> Result<(), Error> {
    let region = &message.identity.region;
    match kind {
        Kind::Bounce => statistics::count(tx, cx.now(), region, |counts| counts.bounces += 1),
        Kind::Complaint => statistics::count(tx, cx.now(), region, |counts| counts.complaints += 1),
        _ => Ok(()),
    }
}

fn suppress(tx: &mut Tx, cx: &Cx, message: &Message, recipient: &str, reason: Reason) -> Result<(), Error> {
    if !suppression::reasons(tx, message)?.contains(&reason) {
        return Ok(());
    }
    let suppressed = Suppressed {
        address: recipient.to_owned(),
        reason,
        updated: cx.now(),
        message_id: Some(message.id.clone()),
        feedback_id: Some(event::feedback_id(message, recipient)),
    };
    suppression::put(tx, &message.identity.region, &suppressed)
}

/// Tells once that a message takes longer.
pub fn delay(tx: &mut Tx, cx: &Cx, letter: &Letter, status: &str, diagnostic: &str) -> Result<(), Error> {
    let Some(mut message) = waiting(tx, letter)?.filter(|message| !message.delayed) else { return Ok(()) };
    let until = message.accepted + limits::DELIVERY_TIME;
    event::publish(tx, cx, &message, &Event::delay(cx.now(), until, &letter.recipient, status, diagnostic))?;
    message.delayed = true;
    Ok(MESSAGES.put(tx, &*message.id, &message)?)
}
