//! What targets get.

use serde_json::{Value, json};
use service::outbox;

use crate::world::*;

#[tokio::test]
async fn a_queue_gets_the_input_filled() {
    let world = World::new().await;
    world.queue("open").await;
    let _running = Running::new(&world);
    let input = "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>";
    world.create(json!({"ScheduleExpression": at(HOUR), "Target": {"Input": input}})).await;
    world.seconds(HOUR + 20).await;
    let body = world.message("open").await["Body"].clone();
    assert_eq!(body, format!("{} 2027-01-15T09:00:00Z 1", arn("schedule/default/s")));
    world.create(json!({"Name": "d", "ScheduleExpression": at(2 * HOUR), "Target": {"Input": null}})).await;
    world.seconds(HOUR).await;
    let body: Value = serde_json::from_str(world.message("open").await["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["source"], &body["detail-type"]), (&json!("aws.scheduler"), &json!("Scheduled Event")));
    assert_eq!(
        (&body["resources"][0], &body["time"]),
        (&json!(arn("schedule/default/d")), &json!("2027-01-15T10:00:00Z"))
    );
}

#[tokio::test]
async fn operations_are_called_as_the_role() {
    let world = World::new().await;
    for name in ["open", "open-dead", "closed"] {
        world.queue(name).await;
    }
    let _running = Running::new(&world);
    let send = |name: &str, to: &str| {
        let input = json!({"QueueUrl": queue_url(to), "MessageBody": "<aws.scheduler.execution-id>"}).to_string();
        let retry = json!({"MaximumRetryAttempts": 0});
        json!({"Name": name, "ScheduleExpression": at(HOUR), "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": input, "RetryPolicy": retry,
            "DeadLetterConfig": {"Arn": queue("open-dead")},
        }})
    };
    world.create(send("allowed", "open")).await;
    world.create(send("denied", "closed")).await;
    world.seconds(HOUR).await;
    let body = world.message("open").await["Body"].clone();
    assert_eq!(body.as_str().unwrap().len(), 16, "{body}");
    let letter = world.message("open-dead").await;
    let payload: Value = serde_json::from_str(letter["Body"].as_str().unwrap()).unwrap();
    assert_eq!(payload["QueueUrl"], queue_url("closed"));
    assert_eq!(payload["MessageBody"], told(&letter, "EXECUTION_ID"));
    assert!(told(&letter, "ERROR_MESSAGE").contains("is not authorized to perform: sqs:SendMessage"), "{letter}");
    let expected = [
        ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
        ("IS_PAYLOAD_TRUNCATED", "false"),
        ("RETRY_ATTEMPTS", "0"),
        ("SCHEDULED_TIME", "2027-01-15T09:00:00Z"),
        ("TARGET_ARN", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"),
    ];
    for (name, value) in expected {
        assert_eq!(told(&letter, name), value);
    }
    assert_eq!(told(&letter, "SCHEDULE_ARN"), arn("schedule/default/denied"));
}

#[tokio::test]
async fn what_fails_is_tried_again_and_says_so() {
    let world = World::new().await;
    world.queue("open-dead").await;
    let _running = Running::new(&world);
    let input = "attempt <aws.scheduler.attempt-number>";
    let target = json!({"Arn": queue("open-later"), "Input": input, "RetryPolicy": {"MaximumRetryAttempts": 2}, "DeadLetterConfig": {"Arn": queue("open-dead")}});
    world.create(json!({"ScheduleExpression": at(HOUR), "Target": target, "ActionAfterCompletion": "DELETE"})).await;
    world.seconds(HOUR).await;
    let to = queue("open-later");
    for attempts in 1..=2 {
        loop {
            let lanes = outbox::lanes(&world.db.read().unwrap(), 10).unwrap();
            if lanes.iter().any(|lane| lane.attempts == attempts && lane.failure.is_some()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let to = to.parse().unwrap();
        world.db.write(move |tx| outbox::retry_now(tx, &to)).await.unwrap();
    }
    let letter = world.message("open-dead").await;
    assert_eq!((letter["Body"].as_str(), &*told(&letter, "RETRY_ATTEMPTS")), (Some("attempt 3"), "2"));
    assert!(
        told(&letter, "ERROR_CODE").contains("NonExistentQueue")
            || told(&letter, "ERROR_CODE").contains("QueueDoesNotExist")
    );
    assert!(!world.exists("s").await);
}
