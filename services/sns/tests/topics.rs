//! SNS as its callers see it, operation by operation, on the memory engine and a clock that the test moves. What is on its
//! way to subscribers is looked at in the outbox.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;

use mail::Mailer;
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Value, json};
use service::{Access, Caller, Credential, CredentialError, Delivery, Denial, Permission, outbox};
use sns::{Config, Sns};
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:t";
const FIFO: &str = "arn:aws:sns:us-east-1:000000000000:t.fifo";

struct World(TestCloud);

fn sns() -> service::Service {
    sns::service(Sns::new(Config {
        base: "https://cloud.example.com".into(),
        mailer: Mailer::mailbox("no-reply@localhost").unwrap(),
        outbound: Outbound::new(Reach { loopback: Loopback::All }),
    }))
}

impl World {
    fn new() -> World {
        World(TestCloud::new([sns()]))
    }

    async fn with_topic() -> World {
        let world = World::new();
        world.ok("CreateTopic", json!({"Name": "t"})).await;
        world
    }

    async fn with_fifo(attributes: Value) -> World {
        let world = World::new();
        let mut all = json!({"FifoTopic": "true", "ContentBasedDeduplication": "true"});
        all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        world.ok("CreateTopic", json!({"Name": "t.fifo", "Attributes": all})).await;
        world
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        self.0.call("sns", operation, input).await.unwrap()
    }

    async fn refused(&self, operation: &str, input: Value) -> service::Error {
        self.0.call("sns", operation, input).await.unwrap_err()
    }

    async fn subscribe(&self, topic: &str, queue: &str, attributes: Value) -> String {
        let endpoint = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
        let input = json!({"TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes});
        self.ok("Subscribe", input).await["SubscriptionArn"].as_str().unwrap().to_owned()
    }

    async fn publish(&self, text: &str) -> Value {
        let input = json!({"TopicArn": FIFO, "Message": text, "MessageGroupId": "g"});
        self.ok("Publish", input).await
    }

    /// How many deliveries wait for each target.
    fn waiting(&self) -> Vec<(String, usize)> {
        let read = self.0.root().db().read().unwrap();
        let lanes = outbox::lanes(&read, 10_000).unwrap();
        lanes.into_iter().map(|lane| (lane.to.resource, lane.waiting)).collect()
    }

    async fn attribute(&self, name: &str) -> String {
        let answer = self.ok("GetTopicAttributes", json!({"TopicArn": TOPIC})).await;
        answer["Attributes"][name].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn every_subscriber_that_wants_a_message_has_a_delivery_and_no_other() {
    let world = World::with_topic().await;
    world.subscribe(TOPIC, "all", json!({})).await;
    world.subscribe(TOPIC, "some", json!({"FilterPolicy": "{\"kind\":[\"a\"]}"})).await;
    let attribute = |value: &str| json!({"kind": {"DataType": "String", "StringValue": value}});
    for kind in ["a", "b"] {
        world.ok("Publish", json!({"TopicArn": TOPIC, "Message": "m", "MessageAttributes": attribute(kind)})).await;
    }
    assert_eq!(world.waiting(), [("all".to_owned(), 2), ("some".to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_too_much_for_one_transaction_goes_on_in_others() {
    let world = World::with_topic().await;
    for number in 0..501 {
        world.subscribe(TOPIC, &format!("q{number}"), json!({"RawMessageDelivery": "true"})).await;
    }
    world.ok("Publish", json!({"TopicArn": TOPIC, "Message": "m"})).await;
    let waiting = world.waiting();
    assert_eq!(waiting.len(), 501, "500 subscribers, and the topic itself for the rest");
    assert!(waiting.contains(&("t".to_owned(), 1)), "the rest");
    world.ok("Publish", json!({"TopicArn": TOPIC, "Message": "n"})).await;
    assert!(world.waiting().contains(&("t".to_owned(), 2)), "the next message does not pass it");
}

#[tokio::test]
async fn display_names_are_one_line() {
    let world = World::with_topic().await;
    let input =
        json!({"TopicArn": TOPIC, "AttributeName": "DisplayName", "AttributeValue": "a\r\nBcc: eve@example.com"});
    assert_eq!(world.refused("SetTopicAttributes", input).await.code, "InvalidParameter");
}

#[tokio::test]
async fn a_subscription_that_nobody_confirms_ends_after_two_days() {
    let world = World::with_topic().await;
    let input = json!({"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "ada@example.com"});
    assert_eq!(world.ok("Subscribe", input.clone()).await["SubscriptionArn"], "pending confirmation");
    world.ok("Publish", json!({"TopicArn": TOPIC, "Message": "m"})).await;
    assert_eq!(world.waiting().len(), 1, "nothing but the question");
    assert_eq!(world.attribute("SubscriptionsPending").await, "1");
    world.0.advance(Duration::from_secs(47 * 3_600)).await;
    assert_eq!(world.attribute("SubscriptionsPending").await, "1");
    world.0.advance(Duration::from_secs(3_600)).await;
    assert_eq!(world.attribute("SubscriptionsPending").await, "0");
    assert_eq!(world.attribute("SubscriptionsDeleted").await, "0");
    world.ok("Subscribe", input).await;
    assert_eq!(world.attribute("SubscriptionsPending").await, "1");
}

#[tokio::test]
async fn fifo_deduplicates_for_five_minutes_within_its_scope() {
    let world = World::with_fifo(json!({})).await;
    world.subscribe(FIFO, "q.fifo", json!({})).await;
    let first = world.publish("m").await;
    assert_eq!(world.publish("m").await, first);
    let other = json!({"TopicArn": FIFO, "Message": "m", "MessageGroupId": "h"});
    assert_eq!(world.ok("Publish", other.clone()).await, first, "the scope is the topic");
    let scope = json!({"TopicArn": FIFO, "AttributeName": "FifoThroughputScope", "AttributeValue": "MessageGroup"});
    world.ok("SetTopicAttributes", scope).await;
    assert_ne!(world.ok("Publish", other).await, first);
    world.0.advance(Duration::from_secs(300)).await;
    assert_ne!(world.publish("m").await, first);
    assert_eq!(world.waiting(), [("q.fifo".to_owned(), 3)]);
}

#[tokio::test]
async fn a_replay_sends_what_its_window_has_and_then_what_is_new() {
    let world = World::with_fifo(json!({"ArchivePolicy": "{\"MessageRetentionPeriod\": 1}"})).await;
    let start = world.0.env.now().iso8601();
    for text in ["1", "2"] {
        world.publish(text).await;
        world.0.advance(Duration::from_secs(60)).await;
    }
    let end = world.0.env.now().iso8601();
    world.0.advance(Duration::from_secs(60)).await;
    world.publish("3").await;
    let window =
        |end: Option<&str>| json!({"PointType": "Timestamp", "StartingPoint": start, "EndingPoint": end}).to_string();
    let all = world.subscribe(FIFO, "all.fifo", json!({"ReplayPolicy": window(None)})).await;
    world.subscribe(FIFO, "part.fifo", json!({"ReplayPolicy": window(Some(&end))})).await;
    world.publish("4").await;
    assert_eq!(world.waiting(), [], "live messages wait until the archived ones have gone");
    world.0.advance(Duration::from_secs(1)).await;
    world.publish("5").await;
    assert_eq!(world.waiting(), [("all.fifo".to_owned(), 5), ("part.fifo".to_owned(), 2)]);
    let attributes = world.ok("GetSubscriptionAttributes", json!({"SubscriptionArn": all})).await;
    assert_eq!(attributes["Attributes"]["ReplayStatus"], "Completed");
    let refusal = world.refused("DeleteTopic", json!({"TopicArn": FIFO})).await;
    assert_eq!(refusal.code, "InvalidParameter");
}

#[tokio::test]
async fn a_fifo_topic_has_a_hundred_subscriptions() {
    let world = World::with_fifo(json!({})).await;
    for number in 0..100 {
        world.subscribe(FIFO, &format!("q{number}.fifo"), json!({})).await;
    }
    let endpoint = "arn:aws:sqs:us-east-1:000000000000:more.fifo";
    let input = json!({"TopicArn": FIFO, "Protocol": "sqs", "Endpoint": endpoint});
    assert_eq!(world.refused("Subscribe", input).await.code, "SubscriptionLimitExceeded");
}

#[tokio::test]
async fn a_topic_that_is_made_again_starts_anew() {
    let world = World::with_topic().await;
    world.subscribe(TOPIC, "q", json!({})).await;
    world.ok("DeleteTopic", json!({"TopicArn": TOPIC})).await;
    world.ok("CreateTopic", json!({"Name": "t"})).await;
    assert_eq!(world.attribute("SubscriptionsConfirmed").await, "0");
    assert_eq!(world.ok("ListSubscriptions", json!({})).await["Subscriptions"], json!([]));
    world.ok("Publish", json!({"TopicArn": TOPIC, "Message": "m"})).await;
    assert_eq!(world.waiting(), []);
}

/// Lets services do what a resource's policy speaks of, whatever it says.
struct Named;

impl Access for Named {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        let service = caller.as_service().unwrap_or("nobody");
        match &permission.resource_policy {
            Some(policy) if policy.contains(service) => Ok(()),
            _ => Err(Denial { message: format!("{service} may not {}", permission.action) }),
        }
    }
}

#[tokio::test]
async fn another_service_publishes_where_the_topics_policy_lets_it() {
    let world = World(TestCloud::with_access([sns(), sqs::service()], Arc::new(Named)));
    world.ok("CreateTopic", json!({"Name": "t"})).await;
    let queue = "arn:aws:sqs:us-east-1:000000000000:q";
    let policy = |service: &str, action: &str, resource: &str| {
        let principal = format!("{service}.amazonaws.com");
        let statement =
            json!({"Effect": "Allow", "Principal": {"Service": principal}, "Action": action, "Resource": resource});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let attributes = json!({"Policy": policy("sns", "sqs:SendMessage", queue)});
    world.0.call("sqs", "CreateQueue", json!({"QueueName": "q", "Attributes": attributes})).await.unwrap();
    world.subscribe(TOPIC, "q", json!({})).await;
    let stop = CancellationToken::new();
    let workers = world.0.cloud.start(&stop, &stop);
    let send = async |text: &'static str| {
        let cx = world.0.cloud.system();
        let from = "arn:aws:events:us-east-1:000000000000:rule/r".parse().unwrap();
        let delivery = Delivery::new(&cx, from, TOPIC.parse().unwrap(), Bytes::from_static(text.as_bytes()));
        let context = cx.clone();
        cx.db().write(move |tx| outbox::send(tx, &context, delivery.clone(), None)).await.unwrap();
        while !world.waiting().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    send("refused").await;
    let value = policy("events", "sns:Publish", TOPIC);
    world
        .ok("SetTopicAttributes", json!({"TopicArn": TOPIC, "AttributeName": "Policy", "AttributeValue": value}))
        .await;
    send("taken").await;
    let url = "http://localhost:4566/000000000000/q";
    let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10});
    let received = world.0.call("sqs", "ReceiveMessage", input).await.unwrap();
    let messages = received["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    let body: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((body["Message"].as_str(), body["TopicArn"].as_str()), (Some("taken"), Some(TOPIC)));
    stop.cancel();
    workers.wait().await;
}
