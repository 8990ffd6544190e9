//! The one timer mechanism: delays, expiry, retries, clean-up. A timer is set within a transaction and fires within
//! one, in which it is also removed: exactly once, also after a crash.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Table, Tx};
use tokio_util::sync::CancellationToken;

use crate::{Cx, Error, prefix};

/// Due time, service, and the service's own key.
type Key = (Timestamp, String, Vec<u8>);

const TIMERS: Table<Key, Bytes> = Table::new(prefix::SERVICE, 1);
const CHANNEL: &[u8] = b"service/timers";
/// How many timers one round looks at, so that a backlog does not hold the store's writer for long.
const TIMERS_PER_ROUND: usize = 256;

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

/// Removes a timer, if it is there.
pub fn cancel(tx: &mut Tx, service: &str, at: Timestamp, key: &[u8]) -> Result<(), kv::Error> {
    TIMERS.delete(tx, (at, service, key))
}

/// Fires timers as they come due, until `stop`.
pub(crate) async fn run(cx: Cx, stop: CancellationToken) {
    loop {
        let mut changed = cx.db().watch(CHANNEL);
        let next = match fire_due(&cx).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "timers cannot be read");
                return;
            }
        };
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
    loop {
        let (due, next) = due(cx)?;
        let last_round = due.len() < TIMERS_PER_ROUND;
        futures_util::future::join_all(due.into_iter().map(|key| fire(cx.renew(), key))).await;
        if last_round {
            return Ok(next);
        }
    }
}

/// A round's timers that are due, and the time of the first that is not.
fn due(cx: &Cx) -> Result<(Vec<Key>, Option<Timestamp>), Error> {
    let now = cx.env().now();
    let mut due = Vec::new();
    for key in TIMERS.scan(&cx.db().read()?, Order::Forward)?.keys().take(TIMERS_PER_ROUND) {
        let key = key?;
        if key.0 > now {
            return Ok((due, Some(key.0)));
        }
        due.push(key);
    }
    Ok((due, None))
}

async fn fire(cx: Cx, key: Key) {
    let handler = cx
        .cloud()
        .services()
        .iter()
        .filter(|service| service.api.name == key.1)
        .find_map(|service| service.timers.clone());
    let Some(handler) = handler else {
        tracing::error!(service = key.1, "a timer belongs to a service that has none; it is dropped");
        return drop_timer(&cx, key).await;
    };
    let fired = {
        let (cx, key) = (cx.clone(), key.clone());
        cx.clone().db().write(move |tx| fire_within(&cx, tx, &handler, &key)).await
    };
    if let Err(error) = fired {
        // A timer that fails once would fail for ever: what it stood for is in the log.
        tracing::error!(service = key.1, %error, "a timer failed; it is dropped");
        drop_timer(&cx, key).await;
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
