//! Brings what is due to its targets, each lane at its own pace.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Order, Snap, Tx};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::lanes::{self, CHANNEL, Key, LANES, WAITING};
use crate::timers::sleep_until;
use crate::{Cx, Delivery, Error, Failure, Outcome, Target};

/// Deliveries under way at once to all targets together; beyond it, each target still has one.
const IN_FLIGHT_MAX: usize = 4_096;
/// Deliveries popped and accepted in one transaction, where the target is a layer.
const PER_TRANSACTION: usize = 64;
/// How long a lane waits for a store that refuses its writes.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Delivers until `stop`, then waits for nothing: what is under way is tried again at the next start.
pub(crate) async fn run(cx: Cx, stop: CancellationToken) {
    while cx.db().write(lanes::adopt).await.unwrap_or_else(|error| {
        tracing::error!(%error, "deliveries of an earlier release wait for the next start");
        false
    }) {}
    let dispatcher = Arc::new(Dispatcher::default());
    loop {
        let mut changed = cx.db().watch(CHANNEL);
        let next = dispatcher.round(&cx).unwrap_or_else(|error| {
            tracing::error!(%error, "the outbox cannot be read; that is tried again");
            Some(cx.env().now() + STORE_PAUSE)
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = dispatcher.settled.notified() => {}
            () = sleep_until(&cx, next) => {}
        }
    }
}

#[derive(Default)]
struct Dispatcher {
    under_way: Mutex<UnderWay>,
    /// Rung when something under way has come to its end.
    settled: Notify,
}

#[derive(Default)]
struct UnderWay {
    numbers: HashSet<u64>,
    /// How many there are in each lane that has any.
    by_lane: HashMap<String, usize>,
    /// What came to its end since the present round began: the round's snapshot may still hold it.
    ended: HashSet<u64>,
}

type Due = (Key, Delivery);

impl Dispatcher {
    /// Starts what is due and may start, and returns when the next delivery will be due.
    fn round(self: &Arc<Self>, cx: &Cx) -> Result<Option<Timestamp>, Error> {
        self.lock().ended.clear();
        let (now, read) = (cx.env().now(), cx.db().read()?);
        let mut next: Option<Timestamp> = None;
        for lane in LANES.scan(&read, Order::Forward)?.keys() {
            let (due, lane) = lane?;
            let later = if due > now { Some(due) } else { self.start_lane(cx, &read, &lane, now)? };
            next = [next, later].into_iter().flatten().min();
            if due > now {
                break;
            }
        }
        Ok(next)
    }

    /// Starts what may start in a lane, and returns when the first that is not yet due will be.
    fn start_lane(
        self: &Arc<Self>,
        cx: &Cx,
        read: &Snap,
        lane: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let to: Option<Arn> = lane.parse().ok();
        let target = to.as_ref().and_then(|to| cx.cloud().target(&to.service)).cloned();
        let is_layer = target.as_ref().zip(to.as_ref()).is_some_and(|(target, to)| target.is_layer(to));
        let room = self.room(lane, is_layer, target.as_deref());
        let mut due = Vec::new();
        let mut later = None;
        for entry in WAITING.scan_prefix(read, (lane,), Order::Forward)? {
            if due.len() == room {
                break;
            }
            let (key, delivery) = entry?;
            if key.1 > now {
                later = Some(key.1);
                break;
            }
            if self.take(&key) {
                due.push((key, delivery));
            }
        }
        match target {
            None => due.into_iter().for_each(|one| self.spawn_undeliverable(cx, one)),
            Some(target) if is_layer => self.spawn_layer(cx, lane, due, target),
            Some(target) => due.into_iter().for_each(|one| self.spawn(cx, one, target.clone())),
        }
        Ok(later)
    }

    /// How many more deliveries of a lane may be under way. A layer gets one batch after the other, in order.
    fn room(&self, lane: &str, is_layer: bool, target: Option<&dyn Target>) -> usize {
        let under_way = self.lock();
        let own = under_way.by_lane.get(lane).copied().unwrap_or_default();
        if is_layer {
            return if own == 0 { PER_TRANSACTION } else { 0 };
        }
        let own_max = target.map_or(1, Target::in_flight_max);
        let left = IN_FLIGHT_MAX.saturating_sub(under_way.numbers.len());
        own_max.min((own + left).max(1)).saturating_sub(own)
    }

    /// Notes that a delivery is under way; false where it was when the round began.
    fn take(&self, (lane, _, number): &Key) -> bool {
        let mut under_way = self.lock();
        if under_way.ended.contains(number) || !under_way.numbers.insert(*number) {
            return false;
        }
        *under_way.by_lane.entry(lane.clone()).or_default() += 1;
        true
    }

    fn give_back<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) {
        let mut under_way = self.lock();
        for (lane, _, number) in keys {
            under_way.numbers.remove(number);
            under_way.ended.insert(*number);
            if let Some(own) = under_way.by_lane.get_mut(lane) {
                *own -= 1;
                if *own == 0 {
                    under_way.by_lane.remove(lane);
                }
            }
        }
        drop(under_way);
        self.settled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, cx: &Cx, (key, delivery): Due, target: Arc<dyn Target>) {
        let (this, cx) = (self.clone(), cx.clone());
        tokio::spawn(async move {
            let attempt = target.deliver(cx.delivering(&delivery), delivery.clone());
            // A target that panics has not taken it.
            let outcome = tokio::spawn(attempt).await.unwrap_or_else(|error| Outcome::Failed(panicked(&error)));
            settle(&cx, &key, &delivery, outcome).await;
            this.give_back([&key]);
        });
    }

    fn spawn_undeliverable(self: &Arc<Self>, cx: &Cx, (key, delivery): Due) {
        let (this, cx) = (self.clone(), cx.clone());
        tokio::spawn(async move {
            let error = Error::not_implemented(format_args!("delivery to {}", delivery.to));
            settle(&cx, &key, &delivery, Outcome::Failed((&error).into())).await;
            this.give_back([&key]);
        });
    }

    fn spawn_layer(self: &Arc<Self>, cx: &Cx, lane: &str, due: Vec<Due>, target: Arc<dyn Target>) {
        if due.is_empty() {
            return;
        }
        let (this, cx, lane) = (self.clone(), cx.clone(), lane.to_owned());
        tokio::spawn(async move {
            accept_all(&cx, &lane, &due, &target).await;
            this.give_back(due.iter().map(|(key, _)| key));
        });
    }
}

fn panicked(error: &tokio::task::JoinError) -> Failure {
    tracing::error!(%error, "a delivery ended in a panic");
    Failure { code: "InternalFailure".into(), message: "The target failed on this event.".into(), may_pass: true }
}

/// Hands a layer a batch in one transaction, or, where it does not take all of it, one by one.
async fn accept_all(cx: &Cx, lane: &str, due: &[Due], target: &Arc<dyn Target>) {
    if accept(cx, lane, due, target).await.is_ok() {
        return;
    }
    for one in due {
        match accept(cx, lane, std::slice::from_ref(one), target).await {
            Ok(()) => {}
            Err(error) if error.is_unavailable() => {
                tracing::error!(to = lane, %error, "deliveries wait for the store");
                return tokio::time::sleep(STORE_PAUSE).await;
            }
            Err(error) => settle(cx, &one.0, &one.1, Outcome::Failed((&error).into())).await,
        }
    }
}

/// Pops and accepts in one transaction: all of them, or none.
async fn accept(cx: &Cx, lane: &str, due: &[Due], target: &Arc<dyn Target>) -> Result<(), Error> {
    let (lane, target) = (lane.to_owned(), target.clone());
    // Made here, so that a transaction that runs again sees the same times and identifiers.
    let due: Vec<_> = due.iter().map(|(key, one)| (key.clone(), one.clone(), cx.delivering(one))).collect();
    let pop = move |tx: &mut Tx| {
        for (key, delivery, cx) in &due {
            if lanes::remove(tx, key)? {
                target.accept(cx, tx, delivery)?;
            }
        }
        Ok::<_, Error>(lanes::refresh(tx, &lane)?)
    };
    cx.db().write(pop).await
}

/// Does what follows from an attempt, however long the store refuses it.
async fn settle(cx: &Cx, key: &Key, delivery: &Delivery, outcome: Outcome) {
    loop {
        match try_settle(cx, key, delivery, &outcome).await {
            Err(error) if error.is_unavailable() => {
                tracing::error!(to = key.0, %error, "the end of a delivery waits for the store");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            Err(error) => {
                tracing::error!(to = key.0, from = %delivery.from, %error, "a failed delivery could not be kept; it is dropped");
                if let Err(error) = finish(cx, key, None).await {
                    tracing::error!(to = key.0, %error, "a delivery could not be removed; it is repeated");
                }
                return;
            }
            Ok(()) => return,
        }
    }
}

async fn try_settle(cx: &Cx, key: &Key, delivery: &Delivery, outcome: &Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Delivered => finish(cx, key, None).await,
        Outcome::RetryAt(at) => finish(cx, key, Some((*at, again(delivery, None)))).await,
        Outcome::GivenUp { reason } => {
            tracing::warn!(to = key.0, from = %delivery.from, attempts = delivery.attempts + 1, reason, "a delivery was given up");
            finish(cx, key, None).await
        }
        Outcome::Failed(failure) => failed(cx, key, delivery, failure).await,
    }
}

fn again(delivery: &Delivery, failure: Option<Failure>) -> Delivery {
    Delivery { attempts: delivery.attempts + 1, failure, ..delivery.clone() }
}

/// Asks the sender what becomes of a delivery that its target did not take.
async fn failed(cx: &Cx, key: &Key, delivery: &Delivery, failure: &Failure) -> Result<(), Error> {
    let cx = cx.renew();
    let sender = cx.cloud().sender(&delivery.from.service).cloned();
    if let (Some(sender), true) = (&sender, failure.may_pass)
        && let Some(at) = sender.retry_at(&cx, delivery, failure)
    {
        tracing::debug!(to = key.0, from = %delivery.from, code = failure.code, "a delivery is tried again");
        return finish(&cx, key, Some((at, again(delivery, Some(failure.clone()))))).await;
    }
    tracing::warn!(
        to = key.0, from = %delivery.from, attempts = delivery.attempts + 1, code = failure.code, reason = failure.message,
        "a delivery was given up"
    );
    let Some(sender) = sender else { return finish(&cx, key, None).await };
    let (context, key, delivery) = (cx.clone(), key.clone(), again(delivery, Some(failure.clone())));
    let give_up = move |tx: &mut Tx| {
        if lanes::remove(tx, &key)?
            && let Some(failure) = &delivery.failure
        {
            sender.undelivered(&context, tx, &delivery, failure)?;
        }
        Ok::<_, Error>(lanes::refresh(tx, &key.0)?)
    };
    cx.db().write(give_up).await
}

/// Removes a delivery, or moves it to a later time.
async fn finish(cx: &Cx, key: &Key, again: Option<(Timestamp, Delivery)>) -> Result<(), Error> {
    let key = key.clone();
    let write = move |tx: &mut Tx| {
        if lanes::remove(tx, &key)?
            && let Some((at, delivery)) = &again
        {
            lanes::put(tx, (key.0.clone(), *at, key.2), delivery)?;
        }
        lanes::refresh(tx, &key.0)
    };
    Ok(cx.db().write(write).await?)
}
