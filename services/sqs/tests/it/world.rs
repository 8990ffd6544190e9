//! A cloud with queues, called as root.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestCloud;

pub const URL: &str = "http://localhost:4566/000000000000/q";
pub const FIFO: &str = "http://localhost:4566/000000000000/q.fifo";

pub struct Sqs(pub TestCloud);

impl Sqs {
    /// A cloud with one queue: `q`, or `q.fifo` when the attributes say so.
    pub async fn with_queue(attributes: Value) -> Sqs {
        let sqs = Sqs(TestCloud::new([sqs::service()]));
        let name = if attributes.get("FifoQueue").is_some() { "q.fifo" } else { "q" };
        sqs.ok("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
        sqs
    }

    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        self.0.call("sqs", operation, input).await.unwrap()
    }

    /// The code of the refusal.
    pub async fn refused(&self, operation: &str, input: Value) -> String {
        self.refusal(operation, input).await.code.into_owned()
    }

    pub async fn refusal(&self, operation: &str, input: Value) -> service::Error {
        self.0.call("sqs", operation, input).await.unwrap_err()
    }

    pub async fn send(&self, body: &str) {
        self.ok("SendMessage", json!({"QueueUrl": URL, "MessageBody": body})).await;
    }

    pub async fn send_fifo(&self, group: &str, body: &str) {
        let input =
            json!({"QueueUrl": FIFO, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body});
        self.ok("SendMessage", input).await;
    }

    pub async fn receive(&self, url: &str, max: u32) -> Vec<Value> {
        let input = json!({"QueueUrl": url, "MaxNumberOfMessages": max, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
        self.ok("ReceiveMessage", input).await["Messages"].as_array().cloned().unwrap_or_default()
    }

    pub async fn bodies(&self, url: &str, max: u32) -> Vec<String> {
        self.receive(url, max).await.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn attribute(&self, url: &str, name: &str) -> String {
        let answer = self.ok("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": [name]})).await;
        answer["Attributes"][name].as_str().unwrap().to_owned()
    }

    pub async fn seconds(&self, seconds: u64) {
        self.0.advance(Duration::from_secs(seconds)).await;
    }
}
