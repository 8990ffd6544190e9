//! Where pipes are kept: the only file that decides on keys. A number, once used, is never given to another table.

use kv::Table;
use service::prefix;
use sources::Checkpoint;

use crate::types::Pipe;

/// By region and name.
pub const PIPES: Table<(String, String), Pipe> = Table::new(prefix::PIPES, 1);
/// By region, the pipe's id, and the shard.
pub const CHECKPOINTS: Table<(String, String, String), Checkpoint> = Table::new(prefix::PIPES, 2);

/// Woken when a pipe changes.
pub const PIPES_CHANNEL: &[u8] = b"pipes/pipes";
