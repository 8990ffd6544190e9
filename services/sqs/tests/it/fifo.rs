//! FIFO queues: order within groups, deduplication and its scope, and what holds for all entries of a batch.

use serde_json::json;

use crate::world::{FIFO, Sqs};

#[tokio::test]
async fn fifo_keeps_order_within_a_group_and_lets_others_pass() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true", "VisibilityTimeout": "10"})).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")] {
        sqs.send_fifo(group, body).await;
    }
    let first = sqs.receive(FIFO, 2).await;
    assert_eq!((&first[0]["Body"], &first[1]["Body"]), (&json!("a1"), &json!("a2")));
    assert_eq!(sqs.bodies(FIFO, 10).await, ["b1"], "a group in flight gives nothing");
    sqs.ok("DeleteMessage", json!({"QueueUrl": FIFO, "ReceiptHandle": first[0]["ReceiptHandle"]})).await;
    assert!(sqs.bodies(FIFO, 10).await.is_empty(), "a2 is still in flight");
    sqs.seconds(10).await;
    let mut bodies = sqs.bodies(FIFO, 10).await;
    bodies.sort();
    assert_eq!(bodies, ["a2", "a3", "b1"], "what was not deleted comes back, in order");
}

#[tokio::test]
async fn fifo_deduplicates_for_five_minutes() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"})).await;
    let input = json!({"QueueUrl": FIFO, "MessageBody": "same", "MessageGroupId": "g"});
    let first = sqs.ok("SendMessage", input.clone()).await;
    let second = sqs.ok("SendMessage", input.clone()).await;
    assert_eq!(first["MessageId"], second["MessageId"]);
    assert_eq!(first["SequenceNumber"], second["SequenceNumber"]);
    assert_eq!(sqs.attribute(FIFO, "ApproximateNumberOfMessages").await, "1");
    sqs.seconds(300).await;
    assert_ne!(sqs.ok("SendMessage", input).await["MessageId"], first["MessageId"]);
}

#[tokio::test]
async fn a_hidden_message_holds_back_those_behind_it_and_none_before() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true", "VisibilityTimeout": "10"})).await;
    for body in ["1", "2", "3"] {
        sqs.send_fifo("g", body).await;
    }
    let received = sqs.receive(FIFO, 3).await;
    let longer = json!({"QueueUrl": FIFO, "ReceiptHandle": received[1]["ReceiptHandle"], "VisibilityTimeout": 100});
    sqs.ok("ChangeMessageVisibility", longer).await;
    sqs.seconds(10).await;
    assert_eq!(sqs.bodies(FIFO, 10).await, ["1"], "the third waits for the second");
    let late = json!({"QueueUrl": FIFO, "ReceiptHandle": received[2]["ReceiptHandle"]});
    assert_eq!(sqs.refused("DeleteMessage", late).await, "InvalidParameterValueException");
    sqs.seconds(90).await;
    assert_eq!(sqs.bodies(FIFO, 10).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_changed_scope_takes_effect_when_all_that_was_remembered_is_forgotten() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true"})).await;
    sqs.send_fifo("a", "same").await;
    let high = json!({"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"});
    sqs.ok("SetQueueAttributes", json!({"QueueUrl": FIFO, "Attributes": high})).await;
    assert_eq!(sqs.attribute(FIFO, "DeduplicationScope").await, "messageGroup");
    sqs.send_fifo("b", "same").await;
    assert_eq!(sqs.attribute(FIFO, "ApproximateNumberOfMessages").await, "1");
    sqs.seconds(300).await;
    for group in ["c", "d", "d"] {
        sqs.send_fifo(group, "same").await;
    }
    assert_eq!(sqs.attribute(FIFO, "ApproximateNumberOfMessages").await, "3", "once for each group");
}

#[tokio::test]
async fn throughput_by_group_needs_deduplication_by_group() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true"})).await;
    let alone = json!({"QueueUrl": FIFO, "Attributes": {"FifoThroughputLimit": "perMessageGroupId"}});
    assert_eq!(sqs.refused("SetQueueAttributes", alone).await, "InvalidAttributeValue");
}

#[tokio::test]
async fn a_name_and_an_attribute_say_the_same() {
    let sqs = Sqs::with_queue(json!({})).await;
    for (name, attributes, code) in [
        ("x.fifo", json!({}), "InvalidParameterValueException"),
        ("x", json!({"FifoQueue": "true"}), "InvalidParameterValueException"),
        ("x", json!({"FifoQueue": "false"}), "InvalidAttributeName"),
        ("x", json!({"ContentBasedDeduplication": "true"}), "InvalidAttributeName"),
        ("x", json!({"DeduplicationScope": "queue"}), "InvalidAttributeName"),
    ] {
        let input = json!({"QueueName": name, "Attributes": attributes});
        assert_eq!(sqs.refused("CreateQueue", input.clone()).await, code, "{input}");
    }
    sqs.ok("CreateQueue", json!({"QueueName": "x.fifo", "Attributes": {"FifoQueue": "True"}})).await;
}

#[tokio::test]
async fn a_batch_without_a_place_in_the_order_is_refused_as_a_whole() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true"})).await;
    let good = json!({"Id": "1", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "1"});
    for missing in ["MessageGroupId", "MessageDeduplicationId"] {
        let mut bad = good.clone();
        bad["Id"] = json!("2");
        bad.as_object_mut().unwrap().remove(missing);
        let input = json!({"QueueUrl": FIFO, "Entries": [good, bad]});
        assert_eq!(sqs.refused("SendMessageBatch", input).await, "InvalidParameterValueException", "{missing}");
    }
    assert_eq!(sqs.attribute(FIFO, "ApproximateNumberOfMessages").await, "0");
}

#[tokio::test]
async fn no_delay_of_its_own_but_the_queues() {
    let sqs = Sqs::with_queue(json!({"FifoQueue": "true", "DelaySeconds": "5"})).await;
    let send = |delay: u32| json!({"QueueUrl": FIFO, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "1", "DelaySeconds": delay});
    assert_eq!(sqs.refused("SendMessage", send(2)).await, "InvalidParameterValueException");
    sqs.ok("SendMessage", send(0)).await;
    assert!(sqs.bodies(FIFO, 1).await.is_empty());
    sqs.seconds(5).await;
    assert_eq!(sqs.bodies(FIFO, 1).await, ["x"]);
}
