//! Events on their way into a stream: sorted, cut into chunks, and written.

use base::Timestamp;
use kv::Tx;

use crate::error::Error;
use crate::keys::{self, BY_TIME, CHUNKS, STREAMS};
use crate::limits;
use crate::model::stream;
use crate::types::{Chunk, ChunkEntry, Event, Group};

/// What an event counts against batches and pages.
pub fn size(event: &Event) -> usize {
    event.1.len() + limits::EVENT_OVERHEAD_BYTES
}

/// Adds chunks, each in order of time, to a stream that exists.
pub fn append(tx: &mut Tx, now: Timestamp, group: &Group, stream: &str, chunks: &[Vec<Event>]) -> Result<(), Error> {
    let mut stream = stream::find(tx, group.id, stream)?;
    for events in chunks {
        let [first, ..] = events.as_slice() else { continue };
        let last = events.last().map_or(first.0, |last| last.0);
        let number = stream.next_chunk;
        stream.next_chunk += 1;
        stream.first_event = Some(stream.first_event.map_or(first.0, |known| known.min(first.0)));
        stream.last_event = Some(stream.last_event.map_or(last, |known| known.max(last)));
        stream.last_ingestion = Some(now);
        stream.bytes += events.iter().map(size).sum::<usize>() as u64;
        CHUNKS.put(tx, (group.id, stream.id, first.0, number), &Chunk { ingested: now, events: events.clone() })?;
        let entry = ChunkEntry { stream: stream.name.clone(), last };
        BY_TIME.put(tx, (group.id, first.0, stream.id, number), &entry)?;
    }
    STREAMS.put(tx, (group.id, &*stream.name), &stream)?;
    tx.wake(&keys::channel(&group.arn.region, &group.name));
    Ok(())
}

/// Cuts events into chunks that are in order of time, within [`limits::CHUNK_SPAN`], and within a batch's size.
pub fn chunks(mut events: Vec<Event>) -> Vec<Vec<Event>> {
    events.sort_by_key(|event| event.0);
    let mut chunks: Vec<Vec<Event>> = Vec::new();
    let mut bytes = 0;
    for event in events {
        bytes += size(&event);
        let fits = |chunk: &&mut Vec<Event>| {
            let starts = chunk.first().map_or(event.0, |first| first.0);
            event.0.since(starts) <= limits::CHUNK_SPAN
                && bytes <= limits::BATCH_BYTES_MAX
                && chunk.len() < limits::BATCH_EVENTS_MAX
        };
        match chunks.last_mut().filter(fits) {
            Some(chunk) => chunk.push(event),
            None => {
                bytes = size(&event);
                chunks.push(vec![event]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_short_in_time_and_size() {
        let span = u64::try_from(limits::CHUNK_SPAN.as_millis()).unwrap();
        let at = |millis: u64| Event(Timestamp(millis), "x".into());
        let cut = chunks(vec![at(span + 2), at(0), at(span), at(1)]);
        assert_eq!(cut, [vec![at(0), at(1), at(span)], vec![at(span + 2)]]);
        let large = Event(Timestamp(0), "x".repeat(limits::BATCH_BYTES_MAX / 2 - limits::EVENT_OVERHEAD_BYTES));
        let sizes: Vec<_> = chunks(vec![large; 5]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert_eq!(chunks(vec![at(0); limits::BATCH_EVENTS_MAX + 1]).len(), 2);
        assert!(chunks(Vec::new()).is_empty());
    }
}
