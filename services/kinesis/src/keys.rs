//! Where Kinesis keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! What a stream has lives under its number, not its name: a stream that is deleted and made again starts empty.

use base::Arn;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{Account, Consumer, Policy, Shard, Stream, Tail};

/// A stream's number.
pub type StreamId = u64;
/// A shard's place in its stream: what its name ends with.
pub type ShardIndex = u32;

/// By region and name.
pub const STREAMS: Table<(String, String), Stream> = Table::new(prefix::KINESIS, 1);
pub const NEXT_STREAM: Table<(), u64> = Table::new(prefix::KINESIS, 2);
pub const SHARDS: Table<(StreamId, ShardIndex), Shard> = Table::new(prefix::KINESIS, 3);
/// Where each shard's next record goes.
pub const TAILS: Table<(StreamId, ShardIndex), Tail> = Table::new(prefix::KINESIS, 4);
/// The open shards by their first hash key; the value is the shard's index.
pub const OPEN: Table<(StreamId, u128), u64> = Table::new(prefix::KINESIS, 5);
/// Blocks of records by the number of their first record, each in one piece or more: see [`crate::block`].
pub const BLOCKS: Table<(StreamId, ShardIndex, u64, u8), Bytes> = Table::new(prefix::KINESIS, 6);
pub const CONSUMERS: Table<(StreamId, String), Consumer> = Table::new(prefix::KINESIS, 7);
/// By the ARN of a stream or consumer.
pub const POLICIES: Table<String, Policy> = Table::new(prefix::KINESIS, 8);
/// By region.
pub const ACCOUNTS: Table<String, Account> = Table::new(prefix::KINESIS, 9);

/// The shard as those who wait for its records know it.
pub fn shard_arn(stream: &Arn, shard: ShardIndex) -> Arn {
    service::streams::shard(stream, &crate::sequence::shard_id(shard))
}
