//! The outbox: every delivery reaches its target or its sender's rules, and none waits for another target.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Stored, Table, Tx};
use serde::Serialize;
use service::{Api, BoxFuture, Cx, Delivery, Error, Failure, Outcome, Sender, Service, Target, outbox, prefix};
use testkit::TestCloud;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What layers accepted, and what came back to the sender, in order.
const ACCEPTED: Table<(String, u64), String> = Table::new(prefix::SERVICE, 251);
const RETURNED: Table<(String, u64), String> = Table::new(prefix::SERVICE, 252);

fn append(tx: &mut Tx, table: &Table<(String, u64), String>, name: &str, text: &str) -> Result<(), Error> {
    let count = table.scan_prefix(tx, (name,), Order::Forward)?.count() as u64;
    Ok(table.put(tx, (name, count), &text.to_owned())?)
}

fn text(delivery: &Delivery) -> String {
    String::from_utf8(delivery.event.to_vec()).unwrap()
}

/// Takes everything but `bad`, which it may have written before it refuses.
struct Layer;

impl Target for Layer {
    fn is_layer(&self, _: &Arn) -> bool {
        true
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        append(tx, &ACCEPTED, &delivery.to.resource, &text(delivery))?;
        match &*delivery.event {
            b"bad" => Err(Error::new(403, "AccessDenied", format!("{} may not", cx.caller().arn))),
            b"busy" => Err(Error::new(400, "ThrottlingException", "Rate exceeded")),
            _ => Ok(()),
        }
    }
}

type Log = Arc<Mutex<Vec<String>>>;

/// Never answers for `hangs`, panics for `panics`, notes whatever else it gets, and lets `gated` wait for the gate.
struct Outside(Log, Arc<Notify>);

impl Target for Outside {
    fn deliver(&self, _: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let (log, gate) = (self.0.clone(), self.1.clone());
        Box::pin(async move {
            match &*delivery.to.resource {
                "hangs" => std::future::pending().await,
                "panics" => panic!("a test's"),
                _ => {}
            }
            log.lock().unwrap().push(text(&delivery));
            if delivery.to.resource == "gated" {
                gate.notified().await;
            }
            Outcome::Delivered
        })
    }
}

/// Tries everything that may pass once more after a minute.
struct OnceMore;

impl Sender for OnceMore {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        (delivery.attempts == 0).then(|| cx.now() + Duration::from_secs(60))
    }

    fn undelivered(&self, _: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), Error> {
        let attempts = delivery.attempts;
        append(tx, &RETURNED, &delivery.to.resource, &format!("{}: {} after {attempts}", failure.code, failure.message))
    }
}

struct World {
    cloud: TestCloud,
    log: Log,
    gate: Arc<Notify>,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    fn new() -> World {
        let (log, gate) = (Log::default(), Arc::new(Notify::new()));
        let service = |name| Service::builder(Api::named(name), Arc::new(()));
        let cloud = TestCloud::new([
            service("layer").target(Layer).build(),
            service("outside").target(Outside(log.clone(), gate.clone())).build(),
            service("from").sender(OnceMore).build(),
        ]);
        World { cloud, log, gate, stop: CancellationToken::new() }
    }

    fn running() -> World {
        let world = World::new();
        world.cloud.cloud.start(&world.stop, &world.stop);
        world
    }

    fn delivery(&self, to: &str, event: &str) -> Delivery {
        let (cx, (service, resource)) = (self.cloud.root(), to.split_once(':').unwrap());
        Delivery::new(&cx, cx.arn("from", "topic"), cx.arn(service, resource), Bytes::from(event.to_owned()))
    }

    async fn send(&self, to: &str, events: &[&str]) {
        let (cx, all) = (self.cloud.root(), events.iter().map(|event| self.delivery(to, event)).collect::<Vec<_>>());
        let send = move |tx: &mut Tx| all.iter().try_for_each(|one| outbox::send(tx, &cx, one.clone(), None));
        self.cloud.cloud.db().write(send).await.unwrap();
    }

    fn rows(&self, table: &Table<(String, u64), String>, name: &str) -> Vec<String> {
        let read = self.cloud.cloud.db().read().unwrap();
        table.scan_prefix(&read, (name,), Order::Forward).unwrap().values().map(Result::unwrap).collect()
    }

    fn lanes(&self) -> Vec<outbox::Lane> {
        outbox::lanes(&self.cloud.cloud.db().read().unwrap(), 1_000).unwrap()
    }

    async fn until(&self, what: &str, is: impl Fn() -> bool) {
        for _ in 0..2_000 {
            if is() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{what} did not happen; what waits: {:?}", self.lanes());
    }

    /// Moves the clock, and lets the outbox look at it.
    async fn advance(&self, seconds: u64) {
        self.cloud.env.advance(Duration::from_secs(seconds));
        let wake = |tx: &mut Tx| {
            tx.wake(b"service/outbox");
            Ok::<_, kv::Error>(())
        };
        self.cloud.cloud.db().write(wake).await.unwrap();
    }
}

#[tokio::test]
async fn layers_get_everything_once_and_in_order() {
    let world = World::running();
    let events: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    for part in events.chunks(7) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        world.send("layer:queue", &part).await;
        world.send("layer:other", &part).await;
    }
    world.until("delivery", || world.lanes().is_empty()).await;
    assert_eq!(world.rows(&ACCEPTED, "queue"), events);
    assert_eq!(world.rows(&ACCEPTED, "other"), events);
}

#[tokio::test]
async fn what_a_layer_refuses_goes_back_alone() {
    let world = World::running();
    world.send("layer:queue", &["1", "bad", "2"]).await;
    world.until("delivery", || world.lanes().is_empty()).await;
    assert_eq!(world.rows(&ACCEPTED, "queue"), ["1", "2"], "nothing of the refused one is left");
    let sender = "arn:aws:from:us-east-1:000000000000:topic";
    assert_eq!(world.rows(&RETURNED, "queue"), [format!("AccessDenied: {sender} may not after 1")]);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_at_the_senders_time() {
    let world = World::running();
    world.send("layer:queue", &["busy"]).await;
    world.until("the first attempt", || world.lanes().first().is_some_and(|lane| lane.attempts == 1)).await;
    let lane = world.lanes().remove(0);
    assert_eq!(lane.due, world.cloud.env.now() + Duration::from_secs(60));
    assert_eq!(lane.failure.unwrap().code, "ThrottlingException");
    world.send("layer:queue", &["next"]).await;
    world.until("the next one", || world.rows(&ACCEPTED, "queue") == ["next"]).await;
    world.advance(60).await;
    world.until("the end", || world.lanes().is_empty()).await;
    assert_eq!(world.rows(&RETURNED, "queue"), ["ThrottlingException: Rate exceeded after 2"]);
}

#[tokio::test]
async fn a_target_that_hangs_or_panics_holds_up_nobody() {
    let world = World::running();
    world.send("outside:hangs", &["x"; 500]).await;
    world.send("outside:panics", &["y"]).await;
    world.send("outside:works", &["1", "2", "3"]).await;
    world.send("layer:queue", &["4"]).await;
    world.until("its neighbours", || world.log.lock().unwrap().len() == 3).await;
    world.until("a layer", || world.rows(&ACCEPTED, "queue") == ["4"]).await;
    let waiting = |to: &str| world.lanes().iter().find(|lane| lane.to.resource == to).map(|lane| lane.waiting);
    assert_eq!(waiting("hangs"), Some(500));
    world.until("a second attempt's wait", || world.lanes().iter().any(|lane| lane.attempts == 1)).await;
    world.advance(60).await;
    world.until("the end of what panics", || world.lanes().len() == 1).await;
    assert_eq!(world.rows(&RETURNED, "panics"), ["InternalFailure: The target failed on this event. after 2"]);
}

#[tokio::test]
async fn what_waits_can_be_sent_at_once() {
    let world = World::running();
    world.send("outside:panics", &["a", "b"]).await;
    let tried = |attempts| move |lane: &outbox::Lane| lane.attempts == attempts && lane.waiting == 2;
    world.until("the first attempts", || world.lanes().first().is_some_and(tried(1))).await;
    let to: Arn = world.lanes()[0].to.clone();
    let moved = world.cloud.cloud.db().write(move |tx| outbox::retry_now(tx, &to)).await.unwrap();
    assert_eq!(moved, 2);
    world.until("the second", || world.lanes().is_empty()).await;
    assert_eq!(world.rows(&RETURNED, "panics").len(), 2);
}

#[tokio::test]
async fn what_is_sent_at_once_while_it_is_under_way_arrives_once() {
    let world = World::running();
    let (cx, one) = (world.cloud.root(), world.delivery("outside:gated", "1"));
    let (to, due) = (one.to.clone(), Some(cx.now() + Duration::from_secs(10)));
    world.cloud.cloud.db().write(move |tx| outbox::send(tx, &cx, one.clone(), due)).await.unwrap();
    world.advance(10).await;
    world.until("its start", || world.log.lock().unwrap().len() == 1).await;
    let moved = world.cloud.cloud.db().write(move |tx| outbox::retry_now(tx, &to)).await.unwrap();
    assert_eq!(moved, 1);
    world.gate.notify_one();
    world.until("its end", || world.lanes().is_empty()).await;
    assert_eq!(*world.log.lock().unwrap(), ["1"]);
}

#[tokio::test]
async fn large_deliveries_go_in_batches_that_the_store_takes() {
    let world = World::running();
    let large = "x".repeat(1 << 20);
    for _ in 0..6 {
        world.send("layer:queue", &[large.as_str(); 10]).await;
    }
    world.until("delivery", || world.rows(&ACCEPTED, "queue").len() == 60).await;
    assert!(world.lanes().is_empty());
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_to_the_sender() {
    let world = World::running();
    world.send("gone:queue", &["1"]).await;
    world.until("the end", || world.lanes().is_empty()).await;
    let [returned] = &world.rows(&RETURNED, "queue")[..] else { panic!("one comes back") };
    assert!(returned.starts_with("NotImplemented: delivery to arn:aws:gone:"), "{returned}");
}

#[tokio::test]
async fn what_an_earlier_release_left_is_delivered() {
    const SINGLE: Table<(Timestamp, u64), Delivery> = Table::new(prefix::SERVICE, 2);
    let world = World::new();
    let old: Vec<Delivery> = (0..1_200).map(|n| world.delivery("layer:queue", &n.to_string())).collect();
    let put = move |tx: &mut Tx| {
        (0..).zip(&old).try_for_each(|(number, one)| SINGLE.put(tx, (Timestamp(number / 100), number), one))
    };
    world.cloud.cloud.db().write(put).await.unwrap();
    world.cloud.cloud.start(&world.stop, &world.stop);
    world.until("delivery", || world.rows(&ACCEPTED, "queue").len() == 1_200).await;
    assert_eq!(world.rows(&ACCEPTED, "queue")[1_199], "1199");
    assert_eq!(SINGLE.scan(&world.cloud.cloud.db().read().unwrap(), Order::Forward).unwrap().count(), 0);
}

/// As releases before the first with lanes stored it.
#[derive(Serialize)]
struct Old {
    to: Arn,
    from: Arn,
    event: Bytes,
    accepted: Timestamp,
    attempts: u32,
}

#[tokio::test]
async fn deliveries_of_earlier_releases_are_read() {
    let world = World::new();
    let new = world.delivery("layer:queue", "1");
    let Delivery { to, from, event, accepted, attempts, .. } = new.clone();
    let bytes = kv::encode_stored("Delivery", 1, &Old { to, from, event, accepted, attempts }).unwrap();
    assert_eq!(Delivery::from_bytes(&bytes).unwrap(), new);
}
