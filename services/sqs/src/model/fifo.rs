//! FIFO groups: while messages of a group are in flight, the group gives no more, which is what keeps its order.
//!
//! So the messages in flight are always the first of their group, and all were handed out by one receive. A group
//! has one entry in the ready list, at the moment when its first message may be received.

use base::Timestamp;
use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{GROUP_MESSAGES, GROUPS, QueueId, READY, STATES, Sequence};
use crate::types::Group;

/// Appends a message to its group.
pub fn append(tx: &mut Tx, queue: QueueId, group: &str, sequence: Sequence, visible: Timestamp) -> Result<(), Error> {
    GROUP_MESSAGES.put(tx, (queue, group, sequence), &())?;
    if GROUPS.contains(tx, (queue, group))? {
        return Ok(());
    }
    set(tx, queue, group, Some(Group { ready: visible, head: sequence }))
}

/// Takes a message out of its group.
pub fn remove(tx: &mut Tx, queue: QueueId, group: &str, sequence: Sequence, now: Timestamp) -> Result<(), Error> {
    GROUP_MESSAGES.delete(tx, (queue, group, sequence))?;
    refresh(tx, queue, group, now)
}

/// Works out anew when the group gives its next message: call it after any of its messages has changed.
pub fn refresh(tx: &mut Tx, queue: QueueId, group: &str, now: Timestamp) -> Result<(), Error> {
    let mut state: Option<Group> = None;
    for entry in GROUP_MESSAGES.scan_prefix(&*tx, (queue, group), Order::Forward)? {
        let ((_, _, sequence), ()) = entry?;
        let Some(message) = STATES.get(tx, (queue, sequence))? else { continue };
        let first = state.get_or_insert(Group { ready: message.visible, head: sequence });
        if !message.is_in_flight(now) {
            break;
        }
        first.ready = first.ready.max(message.visible);
    }
    set(tx, queue, group, state)
}

fn set(tx: &mut Tx, queue: QueueId, group: &str, state: Option<Group>) -> Result<(), Error> {
    let before = GROUPS.get(tx, (queue, group))?;
    if before == state {
        return Ok(());
    }
    if let Some(before) = before {
        READY.delete(tx, (queue, before.ready, before.head))?;
    }
    match state {
        Some(state) => {
            GROUPS.put(tx, (queue, group), &state)?;
            READY.put(tx, (queue, state.ready, state.head), &group.to_owned())?;
        }
        None => GROUPS.delete(tx, (queue, group))?,
    }
    Ok(())
}

/// The messages that can be received now, group after group, at most `limit`.
pub fn receivable(tx: &Tx, queue: QueueId, now: Timestamp, limit: usize) -> Result<Vec<Sequence>, Error> {
    let mut found = Vec::new();
    for entry in READY.scan_prefix(tx, queue, Order::Forward)? {
        let ((_, ready, _), group) = entry?;
        if ready > now || found.len() >= limit {
            break;
        }
        for entry in GROUP_MESSAGES.scan_prefix(tx, (queue, &*group), Order::Forward)?.take(limit - found.len()) {
            let ((_, _, sequence), ()) = entry?;
            // A delayed message holds back those behind it: order first.
            if STATES.get(tx, (queue, sequence))?.is_none_or(|state| state.visible > now) {
                break;
            }
            found.push(sequence);
        }
    }
    Ok(found)
}
