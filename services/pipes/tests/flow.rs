//! Pipes in a cloud of queues and streams whose clock stands still, and where every role may do everything.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{
    Access, Api, Caller, CallerKind, Credential, CredentialError, Cx, Denial, Error, Permission, Service, read,
};
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

struct World {
    cloud: TestCloud,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    fn running() -> World {
        let services = [pipes::service(), sqs::service(), kinesis::service(kinesis::Options::default()), sts()];
        let world = World { cloud: TestCloud::with_access(services, Arc::new(Roles)), stop: CancellationToken::new() };
        world.cloud.cloud.start(&world.stop, &world.stop);
        world
    }

    async fn call(&self, service: &str, operation: &str, input: Value) -> Value {
        self.cloud.call(service, operation, input).await.unwrap()
    }

    /// URL and ARN of a new queue.
    async fn queue(&self, name: &str) -> (String, String) {
        let made = self.call("sqs", "CreateQueue", json!({"QueueName": name})).await;
        (made["QueueUrl"].as_str().unwrap().to_owned(), format!("arn:aws:sqs:us-east-1:000000000000:{name}"))
    }

    /// The ARN of a new stream, with these records.
    async fn stream(&self, records: &[&str]) -> String {
        self.call("kinesis", "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await;
        for record in records {
            let input = json!({"StreamName": "s", "PartitionKey": "k", "Data": STANDARD.encode(record)});
            self.call("kinesis", "PutRecord", input).await;
        }
        "arn:aws:kinesis:us-east-1:000000000000:stream/s".to_owned()
    }

    /// Makes the pipe `p`; `more` are members besides.
    async fn pipe(&self, source: &str, target: &str, more: Value) {
        let mut input = json!({"Name": "p", "Source": source, "Target": target, "RoleArn": ROLE});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("pipes", "CreatePipe", input).await;
    }

    async fn described(&self) -> Value {
        self.call("pipes", "DescribePipe", json!({"Name": "p"})).await
    }

    async fn send(&self, url: &str, body: &str) {
        self.call("sqs", "SendMessage", json!({"QueueUrl": url, "MessageBody": body})).await;
    }

    /// Waits, on the real clock, for so many messages, and takes them.
    async fn bodies(&self, url: &str, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        self.until(async || {
            let received =
                self.call("sqs", "ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10})).await;
            for message in received["Messages"].as_array().into_iter().flatten() {
                bodies.push(message["Body"].as_str().unwrap().to_owned());
                let receipt = json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]});
                self.call("sqs", "DeleteMessage", receipt).await;
            }
            bodies.len() >= count
        })
        .await;
        bodies
    }

    async fn until(&self, mut poll: impl AsyncFnMut() -> bool) {
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while !poll().await {
            assert!(std::time::Instant::now() < deadline, "it did not happen within 30 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeInput {
    role_arn: String,
}

#[derive(Serialize)]
struct Assumed {}

async fn assume(_: Arc<()>, cx: Cx, input: AssumeInput) -> Result<Assumed, Error> {
    match cx.caller().user_id == "pipes.amazonaws.com" && input.role_arn == ROLE {
        true => Ok(Assumed {}),
        false => Err(Error::new(403, "AccessDenied", "no")),
    }
}

fn sts() -> Service {
    Service::builder(Api::named("sts"), Arc::new(())).operation(read("AssumeRole", assume)).build()
}

struct Roles;

impl Access for Roles {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        match &caller.kind {
            CallerKind::Session { role, .. } if role.to_string() == ROLE => Ok(()),
            _ => Err(Denial { message: format!("may not {}", permission.action) }),
        }
    }
}

#[tokio::test]
async fn messages_flow_through_a_filter_and_a_template() {
    let world = World::running();
    let ((from, source), (to, target)) = (world.queue("from").await, world.queue("to").await);
    let filters = json!({"FilterCriteria": {"Filters": [{"Pattern": "{\"body\":{\"n\":[{\"exists\":true}]}}"}]}});
    let template = json!({"InputTemplate": "{\"n\": <$.body.n>, \"at\": <aws.pipes.event.ingestion-time>}"});
    world.pipe(&source, &target, json!({"SourceParameters": filters, "TargetParameters": template})).await;
    world.send(&from, "text").await;
    world.send(&from, "{\"n\":1}").await;
    let at = world.cloud.env.now().iso8601();
    assert_eq!(world.bodies(&to, 1).await, [format!("{{\"n\": 1, \"at\": \"{at}\"}}")]);
    world.until(async || world.described().await["StateReason"] == "OK").await;
    let left = world.call("sqs", "GetQueueAttributes", json!({"QueueUrl": from, "AttributeNames": ["All"]})).await;
    assert_eq!(left["Attributes"]["ApproximateNumberOfMessages"], "0");
}

#[tokio::test]
async fn records_that_are_too_old_are_told_to_the_dead_letter_queue() {
    let world = World::running();
    let (dead, dead_letter) = world.queue("dead").await;
    let stream = world.stream(&["one"]).await;
    let parameters = json!({"KinesisStreamParameters": {
        "StartingPosition": "TRIM_HORIZON", "MaximumRecordAgeInSeconds": 60, "DeadLetterConfig": {"Arn": dead_letter},
    }});
    let missing = "arn:aws:sqs:us-east-1:000000000000:none";
    world.pipe(&stream, missing, json!({"SourceParameters": parameters})).await;
    world.until(async || world.described().await["StateReason"].as_str().unwrap().starts_with("PROBLEM")).await;
    world.cloud.advance(Duration::from_secs(61)).await;
    let letter: Value = serde_json::from_str(&world.bodies(&dead, 1).await[0]).unwrap();
    let context =
        json!({"partnerResourceArn": "arn:aws:pipes:us-east-1:000000000000:pipe/p", "condition": "RecordAgeExceeded"});
    assert_eq!((&letter["context"], &letter["KinesisBatchInfo"]["batchSize"]), (&context, &json!(1)));
}

#[tokio::test]
async fn a_pipe_with_a_name_that_was_there_before_begins_anew() {
    let world = World::running();
    let (to, target) = world.queue("to").await;
    let stream = world.stream(&["1", "2"]).await;
    let parameters = json!({
        "SourceParameters": {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        "TargetParameters": {"InputTemplate": "<$.data>"},
    });
    for _ in 0..2 {
        world.pipe(&stream, &target, parameters.clone()).await;
        assert_eq!(world.bodies(&to, 2).await, ["1", "2"]);
        world.call("pipes", "DeletePipe", json!({"Name": "p"})).await;
    }
    assert!(world.cloud.call("pipes", "DescribePipe", json!({"Name": "p"})).await.is_err());
}

#[tokio::test]
async fn a_pipe_that_stops_says_so() {
    let world = World::running();
    let ((from, source), (to, target)) = (world.queue("from").await, world.queue("to").await);
    world.pipe(&source, &target, json!({"TargetParameters": {"InputTemplate": "<$.body>"}})).await;
    world.until(async || world.described().await["CurrentState"] == "RUNNING").await;
    assert_eq!(world.call("pipes", "StopPipe", json!({"Name": "p"})).await["CurrentState"], "STOPPING");
    world.until(async || world.described().await["CurrentState"] == "STOPPED").await;
    world.send(&from, "7").await;
    assert_eq!(world.call("pipes", "StartPipe", json!({"Name": "p"})).await["CurrentState"], "STARTING");
    assert_eq!(world.bodies(&to, 1).await, ["7"]);
}

#[tokio::test]
async fn roles_must_trust_pipes() {
    let world = World::running();
    let input = json!({
        "Name": "p", "Source": "arn:aws:sqs:us-east-1:000000000000:a", "Target": "arn:aws:sqs:us-east-1:000000000000:b",
        "RoleArn": "arn:aws:iam::000000000000:role/other",
    });
    let refusal = world.cloud.call("pipes", "CreatePipe", input).await.unwrap_err();
    let told = "The role arn:aws:iam::000000000000:role/other cannot be assumed by pipes.amazonaws.com.";
    assert_eq!((&*refusal.code, &*refusal.message), ("ValidationException", told));
}
