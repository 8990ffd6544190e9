//! Messages: sending, receiving, hiding and removing them.

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{self, COUNTERS, MESSAGES, QueueId, READY, STATES, Sequence, VISIBLE};
use crate::limits;
use crate::model::{deduplication, fifo, queue};
use crate::receipt::Receipt;
use crate::types::{Message, Queue, State};

/// What became of a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub message_id: String,
    pub sequence_number: Option<String>,
}

/// A message handed to a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub message: Message,
    pub state: State,
    pub receipt: Receipt,
}

/// Puts a message into a queue. `delay` is the sender's wish, in seconds; without it the queue's own applies.
pub fn send(tx: &mut Tx, now: Timestamp, queue: &Queue, message: Message, delay: Option<u64>) -> Result<Sent, Error> {
    let sequence = next_sequence(tx, queue.id)?;
    let sent = Sent {
        message_id: message.id.clone(),
        sequence_number: message.group.as_ref().map(|_| sequence_number(sequence)),
    };
    if let (Some(group), Some(id)) = (&message.group, &message.deduplication_id) {
        let scoped = deduplication::scoped(queue, group, id);
        if let Some(first) = deduplication::find(tx, queue.id, &scoped, now)? {
            return Ok(Sent { message_id: first.message_id, sequence_number: Some(first.sequence_number) });
        }
        deduplication::remember(tx, queue.id, &scoped, &message.id, &sequence_number(sequence), now)?;
    }
    let message = Message { sequence_number: sent.sequence_number.clone(), ..message };
    let delay = Duration::from_secs(delay.unwrap_or(queue.attributes.delay_seconds));
    insert(tx, queue.id, sequence, &message, now + delay)?;
    Ok(sent)
}

/// FIFO sequence numbers are shown with 20 digits, as AWS does, so that they sort as text.
fn sequence_number(sequence: Sequence) -> String {
    format!("{:020}", u128::from(sequence) + 18_849_496_460_467_696_128)
}

fn next_sequence(tx: &Tx, id: QueueId) -> Result<Sequence, Error> {
    Ok(COUNTERS.get(tx, id)?.unwrap_or_default().next)
}

fn insert(tx: &mut Tx, id: QueueId, sequence: Sequence, message: &Message, visible: Timestamp) -> Result<(), Error> {
    let mut counters = COUNTERS.get(tx, id)?.unwrap_or_default();
    counters.next = sequence + 1;
    counters.messages += 1;
    COUNTERS.put(tx, id, &counters)?;
    MESSAGES.put(tx, (id, sequence), message)?;
    STATES.put(tx, (id, sequence), &State { visible, received: 0, first_received: None })?;
    VISIBLE.put(tx, (id, visible, sequence), &())?;
    if let Some(group) = &message.group {
        fifo::append(tx, id, group, sequence, visible)?;
    }
    tx.wake(&keys::channel(id));
    Ok(())
}

/// When the next message can be received; `None` for an empty queue.
pub fn next_visible(read: &(impl Read + ?Sized), queue: &Queue) -> Result<Option<Timestamp>, Error> {
    let first = if queue.is_fifo() {
        READY.scan_prefix(read, queue.id, Order::Forward)?.next().transpose()?.map(|((_, ready, _), _)| ready)
    } else {
        VISIBLE.scan_prefix(read, queue.id, Order::Forward)?.next().transpose()?.map(|((_, visible, _), ())| visible)
    };
    Ok(first)
}

/// Hands out up to `limit` messages, hidden from others for `visibility` seconds. Those received too often move to
/// the dead-letter queue instead, those past their retention go.
pub fn receive(
    tx: &mut Tx,
    now: Timestamp,
    arn: &Arn,
    limit: usize,
    visibility: Option<u64>,
) -> Result<Vec<Received>, Error> {
    let queue = queue::find(tx, arn)?;
    let hidden_until = now + Duration::from_secs(visibility.unwrap_or(queue.attributes.visibility_seconds));
    let mut received: Vec<Received> = Vec::new();
    let mut examined = 0;
    while received.len() < limit && examined < limits::MESSAGES_EXAMINED_MAX {
        // Those already handed out stay visible when the timeout is zero.
        let mut candidates = receivable(tx, &queue, now, limit)?;
        candidates.retain(|sequence| received.iter().all(|other| other.receipt.sequence != *sequence));
        candidates.truncate(limit - received.len());
        if candidates.is_empty() {
            break;
        }
        examined += candidates.len();
        for sequence in candidates {
            received.extend(take(tx, now, &queue, sequence, hidden_until)?);
        }
    }
    Ok(received)
}

fn receivable(tx: &Tx, queue: &Queue, now: Timestamp, limit: usize) -> Result<Vec<Sequence>, Error> {
    if queue.is_fifo() {
        return fifo::receivable(tx, queue.id, now, limit);
    }
    let mut found = Vec::new();
    for entry in VISIBLE.scan_prefix(tx, queue.id, Order::Forward)?.take(limit) {
        let ((_, visible, sequence), ()) = entry?;
        if visible > now {
            break;
        }
        found.push(sequence);
    }
    Ok(found)
}

/// Hands out one message, or `None` when it expired or moved to the dead-letter queue.
fn take(
    tx: &mut Tx,
    now: Timestamp,
    queue: &Queue,
    sequence: Sequence,
    hidden_until: Timestamp,
) -> Result<Option<Received>, Error> {
    let (Some(message), Some(state)) = (MESSAGES.get(tx, (queue.id, sequence))?, STATES.get(tx, (queue.id, sequence))?)
    else {
        return Ok(None);
    };
    if message.sent + Duration::from_secs(queue.attributes.retention_seconds) <= now {
        remove(tx, now, queue.id, sequence)?;
        return Ok(None);
    }
    if let Some(redrive) = &queue.attributes.redrive
        && state.received >= redrive.max_receive_count
        && let Ok(target) = queue::find(tx, &redrive.target)
    {
        remove(tx, now, queue.id, sequence)?;
        transfer(tx, now, &target, Message { dead_letter_source: Some(queue.arn.clone()), ..message })?;
        return Ok(None);
    }
    let state = State {
        visible: hidden_until,
        received: state.received + 1,
        first_received: state.first_received.or(Some(now)),
    };
    set_state(tx, now, queue.id, sequence, message.group.as_deref(), state)?;
    let receipt = Receipt { queue: queue.id, sequence, received: state.received };
    Ok(Some(Received { message, state, receipt }))
}

/// Puts a message that left another queue into this one, at once visible. It keeps its id and the time it was sent.
pub fn transfer(tx: &mut Tx, now: Timestamp, target: &Queue, message: Message) -> Result<(), Error> {
    let sequence = next_sequence(tx, target.id)?;
    insert(tx, target.id, sequence, &message, now)
}

/// Changes a message's state, and every index that follows from it.
fn set_state(
    tx: &mut Tx,
    now: Timestamp,
    queue: QueueId,
    sequence: Sequence,
    group: Option<&str>,
    state: State,
) -> Result<(), Error> {
    if let Some(before) = STATES.get(tx, (queue, sequence))? {
        VISIBLE.delete(tx, (queue, before.visible, sequence))?;
    }
    STATES.put(tx, (queue, sequence), &state)?;
    VISIBLE.put(tx, (queue, state.visible, sequence), &())?;
    if let Some(group) = group {
        fifo::refresh(tx, queue, group, now)?;
    }
    tx.wake(&keys::channel(queue));
    Ok(())
}

/// Removes a message, if it is still there.
pub fn remove(tx: &mut Tx, now: Timestamp, queue: QueueId, sequence: Sequence) -> Result<(), Error> {
    let Some(state) = STATES.get(tx, (queue, sequence))? else { return Ok(()) };
    let group = MESSAGES.get(tx, (queue, sequence))?.and_then(|message| message.group);
    MESSAGES.delete(tx, (queue, sequence))?;
    STATES.delete(tx, (queue, sequence))?;
    VISIBLE.delete(tx, (queue, state.visible, sequence))?;
    let mut counters = COUNTERS.get(tx, queue)?.unwrap_or_default();
    counters.messages = counters.messages.saturating_sub(1);
    COUNTERS.put(tx, queue, &counters)?;
    if let Some(group) = group {
        fifo::remove(tx, queue, &group, sequence, now)?;
        tx.wake(&keys::channel(queue));
    }
    Ok(())
}

/// A receiver is done with a message. Gone already is as good as done; a FIFO receipt that has expired is refused,
/// because another receiver may have the message by now.
pub fn delete(tx: &mut Tx, now: Timestamp, arn: &Arn, receipt: Receipt) -> Result<(), Error> {
    let queue = queue::find(tx, arn)?;
    let Some(state) = held(tx, &queue, receipt)? else { return Ok(()) };
    if queue.is_fifo() && (state.received != receipt.received || state.visible <= now) {
        return Err(Error::invalid(receipt, "ReceiptHandle", "The receipt handle has expired."));
    }
    remove(tx, now, queue.id, receipt.sequence)
}

/// Hides a message that is in flight for `seconds` from now; zero gives it back.
pub fn change_visibility(tx: &mut Tx, now: Timestamp, arn: &Arn, receipt: Receipt, seconds: u64) -> Result<(), Error> {
    let queue = queue::find(tx, arn)?;
    let state = held(tx, &queue, receipt)?.ok_or(Error::MessageNotInflight(seconds))?;
    if !state.is_in_flight(now) || state.received != receipt.received {
        return Err(Error::MessageNotInflight(seconds));
    }
    let group = MESSAGES.get(tx, (queue.id, receipt.sequence))?.and_then(|message| message.group);
    let state = State { visible: now + Duration::from_secs(seconds), ..state };
    set_state(tx, now, queue.id, receipt.sequence, group.as_deref(), state)
}

/// The state of the message that a receipt is for.
fn held(tx: &Tx, queue: &Queue, receipt: Receipt) -> Result<Option<State>, Error> {
    if receipt.queue != queue.id {
        return Err(Error::ReceiptHandleIsInvalid);
    }
    Ok(STATES.get(tx, (queue.id, receipt.sequence))?)
}

/// Removes messages past their retention, oldest first; says whether there may be more.
pub fn expire(tx: &mut Tx, now: Timestamp, arn: &Arn) -> Result<bool, Error> {
    let queue = queue::find(tx, arn)?;
    let retention = Duration::from_secs(queue.attributes.retention_seconds);
    let mut expired = Vec::new();
    for entry in MESSAGES.scan_prefix(&*tx, queue.id, Order::Forward)?.take(limits::EXPIRED_PER_TRANSACTION) {
        let ((_, sequence), message) = entry?;
        if message.sent + retention > now {
            break;
        }
        expired.push(sequence);
    }
    for sequence in &expired {
        remove(tx, now, queue.id, *sequence)?;
    }
    Ok(expired.len() == limits::EXPIRED_PER_TRANSACTION)
}
