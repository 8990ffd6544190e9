//! How many requests are let in a second: buckets of tokens. They are in memory, and those that take longer than a second to fill
//! are in the store a second later, so that a start does not fill them.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use kv::Order;
use service::Cx;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::keys::LEVELS;
use crate::types::usage::{Level, Throttle};
use crate::{ApiGateway, limits};

#[derive(Default)]
pub struct Buckets {
    all: Mutex<HashMap<String, Bucket>>,
    /// Rung by what the store is to know.
    changed: Notify,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: Level,
    /// What the store has of it.
    written: Option<Level>,
}

impl Buckets {
    fn locked(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token out of the bucket of this name; `false` where it is empty.
    pub fn take(&self, cx: &Cx, name: String, throttle: Throttle) -> bool {
        // Most are known, and those that are not are not looked up while all others wait.
        let is_known = self.locked().contains_key(&name);
        let written = if is_known { None } else { written(cx, &name) };
        let now = cx.now();
        let mut all = self.locked();
        if !is_known {
            make_room(&mut all, now);
        }
        let bucket = all.entry(name).or_insert_with(|| {
            let full = Level { tokens: throttle.burst.into(), filled: now, throttle };
            Bucket { level: written.unwrap_or(full).not_after(now), written }
        });
        let has = bucket.level.take(throttle, now);
        if bucket.level.matters_at(now) {
            self.changed.notify_one();
        }
        has
    }

    /// What the store is to know of which bucket, and does not yet.
    fn unwritten(&self, now: Timestamp) -> Vec<(String, Option<Level>)> {
        let wanted = |bucket: &Bucket| Some(bucket.level).filter(|level| level.matters_at(now));
        let all = self.locked();
        // One that the store does not take would keep all others out as well.
        let fitting = all.iter().filter(|(name, _)| name.len() <= limits::BUCKET_NAME_BYTES_MAX);
        let news = fitting.map(|(name, bucket)| (name, wanted(bucket), bucket.written));
        news.filter(|(_, wanted, written)| wanted != written).map(|(name, wanted, _)| (name.clone(), wanted)).collect()
    }

    async fn write(&self, cx: &Cx) -> Result<(), Error> {
        let news = self.unwritten(cx.now());
        if news.is_empty() {
            return Ok(());
        }
        let written = news.clone();
        let put = cx.db().write(move |tx| {
            for (name, level) in &news {
                match level {
                    Some(level) => LEVELS.put(tx, name, level)?,
                    None => LEVELS.delete(tx, name)?,
                }
            }
            Ok::<_, Error>(())
        });
        put.await?;
        let mut all = self.locked();
        for (name, level) in written {
            all.entry(name).and_modify(|bucket| bucket.written = level);
        }
        Ok(())
    }
}

/// Whoever comes back to a full bucket, or one that the store has, finds it as it was.
fn make_room(all: &mut HashMap<String, Bucket>, now: Timestamp) {
    if all.len() >= limits::BUCKETS_MAX {
        all.retain(|_, bucket| bucket.level.matters_at(now));
    }
    if all.len() >= limits::BUCKETS_MAX {
        all.clear();
    }
}

fn written(cx: &Cx, name: &str) -> Option<Level> {
    let level = cx.db().read().map_err(Error::from).and_then(|read| Ok(LEVELS.get(&read, name)?));
    level.unwrap_or_else(|error| {
        tracing::warn!(name, %error, "nobody knows how full the bucket of a throttle is: it is taken for full");
        None
    })
}

/// Writes what changes a second after it has, and the last of it once all requests are answered.
pub async fn keep(state: Arc<ApiGateway>, cx: Cx, stop: CancellationToken) {
    if let Err(error) = forget_full(&cx).await {
        tracing::warn!(%error, "buckets of throttles that are full again are still in the store");
    }
    while !stop.is_cancelled() && cx.db().health().is_ok() {
        let ripe = async {
            state.buckets.changed.notified().await;
            tokio::time::sleep(limits::THROTTLES_WRITTEN_AFTER).await;
        };
        stop.run_until_cancelled(ripe).await;
        if let Err(error) = state.buckets.write(&cx.renew()).await {
            tracing::warn!(%error, "a start would fill the buckets of throttles");
            state.buckets.changed.notify_one();
        }
    }
}

async fn forget_full(cx: &Cx) -> Result<(), Error> {
    let (db, now) = (cx.db(), cx.now());
    let mut full = Vec::new();
    for row in LEVELS.scan(&db.read()?, Order::Forward)? {
        let (name, level) = row?;
        if !level.matters_at(now) {
            full.push(name);
        }
    }
    if full.is_empty() {
        return Ok(());
    }
    // A bucket that was taken from meanwhile is written again within a second.
    db.write(move |tx| full.iter().try_for_each(|name| LEVELS.delete(tx, name)).map_err(Error::from)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let throttle = Throttle { burst: 2, rate: 4.0 };
        let mut level = Level { tokens: 2.0, filled: Timestamp(0), throttle };
        let mut take = |millis: u64| level.take(throttle, Timestamp(millis));
        assert_eq!([take(0), take(0), take(0), take(249)], [true, true, false, false]);
        assert_eq!([take(300), take(300), take(300)], [true, false, false]);
        assert_eq!([take(9_000), take(9_000), take(9_000)], [true, true, false]);
        let none = Throttle { burst: 0, rate: 9.0 };
        assert!(!level.take(none, Timestamp(19_000)), "what it holds is what is said now");
    }

    #[test]
    fn room_is_made_by_those_that_are_full_first() {
        let throttle = Throttle { burst: 1, rate: 0.1 };
        let bucket = |tokens| Bucket { level: Level { tokens, filled: Timestamp(0), throttle }, written: None };
        let empty = limits::BUCKETS_MAX / 2;
        let tokens = |number| if number < empty { 0.0 } else { 1.0 };
        let mut all: HashMap<_, _> =
            (0..limits::BUCKETS_MAX).map(|number| (number.to_string(), bucket(tokens(number)))).collect();
        make_room(&mut all, Timestamp(0));
        assert!(all.len() == empty && all.values().all(|bucket| bucket.level.tokens < 1.0));
        make_room(&mut all, Timestamp(0));
        assert_eq!(all.len(), empty, "there is room");
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_stop_what_fills() {
        let throttle = Throttle { burst: 1, rate: 1.0 };
        let mut level = Level { tokens: 0.0, filled: Timestamp::from_secs(900), throttle };
        assert!(!level.take(throttle, Timestamp::from_secs(60)), "it is told by what is written");
        let mut level = level.not_after(Timestamp::from_secs(50));
        assert!(level.take(throttle, Timestamp::from_secs(60)));
    }
}
