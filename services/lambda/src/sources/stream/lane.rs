//! A lane at work: takes its records in order, in batches, and goes on only when a batch is done with or given up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::batch::{self, Condition, Failure, WindowEvent};
use super::reader::Record;
use super::shard::{Entry, Shard};
use crate::error::Error;
use crate::invoke::{self, Ran, Request, destination};
use crate::limits;
use crate::types::{Lane, Window};

struct Worker {
    shard: Arc<Shard>,
    number: usize,
    place: Lane,
    /// A record that did not fit the batch before.
    held: Option<Entry>,
    /// Whether the window's state has become too large.
    is_early: bool,
}

/// Records that are tried together. In the invocation that ends a window there are none.
struct Part {
    entries: Vec<Entry>,
    /// How often the function has failed on them.
    failures: u32,
    /// How often it was not run at all.
    waits: u32,
}

/// What is to be done after an attempt.
enum Step {
    Done,
    /// What is left, in order.
    Again(Vec<Part>),
    Stopped,
}

pub async fn run(shard: Arc<Shard>, number: usize, mut records: UnboundedReceiver<Entry>) {
    let place = shard.progress_of(number);
    let mut worker = Worker { shard, number, place, held: None, is_early: false };
    while let Some(entries) = worker.gather(&mut records).await {
        if !worker.process(entries).await {
            return;
        }
    }
}

impl Worker {
    /// The next batch: empty when a window is over, none when no more records come or it is stopped.
    async fn gather(&mut self, records: &mut UnboundedReceiver<Entry>) -> Option<Vec<Entry>> {
        let shard = self.shard.clone();
        let (mapping, stop) = (&shard.poller.mapping, &shard.poller.stop);
        if self.is_early {
            return Some(Vec::new());
        }
        let first = match self.held.take() {
            Some(entry) => Some(entry),
            None => tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                entry = records.recv() => entry,
                () = self.window_over() => return Some(Vec::new()),
            },
        };
        // A shard that has ended ends its window too.
        let Some(first) = first else { return self.place.window.is_some().then(Vec::new) };
        if self.is_after_window(&first) {
            self.held = Some(first);
            return Some(Vec::new());
        }
        if self.place.window.is_none() && shard.poller.settings.tumbling_seconds.is_some() {
            self.place.window = Some(Window { start: self.window_start(&first), state: "{}".into() });
        }
        let until = Instant::now() + Duration::from_secs(mapping.window_seconds.into());
        let (size, room) = (mapping.batch_size as usize, batch::room(self.place.window.as_ref()));
        let (mut bytes, mut entries) = (first.bytes, vec![first]);
        while entries.len() < size {
            let next = match mapping.window_seconds {
                0 => records.try_recv().ok(),
                _ => match stop.run_until_cancelled(tokio::time::timeout_at(until, records.recv())).await {
                    None => return None,
                    Some(next) => next.ok().flatten(),
                },
            };
            let Some(next) = next else { break };
            if bytes + next.bytes > room || self.is_after_window(&next) {
                self.held = Some(next);
                break;
            }
            bytes += next.bytes;
            entries.push(next);
        }
        Some(entries)
    }

    fn tumbling(&self) -> Duration {
        Duration::from_secs(self.shard.poller.settings.tumbling_seconds.unwrap_or_default().into())
    }

    fn window_start(&self, entry: &Entry) -> Timestamp {
        let length = (self.tumbling().as_millis() as u64).max(1);
        Timestamp(entry.record.at.0 / length * length)
    }

    /// A record of an earlier window comes too late for it, and counts for the one that is open.
    fn is_after_window(&self, entry: &Entry) -> bool {
        self.place.window.as_ref().is_some_and(|window| self.window_start(entry) > window.start)
    }

    /// Waits for the end of the open window; for ever when there is none.
    async fn window_over(&self) {
        match &self.place.window {
            Some(window) => {
                let left = (window.start + self.tumbling()).since(self.shard.poller.cx.env().now());
                tokio::time::sleep(left).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Tries until all of it is done with. False when it was stopped before.
    async fn process(&mut self, entries: Vec<Entry>) -> bool {
        let mut parts = VecDeque::from([Part { entries, failures: 0, waits: 0 }]);
        while let Some(part) = parts.pop_front() {
            match self.attempt(part).await {
                Step::Done => {}
                Step::Again(left) => left.into_iter().rev().for_each(|part| parts.push_front(part)),
                Step::Stopped => return false,
            }
        }
        true
    }

    async fn attempt(&mut self, mut part: Part) -> Step {
        let shard = self.shard.clone();
        if shard.poller.stop.is_cancelled() {
            return Step::Stopped;
        }
        let is_final = part.entries.is_empty();
        self.give_up_old(&mut part).await;
        if part.entries.is_empty() && !is_final {
            return Step::Done;
        }
        match self.invoke(&part).await {
            // Not the function's fault, so it does not count; as with AWS, only their age ends it.
            Err(error) => {
                shard.poller.problem(&error);
                part.waits += 1;
                self.again(vec![part]).await
            }
            Ok((request_id, ran)) => match self.first_failure(&part, &ran) {
                None => {
                    shard.poller.lambda.sources.set_result(&shard.poller.mapping.id, "OK".into());
                    self.keep_state(&ran, is_final);
                    self.finish(part.entries).await;
                    Step::Done
                }
                Some(failed) => self.failed(part, failed, &request_id, &ran).await,
            },
        }
    }

    /// Waits a little longer each time, and then goes on with these.
    async fn again(&self, parts: Vec<Part>) -> Step {
        let attempts = parts.first().map_or(0, |part| part.failures + part.waits).saturating_sub(1);
        let wait = limits::BATCH_RETRY_MIN.saturating_mul(1 << attempts.min(16)).min(limits::BATCH_RETRY_MAX);
        if self.shard.poller.pause(wait).await { Step::Again(parts) } else { Step::Stopped }
    }

    async fn invoke(&self, part: &Part) -> Result<(String, Ran), Error> {
        let poller = &self.shard.poller;
        let told = self.place.window.as_ref().map(|window| WindowEvent {
            window,
            length: self.tumbling(),
            shard: &self.shard.shard.id,
            stream: &poller.mapping.source,
            is_final: part.entries.is_empty(),
            is_early: self.is_early,
        });
        let event = batch::event(part.entries.iter().map(|entry| &entry.record), told.as_ref());
        let cx = poller.cx.cloud().cx(poller.cx.caller().clone(), poller.function.region.clone(), None);
        let request_id = cx.request_id().to_owned();
        let request = Request {
            request_id: request_id.clone(),
            payload: Bytes::from(event.to_string()),
            client_context: None,
            arn: poller.mapping.function.clone(),
        };
        Ok((request_id, invoke::run(&poller.lambda, &cx, &poller.function, request).await?))
    }

    /// The first record that failed; the first of all, where the function did.
    fn first_failure(&self, part: &Part, ran: &Ran) -> Option<usize> {
        if ran.outcome.function_error.is_some() {
            return Some(0);
        }
        let sequences: Vec<&str> = part.entries.iter().map(|entry| entry.record.sequence.as_str()).collect();
        match self.shard.poller.mapping.reports_failures {
            true => batch::first_failure(&ran.outcome.payload, &sequences),
            false => None,
        }
    }

    async fn failed(&mut self, mut part: Part, failed: usize, request_id: &str, ran: &Ran) -> Step {
        let poller = self.shard.poller.clone();
        let error = ran.outcome.function_error;
        poller.problem(format_args!("Function call failed: {}", error.unwrap_or("it reported records that failed")));
        let left = part.entries.split_off(failed.min(part.entries.len()));
        if !part.entries.is_empty() {
            self.finish(part.entries).await;
        }
        let Part { failures, waits, .. } = part;
        if poller.settings.bisect && failed == 0 && left.len() > 1 {
            // Halving a batch is no retry.
            let mut first = left;
            let second = first.split_off(first.len() / 2);
            return self.again([first, second].map(|entries| Part { entries, failures, waits }).into()).await;
        }
        let failures = failures + 1;
        if poller.settings.retries.is_some_and(|retries| failures > retries) {
            self.give_up(left, Condition::RetryAttemptsExhausted, failures, request_id, Some(ran)).await;
            return Step::Done;
        }
        self.again(vec![Part { entries: left, failures, waits }]).await
    }

    /// Gives the records up that have waited for too long.
    async fn give_up_old(&mut self, part: &mut Part) {
        let poller = self.shard.poller.clone();
        let oldest = poller.cx.env().now() - poller.age_max();
        let old = part.entries.iter().take_while(|entry| entry.record.at < oldest).count();
        if old > 0 {
            let left = part.entries.split_off(old);
            let old = std::mem::replace(&mut part.entries, left);
            let request_id = poller.cx.env().uuid();
            self.give_up(old, Condition::RecordAgeExceeded, part.failures, &request_id, None).await;
        }
    }

    async fn give_up(
        &mut self,
        entries: Vec<Entry>,
        condition: Condition,
        invocations: u32,
        request_id: &str,
        ran: Option<&Ran>,
    ) {
        let poller = self.shard.poller.clone();
        let records: Vec<&Record> = entries.iter().map(|entry| &entry.record).collect();
        tracing::warn!(mapping = poller.mapping.id, ?condition, records = records.len(), "records are given up");
        let target = invoke::resolve(&poller.cx, &poller.function);
        if let (Some(to), Ok(target)) = (poller.settings.on_failure.as_ref().filter(|_| !records.is_empty()), target) {
            let failure = Failure {
                request_id,
                function: poller.mapping.function.to_string(),
                condition,
                invocations,
                ran: ran.map(|ran| (ran.version.as_str(), ran.outcome.function_error)),
                shard: &self.shard.shard.id,
                stream: &poller.mapping.source,
                now: poller.cx.env().now(),
            };
            let body = failure.message(&records).to_string();
            let letter = destination::Letter { body: &body, attributes: None, request_id, undelivered: None };
            destination::send(&poller.cx, &target.version.settings.role, &poller.function, to, letter).await;
        }
        if entries.is_empty() {
            // The end of a window that could not be told.
            self.close_window();
        }
        self.finish(entries).await;
    }

    /// What the function has made of its window.
    fn keep_state(&mut self, ran: &Ran, is_final: bool) {
        if is_final {
            return self.close_window();
        }
        if let Some(window) = &mut self.place.window {
            window.state = batch::state(&ran.outcome.payload);
            self.is_early = window.state.len() > limits::WINDOW_STATE_BYTES_MAX;
        }
    }

    fn close_window(&mut self) {
        self.place.window = None;
        self.is_early = false;
    }

    /// Notes that these are done with. Their room is free again after that.
    async fn finish(&mut self, entries: Vec<Entry>) {
        if let Some(last) = entries.last() {
            self.place.done.clone_from(&last.record.sequence);
        }
        self.shard.done(self.number, entries.len(), self.place.clone()).await;
    }
}
