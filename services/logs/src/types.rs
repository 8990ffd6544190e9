//! What logs store. Times are moments in milliseconds.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys::{ChunkNumber, GroupId, StreamId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    /// Without the `:*` that CloudWatch Logs shows in some places.
    pub arn: Arn,
    pub created: Timestamp,
    pub class: Class,
    /// Days; `None` is for ever.
    pub retention: Option<u32>,
    /// The timer that will look for events past their retention.
    pub expiry: Option<Timestamp>,
    pub deletion_protected: bool,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Group, version = 1);

/// A matter of price on AWS; here both are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    #[default]
    Standard,
    InfrequentAccess,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    pub id: StreamId,
    pub name: String,
    pub created: Timestamp,
    pub first_event: Option<Timestamp>,
    pub last_event: Option<Timestamp>,
    pub last_ingestion: Option<Timestamp>,
    /// Messages with their overhead, as the batches counted.
    pub bytes: u64,
    pub next_chunk: ChunkNumber,
}
kv::stored!(Stream, version = 1);

/// Events that arrived together, in order of time, not further apart than [`crate::limits::CHUNK_SPAN`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    pub ingested: Timestamp,
    pub events: Vec<Event>,
}
kv::stored!(Chunk, version = 1);

/// When, and what. A pair, so that a stored event has no member names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event(pub Timestamp, pub String);

/// Where a group finds one of its chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkEntry {
    /// The stream's name.
    pub stream: String,
    /// The time of the chunk's last event.
    pub last: Timestamp,
}
kv::stored!(ChunkEntry, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    #[test]
    fn the_form_of_a_chunk_is_fixed() {
        let chunk = Chunk { ingested: Timestamp(5), events: vec![Event(Timestamp(4), "a".into())] };
        let golden = b"\x01\x82\xa8ingested\x05\xa6events\x91\x92\x04\xa1a";
        assert_eq!(chunk.to_bytes().unwrap(), golden.as_slice());
        assert_eq!(Chunk::from_bytes(&chunk.to_bytes().unwrap()).unwrap(), chunk);
    }
}
