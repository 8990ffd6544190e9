//! Queues as event sources: receives messages as the function's role, runs the function on batches of them, and
//! deletes what it has done. What failed comes back when its visibility timeout is over.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use std::sync::Arc;
use std::time::Duration;

use base::{Arn, Region};
use bytes::Bytes;
use serde_json::{Value, json};
use service::{Caller, Cx};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::filter::Filter;
use super::record::{self, Message};
use super::response;
use crate::Lambda;
use crate::error::Error;
use crate::invoke::destination::queue_url;
use crate::invoke::{self, Request, lineage};
use crate::limits;
use crate::name::FunctionRef;
use crate::types::Mapping;

/// The attribute of a message that says which trace it is part of.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// Messages in one request to the queue.
const MESSAGES_PER_REQUEST: usize = 10;
/// How long a receive waits for messages.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The pause after a poll that failed.
const PAUSE: Duration = Duration::from_secs(5);
/// Attempts to get a batch past throttling before it is left to its visibility timeout.
const THROTTLED_ATTEMPTS: u32 = 6;

pub struct Poller(Arc<Inner>);

struct Inner {
    lambda: Arc<Lambda>,
    cx: Cx,
    mapping: Mapping,
    function: FunctionRef,
    filters: Vec<Filter>,
    /// One for each batch that may be under way.
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Messages that were received together, and who may delete them.
struct Batch {
    role: Cx,
    messages: Vec<Message>,
}

impl Poller {
    pub fn new(
        lambda: Arc<Lambda>,
        cx: Cx,
        mapping: Mapping,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Poller, Error> {
        let function = FunctionRef::of_arn(&mapping.function)
            .ok_or_else(|| Error::invalid(format!("{} is not a function", mapping.function)))?;
        let filters = mapping.filters.iter().map(|pattern| Filter::parse(pattern)).collect::<Result<_, _>>()?;
        let at_once = mapping.concurrency.and_then(|max| usize::try_from(max).ok());
        let permits = Arc::new(Semaphore::new(at_once.unwrap_or(limits::CONCURRENCY_DEFAULT)));
        Ok(Poller(Arc::new(Inner { lambda, cx, mapping, function, filters, permits, tasks, stop })))
    }

    /// Polls until it is stopped. A batch that was received by then is still run.
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
                    tracing::debug!(mapping = inner.mapping.id, %error, "a queue cannot be polled");
                    inner.problem(error);
                    inner.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
        }
    }
}

impl Inner {
    fn problem(&self, problem: impl std::fmt::Display) {
        self.lambda.sources.set_result(&self.mapping.id, format!("PROBLEM: {problem}"));
    }

    /// This cloud as the function's role sees it, by the role that the function has now.
    fn role(&self) -> Result<Cx, Error> {
        let target = invoke::resolve(&self.cx, &self.function)?;
        let caller = Caller::role_session(&target.version.settings.role, &self.function.name);
        Ok(self.cx.cloud().cx(caller, Region::new(self.mapping.source.region.as_str()), None))
    }

    /// Receives until the batch is full or its window is over.
    async fn gather(&self) -> Result<Batch, Error> {
        let size = usize::try_from(self.mapping.batch_size).unwrap_or(usize::MAX);
        let role = self.role()?;
        let mut messages = receive(&role, &self.mapping.source, size, LONG_POLL).await?;
        let until = Instant::now() + Duration::from_secs(self.mapping.window_seconds.into());
        let mut bytes: usize = messages.iter().map(record::size).sum();
        while !messages.is_empty() && messages.len() < size && bytes < limits::PAYLOAD_BYTES_MAX {
            let left = until.saturating_duration_since(Instant::now());
            if left < Duration::from_secs(1) {
                break;
            }
            let more = receive(&role, &self.mapping.source, size - messages.len(), left.min(LONG_POLL)).await?;
            bytes += more.iter().map(record::size).sum::<usize>();
            messages.extend(more);
        }
        Ok(Batch { role, messages })
    }

    async fn process(&self, batch: Batch, permit: OwnedSemaphorePermit) {
        let Batch { role, messages } = batch;
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for message in messages {
            match Filter::any_wants(&self.filters, || record::for_filter(&message)) {
                Ok(true) => wanted.push(message),
                Ok(false) => unwanted.push(message),
                // It stays in the queue, whose redrive policy says how often it comes again.
                Err(error) => {
                    tracing::warn!(mapping = self.mapping.id, %error, "a message cannot be filtered");
                    self.problem(error);
                }
            }
        }
        self.delete(&role, &unwanted).await;
        for messages in record::split(wanted) {
            match self.run(&messages).await {
                Ok(done) => {
                    self.lambda.sources.set_result(&self.mapping.id, "OK".into());
                    let done: Vec<_> = messages.into_iter().filter(|message| done(message)).collect();
                    self.delete(&role, &done).await;
                }
                Err(error) => {
                    tracing::debug!(mapping = self.mapping.id, %error, "a batch failed");
                    self.problem(error);
                }
            }
        }
        drop(permit);
    }

    /// Runs the function on a batch. Tells which messages are done with.
    async fn run(&self, messages: &[Message]) -> Result<impl Fn(&Message) -> bool + use<>, Error> {
        let event = Bytes::from(record::event(&self.mapping.source, messages).to_string());
        let traces = messages.iter().filter_map(|message| message.attributes.get(TRACE_HEADER));
        let trace = lineage::longest(traces.map(String::as_str)).map(str::to_owned);
        let outcome = self.invoke(event, trace).await?;
        if let Some(error) = outcome.function_error {
            return Err(Error::invalid(format!("Function call failed: {error}")));
        }
        let failed = match self.mapping.reports_failures {
            true => response::failures(&outcome.payload, messages).ok_or_else(|| {
                Error::invalid("The function's answer does not say which messages of the batch failed")
            })?,
            false => Default::default(),
        };
        Ok(move |message: &Message| !failed.contains(&message.message_id))
    }

    /// Waits a little longer each time that the function is throttled.
    async fn invoke(&self, event: Bytes, trace: Option<String>) -> Result<runtime::Outcome, Error> {
        let mut attempt = 0;
        loop {
            let cx = self.cx.cloud().cx(self.cx.caller().clone(), self.function.region.clone(), None);
            let cx = cx.traced(trace.clone());
            let request = Request {
                request_id: cx.request_id().to_owned(),
                payload: event.clone(),
                client_context: None,
                arn: self.mapping.function.clone(),
            };
            match invoke::run(&self.lambda, &cx, &self.function, request).await {
                Ok(ran) => return Ok(ran.outcome),
                Err(Error::TooManyRequests(_)) if attempt < THROTTLED_ATTEMPTS && !self.stop.is_cancelled() => {
                    tokio::time::sleep(Duration::from_millis(100) * (1 << attempt)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
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
            let input = json!({"QueueUrl": queue_url(role, &self.mapping.source), "Entries": entries});
            if let Err(error) = role.renew().call::<Value>("sqs", "DeleteMessageBatch", input).await {
                tracing::warn!(mapping = self.mapping.id, %error, "messages that are done with were not deleted");
                self.problem(error);
            }
        }
    }
}

async fn receive(role: &Cx, queue: &Arn, max: usize, wait: Duration) -> Result<Vec<Message>, Error> {
    let input = json!({
        "QueueUrl": queue_url(role, queue),
        "MaxNumberOfMessages": max.min(MESSAGES_PER_REQUEST),
        "WaitTimeSeconds": wait.as_secs(),
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    let received: record::Received = role.renew().call("sqs", "ReceiveMessage", input).await?;
    Ok(received.messages)
}

/// How long the queue's messages stay hidden, in seconds.
pub async fn visibility_seconds(role: &Cx, queue: &Arn) -> Result<u64, service::Error> {
    let input = json!({"QueueUrl": queue_url(role, queue), "AttributeNames": ["VisibilityTimeout"]});
    let answer: Value = role.call("sqs", "GetQueueAttributes", input).await?;
    let seconds = answer["Attributes"]["VisibilityTimeout"].as_str().and_then(|text| text.parse().ok());
    seconds.ok_or_else(|| service::Error::internal("a queue does not tell its visibility timeout"))
}
