//! When a policy that tracks a target value scales: what the use of a resource was in the last minutes, and what follows.
//!
//! Source: <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>

use std::collections::VecDeque;
use std::time::Duration;

use base::Timestamp;

use crate::capacity::Watch;
use crate::limits::{FAILURE_PAUSE, MINUTES_LOW};
use crate::types::Policy;

const MINUTE_MILLIS: u64 = 60_000;

/// The most that was in use in each of the last minutes.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// The minute that is being measured, by its number since the epoch, and its most so far.
    current: Option<(u64, f64)>,
    minutes: VecDeque<f64>,
    scaled_out: Option<Timestamp>,
    scaled_in: Option<Timestamp>,
    /// When the capacity could not be set.
    failed: Option<Timestamp>,
}

/// What a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Out(u32),
    In(u32),
}

impl Meter {
    /// Takes in what is in use now. True when a minute is over.
    pub fn sample(&mut self, now: Timestamp, used: f64) -> bool {
        let minute = now.as_millis() / MINUTE_MILLIS;
        match &mut self.current {
            Some((current, most)) if *current == minute => {
                *most = most.max(used);
                false
            }
            current => {
                let over = current.replace((minute, used));
                if let Some((_, most)) = over {
                    self.minutes.push_front(most);
                    self.minutes.truncate(MINUTES_LOW);
                }
                over.is_some()
            }
        }
    }

    /// Notes that a capacity could not be set: it would be tried at each look else.
    pub fn fail(&mut self, now: Timestamp) {
        self.failed = Some(now);
    }

    /// Whether that is long enough ago.
    pub fn has_rested(&self, now: Timestamp) -> bool {
        self.failed.is_none_or(|failed| now >= failed + FAILURE_PAUSE)
    }

    /// What follows for a resource of this capacity.
    pub fn decide(&mut self, policy: &Policy, watch: &Watch, capacity: u32, now: Timestamp) -> Option<Wish> {
        let rests = |since: Option<Timestamp>, seconds: Option<u64>| {
            since.is_some_and(|since| now < since + Duration::from_secs(seconds.unwrap_or(0)))
        };
        let recent: Vec<f64> = self.minutes.iter().copied().collect();
        let high = recent.get(..watch.minutes_high).filter(|high| high.iter().all(|used| *used > policy.target_value));
        if let Some(high) = high.filter(|_| !rests(self.scaled_out, policy.scale_out_cooldown_seconds)) {
            (self.scaled_out, self.minutes) = (Some(now), VecDeque::new());
            return Some(Wish::Out(fitting(capacity, most(high), policy).max(capacity.saturating_add(1))));
        }
        let low = recent.get(..MINUTES_LOW).filter(|low| low.iter().all(|used| *used < watch.low));
        let low =
            low.filter(|_| !policy.disable_scale_in && !rests(self.scaled_in, policy.scale_in_cooldown_seconds))?;
        let wanted = fitting(capacity, most(low), policy);
        if wanted >= capacity {
            return None;
        }
        (self.scaled_in, self.minutes) = (Some(now), VecDeque::new());
        Some(Wish::In(wanted))
    }
}

fn most(minutes: &[f64]) -> f64 {
    minutes.iter().copied().fold(0.0, f64::max)
}

/// The capacity of which what is in use would be the target value.
fn fitting(capacity: u32, used: f64, policy: &Policy) -> u32 {
    (f64::from(capacity) * used / policy.target_value).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Resource;

    const WATCH: Watch = Watch { minutes_high: 3, low: 0.45 };

    fn policy() -> Policy {
        let text = |text: &str| text.to_string();
        let resource = Resource { region: text("r"), namespace: text("lambda"), id: text("i"), dimension: text("d") };
        Policy {
            resource,
            name: text("p"),
            arn: text("a"),
            target_value: 0.5,
            metric: text("m"),
            scale_out_cooldown_seconds: None,
            scale_in_cooldown_seconds: Some(3600),
            disable_scale_in: false,
            created: Timestamp::ZERO,
        }
    }

    /// What is decided at the end of each of these minutes.
    fn decisions(meter: &mut Meter, policy: &Policy, from_minute: u64, used: &[f64]) -> Vec<(usize, Wish)> {
        let mut wishes = Vec::new();
        for (index, used) in used.iter().enumerate() {
            let now = Timestamp((from_minute + index as u64) * MINUTE_MILLIS);
            if meter.sample(now, *used) {
                wishes.extend(meter.decide(policy, &WATCH, 10, now).map(|wish| (index, wish)));
            }
            assert!(!meter.sample(now + Duration::from_secs(30), 0.0));
        }
        wishes
    }

    #[test]
    fn three_minutes_of_much_use_scale_out() {
        let used = [0.9, 0.9, 0.2, 0.6, 0.7, 0.8, 0.1];
        assert_eq!(decisions(&mut Meter::default(), &policy(), 0, &used), [(6, Wish::Out(16))]);
    }

    #[test]
    fn fifteen_minutes_of_little_use_scale_in_and_rest() {
        let mut meter = Meter::default();
        assert_eq!(decisions(&mut meter, &policy(), 0, &[0.2; 16]), [(15, Wish::In(4))]);
        assert_eq!(decisions(&mut meter, &policy(), 16, &[0.2; 30]), []);
        // A little less than wanted is what is wanted.
        assert_eq!(decisions(&mut Meter::default(), &policy(), 0, &[0.46; 40]), []);
        let stays = Policy { disable_scale_in: true, ..policy() };
        assert_eq!(decisions(&mut Meter::default(), &stays, 0, &[0.0; 40]), []);
    }
}
