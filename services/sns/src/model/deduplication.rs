//! FIFO deduplication: within five minutes, a message with a known id is answered like the first and goes nowhere.

use base::Timestamp;
use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{DUPLICATES, DUPLICATES_EXPIRY, TopicId};
use crate::limits::DEDUPLICATION_INTERVAL;
use crate::types::{Duplicate, Message, Topic};

/// Ids forgotten at each message: more than one, so that the table shrinks faster than it grows.
const FORGOTTEN_PER_MESSAGE: usize = 4;

/// The id within its scope: the topic, or the group where the topic says so.
fn scoped(topic: &Topic, message: &Message) -> Option<String> {
    let (id, group) = (message.deduplication_id.as_ref()?, message.group.as_ref()?);
    // The parts may hold any printable character: the length keeps them apart.
    let by_group = topic.attributes.deduplicate_by_group == Some(true);
    Some(if by_group { format!("{}:{group}{id}", group.len()) } else { id.clone() })
}

/// What was answered to the first message with this id, if it is remembered; else remembers this one.
pub fn check(
    tx: &mut Tx,
    now: Timestamp,
    topic: &Topic,
    message: &Message,
    sequence_number: &str,
) -> Result<Option<Duplicate>, Error> {
    let Some(id) = scoped(topic, message) else { return Ok(None) };
    let key = (topic.id, id.as_str());
    if let Some(first) = DUPLICATES.get(tx, key)?.filter(|duplicate| duplicate.expires > now) {
        return Ok(Some(first));
    }
    forget_expired(tx, topic.id, now)?;
    let expires = now + DEDUPLICATION_INTERVAL;
    let duplicate = Duplicate { message_id: message.id.clone(), sequence_number: sequence_number.into(), expires };
    DUPLICATES.put(tx, key, &duplicate)?;
    DUPLICATES_EXPIRY.put(tx, (topic.id, expires, id.as_str()), &())?;
    Ok(None)
}

fn forget_expired(tx: &mut Tx, topic: TopicId, now: Timestamp) -> Result<(), Error> {
    let expired = DUPLICATES_EXPIRY
        .scan_prefix(tx, topic, Order::Forward)?
        .take(FORGOTTEN_PER_MESSAGE)
        .take_while(|entry| entry.as_ref().map_or(true, |((_, expires, _), ())| *expires <= now))
        .collect::<Result<Vec<_>, _>>()?;
    for ((_, expires, id), ()) in expired {
        DUPLICATES_EXPIRY.delete(tx, (topic, expires, &*id))?;
        // The id may have been used again since: then it is remembered anew.
        if DUPLICATES.get(tx, (topic, &*id))?.is_some_and(|duplicate| duplicate.expires <= now) {
            DUPLICATES.delete(tx, (topic, &*id))?;
        }
    }
    Ok(())
}
