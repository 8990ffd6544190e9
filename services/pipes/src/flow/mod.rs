//! What becomes of a batch: it is enriched, and sent to the target; both in the shape that their templates say.

mod enrich;
mod event;
mod log;
mod ready;
mod receiver;
mod send;
mod shape;

use std::borrow::Cow;
use std::collections::BTreeMap;

use base::{Arn, Region};
use kv::{Snap, Tx};
use serde_json::{Map, Value, json};
use service::{Caller, Cx, Error, Failure};
use sources::queue::Message;
use sources::{Batch, Checkpoint, Consumer, GivenUp, Letter, Taken, send_letter, stream};

pub use ready::readiness;
pub use receiver::Receiver;
pub use shape::{is_path, unknown_variable};

use self::event::Event;
use self::log::{Log, Step};
use crate::limits::EXECUTION_MAX;
use crate::model::pipe;
use crate::roles;
use crate::types::Pipe;

/// A pipe at work.
pub struct Flow {
    cx: Cx,
    pipe: Pipe,
}

/// Why a batch did not get through.
#[derive(Debug)]
enum Trouble {
    /// No fault of the events: the same may get through later.
    Passing(Error),
    Failed(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match Failure::from(&error).may_pass {
            true => Trouble::Passing(Error { status: 429, ..error }),
            false => Trouble::Failed(error.to_string()),
        }
    }
}

impl Trouble {
    fn text(&self) -> String {
        match self {
            Trouble::Passing(error) => error.to_string(),
            Trouble::Failed(reason) => reason.clone(),
        }
    }
}

/// How much of what was sent has arrived.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sent {
    /// The places of the events that the target did not take.
    failed: Vec<usize>,
    problem: Option<String>,
}

impl Flow {
    pub fn new(cx: Cx, pipe: Pipe) -> Flow {
        Flow { cx, pipe }
    }

    /// This cloud as the pipe's role sees it, where `to` is.
    fn role(&self, to: &Arn) -> Cx {
        self.cx.cloud().cx(roles::session(&self.pipe), Region::new(to.region.as_str()), None)
    }

    /// One execution, for no longer than it may take. Tells the log of it, whatever becomes of it.
    async fn execute(&self, events: Vec<Event>) -> Result<Sent, Trouble> {
        let log = Log::new(&self.cx, &self.pipe);
        log.step(Step::ExecutionStarted, || json!({"payload": event::shown(&events)}));
        let done = match tokio::time::timeout(EXECUTION_MAX, self.pass(events, &log)).await {
            Ok(done) => done,
            Err(_) => {
                log.step(Step::ExecutionTimeout, || json!({}));
                Err(Trouble::Failed(format!("it took longer than {} seconds", EXECUTION_MAX.as_secs())))
            }
        };
        match &done {
            Ok(sent) if sent.failed.is_empty() => log.step(Step::ExecutionSucceeded, || json!({})),
            Ok(sent) => log.failure(Step::ExecutionPartiallyFailed, sent.problem.as_deref().unwrap_or_default()),
            Err(trouble) => log.failure(Step::ExecutionFailed, &trouble.text()),
        }
        log.write().await;
        done
    }

    async fn pass(&self, events: Vec<Event>, log: &Log<'_>) -> Result<Sent, Trouble> {
        let count = events.len();
        let events = match &self.pipe.enrichment {
            None => events,
            Some(enrichment) => {
                log.step(Step::EnrichmentStageEntered, || json!({}));
                let enriched = self.enrich(enrichment, events, log).await;
                let enriched =
                    enriched.inspect_err(|trouble| log.failure(Step::EnrichmentStageFailed, &trouble.text()))?;
                log.step(Step::EnrichmentStageSucceeded, || json!({"payload": event::shown(&enriched)}));
                enriched
            }
        };
        if events.is_empty() {
            log.step(Step::TargetStageSkipped, || json!({}));
            return Ok(Sent::default());
        }
        log.step(Step::TargetStageEntered, || json!({}));
        match self.send(&events, log).await {
            Ok(sent) if sent.failed.is_empty() => {
                log.step(Step::TargetStageSucceeded, || json!({"payload": event::shown(&events)}));
                Ok(sent)
            }
            Ok(sent) => {
                log.failure(Step::TargetStagePartiallyFailed, sent.problem.as_deref().unwrap_or_default());
                Ok(Sent { failed: event::places(&events, &sent.failed, count), ..sent })
            }
            Err(trouble) => {
                log.failure(Step::TargetStageFailed, &trouble.text());
                Err(trouble)
            }
        }
    }
}

impl Consumer for Flow {
    fn reader(&self, _: &Cx) -> Result<Caller, Error> {
        Ok(roles::session(&self.pipe))
    }

    fn shown_message(&self, queue: &Arn, message: &Message) -> Map<String, Value> {
        event::of_message(queue, message, 0).decoded()
    }

    fn shown_record<'r>(&self, record: &'r Map<String, Value>) -> Cow<'r, Map<String, Value>> {
        Cow::Owned(event::decoded(event::flat(record)))
    }

    async fn messages(&self, batch: &[Message]) -> Result<Vec<usize>, Error> {
        let messages = batch.iter().enumerate();
        let events = messages.map(|(place, message)| event::of_message(&self.pipe.source, message, place)).collect();
        match self.execute(events).await {
            Ok(sent) => Ok(sent.failed),
            Err(Trouble::Passing(error)) => Err(error),
            Err(Trouble::Failed(reason)) => Err(Error::new(400, "ExecutionFailed", reason)),
        }
    }

    async fn records(&self, batch: Batch<'_>) -> Result<Taken, Error> {
        let records = batch.records.iter().enumerate();
        let events = records.map(|(place, record)| event::of_record(record, place)).collect();
        match self.execute(events).await {
            Ok(Sent { failed, problem }) => {
                let problem = problem.filter(|_| !failed.is_empty());
                Ok(Taken { failed, problem, ..Taken::default() })
            }
            Err(Trouble::Passing(error)) => Err(error),
            Err(Trouble::Failed(reason)) => Ok(Taken { problem: Some(reason), ..Taken::default() }),
        }
    }

    /// Tells the dead-letter queue where the records are.
    async fn given_up(&self, what: GivenUp<'_>) {
        let dead_letter = self.pipe.source_parameters.stream.as_ref().and_then(|stream| stream.dead_letter.as_ref());
        let Some(to) = dead_letter else { return };
        let mut body = json!({
            "context": {"partnerResourceArn": self.pipe.arn, "condition": what.condition.name()},
            "version": "1.0",
            "timestamp": self.cx.env().now().iso8601(),
        });
        let (name, info) = stream::batch_info(&self.pipe.source, what.shard, what.records);
        body[name] = info;
        let letter = Letter {
            from: self.pipe.arn.clone(),
            to: to.clone(),
            role: self.pipe.role.clone(),
            group: self.pipe.name.clone(),
            body: body.to_string(),
            attributes: BTreeMap::new(),
            id: self.cx.env().uuid(),
            undelivered: None,
        };
        if let Err(error) = send_letter(&self.cx, letter).await {
            tracing::warn!(%to, pipe = %self.pipe.arn, %error, "records that are given up could not be told of");
        }
    }

    fn checkpoint(&self, read: &Snap, shard: &str) -> Result<Checkpoint, kv::Error> {
        pipe::checkpoint(read, &self.pipe, shard)
    }

    fn check(&self, tx: &mut Tx, shard: &str, checkpoint: &Checkpoint) -> Result<(), kv::Error> {
        pipe::check(tx, &self.pipe, shard, checkpoint)
    }
}
