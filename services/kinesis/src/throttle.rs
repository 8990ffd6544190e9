//! What a shard takes and gives each second, where throughput is limited as AWS limits it. Kept in memory alone.
//!
//! Source: <https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::Timestamp;

use crate::keys::{ShardIndex, StreamId};
use crate::limits::{SHARD_READ_BYTES, SHARD_READS, SHARD_WRITE_BYTES, SHARD_WRITE_RECORDS};

/// Shards that are remembered; those that rest are forgotten beyond that.
const SHARDS_WATCHED_MAX: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Limit {
    WriteBytes,
    WriteRecords,
    ReadBytes,
    Reads,
}

impl Limit {
    /// A second's worth, which is also the most that can be saved up.
    fn rate(self) -> f64 {
        match self {
            Limit::WriteBytes => SHARD_WRITE_BYTES,
            Limit::WriteRecords => SHARD_WRITE_RECORDS,
            Limit::ReadBytes => SHARD_READ_BYTES,
            Limit::Reads => SHARD_READS,
        }
    }
}

type Place = (StreamId, ShardIndex, Limit);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    filled: Timestamp,
}

/// The buckets of all shards.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<Place, Bucket>>);

impl Throttle {
    /// Whether a shard takes a record of so many bytes now; it counts when it does.
    pub fn write(&self, stream: StreamId, shard: ShardIndex, bytes: usize, now: Timestamp) -> bool {
        self.draw(stream, shard, [(Limit::WriteBytes, bytes as f64), (Limit::WriteRecords, 1.0)], now)
    }

    /// Whether a shard can be read now; it counts when it can. What is read is not known before: see [`Self::have_read`].
    pub fn read(&self, stream: StreamId, shard: ShardIndex, now: Timestamp) -> bool {
        self.draw(stream, shard, [(Limit::ReadBytes, 0.0), (Limit::Reads, 1.0)], now)
    }

    /// Counts what was read. It may be more than is left; the next reads wait until that is made up for.
    pub fn have_read(&self, stream: StreamId, shard: ShardIndex, bytes: usize, now: Timestamp) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (stream, shard, Limit::ReadBytes);
        let bucket = filled(buckets.get(&place), Limit::ReadBytes, now);
        buckets.insert(place, Bucket { left: bucket.left - bytes as f64, ..bucket });
    }

    /// Draws all of it or nothing. A record larger than a second's worth passes when the bucket is full.
    fn draw(&self, stream: StreamId, shard: ShardIndex, draws: [(Limit, f64); 2], now: Timestamp) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = draws.map(|(limit, units)| {
            let place = (stream, shard, limit);
            (place, filled(buckets.get(&place), limit, now), units)
        });
        let has_room = |&((_, _, limit), bucket, units): &(Place, Bucket, f64)| {
            bucket.left >= units.min(limit.rate()) && bucket.left > 0.0
        };
        if !drawn.iter().all(has_room) {
            return false;
        }
        for (place, bucket, units) in drawn {
            buckets.insert(place, Bucket { left: bucket.left - units, ..bucket });
        }
        if buckets.len() > SHARDS_WATCHED_MAX * 4 {
            buckets.retain(|_, bucket| bucket.left < 0.0 || now.since(bucket.filled).as_secs() < 1);
        }
        true
    }
}

fn filled(bucket: Option<&Bucket>, limit: Limit, now: Timestamp) -> Bucket {
    match bucket {
        Some(bucket) => {
            let left = bucket.left + limit.rate() * now.since(bucket.filled).as_secs_f64();
            Bucket { left: left.min(limit.rate()), filled: now.max(bucket.filled) }
        }
        None => Bucket { left: limit.rate(), filled: now },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_shard_takes_a_megabyte_or_a_thousand_records_a_second() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_secs(9));
        assert!((0..1_000).all(|_| throttle.write(1, 0, 10, now)));
        assert!(!throttle.write(1, 0, 10, now) && throttle.write(1, 1, 10, now));
        assert!(throttle.write(1, 0, 10, now + Duration::from_millis(2)));
        let half = 1 << 19;
        assert!(throttle.write(2, 0, half, now) && throttle.write(2, 0, half, now) && !throttle.write(2, 0, 1, now));
        assert!(throttle.write(3, 0, 5 << 20, now) && !throttle.write(3, 0, 1, now + Duration::from_secs(3)));
        assert!(throttle.write(3, 0, 1, now + Duration::from_secs(5)));
    }

    #[test]
    fn a_shard_is_read_five_times_or_two_megabytes_a_second() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_secs(9));
        assert!((0..5).all(|_| throttle.read(1, 0, now)) && !throttle.read(1, 0, now));
        throttle.have_read(2, 0, 6 << 20, now);
        assert!(!throttle.read(2, 0, now + Duration::from_secs(2)));
        assert!(throttle.read(2, 0, now + Duration::from_millis(2_001)));
    }
}
