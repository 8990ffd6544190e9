//! Queues as sources: receives messages as the consumer's role, hands batches of them on, and deletes what was taken. What
//! failed comes back when its visibility timeout is over.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

mod message;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base::{Arn, Region};
use serde_json::{Value, json};
use service::{Cx, Error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use message::{Message, MessageAttribute, decoded_body, event, record};

use crate::consumer::{Consumer, Source};
use crate::filter::Filter;
use crate::limits::{BATCH_BYTES_MAX, CONCURRENCY_DEFAULT};
use crate::run::Results;

/// Messages in one request to the queue.
const MESSAGES_PER_REQUEST: usize = 10;
/// How long a receive waits for messages.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The pause after a poll that failed.
const PAUSE: Duration = Duration::from_secs(5);
/// Attempts to get a batch past throttling before it is left to its visibility timeout.
const THROTTLED_ATTEMPTS: u32 = 6;
/// What reading a queue needs permission for.
pub const ACTIONS: [&str; 3] = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];

pub(crate) struct Poller<C>(Arc<Inner<C>>);

struct Inner<C> {
    cx: Cx,
    results: Arc<Results>,
    source: Source<C>,
    /// One for each batch that may be under way.
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Messages that were received together, and who may delete them.
struct Received {
    role: Cx,
    messages: Vec<Message>,
}

impl<C: Consumer> Poller<C> {
    pub fn new(
        cx: Cx,
        results: Arc<Results>,
        source: Source<C>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Poller<C> {
        let permits = Arc::new(Semaphore::new(source.concurrency.unwrap_or(CONCURRENCY_DEFAULT)));
        Poller(Arc::new(Inner { cx, results, source, permits, tasks, stop }))
    }

    /// Polls until it is stopped. A batch that was received by then is still handed on.
    pub async fn run(self) {
        let inner = self.0;
        while let Some(Ok(permit)) = inner.stop.run_until_cancelled(inner.permits.clone().acquire_owned()).await {
            match inner.stop.run_until_cancelled(inner.gather()).await {
                None => return,
                Some(Ok(batch)) if batch.messages.is_empty() => {}
                Some(Ok(batch)) => {
                    let (this, tasks) = (inner.clone(), inner.tasks.clone());
                    tasks.spawn(async move { this.process(batch, permit).await });
                }
                Some(Err(error)) => {
                    tracing::debug!(id = inner.source.id, %error, "a queue cannot be polled");
                    inner.problem(error);
                    inner.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
        }
    }
}

impl<C: Consumer> Inner<C> {
    fn problem(&self, problem: impl std::fmt::Display) {
        self.results.problem(&self.source.id, problem);
    }

    /// This cloud as the consumer's role sees it, by the role that it has now.
    fn role(&self) -> Result<Cx, Error> {
        let caller = self.source.consumer.reader(&self.cx)?;
        Ok(self.cx.cloud().cx(caller, Region::new(self.source.arn.region.as_str()), None))
    }

    /// Receives until the batch is full or its window is over.
    async fn gather(&self) -> Result<Received, Error> {
        let (queue, size) = (&self.source.arn, self.source.batch_size);
        let role = self.role()?;
        let mut messages = receive(&role, queue, size, LONG_POLL).await?;
        let until = Instant::now() + self.source.window;
        let mut bytes: usize = messages.iter().map(message::size).sum();
        while !messages.is_empty() && messages.len() < size && bytes < BATCH_BYTES_MAX {
            let left = until.saturating_duration_since(Instant::now());
            if left < Duration::from_secs(1) {
                break;
            }
            let more = receive(&role, queue, size - messages.len(), left.min(LONG_POLL)).await?;
            bytes += more.iter().map(message::size).sum::<usize>();
            messages.extend(more);
        }
        Ok(Received { role, messages })
    }

    async fn process(&self, Received { role, messages }: Received, permit: OwnedSemaphorePermit) {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for message in messages {
            let shown = || self.source.consumer.shown_message(&self.source.arn, &message);
            match Filter::any_wants(&self.source.filters, shown) {
                Ok(true) => wanted.push(message),
                Ok(false) => unwanted.push(message),
                // It stays in the queue, whose redrive policy says how often it comes again.
                Err(error) => {
                    tracing::warn!(id = self.source.id, %error, "a message cannot be filtered");
                    self.problem(error);
                }
            }
        }
        self.delete(&role, &unwanted).await;
        for messages in message::split(wanted) {
            match self.hand_on(&messages).await {
                Ok(failed) => {
                    self.results.set(&self.source.id, "OK".into());
                    let failed: HashSet<usize> = failed.into_iter().collect();
                    let places = messages.into_iter().enumerate();
                    let done: Vec<_> =
                        places.filter(|(place, _)| !failed.contains(place)).map(|(_, message)| message).collect();
                    self.delete(&role, &done).await;
                }
                Err(error) => {
                    tracing::debug!(id = self.source.id, %error, "a batch failed");
                    self.problem(error.message);
                }
            }
        }
        drop(permit);
    }

    /// Waits a little longer each time that the consumer is throttled.
    async fn hand_on(&self, messages: &[Message]) -> Result<Vec<usize>, Error> {
        let mut attempt = 0;
        loop {
            match self.source.consumer.messages(messages).await {
                Err(error) if error.status == 429 && attempt < THROTTLED_ATTEMPTS && !self.stop.is_cancelled() => {
                    tokio::time::sleep(Duration::from_millis(100) * (1 << attempt)).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn delete(&self, role: &Cx, messages: &[Message]) {
        for chunk in messages.chunks(MESSAGES_PER_REQUEST) {
            let entries: Vec<Value> = chunk
                .iter()
                .enumerate()
                .map(|(index, message)| json!({"Id": index.to_string(), "ReceiptHandle": message.receipt_handle}))
                .collect();
            let input = json!({"QueueUrl": url(role, &self.source.arn), "Entries": entries});
            if let Err(error) = role.renew().call::<Value>("sqs", "DeleteMessageBatch", input).await {
                tracing::warn!(id = self.source.id, %error, "messages that are done with were not deleted");
                self.problem(error);
            }
        }
    }
}

async fn receive(role: &Cx, queue: &Arn, max: usize, wait: Duration) -> Result<Vec<Message>, Error> {
    let input = json!({
        "QueueUrl": url(role, queue),
        "MaxNumberOfMessages": max.min(MESSAGES_PER_REQUEST),
        "WaitTimeSeconds": wait.as_secs(),
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    let received: message::Received = role.renew().call("sqs", "ReceiveMessage", input).await?;
    Ok(received.messages)
}

/// A queue's URL, which its service reads the account and the name from.
pub fn url(cx: &Cx, queue: &Arn) -> String {
    format!("{}/{}/{}", cx.endpoint(), queue.account, queue.resource)
}

/// How long the queue's messages stay hidden, in seconds.
///
/// # Errors
/// When the queue does not tell it to this caller.
pub async fn visibility_seconds(role: &Cx, queue: &Arn) -> Result<u64, Error> {
    let input = json!({"QueueUrl": url(role, queue), "AttributeNames": ["VisibilityTimeout"]});
    let answer: Value = role.call("sqs", "GetQueueAttributes", input).await?;
    let seconds = answer["Attributes"]["VisibilityTimeout"].as_str().and_then(|text| text.parse().ok());
    seconds.ok_or_else(|| Error::internal("a queue does not tell its visibility timeout"))
}
