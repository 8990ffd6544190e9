//! What other services deliver into queues: with its properties, once, and only where the queue's policy lets them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::Timestamp;
use kv::Tx;
use serde_json::{Value, json};
use service::{Access, Api, Attribute, Caller, Credential, CredentialError, Cx, Delivery, Denial, Error, Failure};
use service::{Permission, Properties, Sender, Service, outbox};
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;

use crate::world::{FIFO, Sqs, URL};

/// Lets in whom the resource's policy names, by service and source.
struct ByPolicy;

impl Access for ByPolicy {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        let policy = permission.resource_policy.as_deref().unwrap_or_default();
        let source = permission.context.iter().find(|(key, _)| key == "aws:SourceArn").map(|(_, values)| &values[0]);
        let named = policy.contains(caller.as_service().unwrap_or("nobody"));
        if named && source.is_some_and(|source| policy.contains(source)) {
            return Ok(());
        }
        Err(Denial { message: format!("{} may not {}", caller.user_id, permission.action) })
    }
}

/// A service that sends, and hears what did not arrive.
#[derive(Clone, Default)]
struct Topics(Arc<Mutex<Vec<Failure>>>);

impl Sender for Topics {
    fn retry_at(&self, _: &Cx, _: &Delivery, _: &Failure) -> Option<Timestamp> {
        None
    }

    fn undelivered(&self, _: &Cx, _: &mut Tx, _: &Delivery, failure: &Failure) -> Result<(), Error> {
        self.0.lock().unwrap().push(failure.clone());
        Ok(())
    }
}

struct World {
    sqs: Sqs,
    topics: Topics,
    stop: CancellationToken,
}

impl World {
    async fn new() -> World {
        let topics = Topics::default();
        let sender = Service::builder(Api::named("sns"), Arc::new(())).sender(topics.clone()).build();
        let sqs = Sqs(TestCloud::with_access([sqs::service(), sender], Arc::new(ByPolicy)));
        sqs.ok("CreateQueue", json!({"QueueName": "q"})).await;
        sqs.ok("CreateQueue", json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}})).await;
        let stop = CancellationToken::new();
        sqs.0.cloud.start(&stop, &stop);
        World { sqs, topics, stop }
    }

    async fn allow(&self, url: &str, topic: &str) {
        let policy = format!("sns.amazonaws.com may, for arn:aws:sns:us-east-1:000000000000:{topic}");
        let policy = json!({ "Comment": policy }).to_string();
        self.sqs.ok("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": {"Policy": policy}})).await;
    }

    async fn deliver(&self, topic: &str, queue: &str, body: &str, message: Properties) {
        let cx = self.sqs.0.cloud.system();
        let (from, to) = (cx.arn("sns", topic), cx.arn("sqs", queue));
        let delivery = Delivery { message, ..Delivery::new(&cx, from, to, body.to_owned().into()) };
        let context = cx.clone();
        cx.db().write(move |tx| outbox::send(tx, &context, delivery.clone(), None)).await.unwrap();
    }

    /// Waits until nothing waits.
    async fn settled(&self) {
        while outbox::waiting(&self.sqs.0.cloud.system(), 1).unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_delivery_comes_with_its_properties() {
    let world = World::new().await;
    world.allow(URL, "t").await;
    let attributes = BTreeMap::from([("kind".to_owned(), Attribute::text("welcome"))]);
    let properties = Properties { group: Some("tenant".into()), attributes, ..Properties::default() };
    world.deliver("t", "q", "hello", properties).await;
    world.settled().await;
    let received = world.sqs.receive(URL, 10).await;
    assert_eq!(received[0]["Body"], "hello");
    assert_eq!(received[0]["MessageAttributes"], json!({"kind": {"DataType": "String", "StringValue": "welcome"}}));
    assert_eq!(received[0]["Attributes"]["MessageGroupId"], "tenant");
    assert_ne!(received[0]["MD5OfMessageAttributes"], Value::Null);
}

#[tokio::test]
async fn a_fifo_queue_keeps_the_order_and_deduplicates() {
    let world = World::new().await;
    world.allow(FIFO, "t.fifo").await;
    for (body, id) in [("1", "a"), ("2", "b"), ("2 again", "b"), ("3", "c")] {
        let properties =
            Properties { group: Some("g".into()), deduplication_id: Some(id.into()), ..Properties::default() };
        world.deliver("t.fifo", "q.fifo", body, properties).await;
    }
    world.settled().await;
    assert_eq!(world.sqs.bodies(FIFO, 10).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_queue_refuses_whom_its_policy_does_not_name_and_what_is_too_large() {
    let world = World::new().await;
    world.deliver("t", "q", "x", Properties::default()).await;
    world.settled().await;
    world.allow(URL, "t").await;
    world.deliver("other", "q", "x", Properties::default()).await;
    world.deliver("t", "q", &"x".repeat(1_048_577), Properties::default()).await;
    world.deliver("t", "gone", "x", Properties::default()).await;
    world.settled().await;
    let mut codes: Vec<_> = world.topics.0.lock().unwrap().iter().map(|failure| failure.code.clone()).collect();
    codes.sort();
    assert_eq!(codes, ["AccessDenied", "AccessDenied", "InvalidParameterValueException", "QueueDoesNotExist"]);
    assert!(world.sqs.bodies(URL, 10).await.is_empty());
}
