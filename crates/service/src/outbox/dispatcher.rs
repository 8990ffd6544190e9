//! Brings what is due to its targets, each lane at its own pace.

use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Order, Snap, Tx};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::lanes::{self, AT_ONCE, CHANNEL, Key, LANES, TICKETS, Ticket};
use super::under_way::{Room, Taken, UnderWay};
use crate::timers::sleep_until;
use crate::{Cx, Delivery, Error, Failure, Outcome, Target};

/// How long a lane waits for a store that refuses its writes.
const STORE_PAUSE: Duration = Duration::from_secs(5);
/// How long a delivery waits whose end could not be kept.
const KEPT_PAUSE: Duration = Duration::from_secs(3_600);

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

type Due = (Key, Delivery);

impl Dispatcher {
    /// Starts what is due and may start, and returns when the next delivery will be due.
    fn round(self: &Arc<Self>, cx: &Cx) -> Result<Option<Timestamp>, Error> {
        self.lock().begin_round();
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
        let in_flight_max = target.as_ref().map_or(1, |target| target.in_flight_max());
        let room = self.lock().room(lane, (!is_layer).then_some(in_flight_max));
        let (taken, later) = self.take(read, lane, now, room)?;
        let mut due = Vec::with_capacity(taken.len());
        for (taken, ticket) in taken {
            match lanes::load(read, taken.key.2, ticket)? {
                Some(delivery) => due.push((taken, delivery)),
                None => self.give_back(&[taken]),
            }
        }
        match target {
            Some(target) if is_layer => self.start_batch(cx, lane, due, target),
            target => due.into_iter().for_each(|(taken, delivery)| {
                let work = deliver(cx.clone(), taken.key.clone(), delivery, target.clone());
                self.start(vec![taken], work);
            }),
        }
        Ok(later)
    }

    /// Takes as many tickets as there is room for, and tells when the first will be due that is not yet. Those that waited
    /// for their time get half of the room, however many come that have not.
    #[allow(clippy::type_complexity, reason = "a pair that is taken apart at once")]
    fn take(
        &self,
        read: &Snap,
        lane: &str,
        now: Timestamp,
        mut room: Room,
    ) -> Result<(Vec<(Taken, Ticket)>, Option<Timestamp>), Error> {
        let (mut under_way, mut taken, mut later) = (self.lock(), Vec::new(), None);
        let waited = TICKETS.scan_range(
            read,
            (lane,),
            Bound::Excluded(AT_ONCE),
            Bound::Unbounded::<Timestamp>,
            Order::Forward,
        )?;
        let at_once = TICKETS.scan_prefix(read, (lane, AT_ONCE), Order::Forward)?;
        let all = room.count;
        for (tickets, max) in [(waited, all.div_ceil(2)), (at_once, all)] {
            for entry in tickets {
                let (key, ticket) = entry?;
                if key.1 > now {
                    later = Some(key.1);
                    break;
                }
                if under_way.has(key.2) {
                    continue;
                }
                if taken.len() == max || !room.fits(ticket.bytes, taken.is_empty()) {
                    break;
                }
                let one = Taken { key, bytes: ticket.bytes };
                under_way.add(&one);
                taken.push((one, ticket));
            }
        }
        Ok((taken, later))
    }

    fn start_batch(self: &Arc<Self>, cx: &Cx, lane: &str, due: Vec<(Taken, Delivery)>, target: Arc<dyn Target>) {
        if due.is_empty() {
            return;
        }
        let (cx, lane) = (cx.clone(), lane.to_owned());
        let batch: Vec<Due> = due.iter().map(|(taken, delivery)| (taken.key.clone(), delivery.clone())).collect();
        let taken = due.into_iter().map(|(taken, _)| taken).collect();
        self.start(taken, async move { accept_all(&cx, &lane, &batch, &target).await });
    }

    /// Does the work for what was taken, and gives that back, whatever happens.
    fn start(self: &Arc<Self>, taken: Vec<Taken>, work: impl Future<Output = ()> + Send + 'static) {
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = tokio::spawn(work).await {
                tracing::error!(%error, "a delivery ended in a panic; it is repeated");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            this.give_back(&taken);
        });
    }

    fn give_back(&self, taken: &[Taken]) {
        let mut under_way = self.lock();
        taken.iter().for_each(|one| under_way.remove(one));
        drop(under_way);
        self.settled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings one delivery to a target outside the store. A target that panics has not taken it.
async fn deliver(cx: Cx, key: Key, delivery: Delivery, target: Option<Arc<dyn Target>>) {
    let outcome = match target {
        Some(target) => {
            let (context, copy) = (cx.delivering(&delivery), delivery.clone());
            let attempt = tokio::spawn(async move { target.deliver(context, copy).await });
            attempt.await.unwrap_or_else(|error| Outcome::Failed(panicked(&error)))
        }
        None => Outcome::Failed((&Error::not_implemented(format_args!("delivery to {}", delivery.to))).into()),
    };
    settle(&cx, &key, &delivery, outcome).await;
}

fn panicked(error: &tokio::task::JoinError) -> Failure {
    tracing::error!(%error, "a delivery ended in a panic");
    Failure::new("InternalFailure", "The target failed on this event.", true)
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

/// Lets the target make ready what it can ahead of the transaction.
async fn prepare(cx: Cx, one: Due, target: Arc<dyn Target>) -> (Due, Cx) {
    let prepared = target.prepare(&cx, &one.1).await;
    let cx = cx.with_prepared(prepared);
    (one, cx)
}

/// Pops and accepts in one transaction: all of them, or none.
async fn accept(cx: &Cx, lane: &str, due: &[Due], target: &Arc<dyn Target>) -> Result<(), Error> {
    let (lane, target) = (lane.to_owned(), target.clone());
    // Made here, so that a transaction that runs again sees the same times and identifiers.
    let ready = due.iter().cloned().map(|one| prepare(cx.delivering(&one.1), one, target.clone()));
    let due = futures_util::future::join_all(ready).await;
    let pop = move |tx: &mut Tx| {
        for ((key, delivery), cx) in &due {
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
            Ok(()) => return,
            Err(error) if error.is_unavailable() => {
                tracing::error!(to = key.0, %error, "the end of a delivery waits for the store");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            Err(error) => {
                tracing::error!(to = key.0, from = %delivery.from, %error, "the end of a delivery cannot be kept: it stays, and is tried again in an hour");
                let (at, failure) = (cx.env().now() + KEPT_PAUSE, Failure::from(&error));
                if let Err(error) = postpone(cx, key, at, Some(failure), None).await {
                    tracing::error!(to = key.0, %error, "a delivery could not be put off; it is repeated");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                return;
            }
        }
    }
}

async fn try_settle(cx: &Cx, key: &Key, delivery: &Delivery, outcome: &Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Delivered => remove(cx, key).await,
        Outcome::RetryAt(at) => postpone(cx, key, *at, None, None).await,
        Outcome::GivenUp { reason } => {
            tracing::warn!(to = key.0, from = %delivery.from, attempts = delivery.attempts + 1, reason, "a delivery was given up");
            remove(cx, key).await
        }
        Outcome::Failed(failure) => failed(cx, key, delivery, failure).await,
    }
}

/// Asks the sender what becomes of a delivery that its target did not take.
async fn failed(cx: &Cx, key: &Key, delivery: &Delivery, failure: &Failure) -> Result<(), Error> {
    let cx = cx.renew();
    let sender = cx.cloud().sender(&delivery.from.service).cloned();
    if let Some(sender) = &sender
        && (failure.may_pass || sender.retries_refusals())
        && let Some(at) = sender.retry_at(&cx, delivery, failure)
    {
        tracing::debug!(to = key.0, from = %delivery.from, code = failure.code, "a delivery is tried again");
        return postpone(&cx, key, at, Some(failure.clone()), sender.next_attempt(delivery)).await;
    }
    tracing::warn!(
        to = key.0, from = %delivery.from, attempts = delivery.attempts + 1, code = failure.code, reason = failure.message,
        "a delivery was given up"
    );
    let Some(sender) = sender else { return remove(&cx, key).await };
    let (key, failure) = (key.clone(), failure.clone());
    let delivery = Delivery { attempts: delivery.attempts + 1, failure: Some(failure.clone()), ..delivery.clone() };
    let context = cx.telling_of(delivery.clone());
    let give_up = move |tx: &mut Tx| {
        if lanes::remove(tx, &key)? {
            sender.undelivered(&context, tx, &delivery, &failure)?;
        }
        Ok::<_, Error>(lanes::refresh(tx, &key.0)?)
    };
    cx.db().write(give_up).await
}

async fn remove(cx: &Cx, key: &Key) -> Result<(), Error> {
    let key = key.clone();
    let remove = move |tx: &mut Tx| {
        lanes::remove(tx, &key)?;
        lanes::refresh(tx, &key.0)
    };
    Ok(cx.db().write(remove).await?)
}

/// `next` is what is delivered then, where it is another.
async fn postpone(
    cx: &Cx,
    key: &Key,
    at: Timestamp,
    failure: Option<Failure>,
    next: Option<Delivery>,
) -> Result<(), Error> {
    let key = key.clone();
    Ok(cx.db().write(move |tx| lanes::postpone(tx, &key, at, failure.as_ref(), next.as_ref())).await?)
}
