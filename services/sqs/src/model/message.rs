//! Messages: sending, receiving, hiding and removing them.

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};
use service::Cx;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::keys::{self, COUNTERS, FAIR, MESSAGES, QueueId, READY, STATES, Sequence, Turn, VISIBLE};
use crate::limits;
use crate::model::{deduplication, fair, fifo, queue};
use crate::receipt::Receipt;
use crate::types::{AttributeValue, Message, MessageAttribute, Queue, State};

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
    let sent =
        Sent { message_id: message.id.clone(), sequence_number: queue.is_fifo().then(|| sequence_number(sequence)) };
    if let (Some(group), Some(id)) = (&message.group, &message.deduplication_id) {
        let scoped = deduplication::scoped(queue, group, id, now);
        if let Some(first) = deduplication::find(tx, queue.id, &scoped, now)? {
            return Ok(Sent { message_id: first.message_id, sequence_number: Some(first.sequence_number) });
        }
        deduplication::remember(tx, queue.id, &scoped, &message.id, &sequence_number(sequence), now)?;
    }
    let message = Message { sequence_number: sent.sequence_number.clone(), ..message };
    let delay = Duration::from_secs(delay.unwrap_or(queue.attributes.delay_seconds));
    insert(tx, now, queue, sequence, &message, now + delay)?;
    Ok(sent)
}

/// FIFO sequence numbers are shown with 20 digits, as AWS does, so that they sort as text.
fn sequence_number(sequence: Sequence) -> String {
    format!("{:020}", u128::from(sequence) + 18_849_496_460_467_696_128)
}

fn next_sequence(tx: &Tx, id: QueueId) -> Result<Sequence, Error> {
    Ok(COUNTERS.get(tx, id)?.unwrap_or_default().next)
}

fn insert(
    tx: &mut Tx,
    now: Timestamp,
    queue: &Queue,
    sequence: Sequence,
    message: &Message,
    visible: Timestamp,
) -> Result<(), Error> {
    let id = queue.id;
    let mut counters = COUNTERS.get(tx, id)?.unwrap_or_default();
    counters.next = sequence + 1;
    counters.messages += 1;
    COUNTERS.put(tx, id, &counters)?;
    MESSAGES.put(tx, (id, sequence), message)?;
    let turn = turn(tx, now, queue, message, visible)?;
    STATES.put(tx, (id, sequence), &State { visible, received: 0, first_received: None, turn })?;
    fair::place(tx, id, sequence, visible, turn)?;
    if let Some(group) = fifo_group(queue, message) {
        fifo::append(tx, id, group, sequence, visible)?;
    }
    tx.wake(&keys::channel(id));
    Ok(())
}

/// A message's turn on a standard queue, once it is visible.
fn turn(
    tx: &mut Tx,
    now: Timestamp,
    queue: &Queue,
    message: &Message,
    visible: Timestamp,
) -> Result<Option<Turn>, Error> {
    if queue.is_fifo() || visible > now {
        return Ok(None);
    }
    fair::next_turn(tx, queue.id, message.group.as_deref()).map(Some)
}

/// The group whose order has to be kept.
fn fifo_group<'m>(queue: &Queue, message: &'m Message) -> Option<&'m str> {
    message.group.as_deref().filter(|_| queue.is_fifo())
}

/// What counts against the size limit: the body, and the names, types and values of attributes.
pub fn size(message: &Message) -> u64 {
    let attribute = |(name, attribute): (&String, &MessageAttribute)| {
        let value = match &attribute.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(bytes) => bytes.len(),
        };
        name.len() + attribute.data_type.len() + value
    };
    (message.body.len() + message.attributes.iter().map(attribute).sum::<usize>()) as u64
}

/// Refuses a message that is larger than its queue takes.
pub fn check_size(queue: &Queue, message: &Message) -> Result<(), Error> {
    let max = queue.attributes.maximum_message_bytes;
    if size(message) <= max {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
    )))
}

/// The id that content-based deduplication gives: a digest of the body, attributes left out, as AWS documents.
pub fn content_id(body: &str) -> String {
    hex::encode(Sha256::digest(body))
}

/// An id for a message that is made in a transaction: from the request's and the message's place, so that the transaction
/// may run again.
fn derived_id(request_id: &str, queue: QueueId, sequence: Sequence) -> String {
    let mut digest = Sha256::new();
    digest.update(request_id);
    digest.update(queue.to_be_bytes());
    digest.update(sequence.to_be_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// A message that left a dead-letter queue, as it is sent again: a new one, sent now.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
pub fn again(cx: &Cx, queue: &Queue, sequence: Sequence, letter: Message) -> Message {
    let id = derived_id(cx.request_id(), queue.id, sequence);
    Message { id, sent: cx.now(), dead_letter_source: None, received_before: 0, undelivered: None, ..letter }
}

/// When the next message can be received; `None` for an empty queue.
pub fn next_visible(read: &(impl Read + ?Sized), queue: &Queue) -> Result<Option<Timestamp>, Error> {
    let first = if queue.is_fifo() {
        READY.scan_prefix(read, queue.id, Order::Forward)?.next().transpose()?.map(|((_, ready, _), _)| ready)
    } else if FAIR.scan_prefix(read, queue.id, Order::Forward)?.next().transpose()?.is_some() {
        Some(Timestamp::ZERO)
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
    if !queue.is_fifo() {
        fair::admit(tx, queue.id, now)?;
    }
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
    fair::receivable(tx, queue.id, limit)
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
        remove(tx, queue, sequence)?;
        return Ok(None);
    }
    if let Some(redrive) = &queue.attributes.redrive
        && state.received >= redrive.max_receive_count
        && let Ok(target) = queue::find(tx, &redrive.target)
    {
        remove(tx, queue, sequence)?;
        transfer(tx, now, &target, dead_letter(queue, message, state, now))?;
        return Ok(None);
    }
    if let Some(turn) = state.turn {
        fair::serve(tx, queue.id, turn, message.group.as_deref())?;
    }
    let state = State {
        visible: hidden_until,
        received: state.received + 1,
        first_received: state.first_received.or(Some(now)),
        turn: None,
    };
    let state = set_state(tx, now, queue, sequence, &message, state)?;
    let receipt = Receipt { queue: queue.id, sequence, received: state.received };
    Ok(Some(Received { message, state, receipt }))
}

/// A message as it goes to the dead-letter queue of its queue. Its age counts from when it was sent; for FIFO queues, from
/// now.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
fn dead_letter(queue: &Queue, message: Message, state: State, now: Timestamp) -> Message {
    Message {
        sent: if queue.is_fifo() { now } else { message.sent },
        dead_letter_source: Some(queue.arn.clone()),
        received_before: message.received_before + state.received,
        ..message
    }
}

/// Puts a message that left another queue into this one, at once visible.
pub fn transfer(tx: &mut Tx, now: Timestamp, target: &Queue, message: Message) -> Result<(), Error> {
    let sequence = next_sequence(tx, target.id)?;
    insert(tx, now, target, sequence, &message, now)
}

/// Changes a message's state, and every index that follows from it.
fn set_state(
    tx: &mut Tx,
    now: Timestamp,
    queue: &Queue,
    sequence: Sequence,
    message: &Message,
    state: State,
) -> Result<State, Error> {
    if let Some(before) = STATES.get(tx, (queue.id, sequence))? {
        fair::displace(tx, queue.id, sequence, &before)?;
    }
    let state = State { turn: turn(tx, now, queue, message, state.visible)?, ..state };
    STATES.put(tx, (queue.id, sequence), &state)?;
    fair::place(tx, queue.id, sequence, state.visible, state.turn)?;
    if let Some(group) = fifo_group(queue, message) {
        fifo::refresh(tx, queue.id, group)?;
    }
    tx.wake(&keys::channel(queue.id));
    Ok(state)
}

/// Removes a message, if it is still there.
pub fn remove(tx: &mut Tx, queue: &Queue, sequence: Sequence) -> Result<(), Error> {
    let Some(state) = STATES.get(tx, (queue.id, sequence))? else { return Ok(()) };
    let message = MESSAGES.get(tx, (queue.id, sequence))?;
    MESSAGES.delete(tx, (queue.id, sequence))?;
    STATES.delete(tx, (queue.id, sequence))?;
    fair::displace(tx, queue.id, sequence, &state)?;
    let mut counters = COUNTERS.get(tx, queue.id)?.unwrap_or_default();
    counters.messages = counters.messages.saturating_sub(1);
    COUNTERS.put(tx, queue.id, &counters)?;
    if let Some(group) = message.as_ref().and_then(|message| fifo_group(queue, message)) {
        fifo::remove(tx, queue.id, group, sequence)?;
        tx.wake(&keys::channel(queue.id));
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
    remove(tx, &queue, receipt.sequence)
}

/// Hides a message that is in flight for `seconds` from now; zero gives it back. On a standard queue any receipt of the
/// message will do, and once it is visible again there is nothing to change.
pub fn change_visibility(tx: &mut Tx, now: Timestamp, arn: &Arn, receipt: Receipt, seconds: u64) -> Result<(), Error> {
    let queue = queue::find(tx, arn)?;
    let (Some(state), Some(message)) = (held(tx, &queue, receipt)?, MESSAGES.get(tx, (queue.id, receipt.sequence))?)
    else {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        return Err(Error::invalid(receipt, "ReceiptHandle", reason));
    };
    if queue.is_fifo() && (!state.is_in_flight(now) || state.received != receipt.received) {
        return Err(Error::MessageNotInflight(seconds));
    }
    if state.is_in_flight(now) {
        let state = State { visible: now + Duration::from_secs(seconds), ..state };
        set_state(tx, now, &queue, receipt.sequence, &message, state)?;
    }
    Ok(())
}

/// The state of the message that a receipt is for.
fn held(tx: &Tx, queue: &Queue, receipt: Receipt) -> Result<Option<State>, Error> {
    if receipt.queue != queue.id {
        return Err(Error::ReceiptHandleIsInvalid(receipt.to_string()));
    }
    Ok(STATES.get(tx, (queue.id, receipt.sequence))?)
}

/// When the oldest message of a queue was sent.
pub fn oldest(read: &(impl Read + ?Sized), queue: QueueId) -> Result<Option<Timestamp>, Error> {
    let first = MESSAGES.scan_prefix(read, queue, Order::Forward)?.next().transpose()?;
    Ok(first.map(|(_, message)| message.sent))
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
        remove(tx, &queue, *sequence)?;
    }
    Ok(expired.len() == limits::EXPIRED_PER_TRANSACTION)
}
