//! What is being delivered, and how much more may be: bounds for each target and for all together.

use std::collections::{HashMap, HashSet};

use super::lanes::Key;

/// Deliveries under way at once to all targets together; beyond it, each target still has one.
const ALL_MAX: usize = 4_096;
/// Bytes of deliveries under way to all targets together; beyond it, a target still has one, up to twice as many.
const BYTES_MAX: usize = 256 << 20;
/// Deliveries popped and accepted in one transaction, where the target is a layer.
const PER_TRANSACTION: usize = 64;
/// Bytes of these: far fewer than a transaction may write, as a layer may write more than it gets.
const BYTES_PER_TRANSACTION: usize = 8 << 20;

#[derive(Default)]
pub(super) struct UnderWay {
    numbers: HashSet<u64>,
    bytes: usize,
    /// How many there are in each lane that has any.
    by_lane: HashMap<String, usize>,
    /// What came to its end since the present round began: the round's snapshot may still hold it.
    ended: HashSet<u64>,
}

/// A delivery that is under way.
pub(super) struct Taken {
    pub key: Key,
    pub bytes: usize,
}

/// How many more deliveries a lane may have under way.
pub(super) struct Room {
    pub count: usize,
    bytes: usize,
}

impl Room {
    /// Whether one of so many bytes goes in; the first always does.
    pub fn fits(&mut self, bytes: usize, is_first: bool) -> bool {
        if self.count == 0 || (bytes > self.bytes && !is_first) {
            return false;
        }
        self.count -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

impl UnderWay {
    /// To be called before a round takes its snapshot.
    pub fn begin_round(&mut self) {
        self.ended.clear();
    }

    /// `in_flight_max` is what the target takes at once, `None` for a layer, which gets one batch after the other.
    pub fn room(&self, lane: &str, in_flight_max: Option<usize>) -> Room {
        let own = self.by_lane.get(lane).copied().unwrap_or_default();
        let (all, bytes) = (ALL_MAX.saturating_sub(self.numbers.len()), BYTES_MAX.saturating_sub(self.bytes));
        let is_crowded = all == 0 || bytes == 0;
        let count = match in_flight_max {
            _ if is_crowded => usize::from(own == 0 && self.bytes < 2 * BYTES_MAX),
            None => {
                if own == 0 {
                    PER_TRANSACTION
                } else {
                    0
                }
            }
            Some(max) => max.saturating_sub(own).min(all),
        };
        Room { count, bytes: in_flight_max.map_or(bytes.min(BYTES_PER_TRANSACTION), |_| bytes) }
    }

    /// Whether it was under way when the round began.
    pub fn has(&self, number: u64) -> bool {
        self.ended.contains(&number) || self.numbers.contains(&number)
    }

    pub fn add(&mut self, taken: &Taken) {
        self.numbers.insert(taken.key.2);
        self.bytes += taken.bytes;
        *self.by_lane.entry(taken.key.0.clone()).or_default() += 1;
    }

    pub fn remove(&mut self, taken: &Taken) {
        let (lane, _, number) = &taken.key;
        self.numbers.remove(number);
        self.ended.insert(*number);
        self.bytes = self.bytes.saturating_sub(taken.bytes);
        if let Some(own) = self.by_lane.get_mut(lane) {
            *own -= 1;
            if *own == 0 {
                self.by_lane.remove(lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn taken(lane: &str, number: u64, bytes: usize) -> Taken {
        Taken { key: (lane.into(), Timestamp::ZERO, number), bytes }
    }

    #[test]
    fn a_crowd_leaves_each_lane_one() {
        let mut under_way = UnderWay::default();
        (0..ALL_MAX as u64).for_each(|number| under_way.add(&taken("a", number, 1)));
        let count =
            |under_way: &UnderWay, lane| (under_way.room(lane, Some(32)).count, under_way.room(lane, None).count);
        assert_eq!(count(&under_way, "a"), (0, 0));
        assert_eq!(count(&under_way, "b"), (1, 1));
        under_way.remove(&taken("a", 0, 1));
        assert_eq!(count(&under_way, "b"), (1, PER_TRANSACTION));
        assert!(under_way.has(0), "a snapshot may still hold it");
        under_way.begin_round();
        assert!(!under_way.has(0) && under_way.has(1));
    }

    #[test]
    fn bytes_are_bounded_for_all_together() {
        let mut under_way = UnderWay::default();
        under_way.add(&taken("a", 0, BYTES_MAX));
        assert_eq!(under_way.room("b", Some(32)).count, 1);
        under_way.add(&taken("b", 1, BYTES_MAX));
        assert_eq!(under_way.room("c", Some(32)).count, 0);
        under_way.remove(&taken("a", 0, BYTES_MAX));
        under_way.remove(&taken("b", 1, BYTES_MAX));
        let mut room = under_way.room("c", None);
        assert!(room.fits(BYTES_PER_TRANSACTION + 1, true), "one that is large goes alone");
        assert!(!room.fits(1, false));
    }
}
