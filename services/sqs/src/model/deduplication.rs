//! FIFO deduplication: within five minutes, a message with a known id is answered like the first and not stored.

use base::Timestamp;
use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{DUPLICATES, DUPLICATES_EXPIRY, QueueId};
use crate::limits::DEDUPLICATION_INTERVAL;
use crate::types::{Duplicate, Queue};

/// Ids forgotten at each send: more than one, so that the table shrinks faster than it grows.
const FORGOTTEN_PER_SEND: usize = 4;

/// The id within its scope: the queue, or the group where the queue says so.
pub fn scoped(queue: &Queue, group: &str, id: &str, now: Timestamp) -> String {
    // The parts may hold any printable character: the length keeps them apart.
    if queue.deduplicates_by_group(now) { format!("{}:{group}{id}", group.len()) } else { id.to_owned() }
}

/// What was answered to the first message with this id, if it is remembered.
pub fn find(tx: &Tx, queue: QueueId, scoped_id: &str, now: Timestamp) -> Result<Option<Duplicate>, Error> {
    Ok(DUPLICATES.get(tx, (queue, scoped_id))?.filter(|duplicate| duplicate.expires > now))
}

/// Remembers an id, and forgets some that have expired.
pub fn remember(
    tx: &mut Tx,
    queue: QueueId,
    scoped_id: &str,
    message_id: &str,
    sequence_number: &str,
    now: Timestamp,
) -> Result<(), Error> {
    forget_expired(tx, queue, now)?;
    let expires = now + DEDUPLICATION_INTERVAL;
    let duplicate = Duplicate { message_id: message_id.into(), sequence_number: sequence_number.into(), expires };
    DUPLICATES.put(tx, (queue, scoped_id), &duplicate)?;
    DUPLICATES_EXPIRY.put(tx, (queue, expires, scoped_id), &())?;
    Ok(())
}

fn forget_expired(tx: &mut Tx, queue: QueueId, now: Timestamp) -> Result<(), Error> {
    let expired = DUPLICATES_EXPIRY
        .scan_prefix(tx, queue, Order::Forward)?
        .take(FORGOTTEN_PER_SEND)
        .take_while(|entry| entry.as_ref().map_or(true, |((_, expires, _), ())| *expires <= now))
        .collect::<Result<Vec<_>, _>>()?;
    for ((_, expires, id), ()) in expired {
        DUPLICATES_EXPIRY.delete(tx, (queue, expires, &*id))?;
        // The id may have been used again since: then it is remembered anew.
        if DUPLICATES.get(tx, (queue, &*id))?.is_some_and(|duplicate| duplicate.expires <= now) {
            DUPLICATES.delete(tx, (queue, &*id))?;
        }
    }
    Ok(())
}
