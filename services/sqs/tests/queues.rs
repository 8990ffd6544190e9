//! SQS as its callers see it, operation by operation, on the memory engine and a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestCloud;

const URL: &str = "http://localhost:4566/000000000000/q";
const FIFO: &str = "http://localhost:4566/000000000000/q.fifo";

struct Sqs(TestCloud);

impl Sqs {
    /// A cloud with one queue: `q`, or `q.fifo` when the attributes say so.
    async fn with_queue(attributes: Value) -> Sqs {
        let sqs = Sqs(TestCloud::new([sqs::service()]));
        let name = if attributes.get("FifoQueue").is_some() { "q.fifo" } else { "q" };
        sqs.ok("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
        sqs
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        self.0.call("sqs", operation, input).await.unwrap()
    }

    /// The code of the refusal.
    async fn refused(&self, operation: &str, input: Value) -> String {
        self.0.call("sqs", operation, input).await.unwrap_err().code.into_owned()
    }

    async fn send(&self, body: &str) {
        self.ok("SendMessage", json!({"QueueUrl": URL, "MessageBody": body})).await;
    }

    async fn send_fifo(&self, group: &str, body: &str) {
        let input =
            json!({"QueueUrl": FIFO, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body});
        self.ok("SendMessage", input).await;
    }

    async fn receive(&self, url: &str, max: u32) -> Vec<Value> {
        let input = json!({"QueueUrl": url, "MaxNumberOfMessages": max, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
        self.ok("ReceiveMessage", input).await["Messages"].as_array().cloned().unwrap_or_default()
    }

    async fn bodies(&self, url: &str, max: u32) -> Vec<String> {
        self.receive(url, max).await.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    }

    async fn attribute(&self, url: &str, name: &str) -> String {
        let answer = self.ok("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": [name]})).await;
        answer["Attributes"][name].as_str().unwrap().to_owned()
    }

    async fn seconds(&self, seconds: u64) {
        self.0.advance(Duration::from_secs(seconds)).await;
    }
}

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
async fn visibility_can_be_changed_while_in_flight_only() {
    let sqs = Sqs::with_queue(json!({})).await;
    sqs.send("one").await;
    let receipt = sqs.receive(URL, 1).await[0]["ReceiptHandle"].clone();
    sqs.ok("ChangeMessageVisibility", json!({"QueueUrl": URL, "ReceiptHandle": receipt, "VisibilityTimeout": 0})).await;
    let refused = sqs
        .refused("ChangeMessageVisibility", json!({"QueueUrl": URL, "ReceiptHandle": receipt, "VisibilityTimeout": 5}))
        .await;
    assert_eq!(refused, "MessageNotInflight");
    assert_eq!(sqs.bodies(URL, 10).await, ["one"]);
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
        assert_eq!(sqs.refused("StartMessageMoveTask", json!({"SourceArn": elsewhere})).await, "InvalidParameterValue");
        assert_eq!(sqs.refused("ListMessageMoveTasks", json!({"SourceArn": elsewhere})).await, "InvalidParameterValue");
        let input = json!({"SourceArn": dead, "DestinationArn": elsewhere});
        assert_eq!(sqs.refused("StartMessageMoveTask", input).await, "InvalidParameterValue");
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
        assert_eq!(refused, "InvalidParameterValue", "{bad}");
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
    assert_eq!(sqs.refused("CreateQueue", json!({"QueueName": "no spaces"})).await, "InvalidParameterValue");
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
    assert_eq!(sqs.refused("AddPermission", add).await, "InvalidParameterValue");
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
