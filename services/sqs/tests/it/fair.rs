//! Fair queues: no tenant of a standard queue waits behind another's backlog.

use serde_json::{Value, json};

use crate::world::{Sqs, URL};

async fn send(sqs: &Sqs, tenant: &str, body: &str) {
    sqs.ok("SendMessage", json!({"QueueUrl": URL, "MessageBody": body, "MessageGroupId": tenant})).await;
}

#[tokio::test]
async fn a_quiet_tenant_passes_a_backlog() {
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": "10"})).await;
    for n in 0..50 {
        send(&sqs, "noisy", &format!("n{n}")).await;
    }
    assert_eq!(sqs.bodies(URL, 2).await, ["n0", "n1"]);
    send(&sqs, "quiet", "q0").await;
    sqs.send("of nobody").await;
    let mut next = sqs.bodies(URL, 3).await;
    next.sort();
    assert_eq!(next, ["n2", "of nobody", "q0"]);
    let received = sqs.receive(URL, 1).await;
    assert_eq!(received[0]["Attributes"]["MessageGroupId"], "noisy");
    assert_eq!(received[0]["Attributes"]["SequenceNumber"], Value::Null);
    assert_eq!(sqs.attribute(URL, "ApproximateNumberOfMessages").await, "46");
    assert_eq!(sqs.attribute(URL, "ApproximateNumberOfMessagesNotVisible").await, "6");
}

#[tokio::test]
async fn nothing_is_lost_when_timeouts_end_and_messages_are_delayed() {
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": "5"})).await;
    sqs.send("before there were tenants").await;
    let delayed = json!({"QueueUrl": URL, "MessageBody": "late", "MessageGroupId": "a", "DelaySeconds": 3});
    sqs.ok("SendMessage", delayed).await;
    send(&sqs, "a", "a").await;
    send(&sqs, "b", "b").await;
    assert_eq!(sqs.bodies(URL, 10).await.len(), 3);
    sqs.seconds(5).await;
    let all = sqs.receive(URL, 10).await;
    assert_eq!(all.len(), 4);
    for message in all {
        sqs.ok("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": message["ReceiptHandle"]})).await;
    }
    sqs.seconds(100).await;
    assert!(sqs.bodies(URL, 10).await.is_empty());
    assert_eq!(sqs.attribute(URL, "ApproximateNumberOfMessages").await, "0");
}

#[tokio::test]
async fn a_standard_queue_takes_no_deduplication_id_and_checks_the_group() {
    let sqs = Sqs::with_queue(json!({})).await;
    for bad in [json!({"MessageGroupId": "a b"}), json!({"MessageGroupId": ""}), json!({"MessageDeduplicationId": "1"})]
    {
        let mut input = json!({"QueueUrl": URL, "MessageBody": "x"});
        input.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(sqs.refused("SendMessage", input).await, "InvalidParameterValueException", "{bad}");
    }
}
