//! Asynchronous events: retries, destinations and dead letters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{ARN, World};

const F: &str = r#"
def handler(event, context):
    if event.get("fail"):
        raise ValueError("told to")
    return "done"
"#;

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

async fn send(world: &World, event: Value) {
    let payload = STANDARD.encode(event.to_string());
    let answer =
        world.call("Invoke", json!({"FunctionName": "f", "InvocationType": "Event", "Payload": payload})).await;
    assert_eq!(answer["StatusCode"], 202);
}

/// Makes a queue that is told of failures, and adds `more` to what is said about the function's events.
async fn tell_failures(world: &World, more: Value) -> String {
    let url = world.queue("failed").await;
    let destination = json!({"OnFailure": {"Destination": queue_arn("failed")}});
    let mut config = json!({"FunctionName": "f", "DestinationConfig": destination});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("PutFunctionEventInvokeConfig", config).await;
    url
}

/// Lets an event fail until nobody tries it again.
async fn fail(world: &World) {
    send(world, json!({"fail": true})).await;
    for pause in [60, 120] {
        // A failed attempt has put the next one into the outbox, for later.
        world.until(async || world.waits_for_later().then_some(())).await;
        world.advance(pause).await;
    }
}

fn body(message: &Value) -> Value {
    serde_json::from_str(message["Body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_success_is_told_to_its_destination() {
    let world = World::running().await;
    world.function(F, json!({})).await;
    let url = world.queue("done").await;
    let config = json!({"FunctionName": "f", "DestinationConfig": {"OnSuccess": {"Destination": queue_arn("done")}}});
    world.call("PutFunctionEventInvokeConfig", config).await;
    send(&world, json!({"n": 1})).await;
    let record = body(&world.message(&url).await);
    assert_eq!((&record["version"], &record["requestPayload"]), (&json!("1.0"), &json!({"n": 1})));
    assert_eq!(record["requestContext"]["functionArn"], format!("{ARN}:$LATEST"));
    assert_eq!(
        (&record["requestContext"]["condition"], &record["requestContext"]["approximateInvokeCount"]),
        (&json!("Success"), &json!(1))
    );
    assert_eq!(record["responseContext"], json!({"statusCode": 200, "executedVersion": "$LATEST"}));
    assert_eq!(record["responsePayload"], "done");
}

#[tokio::test]
async fn a_failure_is_retried_twice_and_then_told() {
    let world = World::running().await;
    world.function(F, json!({"DeadLetterConfig": {"TargetArn": queue_arn("dead")}})).await;
    let (dead, failed) = (world.queue("dead").await, tell_failures(&world, json!({})).await);
    fail(&world).await;
    let record = body(&world.message(&failed).await);
    assert_eq!(
        (&record["requestContext"]["condition"], &record["requestContext"]["approximateInvokeCount"]),
        (&json!("RetriesExhausted"), &json!(3))
    );
    assert_eq!(
        (&record["responseContext"]["functionError"], &record["responsePayload"]["errorType"]),
        (&json!("Unhandled"), &json!("ValueError"))
    );
    let letter = world.message(&dead).await;
    assert_eq!(body(&letter), json!({"fail": true}));
    assert_eq!(letter["MessageAttributes"]["ErrorMessage"]["StringValue"], "told to");
    assert_eq!(letter["MessageAttributes"]["RequestID"]["StringValue"], record["requestContext"]["requestId"]);
}

#[tokio::test]
async fn an_event_that_grows_too_old_is_not_tried_again() {
    let world = World::running().await;
    world.function(F, json!({"DeadLetterConfig": {"TargetArn": queue_arn("dead")}})).await;
    let (dead, failed) =
        (world.queue("dead").await, tell_failures(&world, json!({"MaximumEventAgeInSeconds": 60})).await);
    fail(&world).await;
    let record = body(&world.message(&failed).await);
    let context = &record["requestContext"];
    assert_eq!(
        (&context["condition"], &context["approximateInvokeCount"]),
        (&json!("EventAgeExceeded"), &json!(2)),
        "{record}"
    );
    assert_eq!(record["requestPayload"], json!({"fail": true}));
    let letter = world.message(&dead).await;
    assert_eq!(body(&letter), json!({"fail": true}));
    let attribute = |name: &str| letter["MessageAttributes"][name].clone();
    assert_eq!(attribute("RequestID")["StringValue"], context["requestId"]);
    assert_eq!(attribute("ErrorCode"), json!({"StringValue": "200", "DataType": "Number"}));
}

#[tokio::test]
async fn no_retries_means_one_attempt() {
    let world = World::running().await;
    world.function(F, json!({})).await;
    let url = tell_failures(&world, json!({"MaximumRetryAttempts": 0})).await;
    send(&world, json!({"fail": true})).await;
    let record = body(&world.message(&url).await);
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
}

#[tokio::test]
async fn without_any_concurrency_an_event_goes_to_the_failures_at_once() {
    let world = World::running().await;
    world.function(F, json!({})).await;
    let url = tell_failures(&world, json!({"MaximumEventAgeInSeconds": 60})).await;
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 0})).await;
    send(&world, json!({})).await;
    let record = body(&world.message(&url).await);
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!(record.get("responseContext"), None);
}

#[tokio::test]
async fn configurations_of_events_are_kept_and_checked() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let put = json!({"FunctionName": "f", "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60});
    world.call("PutFunctionEventInvokeConfig", put).await;
    let update = json!({"FunctionName": "f", "MaximumRetryAttempts": 1});
    let updated = world.call("UpdateFunctionEventInvokeConfig", update.clone()).await;
    assert_eq!((&updated["MaximumRetryAttempts"], &updated["MaximumEventAgeInSeconds"]), (&json!(1), &json!(60)));
    assert_eq!(updated["FunctionArn"], format!("{ARN}:$LATEST"));
    let listed = world.call("ListFunctionEventInvokeConfigs", json!({"FunctionName": "f"})).await;
    assert_eq!(listed["FunctionEventInvokeConfigs"], json!([updated]));
    let replaced = world.call("PutFunctionEventInvokeConfig", update).await;
    assert_eq!(replaced.get("MaximumEventAgeInSeconds"), None);
    world.call("DeleteFunctionEventInvokeConfig", json!({"FunctionName": "f"})).await;
    assert_eq!(
        world.refused("GetFunctionEventInvokeConfig", json!({"FunctionName": "f"})).await,
        format!("ResourceNotFoundException: The function {ARN}:$LATEST doesn't have an EventInvokeConfig")
    );
    for (more, expected) in [
        (json!({}), "InvalidParameterValueException: You must specify at least one"),
        (json!({"MaximumRetryAttempts": 3}), "ValidationException"),
        (json!({"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::b"}}}), "NotImplemented"),
    ] {
        let mut input = json!({"FunctionName": "f"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = world.refused("PutFunctionEventInvokeConfig", input).await;
        assert!(refused.starts_with(expected), "{refused}");
    }
}
