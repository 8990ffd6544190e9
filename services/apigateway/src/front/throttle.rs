//! How many requests are let in a second: buckets of tokens, in memory. After a start they are full.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::Timestamp;

use crate::limits;
use crate::types::usage::Throttle;

#[derive(Default)]
pub struct Buckets(Mutex<HashMap<String, Bucket>>);

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Buckets {
    /// Takes a token out of the bucket of this name; `false` where it is empty.
    pub fn take(&self, name: String, throttle: Throttle, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= limits::BUCKETS_MAX && !all.contains_key(&name) {
            // Whoever comes back has a full bucket: more than it should, once.
            all.clear();
        }
        let full = f64::from(throttle.burst);
        let bucket = all.entry(name).or_insert(Bucket { tokens: full, filled: now });
        let more = now.since(bucket.filled).as_secs_f64() * throttle.rate;
        bucket.tokens = (bucket.tokens + more).min(full);
        // A request that has waited is older than one that has not: what was filled once is not filled again.
        bucket.filled = bucket.filled.max(now);
        let has = bucket.tokens >= 1.0;
        if has {
            bucket.tokens -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let (buckets, throttle) = (Buckets::default(), Throttle { burst: 2, rate: 4.0 });
        let take = |millis: u64| buckets.take("a".into(), throttle, Timestamp(millis));
        assert_eq!([take(0), take(0), take(0), take(249)], [true, true, false, false]);
        assert_eq!([take(300), take(300), take(300)], [true, false, false]);
        assert!(buckets.take("b".into(), throttle, Timestamp(500)), "each has one of its own");
        assert_eq!([take(9_000), take(9_000), take(9_000)], [true, true, false]);
        assert!(!buckets.take("none".into(), Throttle { burst: 0, rate: 9.0 }, Timestamp(0)));
    }
}
