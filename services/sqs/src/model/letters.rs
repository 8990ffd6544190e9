//! Dead letters: where the messages of a dead-letter queue come from and why, and sending them again.

use std::collections::BTreeMap;
use std::ops::Bound;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};
use serde::Serialize;
use service::{Cx, Delivery, outbox};

use crate::error::Error;
use crate::keys::{COUNTERS, MESSAGES, QUEUES, STATES, Sequence};
use crate::limits;
use crate::model::{message, queue};
use crate::types::{AttributeValue, Message, Queue};

/// A queue with dead letters in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeadLetters {
    pub queue: Arn,
    /// Messages in the queue, of whatever kind.
    pub messages: u64,
    /// When the oldest of them was sent.
    pub oldest: Timestamp,
    /// What they tell of, the most frequent first; of the first of a long queue.
    pub letters: Vec<Letters>,
}

/// Letters that tell the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Letters {
    pub count: u64,
    /// Where they come from: a queue, a topic, a rule, a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Arn>,
    /// What they were for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Arn>,
    pub reason: String,
}

/// What a message tells of; `None` when it is no letter, or one whose sender cannot be told.
enum Origin {
    /// A queue from which it was received too often.
    Queue(Arn),
    Delivery(Box<Delivery>),
}

fn origin(message: &Message) -> Result<Option<Origin>, Error> {
    if let Some(kept) = &message.undelivered {
        return Ok(Some(Origin::Delivery(Box::new(Delivery::told(kept, message.body.as_bytes())?))));
    }
    Ok(message.dead_letter_source.clone().map(Origin::Queue))
}

/// The queues of all regions in which dead letters wait: those whose first messages are some.
///
/// # Errors
/// When the store cannot be read.
pub fn dead_letters(read: &(impl Read + ?Sized)) -> Result<Vec<DeadLetters>, Error> {
    let mut found = Vec::new();
    for entry in QUEUES.scan(read, Order::Forward)? {
        let (_, queue) = entry?;
        if let Some((oldest, letters)) = letters(read, &queue)? {
            let messages = COUNTERS.get(read, queue.id)?.unwrap_or_default().messages;
            found.push(DeadLetters { queue: queue.arn, messages, oldest, letters });
        }
    }
    Ok(found)
}

fn letters(read: &(impl Read + ?Sized), queue: &Queue) -> Result<Option<(Timestamp, Vec<Letters>)>, Error> {
    let mut oldest = None;
    let mut counts: BTreeMap<(Option<Arn>, Option<Arn>, String), u64> = BTreeMap::new();
    let mut any = false;
    for (place, entry) in MESSAGES.scan_prefix(read, queue.id, Order::Forward)?.enumerate() {
        let (_, message) = entry?;
        oldest.get_or_insert(message.sent);
        let told = told(&message)?;
        any |= told.is_some();
        *counts.entry(told.unwrap_or((None, None, "it is no letter".into()))).or_default() += 1;
        // A queue that does not begin with letters is none for them; a long one is like its beginning.
        let examined = if any { limits::LETTERS_EXAMINED_MAX } else { limits::LETTERS_LOOKED_FOR_MAX };
        if place + 1 >= examined {
            break;
        }
    }
    let Some(oldest) = oldest.filter(|_| any) else { return Ok(None) };
    let mut letters: Vec<_> =
        counts.into_iter().map(|((from, to, reason), count)| Letters { count, from, to, reason }).collect();
    letters.sort_by_key(|letters| std::cmp::Reverse(letters.count));
    Ok(Some((oldest, letters)))
}

/// Whom a letter is from, whom it was for, and why it is one.
type Told = (Option<Arn>, Option<Arn>, String);

fn told(message: &Message) -> Result<Option<Told>, Error> {
    Ok(match origin(message)? {
        Some(Origin::Queue(from)) => {
            Some((Some(from), None, format!("it was received {} times", message.received_before)))
        }
        Some(Origin::Delivery(delivery)) => {
            let Delivery { from, to, failure, .. } = *delivery;
            let reason = failure.map_or_else(
                || text(message, "ErrorMessage").unwrap_or_default(),
                |failure| format!("{}: {}", failure.code, failure.message),
            );
            Some((Some(from), Some(to), reason))
        }
        None => None,
    })
}

fn text(message: &Message, attribute: &str) -> Option<String> {
    match &message.attributes.get(attribute)?.value {
        AttributeValue::Text(text) => Some(text.clone()),
        AttributeValue::Binary(_) => None,
    }
}

/// What became of some of a queue's letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    pub sent: u64,
    /// Those that cannot be sent again, because they are no letters, or their queue is gone.
    pub left: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<Sequence>,
}

/// Sends letters again, some hundred in a transaction: those of a queue go back to it as new messages, those of another
/// service are delivered anew by its rules. Those in flight are left to whoever has them. `from` and `until` are places in
/// the queue: what comes back is not sent again by the same redrive.
///
/// # Errors
/// When there is no such queue.
pub fn redrive(tx: &mut Tx, cx: &Cx, queue: &Arn, from: Sequence, until: Sequence) -> Result<Redriven, Error> {
    let queue = queue::find(tx, queue)?;
    let mut redriven = Redriven::default();
    let letters: Vec<_> = MESSAGES
        .scan_range(&*tx, queue.id, Bound::Included(from), Bound::Excluded(until), Order::Forward)?
        .take(limits::LETTERS_PER_TRANSACTION + 1)
        .collect::<Result<_, _>>()?;
    for (place, ((_, sequence), letter)) in letters.into_iter().enumerate() {
        if place == limits::LETTERS_PER_TRANSACTION {
            redriven.next = Some(sequence);
            break;
        }
        if STATES.get(tx, (queue.id, sequence))?.is_some_and(|state| state.is_in_flight(cx.now())) {
            continue;
        }
        if send_again(tx, cx, &queue, sequence, letter)? {
            redriven.sent += 1;
        } else {
            redriven.left += 1;
        }
    }
    Ok(redriven)
}

fn send_again(tx: &mut Tx, cx: &Cx, queue: &Queue, sequence: Sequence, letter: Message) -> Result<bool, Error> {
    match origin(&letter)? {
        Some(Origin::Queue(source)) => {
            let Ok(source) = queue::find(tx, &source) else { return Ok(false) };
            message::remove(tx, queue, sequence)?;
            message::transfer(tx, cx.now(), &source, message::again(cx, queue, sequence, letter))?;
        }
        Some(Origin::Delivery(delivery)) => {
            message::remove(tx, queue, sequence)?;
            let anew = Delivery { accepted: cx.now(), attempts: 0, failure: None, ..*delivery };
            outbox::send(tx, cx, anew, None)?;
        }
        None => return Ok(false),
    }
    Ok(true)
}

/// The place after the last message of a queue.
pub fn end(read: &(impl Read + ?Sized), queue: &Arn) -> Result<Sequence, Error> {
    let queue = queue::find(read, queue)?;
    Ok(COUNTERS.get(read, queue.id)?.unwrap_or_default().next)
}
