//! What was used of the throughput that is provisioned, minute by minute: in memory, for whoever scales it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::Timestamp;

use crate::throttle::Direction;

const MINUTE_MILLIS: u64 = 60_000;

/// Units by the number of a table or index.
#[derive(Debug, Default)]
pub struct Used(Mutex<HashMap<(u64, Direction), Minutes>>);

/// The latest minute in which anything was used, by its number since the epoch, and the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Minutes {
    latest: u64,
    units: f64,
    before: f64,
}

impl Minutes {
    /// As they are in a minute.
    fn at(self, minute: u64) -> Minutes {
        match minute.saturating_sub(self.latest) {
            // Requests run in another order than they began.
            0 => self,
            1 => Minutes { latest: minute, units: 0.0, before: self.units },
            _ => Minutes { latest: minute, ..Minutes::default() },
        }
    }
}

fn minute(now: Timestamp) -> u64 {
    now.as_millis() / MINUTE_MILLIS
}

impl Used {
    pub fn add(&self, id: u64, direction: Direction, units: f64, now: Timestamp) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minutes = used.entry((id, direction)).or_default();
        *minutes = minutes.at(minute(now));
        minutes.units += units;
    }

    /// Units that were used in the last whole minute.
    pub fn last_minute(&self, id: u64, direction: Direction, now: Timestamp) -> f64 {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(&(id, direction)).map_or(0.0, |minutes| minutes.at(minute(now)).before)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_whole_minute_is_told() {
        let (used, start) = (Used::default(), Timestamp::from_secs(60_000));
        let last = |seconds: u64| used.last_minute(7, Direction::Read, start + Duration::from_secs(seconds));
        for second in 0..60 {
            used.add(7, Direction::Read, 2.0, start + Duration::from_secs(second));
        }
        used.add(7, Direction::Write, 1.0, start);
        used.add(8, Direction::Read, 1.0, start);
        assert_eq!((last(59), last(60), last(119), last(120)), (0.0, 120.0, 120.0, 0.0));
        used.add(7, Direction::Read, 3.0, start + Duration::from_secs(61));
        used.add(7, Direction::Read, -1.0, start + Duration::from_secs(61));
        assert_eq!((last(60), last(120), last(600)), (120.0, 2.0, 0.0));
    }
}
