//! What a standard queue hands out next: visible messages by turn, and those of a turn as they were sent.
//!
//! Where no message has a group, all have the same turn. On a fair queue, groups are tenants, and none waits behind another's
//! backlog: a message gets its turn when it becomes visible, the one after its tenant's last, or after the one being served,
//! whichever is later (start-time fair queueing). So a tenant with a thousand messages takes a thousand turns, and the
//! message of a tenant who sends one now waits for at most one of each other's. A message without a group is a tenant
//! of its own.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{FAIR, MESSAGES, QueueId, STATES, Sequence, TENANTS, TURN, Turn, VISIBLE};
use crate::limits;
use crate::types::State;

/// The turn of a message that becomes visible now.
pub fn next_turn(tx: &mut Tx, queue: QueueId, group: Option<&str>) -> Result<Turn, Error> {
    let served = TURN.get(tx, queue)?;
    let Some(group) = group else { return Ok(served.map_or(0, |served| served + 1)) };
    let served = match served {
        Some(served) => served,
        None => {
            TURN.put(tx, queue, &0)?;
            0
        }
    };
    let turn = TENANTS.get(tx, (queue, group))?.unwrap_or(served).max(served) + 1;
    TENANTS.put(tx, (queue, group), &turn)?;
    Ok(turn)
}

/// A turn is being served.
pub fn serve(tx: &mut Tx, queue: QueueId, turn: Turn, group: Option<&str>) -> Result<(), Error> {
    if TURN.get(tx, queue)?.is_some_and(|served| served < turn) {
        TURN.put(tx, queue, &turn)?;
    }
    if let Some(group) = group
        && TENANTS.get(tx, (queue, group))? == Some(turn)
    {
        TENANTS.delete(tx, (queue, group))?;
    }
    Ok(())
}

/// Gives a turn to messages whose delay or visibility timeout is over: few at a time, oldest first.
pub fn admit(tx: &mut Tx, queue: QueueId, now: Timestamp) -> Result<(), Error> {
    let due = VISIBLE
        .scan_prefix(&*tx, queue, Order::Forward)?
        .take(limits::ADMITTED_PER_RECEIVE)
        .take_while(|entry| entry.as_ref().map_or(true, |((_, visible, _), ())| *visible <= now))
        .collect::<Result<Vec<_>, _>>()?;
    for ((_, visible, sequence), ()) in due {
        let Some(state) = STATES.get(tx, (queue, sequence))? else { continue };
        let group = MESSAGES.get(tx, (queue, sequence))?.and_then(|message| message.group);
        VISIBLE.delete(tx, (queue, visible, sequence))?;
        let turn = Some(next_turn(tx, queue, group.as_deref())?);
        STATES.put(tx, (queue, sequence), &State { turn, ..state })?;
        place(tx, queue, sequence, visible, turn)?;
    }
    Ok(())
}

/// Puts a message where receivers look for it.
pub fn place(
    tx: &mut Tx,
    queue: QueueId,
    sequence: Sequence,
    visible: Timestamp,
    turn: Option<Turn>,
) -> Result<(), Error> {
    match turn {
        Some(turn) => FAIR.put(tx, (queue, turn, sequence), &())?,
        None => VISIBLE.put(tx, (queue, visible, sequence), &())?,
    }
    Ok(())
}

/// Takes a message away from where receivers look for it.
pub fn displace(tx: &mut Tx, queue: QueueId, sequence: Sequence, state: &State) -> Result<(), Error> {
    match state.turn {
        Some(turn) => FAIR.delete(tx, (queue, turn, sequence))?,
        None => VISIBLE.delete(tx, (queue, state.visible, sequence))?,
    }
    Ok(())
}

/// The visible messages whose turn is next, at most `limit`.
pub fn receivable(read: &(impl Read + ?Sized), queue: QueueId, limit: usize) -> Result<Vec<Sequence>, Error> {
    let next = FAIR.scan_prefix(read, queue, Order::Forward)?.take(limit);
    Ok(next.map(|entry| entry.map(|((_, _, sequence), ())| sequence)).collect::<Result<_, _>>()?)
}
