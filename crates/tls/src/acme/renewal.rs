//! When a certificate is ordered.

use std::time::Duration;

use base::Timestamp;

use crate::validity::Validity;

/// How long to wait after a first failure. Let's Encrypt lets a name fail five times an hour:
/// <https://letsencrypt.org/docs/rate-limits/>
const RETRY_MIN: Duration = Duration::from_secs(2 * 60);
/// How much longer after each further one.
const RETRY_FACTOR: u32 = 3;
const RETRY_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// How long to wait at least where the server says that it was asked for too much.
const RATE_WAIT: Duration = Duration::from_secs(60 * 60);

/// The next order of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub due: Timestamp,
    /// Of orders, since the last one that came to something.
    pub failures: u32,
}

impl Schedule {
    /// A certificate is ordered again when a third of its time is left; what is not there, at once.
    pub fn of(validity: Option<Validity>, now: Timestamp) -> Schedule {
        let due = validity.map_or(now, |Validity { from, until }| until - until.since(from) / 3);
        Schedule { due, failures: 0 }
    }

    pub fn failed(&mut self, is_of_rate: bool, now: Timestamp) {
        let least = if is_of_rate { RATE_WAIT } else { RETRY_MIN };
        let factor = RETRY_FACTOR.saturating_pow(self.failures);
        self.due = now + RETRY_MIN.saturating_mul(factor).min(RETRY_MAX).max(least);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    #[test]
    fn certificates_are_renewed_ahead_of_time_and_failures_wait_longer_and_longer() {
        let now = Timestamp::from_secs(1_000_000);
        assert_eq!(Schedule::of(None, now).due, now);
        let day = 24 * HOUR;
        let until = Timestamp::from_secs(1_000_000 + 90 * day);
        let mut schedule = Schedule::of(Some(Validity { from: now, until }), now);
        assert_eq!(schedule.due, Timestamp::from_secs(1_000_000 + 60 * day));
        let waits: Vec<u64> = (0..8)
            .map(|_| {
                schedule.failed(false, now);
                schedule.due.since(now).as_secs()
            })
            .collect();
        assert_eq!(waits, [120, 360, 1_080, 3_240, 9_720, 6 * HOUR, 6 * HOUR, 6 * HOUR]);
        let in_the_first_hour = waits
            .iter()
            .scan(0, |at, wait| {
                *at += wait;
                Some(*at)
            })
            .filter(|at| *at < HOUR)
            .count();
        assert!(in_the_first_hour < 5, "a name may fail five times an hour");
        for _ in 0..100 {
            schedule.failed(false, now);
        }
        assert_eq!(schedule.due.since(now).as_secs(), 6 * HOUR);
        let mut limited = Schedule::of(None, now);
        limited.failed(true, now);
        assert_eq!(limited.due.since(now).as_secs(), HOUR);
    }
}
