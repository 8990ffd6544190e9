//! FIFO groups: while the first message of a group is in flight, the group gives no more, which is what keeps its order.
//!
//! A group has one entry in the ready list, at the moment when its first message may be received: those behind it wait
//! for it, even where they become visible before.

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
pub fn remove(tx: &mut Tx, queue: QueueId, group: &str, sequence: Sequence) -> Result<(), Error> {
    GROUP_MESSAGES.delete(tx, (queue, group, sequence))?;
    refresh(tx, queue, group)
}

/// Works out anew when the group gives its next message: call it after any of its messages has changed.
pub fn refresh(tx: &mut Tx, queue: QueueId, group: &str) -> Result<(), Error> {
    let first = GROUP_MESSAGES.scan_prefix(&*tx, (queue, group), Order::Forward)?.next().transpose()?;
    let state = match first {
        Some(((_, _, head), ())) => {
            STATES.get(tx, (queue, head))?.map(|message| Group { ready: message.visible, head })
        }
        None => None,
    };
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
            // A hidden message holds back those behind it: order first.
            if STATES.get(tx, (queue, sequence))?.is_none_or(|state| state.visible > now) {
                break;
            }
            found.push(sequence);
        }
    }
    Ok(found)
}
