//! The one timer mechanism: delays, expiry, retries, clean-up. A timer is set within a transaction and fires within
//! one, in which it is also removed: exactly once, also after a crash. One that the store has no room for, or whose store
//! has failed, stays and is tried again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Read, Table, Tx};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{Cx, Error, prefix};

/// Due time, service, and the service's own key.
type Key = (Timestamp, String, Vec<u8>);

const TIMERS: Table<Key, Bytes> = Table::new(prefix::SERVICE, 1);
const CHANNEL: &[u8] = b"service/timers";
/// How many timers one round looks at, so that a backlog does not hold the store's writer for long.
const TIMERS_PER_ROUND: usize = 256;
/// How long a timer waits that the store refused, before it is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// How far behind the last look the clock may be before it counts as set back.
const CLOCK_SLACK: Duration = Duration::from_secs(1);

/// Timers that come again and again, by service and key. One that has ended stays here until the clock is looked at.
const REGULAR: Table<(String, Vec<u8>), Regular> = Table::new(prefix::SERVICE, 11);

/// When a timer comes next, and how long it is at most until then.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Regular {
    at: Timestamp,
    pause: Duration,
}
kv::stored!(Regular, version = 1);

/// Timers that the store refused, and when each is tried again: in memory alone, since a full store could not note it.
type Held = BTreeMap<Key, Timestamp>;

/// What is known between two looks.
#[derive(Default)]
struct Watch {
    held: Held,
    last: Option<Timestamp>,
}

/// A timer that has come due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    pub at: Timestamp,
    pub key: Vec<u8>,
    pub payload: Bytes,
}

pub(crate) type Handler = Arc<dyn Fn(&Cx, &mut Tx, &Timer) -> Result<(), Error> + Send + Sync>;

/// Sets a timer for `service`. One with the same time and key is replaced.
pub fn set(tx: &mut Tx, service: &str, at: Timestamp, key: &[u8], payload: &Bytes) -> Result<(), kv::Error> {
    TIMERS.put(tx, (at, service, key), payload)?;
    tx.wake(CHANNEL);
    Ok(())
}

/// Sets a timer of work that comes again and again, `pause` after the last time or earlier. Should the clock be ahead now, and be
/// set back, it still comes after that pause, where others wait until the clock is there again.
pub fn set_regular(
    tx: &mut Tx,
    service: &str,
    at: Timestamp,
    key: &[u8],
    payload: &Bytes,
    pause: Duration,
) -> Result<(), kv::Error> {
    REGULAR.put(tx, (service, key), &Regular { at, pause })?;
    set(tx, service, at, key, payload)
}

/// Removes a timer, if it is there.
pub fn cancel(tx: &mut Tx, service: &str, at: Timestamp, key: &[u8]) -> Result<(), kv::Error> {
    TIMERS.delete(tx, (at, service, key))
}

/// Fires timers as they come due, until `stop`.
pub(crate) async fn run(cx: Cx, stop: CancellationToken) {
    let mut watch = Watch::default();
    loop {
        let mut changed = cx.db().watch(CHANNEL);
        let next = fire_all(&cx, &mut watch).await.unwrap_or_else(|error| {
            tracing::error!(%error, "timers cannot be read; they are tried again");
            Some(cx.env().now() + RETRY_PAUSE)
        });
        if let Err(error) = cx.db().health() {
            tracing::error!(%error, "timers wait until the server is started again");
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = sleep_until(&cx, next) => {}
        }
    }
}

/// Waits until `next` by the server's clock; for ever when there is none.
pub(crate) async fn sleep_until(cx: &Cx, next: Option<Timestamp>) {
    match next {
        Some(next) => tokio::time::sleep(next.since(cx.env().now())).await,
        None => std::future::pending().await,
    }
}

/// Fires everything that is due now, and returns when the next timer will be.
pub async fn fire_due(cx: &Cx) -> Result<Option<Timestamp>, Error> {
    fire_all(cx, &mut Watch::default()).await
}

async fn fire_all(cx: &Cx, watch: &mut Watch) -> Result<Option<Timestamp>, Error> {
    let Watch { held, last } = watch;
    loop {
        let now = cx.env().now();
        if last.is_none_or(|last| now + CLOCK_SLACK < last) {
            follow_clock(cx, now).await?;
        }
        *last = Some(now);
        held.retain(|_, until| *until > now);
        let (due, next) = due(cx, held, now)?;
        let last_round = due.len() < TIMERS_PER_ROUND;
        let fired = futures_util::future::join_all(due.into_iter().map(|key| fire(cx.renew(), key))).await;
        held.extend(fired.into_iter().flatten().map(|refused| (refused, now + RETRY_PAUSE)));
        if last_round {
            return Ok(held.values().copied().chain(next).min());
        }
    }
}

/// Brings regular timers forward that were set by a clock that was ahead.
async fn follow_clock(cx: &Cx, now: Timestamp) -> Result<(), Error> {
    let late = move |read: &dyn Read| -> Result<Vec<_>, kv::Error> {
        let mut late = Vec::new();
        for row in REGULAR.scan(read, Order::Forward)? {
            let ((service, key), Regular { at, pause }) = row?;
            let payload = TIMERS.get(read, (at, &service, &key))?;
            if payload.is_none() || at > now + pause {
                late.push((service, key, at, pause, payload));
            }
        }
        Ok(late)
    };
    if late(&cx.db().read()?)?.is_empty() {
        return Ok(());
    }
    let brought = cx.db().write(move |tx| -> Result<usize, kv::Error> {
        let mut brought = 0;
        for (service, key, at, pause, payload) in late(tx)? {
            REGULAR.delete(tx, (&service, &key))?;
            if let Some(payload) = payload {
                cancel(tx, &service, at, &key)?;
                set_regular(tx, &service, now + pause, &key, &payload, pause)?;
                brought += 1;
            }
        }
        Ok(brought)
    });
    let brought = brought.await?;
    if brought > 0 {
        tracing::warn!(
            timers = brought,
            "the clock was ahead and has been set back: regular work goes on by the clock as it is now"
        );
    }
    Ok(())
}

/// A round's timers that are due, and the time of the first that is not.
fn due(cx: &Cx, held: &Held, now: Timestamp) -> Result<(Vec<Key>, Option<Timestamp>), Error> {
    let mut due = Vec::new();
    for key in TIMERS.scan(&cx.db().read()?, Order::Forward)?.keys() {
        let key = key?;
        if key.0 > now {
            return Ok((due, Some(key.0)));
        }
        if !held.contains_key(&key) {
            due.push(key);
        }
        if due.len() == TIMERS_PER_ROUND {
            break;
        }
    }
    Ok((due, None))
}

/// Fires a timer, or returns it where the store refused that for now.
async fn fire(cx: Cx, key: Key) -> Option<Key> {
    let handler = cx
        .cloud()
        .services()
        .iter()
        .filter(|service| service.api.name == key.1)
        .find_map(|service| service.timers.clone());
    let Some(handler) = handler else {
        tracing::error!(service = key.1, "a timer belongs to a service that has none; it is dropped");
        drop_timer(&cx, key).await;
        return None;
    };
    let fired = {
        let (cx, key) = (cx.clone(), key.clone());
        cx.clone().db().write(move |tx| fire_within(&cx, tx, &handler, &key)).await
    };
    match fired {
        Ok(()) => None,
        Err(error) if error.is_unavailable() => {
            tracing::error!(service = key.1, %error, "a timer waits for the store");
            Some(key)
        }
        Err(error) => {
            // A timer that fails otherwise would fail for ever: what it stood for is in the log.
            tracing::error!(service = key.1, %error, "a timer failed; it is dropped");
            drop_timer(&cx, key).await;
            None
        }
    }
}

fn fire_within(cx: &Cx, tx: &mut Tx, handler: &Handler, key: &Key) -> Result<(), Error> {
    let Some(payload) = TIMERS.get(tx, key)? else { return Ok(()) };
    TIMERS.delete(tx, key)?;
    handler(cx, tx, &Timer { at: key.0, key: key.2.clone(), payload })
}

async fn drop_timer(cx: &Cx, key: Key) {
    if let Err(error) = cx.db().write(move |tx| TIMERS.delete(tx, &key)).await {
        tracing::error!(%error, "a timer could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use base::{AccountId, Env, Region};
    use kv::{Batch, Db, Engine, Memory, Snapshot, Stats, Ticket};

    use super::*;
    use crate::{Access, Api, Caller, Cloud, Credential, CredentialError, Denial, Permission, Service};

    /// A store that can be full.
    struct Crowded(Memory, Arc<AtomicBool>);

    impl Engine for Crowded {
        fn snapshot(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
            self.0.snapshot()
        }

        fn append(&self, batch: &Batch) -> Result<Ticket, kv::Error> {
            self.0.append(batch)
        }

        fn durable(&self, ticket: Ticket) -> Result<(), kv::Error> {
            self.0.durable(ticket)
        }

        fn room(&self) -> Result<(), kv::Error> {
            if self.1.load(Ordering::SeqCst) { Err(kv::Error::Full("a test's".into())) } else { Ok(()) }
        }

        fn stats(&self) -> Result<Stats, kv::Error> {
            self.0.stats()
        }
    }

    struct Nobody;

    impl Access for Nobody {
        fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
            Err(CredentialError::Unknown)
        }

        fn authorize(&self, _: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
            Err(Denial { message: permission.action.clone() })
        }
    }

    const FIRED: Table<Vec<u8>, Bytes> = Table::new(prefix::SERVICE, 250);

    /// Notes that it fired; `free` makes room, and `bad` fails whenever it is tried.
    fn fire(_: &(), _: &Cx, tx: &mut Tx, timer: &Timer) -> Result<(), Error> {
        match &*timer.key {
            b"free" => Ok(()),
            b"bad" => Err(Error::internal("a test's")),
            // More than a transaction that deletes its timer may put into a full store.
            key => Ok(FIRED.put(tx, key, &Bytes::from(vec![0; 5000]))?),
        }
    }

    fn cloud(full: &Arc<AtomicBool>) -> Arc<Cloud> {
        let env = Env::simulated(1, Timestamp::from_secs(1));
        let (account, region) = (AccountId::new("000000000000"), Region::new("us-east-1"));
        let db = Db::open(Crowded(Memory::default(), full.clone()));
        let service = Service::builder(Api::named("test"), Arc::new(())).timers(fire).build();
        Cloud::builder(db, env, account, region, String::new(), Arc::new(Nobody)).service(service).build()
    }

    fn keys(cx: &Cx) -> Vec<Vec<u8>> {
        let read = cx.db().read().unwrap();
        TIMERS.scan(&read, Order::Forward).unwrap().keys().map(|key| key.unwrap().2).collect()
    }

    #[tokio::test]
    async fn a_full_store_delays_timers_and_loses_none() {
        let full = Arc::new(AtomicBool::new(false));
        let cx = cloud(&full).system();
        let set_all = |tx: &mut Tx| {
            for key in 0..TIMERS_PER_ROUND {
                set(tx, "test", Timestamp(1), format!("grow-{key}").as_bytes(), &Bytes::new())?;
            }
            ["free", "bad"].iter().try_for_each(|key| set(tx, "test", Timestamp(2), key.as_bytes(), &Bytes::new()))
        };
        cx.db().write(set_all).await.unwrap();
        full.store(true, Ordering::SeqCst);
        let mut watch = Watch::default();
        // What frees space fires behind a whole round of what does not.
        let next = fire_all(&cx, &mut watch).await.unwrap();
        assert_eq!((next, watch.held.len()), (Some(cx.now() + RETRY_PAUSE), TIMERS_PER_ROUND));
        let left = keys(&cx);
        assert_eq!(left.len(), TIMERS_PER_ROUND, "what fails in another way is dropped");
        assert!(left.iter().all(|key| key.starts_with(b"grow")));

        full.store(false, Ordering::SeqCst);
        fire_all(&cx, &mut watch).await.unwrap();
        assert_eq!(keys(&cx).len(), TIMERS_PER_ROUND, "each is tried again after a while");
        cx.env().advance(RETRY_PAUSE);
        assert_eq!(fire_all(&cx, &mut watch).await, Ok(None));
        assert_eq!(keys(&cx).len(), 0);
        let fired = FIRED.scan(&cx.db().read().unwrap(), Order::Forward).unwrap().count();
        assert_eq!((fired, watch.held.len()), (TIMERS_PER_ROUND, 0));
    }

    #[tokio::test]
    async fn a_clock_that_was_ahead_puts_regular_work_off_for_no_longer_than_its_pause() {
        const DAY: Duration = Duration::from_secs(86_400);
        let (cx, pause, mut watch) = (cloud(&Arc::default()).system(), Duration::from_secs(60), Watch::default());
        let start = cx.env().now();
        fire_all(&cx, &mut watch).await.unwrap();
        cx.env().advance(DAY);
        let ahead = cx.env().now();
        let set_all = move |tx: &mut Tx| {
            for key in ["regular", "ended"] {
                set_regular(tx, "test", ahead + pause, key.as_bytes(), &Bytes::from("p"), pause)?;
            }
            cancel(tx, "test", ahead + pause, b"ended")?;
            set(tx, "test", ahead + pause, b"once", &Bytes::new())
        };
        cx.db().write(set_all).await.unwrap();
        assert_eq!(fire_all(&cx, &mut watch).await, Ok(Some(ahead + pause)));
        cx.env().set_back(DAY);
        assert_eq!(fire_all(&cx, &mut watch).await, Ok(Some(start + pause)));
        assert_eq!(keys(&cx), [b"regular".to_vec(), b"once".to_vec()]);
        let regular = |cx: &Cx| REGULAR.scan(&cx.db().read().unwrap(), Order::Forward).unwrap().count();
        assert_eq!(regular(&cx), 1, "what has ended is forgotten");
        // The same is seen by a server that was started after that.
        cx.env().set_back(Duration::from_millis(500));
        assert_eq!(fire_all(&cx, &mut Watch::default()).await, Ok(Some(start + pause - Duration::from_millis(500))));
        cx.env().advance(pause);
        assert_eq!(fire_all(&cx, &mut watch).await, Ok(Some(ahead + pause)));
        assert_eq!(FIRED.scan(&cx.db().read().unwrap(), Order::Forward).unwrap().count(), 1);
    }

    #[test]
    fn golden_bytes() {
        use kv::Stored;

        let regular = Regular { at: Timestamp(5), pause: Duration::from_secs(60) };
        assert_eq!(regular.to_bytes().unwrap(), b"\x01\x82\xa2at\x05\xa5pause\x82\xa4secs\x3c\xa5nanos\x00".as_slice());
    }
}
