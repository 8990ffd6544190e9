//! The subscriptions of enhanced fan-out that are open: one for each consumer and shard, in memory alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::{Arn, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::keys::ShardIndex;
use crate::limits::SUBSCRIPTION_GUARD;

/// Subscriptions that are over and not yet replaced are forgotten once there are so many.
const REMEMBERED_MAX: usize = 10_000;

type Place = (Arn, ShardIndex);

#[derive(Debug, Default)]
pub struct Subscriptions(Mutex<HashMap<Place, Open>>);

#[derive(Debug)]
struct Open {
    since: Timestamp,
    end: CancellationToken,
}

impl Subscriptions {
    /// Begins a subscription, which ends the one there is. `None` while that is too young to be taken over. What is
    /// returned is cancelled when another takes over, or the consumer is gone; whoever has it cancels it at the end.
    pub fn begin(&self, consumer: &Arn, shard: ShardIndex, now: Timestamp) -> Option<CancellationToken> {
        let mut open = self.lock();
        let place = (consumer.clone(), shard);
        if let Some(before) = open.get(&place) {
            if before.since + SUBSCRIPTION_GUARD > now {
                return None;
            }
            before.end.cancel();
        }
        if open.len() >= REMEMBERED_MAX {
            open.retain(|_, open| open.since + SUBSCRIPTION_GUARD > now || !open.end.is_cancelled());
        }
        let end = CancellationToken::new();
        open.insert(place, Open { since: now, end: end.clone() });
        Some(end)
    }

    /// Ends those of a consumer, or of all consumers of a stream.
    pub fn end_all(&self, of: &Arn) {
        let below = format!("{}/consumer/", of.resource);
        self.lock().retain(|(consumer, _), open| {
            let is_meant = consumer == of || consumer.region == of.region && consumer.resource.starts_with(&below);
            if is_meant {
                open.end.cancel();
            }
            !is_meant
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_subscription_takes_over_and_an_early_one_is_refused() {
        let (all, now) = (Subscriptions::default(), Timestamp::from_secs(9));
        let arn = |name: &str| -> Arn { format!("arn:aws:kinesis:r:0:stream/s/consumer/{name}:1").parse().unwrap() };
        let first = all.begin(&arn("a"), 0, now).unwrap();
        assert!(all.begin(&arn("a"), 0, now).is_none() && !first.is_cancelled());
        assert!(all.begin(&arn("a"), 1, now).is_some() && all.begin(&arn("b"), 0, now).is_some());
        let second = all.begin(&arn("a"), 0, now + SUBSCRIPTION_GUARD).unwrap();
        assert!(first.is_cancelled() && !second.is_cancelled());
        all.end_all(&"arn:aws:kinesis:r:0:stream/s".parse().unwrap());
        assert!(second.is_cancelled() && all.begin(&arn("a"), 0, now).is_some());
    }
}
