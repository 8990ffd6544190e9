//! Where logs keep what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! Events are stored in chunks, most often one for each batch that was put: the store pays by the key, not by the line.

use base::Timestamp;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{Chunk, ChunkEntry, Group, Stream};

pub type GroupId = u64;
pub type StreamId = u64;
/// A chunk's number in its stream, in order of arrival.
pub type ChunkNumber = u64;

/// By region and name.
pub const GROUPS: Table<(String, String), Group> = Table::new(prefix::LOGS, 1);
pub const NEXT_GROUP: Table<(), u64> = Table::new(prefix::LOGS, 2);
pub const STREAMS: Table<(GroupId, String), Stream> = Table::new(prefix::LOGS, 3);
pub const NEXT_STREAM: Table<(), u64> = Table::new(prefix::LOGS, 4);
/// By the time of the chunk's first event.
pub const CHUNKS: Table<(GroupId, StreamId, Timestamp, ChunkNumber), Chunk> = Table::new(prefix::LOGS, 5);
/// All chunks of a group by time.
pub const BY_TIME: Table<(GroupId, Timestamp, StreamId, ChunkNumber), ChunkEntry> = Table::new(prefix::LOGS, 6);

/// What is woken when events arrive in a group, which need not exist yet.
pub fn channel(region: &str, group: &str) -> Bytes {
    Bytes::from([&[prefix::LOGS], region.as_bytes(), b"/", group.as_bytes()].concat())
}
