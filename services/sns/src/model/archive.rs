//! The archive of a FIFO topic: what was published, for as long as its policy says.

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Order, Tx};

use crate::error::Error;
use crate::keys::{ARCHIVE, Sequence};
use crate::limits;
use crate::model::topic;
use crate::types::{Archive, Message, Topic};

/// Keeps a message, if its topic has an archive.
pub fn keep(tx: &mut Tx, topic: &Topic, sequence: Sequence, message: &Message) -> Result<(), Error> {
    if topic.attributes.archive.is_some() {
        ARCHIVE.put(tx, (topic.id, message.published, sequence), message)?;
    }
    Ok(())
}

/// Nothing that was published before this is replayed.
pub fn beginning(archive: &Archive, now: Timestamp) -> Timestamp {
    let retention = Duration::from_secs(u64::from(archive.days) * 86_400);
    archive.since.max(Timestamp(now.0.saturating_sub(u64::try_from(retention.as_millis()).unwrap_or(u64::MAX))))
}

/// Removes what is past its retention, or is of an archive that was given up, oldest first; says whether there may be more.
pub fn expire(tx: &mut Tx, now: Timestamp, arn: &Arn) -> Result<bool, Error> {
    let topic = topic::find(tx, arn)?;
    let kept_from = topic.attributes.archive.as_ref().map_or(Timestamp(u64::MAX), |archive| beginning(archive, now));
    let mut expired = Vec::new();
    for key in ARCHIVE.scan_prefix(&*tx, topic.id, Order::Forward)?.keys().take(limits::ARCHIVE_MESSAGES_PER_STEP) {
        let (_, published, sequence) = key?;
        if published >= kept_from {
            break;
        }
        expired.push((published, sequence));
    }
    for (published, sequence) in &expired {
        ARCHIVE.delete(tx, (topic.id, *published, *sequence))?;
    }
    Ok(expired.len() == limits::ARCHIVE_MESSAGES_PER_STEP)
}
