//! Message move tasks.

use serde_json::{Value, json};

use crate::world::{Sqs, URL};

const DEAD: &str = "arn:aws:sqs:us-east-1:000000000000:dead";
const DEAD_URL: &str = "http://localhost:4566/000000000000/dead";

/// Letters in a dead-letter queue: some that came from `q`, and some that were sent to it.
async fn with_letters(from_queue: usize, sent: usize) -> Sqs {
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": "0"})).await;
    sqs.ok("CreateQueue", json!({"QueueName": "dead"})).await;
    let policy = json!({"deadLetterTargetArn": DEAD, "maxReceiveCount": 1}).to_string();
    sqs.ok("SetQueueAttributes", json!({"QueueUrl": URL, "Attributes": {"RedrivePolicy": policy}})).await;
    for n in 0..from_queue {
        sqs.send(&format!("m{n}")).await;
        sqs.receive(URL, 1).await;
        sqs.receive(URL, 1).await;
    }
    for _ in 0..sent {
        sqs.ok("SendMessage", json!({"QueueUrl": DEAD_URL, "MessageBody": "direct"})).await;
    }
    sqs
}

async fn task(sqs: &Sqs) -> Value {
    sqs.ok("ListMessageMoveTasks", json!({"SourceArn": DEAD})).await["Results"][0].clone()
}

#[tokio::test]
async fn letters_go_back_as_new_messages() {
    let sqs = with_letters(2, 0).await;
    let letter = sqs.receive(DEAD_URL, 1).await[0].clone();
    assert_eq!(letter["Attributes"]["ApproximateReceiveCount"], "2", "receives in both queues count");
    let give_back = json!({"QueueUrl": DEAD_URL, "ReceiptHandle": letter["ReceiptHandle"], "VisibilityTimeout": 0});
    sqs.ok("ChangeMessageVisibility", give_back).await;
    sqs.ok("StartMessageMoveTask", json!({"SourceArn": DEAD})).await;
    sqs.seconds(0).await;
    let done = task(&sqs).await;
    assert_eq!((&done["Status"], &done["ApproximateNumberOfMessagesMoved"]), (&json!("COMPLETED"), &json!(2)));
    assert_eq!(done["TaskHandle"], Value::Null);
    let back = sqs.receive(URL, 10).await;
    assert_eq!(back.len(), 2);
    assert_eq!(back[0]["Attributes"]["ApproximateReceiveCount"], "1");
    assert_ne!(back[0]["MessageId"], back[1]["MessageId"]);
    assert!(back.iter().all(|message| message["MessageId"] != letter["MessageId"]));
}

#[tokio::test]
async fn a_rate_is_kept_and_a_task_cancelled() {
    let sqs = with_letters(5, 0).await;
    let start =
        json!({"SourceArn": DEAD, "DestinationArn": DEAD.replace("dead", "q"), "MaxNumberOfMessagesPerSecond": 1});
    let handle = sqs.ok("StartMessageMoveTask", start.clone()).await;
    assert_eq!(sqs.refused("StartMessageMoveTask", start).await, "InvalidParameterValueException");
    sqs.seconds(0).await;
    for moved in 1..=3 {
        let running = task(&sqs).await;
        assert_eq!(
            (&running["Status"], &running["ApproximateNumberOfMessagesMoved"]),
            (&json!("RUNNING"), &json!(moved))
        );
        assert_eq!(running["TaskHandle"], handle["TaskHandle"]);
        sqs.seconds(1).await;
    }
    let cancelled = sqs.ok("CancelMessageMoveTask", handle.clone()).await;
    assert_eq!(cancelled["ApproximateNumberOfMessagesMoved"], 4);
    sqs.seconds(60).await;
    assert_eq!(task(&sqs).await["Status"], "CANCELLED");
    assert_eq!(sqs.attribute(DEAD_URL, "ApproximateNumberOfMessages").await, "1");
    assert_eq!(sqs.refused("CancelMessageMoveTask", handle).await, "UnsupportedOperation");
    assert_eq!(
        sqs.refused("CancelMessageMoveTask", json!({"TaskHandle": "x"})).await,
        "InvalidParameterValueException"
    );
}

#[tokio::test]
async fn a_task_fails_where_a_message_has_nowhere_to_go() {
    let sqs = with_letters(1, 1).await;
    sqs.ok("StartMessageMoveTask", json!({"SourceArn": DEAD})).await;
    sqs.seconds(0).await;
    let failed = task(&sqs).await;
    assert_eq!(
        (&failed["Status"], &failed["FailureReason"]),
        (&json!("FAILED"), &json!("CouldNotDetermineMessageSource"))
    );
    assert_eq!(failed["ApproximateNumberOfMessagesMoved"], 1);

    sqs.ok("CreateQueue", json!({"QueueName": "gone"})).await;
    let start = json!({"SourceArn": DEAD, "DestinationArn": DEAD.replace("dead", "gone")});
    sqs.ok("StartMessageMoveTask", start.clone()).await;
    sqs.ok("DeleteQueue", json!({"QueueUrl": DEAD_URL.replace("dead", "gone")})).await;
    sqs.seconds(1).await;
    assert_eq!(task(&sqs).await["FailureReason"], "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(sqs.attribute(DEAD_URL, "ApproximateNumberOfMessages").await, "1", "it stays");
    assert_eq!(sqs.refused("StartMessageMoveTask", start).await, "ResourceNotFoundException");
    let not_dead = json!({"SourceArn": DEAD.replace("dead", "q")});
    assert_eq!(sqs.refused("StartMessageMoveTask", not_dead).await, "InvalidParameterValueException");
}
