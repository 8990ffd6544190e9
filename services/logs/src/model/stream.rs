//! Log streams: making, finding, listing and removing them.

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Partial, Read, Tx};
use service::timers;

use crate::error::Error;
use crate::keys::{BY_TIME, CHUNKS, GroupId, NEXT_STREAM, STREAMS, StreamId};
use crate::limits;
use crate::types::{Group, Stream};

pub fn find(read: &(impl Read + ?Sized), group: GroupId, name: &str) -> Result<Stream, Error> {
    STREAMS.get(read, (group, name))?.ok_or(Error::StreamNotFound)
}

pub fn create(tx: &mut Tx, now: Timestamp, group: &Group, name: &str) -> Result<Stream, Error> {
    if STREAMS.contains(tx, (group.id, name))? {
        return Err(Error::StreamExists);
    }
    let id = NEXT_STREAM.get(tx, ())?.unwrap_or(1);
    NEXT_STREAM.put(tx, (), &(id + 1))?;
    let stream = Stream {
        id,
        name: name.to_owned(),
        created: now,
        first_event: None,
        last_event: None,
        last_ingestion: None,
        bytes: 0,
        next_chunk: 0,
    };
    STREAMS.put(tx, (group.id, name), &stream)?;
    Ok(stream)
}

/// Removes a stream. Its events are out of sight at once; a timer removes them bit by bit.
pub fn delete(tx: &mut Tx, now: Timestamp, group: &Group, name: &str) -> Result<(), Error> {
    let stream = find(tx, group.id, name)?;
    STREAMS.delete(tx, (group.id, name))?;
    schedule_removal(tx, now, group.id, stream.id)
}

/// How the timer for a deleted stream's events is told from the one for a group's expiry.
const REMOVAL: &[u8] = b"stream";

fn schedule_removal(tx: &mut Tx, at: Timestamp, group: GroupId, stream: StreamId) -> Result<(), Error> {
    let key = [REMOVAL, &group.to_be_bytes(), &stream.to_be_bytes()].concat();
    Ok(timers::set(tx, "logs", at, &key, &Bytes::new())?)
}

/// The group and the stream that a removal's timer is for; `None` for other timers.
pub fn removal(key: &[u8]) -> Option<(GroupId, StreamId)> {
    let (group, stream) = key.strip_prefix(REMOVAL)?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*group), u64::from_be_bytes(stream.try_into().ok()?)))
}

/// Removes some of the events of a stream that is gone, and sees to the rest later.
pub fn remove_events(tx: &mut Tx, now: Timestamp, group: GroupId, stream: StreamId) -> Result<(), Error> {
    let keys = CHUNKS.scan_prefix(tx, (group, stream), Order::Forward)?.keys();
    let keys = keys.take(limits::REMOVED_PER_TRANSACTION).collect::<Result<Vec<_>, _>>()?;
    for (_, _, time, number) in &keys {
        CHUNKS.delete(tx, (group, stream, *time, *number))?;
        BY_TIME.delete(tx, (group, *time, stream, *number))?;
    }
    if keys.len() < limits::REMOVED_PER_TRANSACTION {
        return Ok(());
    }
    schedule_removal(tx, now, group, stream)
}

/// The order of a list of streams, and where its next page begins.
#[derive(Clone, Debug)]
pub enum After {
    Name(Option<String>),
    LastEvent(Option<(Timestamp, String)>),
}

/// A page of a group's streams whose names begin with `prefix`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    group: GroupId,
    prefix: &str,
    after: &After,
    descending: bool,
    limit: usize,
) -> Result<(Vec<Stream>, bool), Error> {
    match after {
        After::Name(after) => list_by_name(read, group, prefix, after.as_deref(), descending, limit),
        After::LastEvent(after) => list_by_time(read, group, after.as_ref(), descending, limit),
    }
}

fn list_by_name(
    read: &(impl Read + ?Sized),
    group: GroupId,
    prefix: &str,
    after: Option<&str>,
    descending: bool,
    limit: usize,
) -> Result<(Vec<Stream>, bool), Error> {
    let order = if descending { Order::Reverse } else { Order::Forward };
    let prefix = (group, Partial(prefix.as_bytes()));
    let rows = match after {
        Some(after) => STREAMS.scan_after(read, prefix, (group, after), order)?,
        None => STREAMS.scan_prefix(read, prefix, order)?,
    };
    let mut page = rows.values().take(limit + 1).collect::<Result<Vec<_>, _>>()?;
    let more = page.len() > limit;
    page.truncate(limit);
    Ok((page, more))
}

/// Looks at every stream of the group: nothing is written per event to keep this order.
fn list_by_time(
    read: &(impl Read + ?Sized),
    group: GroupId,
    after: Option<&(Timestamp, String)>,
    descending: bool,
    limit: usize,
) -> Result<(Vec<Stream>, bool), Error> {
    let place = |stream: &Stream| (stream.last_event.unwrap_or(Timestamp::ZERO), stream.name.clone());
    let mut all = STREAMS.scan_prefix(read, group, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    all.sort_by_cached_key(place);
    if descending {
        all.reverse();
    }
    let is_after = |stream: &Stream| match after {
        None => true,
        Some(after) if descending => place(stream) < *after,
        Some(after) => place(stream) > *after,
    };
    let mut page: Vec<_> = all.into_iter().filter(is_after).take(limit + 1).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    Ok((page, more))
}
