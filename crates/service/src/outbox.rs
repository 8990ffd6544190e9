//! Deliveries that commit with the write that caused them. One dispatcher brings them to their targets: nothing
//! that was accepted is lost in a crash.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Table, Tx};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::timers::sleep_until;
use crate::{Cx, Delivery, Error, Outcome, Target, prefix};

/// When it is due, and a number that keeps the order of sending.
type Key = (Timestamp, u64);

kv::stored!(Delivery, version = 1);

const OUTBOX: Table<Key, Delivery> = Table::new(prefix::SERVICE, 2);
const NEXT_NUMBER: Table<(), u64> = Table::new(prefix::SERVICE, 3);
const CHANNEL: &[u8] = b"service/outbox";
/// Deliveries under way at once to targets outside the store.
const DELIVERIES_IN_FLIGHT_MAX: usize = 512;
/// Deliveries popped and accepted in one transaction, where the target is a layer.
const DELIVERIES_PER_TRANSACTION: usize = 64;

/// Sends `event` from one resource to another, once `tx` commits; not before `due`.
pub fn send(tx: &mut Tx, cx: &Cx, from: Arn, to: Arn, event: Bytes, due: Timestamp) -> Result<(), kv::Error> {
    let number = NEXT_NUMBER.get(tx, ())?.unwrap_or_default();
    NEXT_NUMBER.put(tx, (), &(number + 1))?;
    let delivery = Delivery { to, from, event, accepted: cx.now(), attempts: 0 };
    OUTBOX.put(tx, (due, number), &delivery)?;
    tx.wake(CHANNEL);
    Ok(())
}

/// How many deliveries wait, at most `limit`.
pub fn waiting(cx: &Cx, limit: usize) -> Result<usize, kv::Error> {
    Ok(OUTBOX.scan(&cx.db().read()?, Order::Forward)?.take(limit).count())
}

/// Delivers until `stop`, then waits for nothing: what is under way is tried again at the next start.
pub(crate) async fn run(cx: Cx, stop: CancellationToken) {
    let dispatcher = Arc::new(Dispatcher::default());
    loop {
        let mut changed = cx.db().watch(CHANNEL);
        let next = match dispatcher.round(&cx).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
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

struct Dispatcher {
    in_flight: Mutex<HashSet<u64>>,
    permits: Arc<Semaphore>,
}

impl Default for Dispatcher {
    fn default() -> Dispatcher {
        Dispatcher { in_flight: Mutex::default(), permits: Arc::new(Semaphore::new(DELIVERIES_IN_FLIGHT_MAX)) }
    }
}

impl Dispatcher {
    /// Starts or does everything that is due, and returns when the next delivery will be.
    async fn round(self: &Arc<Self>, cx: &Cx) -> Result<Option<Timestamp>, Error> {
        loop {
            let (due, next) = self.due(cx)?;
            if due.is_empty() {
                return Ok(next);
            }
            let mut for_layers = Vec::new();
            for (key, delivery) in due {
                match cx.cloud().target(&delivery.to.service) {
                    None => {
                        tracing::error!(to = %delivery.to, "a delivery's target does not exist; it is dropped");
                        finish(cx, key, None).await?;
                    }
                    Some(target) if target.is_layer() => for_layers.push((key, delivery, target.clone())),
                    Some(target) => self.start(cx, key, delivery, target.clone()).await,
                }
            }
            for batch in for_layers.chunks(DELIVERIES_PER_TRANSACTION) {
                accept(cx, batch).await?;
            }
        }
    }

    /// What is due and not under way, and the time of the first that is not due.
    #[allow(clippy::type_complexity, reason = "a pair that is taken apart at once")]
    fn due(&self, cx: &Cx) -> Result<(Vec<(Key, Delivery)>, Option<Timestamp>), Error> {
        let now = cx.env().now();
        let in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for entry in OUTBOX.scan(&cx.db().read()?, Order::Forward)? {
            let (key, delivery) = entry?;
            if key.0 > now {
                return Ok((due, Some(key.0)));
            }
            if !in_flight.contains(&key.1) {
                due.push((key, delivery));
            }
            if due.len() == DELIVERIES_IN_FLIGHT_MAX {
                break;
            }
        }
        Ok((due, None))
    }

    async fn start(self: &Arc<Self>, cx: &Cx, key: Key, delivery: Delivery, target: Arc<dyn Target>) {
        let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(key.1);
        let (this, cx) = (self.clone(), cx.renew());
        tokio::spawn(async move {
            let outcome = target.deliver(cx.clone(), delivery.clone()).await;
            if let Err(error) = settle(&cx, key, delivery, outcome).await {
                tracing::error!(%error, "a delivery could not be settled; it will be repeated after a restart");
            } else {
                this.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&key.1);
            }
            drop(permit);
        });
    }
}

async fn settle(cx: &Cx, key: Key, delivery: Delivery, outcome: Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Delivered => finish(cx, key, None).await,
        Outcome::RetryAt(at) => {
            let again = Delivery { attempts: delivery.attempts + 1, ..delivery };
            finish(cx, key, Some((at, again))).await
        }
        Outcome::GivenUp { reason } => {
            tracing::warn!(to = %delivery.to, from = %delivery.from, attempts = delivery.attempts + 1, reason, "a delivery was given up");
            finish(cx, key, None).await
        }
    }
}

/// Removes a delivery, or moves it to a later time.
async fn finish(cx: &Cx, key: Key, again: Option<(Timestamp, Delivery)>) -> Result<(), Error> {
    cx.db()
        .write(move |tx| {
            OUTBOX.delete(tx, key)?;
            if let Some((at, delivery)) = &again {
                OUTBOX.put(tx, (*at, key.1), delivery)?;
                tx.wake(CHANNEL);
            }
            Ok(())
        })
        .await
}

/// Pops and accepts in one transaction; a delivery that is refused is dropped alone.
async fn accept(cx: &Cx, batch: &[(Key, Delivery, Arc<dyn Target>)]) -> Result<(), Error> {
    let (context, all) = (cx.renew(), batch.to_vec());
    let together = cx
        .db()
        .write(move |tx| {
            all.iter().try_for_each(|(key, delivery, target)| pop(&context, tx, *key, delivery, &**target))
        })
        .await;
    if together.is_ok() {
        return Ok(());
    }
    for (key, delivery, target) in batch {
        let (context, key, one, target) = (cx.renew(), *key, delivery.clone(), target.clone());
        if let Err(error) = cx.db().write(move |tx| pop(&context, tx, key, &one, &*target)).await {
            tracing::error!(to = %delivery.to, from = %delivery.from, %error, "a delivery was refused; it is dropped");
            finish(cx, key, None).await?;
        }
    }
    Ok(())
}

fn pop(cx: &Cx, tx: &mut Tx, key: Key, delivery: &Delivery, target: &dyn Target) -> Result<(), Error> {
    if !OUTBOX.contains(tx, key)? {
        return Ok(());
    }
    OUTBOX.delete(tx, key)?;
    target.accept(cx, tx, delivery)
}
