//! SQS as its callers see it, operation by operation.

use serde_json::{Value, json};

use crate::world::{Sqs, URL};

#[tokio::test]
async fn a_message_is_hidden_comes_back_and_is_deleted() {
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": "10"})).await;
    sqs.send("one").await;
    let first = sqs.receive(URL, 1).await;
    assert_eq!(first[0]["Attributes"]["ApproximateReceiveCount"], "1");
    assert!(sqs.receive(URL, 1).await.is_empty());
    assert_eq!(sqs.attribute(URL, "ApproximateNumberOfMessagesNotVisible").await, "1");
    sqs.seconds(10).await;
    let again = sqs.receive(URL, 1).await;
    assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
    let receipt = again[0]["ReceiptHandle"].clone();
    sqs.ok("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": receipt})).await;
    sqs.ok("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": receipt})).await;
    sqs.seconds(20).await;
    assert!(sqs.receive(URL, 1).await.is_empty());
    assert_eq!(sqs.attribute(URL, "ApproximateNumberOfMessages").await, "0");
}

#[tokio::test]
async fn visibility_is_changed_by_any_receipt_while_the_message_is_in_flight() {
    let sqs = Sqs::with_queue(json!({})).await;
    sqs.send("one").await;
    let hide = |receipt: &Value, seconds: u32| json!({"QueueUrl": URL, "ReceiptHandle": receipt, "VisibilityTimeout": seconds});
    let first = sqs.receive(URL, 1).await[0]["ReceiptHandle"].clone();
    sqs.ok("ChangeMessageVisibility", hide(&first, 0)).await;
    // It is visible again: there is nothing to change.
    sqs.ok("ChangeMessageVisibility", hide(&first, 500)).await;
    assert_eq!(sqs.bodies(URL, 10).await, ["one"]);
    // The second receiver has it, and the first gives it back.
    sqs.ok("ChangeMessageVisibility", hide(&first, 0)).await;
    assert_eq!(sqs.bodies(URL, 10).await, ["one"]);
    sqs.ok("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": first})).await;
    let refused = sqs.refusal("ChangeMessageVisibility", hide(&first, 5)).await;
    assert_eq!(refused.code, "InvalidParameterValueException");
    assert!(refused.message.ends_with("is not available for visibility timeout change."), "{refused}");
}

#[tokio::test]
async fn what_comes_back_comes_before_what_was_sent_later() {
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": "10"})).await;
    sqs.send("first").await;
    assert_eq!(sqs.bodies(URL, 1).await, ["first"]);
    sqs.seconds(5).await;
    sqs.send("second").await;
    sqs.seconds(5).await;
    assert_eq!(sqs.bodies(URL, 10).await, ["first", "second"]);
}

#[tokio::test]
async fn delays_apply() {
    let sqs = Sqs::with_queue(json!({"DelaySeconds": "5"})).await;
    sqs.send("queue's delay").await;
    sqs.ok("SendMessage", json!({"QueueUrl": URL, "MessageBody": "at once", "DelaySeconds": 0})).await;
    assert_eq!(sqs.bodies(URL, 10).await, ["at once"]);
    assert_eq!(sqs.attribute(URL, "ApproximateNumberOfMessagesDelayed").await, "1");
    sqs.seconds(5).await;
    assert_eq!(sqs.bodies(URL, 10).await, ["queue's delay"]);
}

#[tokio::test]
async fn a_poisoned_message_goes_to_the_dead_letter_queue_and_can_be_moved_back() {
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": "1"})).await;
    sqs.ok("CreateQueue", json!({"QueueName": "dead"})).await;
    let (source, dead) = ("arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sqs:us-east-1:000000000000:dead");
    let policy = json!({"deadLetterTargetArn": dead, "maxReceiveCount": 2}).to_string();
    sqs.ok("SetQueueAttributes", json!({"QueueUrl": URL, "Attributes": {"RedrivePolicy": policy}})).await;
    sqs.send("poison").await;
    for _ in 0..2 {
        assert_eq!(sqs.bodies(URL, 1).await, ["poison"]);
        sqs.seconds(1).await;
    }
    assert!(sqs.bodies(URL, 1).await.is_empty());
    let url = "http://localhost:4566/000000000000/dead";
    assert_eq!(sqs.attribute(url, "ApproximateNumberOfMessages").await, "1");
    let sources = sqs.ok("ListDeadLetterSourceQueues", json!({"QueueUrl": url})).await;
    assert_eq!(sources["queueUrls"], json!([URL]));

    for elsewhere in
        [dead.replace("us-east-1", "eu-west-1"), dead.replace(":aws:", ":x:"), dead.replace("0:dead", "1:dead")]
    {
        assert_eq!(
            sqs.refused("StartMessageMoveTask", json!({"SourceArn": elsewhere})).await,
            "InvalidParameterValueException"
        );
        assert_eq!(
            sqs.refused("ListMessageMoveTasks", json!({"SourceArn": elsewhere})).await,
            "InvalidParameterValueException"
        );
        let input = json!({"SourceArn": dead, "DestinationArn": elsewhere});
        assert_eq!(sqs.refused("StartMessageMoveTask", input).await, "InvalidParameterValueException");
    }
    let task = sqs.ok("StartMessageMoveTask", json!({"SourceArn": dead})).await;
    sqs.seconds(1).await;
    sqs.seconds(1).await;
    let tasks = sqs.ok("ListMessageMoveTasks", json!({"SourceArn": dead})).await;
    assert_eq!(tasks["Results"][0]["Status"], "COMPLETED", "{tasks}");
    assert_eq!(tasks["Results"][0]["ApproximateNumberOfMessagesMoved"], 1);
    assert_eq!(sqs.refused("CancelMessageMoveTask", task).await, "UnsupportedOperation");
    assert_eq!(sqs.bodies(URL, 1).await, ["poison"], "back in {source}");
}

#[tokio::test]
async fn batches_succeed_and_fail_entry_by_entry() {
    let sqs = Sqs::with_queue(json!({})).await;
    let entries = json!([{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "x", "DelaySeconds": 901}]);
    let answer = sqs.ok("SendMessageBatch", json!({"QueueUrl": URL, "Entries": entries})).await;
    assert_eq!(answer["Successful"][0]["Id"], "good");
    assert_eq!((&answer["Failed"][0]["Id"], &answer["Failed"][0]["SenderFault"]), (&json!("bad"), &json!(true)));
    assert_eq!(sqs.refused("SendMessageBatch", json!({"QueueUrl": URL, "Entries": []})).await, "EmptyBatchRequest");
    let big = "x".repeat(600_000);
    let entries = json!([{"Id": "a", "MessageBody": big}, {"Id": "b", "MessageBody": big}]);
    assert_eq!(
        sqs.refused("SendMessageBatch", json!({"QueueUrl": URL, "Entries": entries})).await,
        "BatchRequestTooLong"
    );
    let entries = json!([{"Id": "a", "ReceiptHandle": "nonsense"}]);
    let answer = sqs.ok("DeleteMessageBatch", json!({"QueueUrl": URL, "Entries": entries})).await;
    assert_eq!(answer["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn attributes_travel_with_their_digests() {
    let sqs = Sqs::with_queue(json!({})).await;
    let attributes = json!({"n": {"DataType": "Number.int", "StringValue": "5"}, "b": {"DataType": "Binary", "BinaryValue": "AQI="}});
    let sent =
        sqs.ok("SendMessage", json!({"QueueUrl": URL, "MessageBody": "x", "MessageAttributes": attributes})).await;
    let received = sqs.receive(URL, 1).await;
    assert_eq!(received[0]["MessageAttributes"], attributes);
    assert_eq!(received[0]["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    for bad in [
        json!({"": {"DataType": "String", "StringValue": "x"}}),
        json!({"x": {"DataType": "Number", "StringValue": "five"}}),
        json!({"x": {"DataType": "Odd", "StringValue": "x"}}),
    ] {
        let refused =
            sqs.refused("SendMessage", json!({"QueueUrl": URL, "MessageBody": "x", "MessageAttributes": bad})).await;
        assert_eq!(refused, "InvalidParameterValueException", "{bad}");
    }
}

#[tokio::test]
async fn messages_past_their_retention_are_gone() {
    let sqs = Sqs::with_queue(json!({"MessageRetentionPeriod": "60"})).await;
    sqs.send("old").await;
    sqs.seconds(60).await;
    sqs.send("new").await;
    assert_eq!(sqs.bodies(URL, 10).await, ["new"]);
}

#[tokio::test]
async fn purging_and_deleting_leave_nothing() {
    let sqs = Sqs::with_queue(json!({})).await;
    sqs.send("one").await;
    sqs.ok("PurgeQueue", json!({"QueueUrl": URL})).await;
    assert!(sqs.bodies(URL, 10).await.is_empty());
    sqs.send("two").await;
    sqs.ok("DeleteQueue", json!({"QueueUrl": URL})).await;
    assert_eq!(sqs.refused("ReceiveMessage", json!({"QueueUrl": URL})).await, "QueueDoesNotExist");
    sqs.ok("CreateQueue", json!({"QueueName": "q"})).await;
    assert!(sqs.bodies(URL, 10).await.is_empty());
}

#[tokio::test]
async fn creating_again_finds_the_queue_or_names_the_difference() {
    let sqs = Sqs::with_queue(json!({"DelaySeconds": "1"})).await;
    assert_eq!(sqs.ok("CreateQueue", json!({"QueueName": "q"})).await["QueueUrl"], URL);
    let other = json!({"QueueName": "q", "Attributes": {"DelaySeconds": "2"}});
    assert_eq!(sqs.refused("CreateQueue", other).await, "QueueNameExists");
    assert_eq!(sqs.refused("CreateQueue", json!({"QueueName": "no spaces"})).await, "InvalidParameterValueException");
    assert_eq!(
        sqs.refused("CreateQueue", json!({"QueueName": "x", "Attributes": {"Odd": "1"}})).await,
        "InvalidAttributeName"
    );
    assert_eq!(
        sqs.refused("CreateQueue", json!({"QueueName": "x", "Attributes": {"DelaySeconds": "901"}})).await,
        "InvalidAttributeValue"
    );
}

#[tokio::test]
async fn listing_goes_page_by_page() {
    let sqs = Sqs::with_queue(json!({})).await;
    for name in ["a1", "a2", "a3"] {
        sqs.ok("CreateQueue", json!({"QueueName": name})).await;
    }
    let first = sqs.ok("ListQueues", json!({"QueueNamePrefix": "a", "MaxResults": 2})).await;
    assert_eq!(first["QueueUrls"].as_array().unwrap().len(), 2);
    let second =
        sqs.ok("ListQueues", json!({"QueueNamePrefix": "a", "MaxResults": 2, "NextToken": first["NextToken"]})).await;
    assert_eq!(second["QueueUrls"], json!(["http://localhost:4566/000000000000/a3"]));
    assert_eq!(second["NextToken"], Value::Null);
}

#[tokio::test]
async fn permissions_and_tags_are_kept() {
    let sqs = Sqs::with_queue(json!({})).await;
    let add = json!({"QueueUrl": URL, "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]});
    sqs.ok("AddPermission", add.clone()).await;
    assert_eq!(sqs.refused("AddPermission", add).await, "InvalidParameterValueException");
    assert!(sqs.attribute(URL, "Policy").await.contains("arn:aws:iam::111111111111:root"));
    sqs.ok("RemovePermission", json!({"QueueUrl": URL, "Label": "l"})).await;
    sqs.ok("TagQueue", json!({"QueueUrl": URL, "Tags": {"a": "1", "b": "2"}})).await;
    sqs.ok("UntagQueue", json!({"QueueUrl": URL, "TagKeys": ["a"]})).await;
    assert_eq!(sqs.ok("ListQueueTags", json!({"QueueUrl": URL})).await["Tags"], json!({"b": "2"}));
}

#[tokio::test]
async fn a_long_poll_wakes_when_a_message_comes() {
    let sqs = Sqs::with_queue(json!({})).await;
    let receiving = sqs.ok("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 20}));
    let sending = async {
        tokio::task::yield_now().await;
        sqs.send("late").await;
    };
    let (answer, ()) = tokio::join!(receiving, sending);
    assert_eq!(answer["Messages"][0]["Body"], "late");
}
