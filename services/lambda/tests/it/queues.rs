//! Queues as event sources.

use serde_json::{Value, json};

use crate::world::{World, function};

/// Refuses messages that say so, and passes on what it saw to the queue `seen`, by way of a destination.
const F: &str = r#"
def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    assert all(r["eventSource"] == "aws:sqs" for r in event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
"#;
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

async fn mapping(world: &World, more: Value) -> Value {
    let mut input = json!({"FunctionName": "f", "EventSourceArn": QUEUE});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("CreateEventSourceMapping", input).await
}

/// Messages that can be received, and messages in flight.
async fn counts(world: &World, url: &str) -> (String, String) {
    let attributes = world.sqs("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]})).await;
    let count = |name: &str| attributes["Attributes"][name].as_str().unwrap().to_owned();
    (count("ApproximateNumberOfMessages"), count("ApproximateNumberOfMessagesNotVisible"))
}

#[tokio::test]
async fn a_function_gets_messages_and_what_failed_stays() {
    let world = World::running().await;
    world.function(F, json!({})).await;
    let url = world.queue("q").await;
    let created = mapping(&world, json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]})).await;
    assert_eq!((&created["State"], &created["BatchSize"]), (&json!("Creating"), &json!(10)));
    for body in ["a", "bad", "c"] {
        world.sqs("SendMessage", json!({"QueueUrl": url, "MessageBody": body})).await;
    }
    world.until(async || (counts(&world, &url).await == ("0".into(), "1".into())).then_some(())).await;
    let id = json!({"UUID": created["UUID"]});
    assert_eq!(world.call("GetEventSourceMapping", id.clone()).await["LastProcessingResult"], "OK");
    assert_eq!(world.call("DeleteEventSourceMapping", id.clone()).await["State"], "Deleting");
    assert!(world.refused("GetEventSourceMapping", id).await.starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn filters_drop_what_does_not_match() {
    let world = World::running().await;
    world.function("def handler(event, context): raise ValueError('no')", json!({})).await;
    let url = world.queue("q").await;
    let filter = json!({"Filters": [{"Pattern": "{\"body\":{\"kind\":[\"order\"]}}"}]});
    mapping(&world, json!({"FilterCriteria": filter})).await;
    for body in ["{\"kind\":\"order\"}", "{\"kind\":\"other\"}", "text"] {
        world.sqs("SendMessage", json!({"QueueUrl": url, "MessageBody": body})).await;
    }
    // The order stays, since the function fails on it; the others are gone.
    world.until(async || (counts(&world, &url).await == ("0".into(), "1".into())).then_some(())).await;
}

#[tokio::test]
async fn a_mapping_can_be_paused() {
    let world = World::running().await;
    world.function(F, json!({})).await;
    let url = world.queue("q").await;
    let created = mapping(&world, json!({"Enabled": false})).await;
    assert_eq!(created["State"], "Disabled");
    world.sqs("SendMessage", json!({"QueueUrl": url, "MessageBody": "a"})).await;
    assert_eq!(counts(&world, &url).await, ("1".into(), "0".into()));
    world.call("UpdateEventSourceMapping", json!({"UUID": created["UUID"], "Enabled": true})).await;
    world.until(async || (counts(&world, &url).await == ("0".into(), "0".into())).then_some(())).await;
    let listed = world.call("ListEventSourceMappings", json!({"FunctionName": "f", "EventSourceArn": QUEUE})).await;
    assert_eq!(listed["EventSourceMappings"][0]["UUID"], created["UUID"]);
    let none = world.call("ListEventSourceMappings", json!({"FunctionName": "g"})).await;
    assert_eq!(none["EventSourceMappings"], json!([]));
}

/// Notes in a file when it begins and when it ends, and how many messages it has.
const NOTES: &str = r#"
import os, time
def note(text):
    descriptor = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, text.encode())
    os.close(descriptor)
def handler(event, context):
    note(f"begin {len(event['Records'])}\n")
    time.sleep(0.05)
    note("end\n")
"#;

#[tokio::test]
async fn no_more_batches_run_at_once_than_may() {
    let world = World::running().await;
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    world.function(NOTES, json!({"Environment": {"Variables": {"NOTES": notes}}})).await;
    let url = world.queue("q").await;
    for body in 0..8 {
        world.sqs("SendMessage", json!({"QueueUrl": url, "MessageBody": body.to_string()})).await;
    }
    mapping(&world, json!({"BatchSize": 1, "ScalingConfig": {"MaximumConcurrency": 2}})).await;
    world.until(async || (counts(&world, &url).await == ("0".into(), "0".into())).then_some(())).await;
    let notes = std::fs::read_to_string(&notes).unwrap();
    let (mut running, mut most) = (0, 0);
    for line in notes.lines() {
        running += if line == "end" { -1 } else { 1 };
        most = most.max(running);
    }
    assert_eq!((running, most, notes.lines().filter(|line| *line == "begin 1").count()), (0, 2, 8));
}

#[tokio::test]
async fn a_window_gathers_a_batch() {
    let world = World::running().await;
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    world.function(NOTES, json!({"Environment": {"Variables": {"NOTES": notes}}})).await;
    let url = world.queue("q").await;
    mapping(&world, json!({"BatchSize": 3, "MaximumBatchingWindowInSeconds": 300})).await;
    // Each comes when the one before has been received: without the window, each would be a batch.
    for (body, received) in [("a", "1"), ("b", "2"), ("c", "3")] {
        world.sqs("SendMessage", json!({"QueueUrl": url, "MessageBody": body})).await;
        world
            .until(async || {
                let counts = counts(&world, &url).await;
                (counts == ("0".into(), received.into()) || counts == ("0".into(), "0".into())).then_some(())
            })
            .await;
    }
    world.until(async || (counts(&world, &url).await == ("0".into(), "0".into())).then_some(())).await;
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "begin 3\nend\n");
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let world = World::new().await;
    world.function(F, json!({"Timeout": 31})).await;
    world
        .call(
            "CreateFunction",
            function(F, json!({"FunctionName": "g", "Role": "arn:aws:iam::000000000000:role/powerless"})),
        )
        .await;
    world.queue("q").await;
    let refused = |more: Value| {
        let mut input = json!({"FunctionName": "f", "EventSourceArn": QUEUE});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.refused("CreateEventSourceMapping", input)
    };
    let cases = [
        (
            json!({}),
            "InvalidParameterValueException: Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds",
        ),
        (
            json!({"FunctionName": "g"}),
            "InvalidParameterValueException: The provided execution role does not have permissions to call ReceiveMessage on SQS",
        ),
        (
            json!({"EventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/c/1"}),
            "NotImplemented: An event source mapping of kafka",
        ),
        (
            json!({"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:none"}),
            "InvalidParameterValueException: Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            json!({"BatchSize": 11}),
            "InvalidParameterValueException: Maximum batch window in seconds must be greater than 0",
        ),
        (json!({"BatchSize": 0}), "ValidationException"),
        (
            json!({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}),
            "InvalidParameterValueException: Invalid filter pattern definition.",
        ),
        (
            json!({"BisectBatchOnFunctionError": true}),
            "InvalidParameterValueException: Unsupported BisectBatchOnFunctionError",
        ),
        (json!({"FunctionName": "h"}), "InvalidParameterValueException: Function does not exist"),
    ];
    for (more, expected) in cases {
        let refused = refused(more.clone()).await;
        assert!(refused.starts_with(expected), "{more}: {refused}");
    }
}
