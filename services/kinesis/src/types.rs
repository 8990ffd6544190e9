//! What Kinesis stores, beside the records themselves. Times are moments in milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys::{ShardIndex, StreamId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    pub id: StreamId,
    pub name: String,
    pub arn: Arn,
    pub created: Timestamp,
    pub on_demand: bool,
    pub retention_hours: u32,
    /// Records from this moment and before it are gone, however long records are kept now.
    pub gone: Timestamp,
    pub next_shard: ShardIndex,
    pub open_shards: u64,
    /// The key of server-side encryption, while that is on.
    pub key: Option<String>,
    /// Enhanced monitoring's metrics.
    pub metrics: BTreeSet<String>,
    pub tags: BTreeMap<String, String>,
    /// `MaxRecordSizeInKiB`.
    pub record_kib_max: u32,
    /// Whether records go to shards in turn, whatever their keys (`RecordDistributionStrategy` `AUTO`).
    pub spread: bool,
    pub warm_mibps: Option<u32>,
    /// When its mode and its number of shards were changed, within the last day.
    pub mode_changes: Vec<Timestamp>,
    pub scalings: Vec<Timestamp>,
    /// Set while it gets another number of shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
}
kv::stored!(Stream, version = 1);

/// How far a stream is with getting another number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    pub target: u64,
    /// Ranges of hash keys that have their shard, from the lowest on.
    pub done: u64,
}

impl Stream {
    /// What arrived at this moment or before it is past its retention.
    pub fn cutoff(&self, now: Timestamp) -> Timestamp {
        (now - Duration::from_secs(u64::from(self.retention_hours) * 3_600)).max(self.gone)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    pub index: ShardIndex,
    /// What its sequence numbers begin with: seconds, later than those of its parents.
    pub epoch: u64,
    pub opened: Timestamp,
    pub first_hash: u128,
    pub last_hash: u128,
    pub parents: Vec<ShardIndex>,
    pub closed: Option<Timestamp>,
}
kv::stored!(Shard, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// The number of the next record.
    pub next: u64,
    /// When the last one arrived.
    pub last: Timestamp,
}
kv::stored!(Tail, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consumer {
    pub name: String,
    pub arn: Arn,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Consumer, version = 1);

/// A resource policy, as its owner wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub document: String,
}
kv::stored!(Policy, version = 1);

/// What is set for all streams of a region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Since when there is a commitment to a minimum of throughput, and when one ended.
    pub committed: Option<Timestamp>,
    pub commitment_ended: Option<Timestamp>,
}
kv::stored!(Account, version = 1);
