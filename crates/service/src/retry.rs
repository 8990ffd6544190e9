//! When a delivery that failed is tried again, by the policies that EventBridge and its Scheduler have.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html>

use std::time::Duration;

use base::Timestamp;

use crate::{Cx, Delivery, Failure, backoff};

/// Pauses before a delivery is tried again: the first, and the longest.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// How often, and for how long, a delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first attempt is none of the retries.
    pub retries_max: u32,
    pub age_seconds_max: u64,
}

impl RetryPolicy {
    /// Where nobody says anything.
    pub const DEFAULT: RetryPolicy = RetryPolicy { retries_max: 185, age_seconds_max: 86_400 };

    /// When a delivery whose attempt has failed is tried again, not before the target wants it; `None` to give up. As for
    /// [`Sender::retry_at`](crate::Sender::retry_at), that attempt is not yet counted.
    pub fn retry_at(&self, cx: &Cx, delivery: &Delivery, failure: &Failure) -> Option<Timestamp> {
        let pause = pause(delivery.attempts, cx.env().random_u64()).max(failure.rest.unwrap_or_default());
        let at = cx.env().now() + pause;
        (self.may_be_tried(delivery.attempts.saturating_add(1)) && self.is_in_time(delivery.accepted, at)).then_some(at)
    }

    /// Which limit has kept a delivery from being tried again, whose attempts are all counted: that of the attempts, or else
    /// that of the time.
    pub fn exhausted(&self, delivery: &Delivery) -> &'static str {
        if self.may_be_tried(delivery.attempts) { "MaximumEventAgeInSeconds" } else { "MaximumRetryAttempts" }
    }

    /// Whether there may be another attempt after so many.
    fn may_be_tried(&self, attempts: u32) -> bool {
        attempts <= self.retries_max
    }

    fn is_in_time(&self, accepted: Timestamp, at: Timestamp) -> bool {
        at.since(accepted) <= Duration::from_secs(self.age_seconds_max)
    }
}

fn pause(attempts: u32, random: u64) -> Duration {
    backoff(attempts, random, PAUSE_MIN, PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let longest = |attempts| pause(attempts, 0);
        assert_eq!((longest(0), longest(3), longest(40)), (PAUSE_MIN, PAUSE_MIN * 8, PAUSE_MAX));
        assert!(pause(5, 12_345) < longest(5) && pause(5, 12_345) >= longest(5) / 2);
    }

    #[test]
    fn the_first_attempt_is_no_retry() {
        let policy = |retries_max| RetryPolicy { retries_max, age_seconds_max: 60 };
        assert!(policy(0).may_be_tried(0) && !policy(0).may_be_tried(1));
        assert!(policy(2).may_be_tried(2) && !policy(2).may_be_tried(3));
        let is_in_time = |seconds| policy(2).is_in_time(Timestamp::ZERO, Timestamp::from_secs(seconds));
        assert!(is_in_time(60) && !is_in_time(61));
    }
}
