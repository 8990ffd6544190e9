//! A lane at work: takes its records in order, in batches, and goes on only when a batch is done with or given up.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::batch::{self, Condition, WindowEvent};
use super::reader::Record;
use super::shard::{Entry, Shard};
use crate::consumer::{Batch, Consumer, GivenUp, Taken};
use crate::limits::{BATCH_RETRY_MAX, BATCH_RETRY_MIN, WINDOW_STATE_BYTES_MAX};
use crate::types::{Lane, Window};

struct Worker<C> {
    shard: Arc<Shard<C>>,
    number: usize,
    place: Lane,
    /// A record that did not fit the batch before.
    held: Option<Entry>,
    /// Whether the window's state has become too large.
    is_early: bool,
}

/// Records that are tried together. In the attempt that ends a window there are none.
struct Part {
    entries: Vec<Entry>,
    /// How often the consumer has failed on them.
    failures: u32,
    /// How often it could not try at all.
    waits: u32,
}

/// What is to be done after an attempt.
enum Step {
    Done,
    /// What is left, in order.
    Again(Vec<Part>),
    Stopped,
}

pub(super) async fn run<C: Consumer>(shard: Arc<Shard<C>>, number: usize, mut records: UnboundedReceiver<Entry>) {
    let place = shard.progress_of(number);
    let mut worker = Worker { shard, number, place, held: None, is_early: false };
    while let Some(entries) = worker.gather(&mut records).await {
        if !worker.process(entries).await {
            return;
        }
    }
}

impl<C: Consumer> Worker<C> {
    /// The next batch: empty when a window is over, none when no more records come or it is stopped.
    async fn gather(&mut self, records: &mut UnboundedReceiver<Entry>) -> Option<Vec<Entry>> {
        let shard = self.shard.clone();
        let (source, stop) = (&shard.poller.source, &shard.poller.stop);
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
        let until = Instant::now() + source.window;
        let (size, room) = (source.batch_size, batch::room(self.place.window.as_ref()));
        let (mut bytes, mut entries) = (first.bytes, vec![first]);
        while entries.len() < size {
            let next = if source.window.is_zero() {
                records.try_recv().ok()
            } else {
                match stop.run_until_cancelled(tokio::time::timeout_at(until, records.recv())).await {
                    None => return None,
                    Some(next) => next.ok().flatten(),
                }
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
        match self.hand_on(&part).await {
            // Not the consumer's fault, so it does not count; as with AWS, only their age ends it.
            Err(error) => {
                shard.poller.problem(&error.message);
                part.waits += 1;
                self.again(vec![part]).await
            }
            Ok(taken) if taken.failed.is_empty() && taken.problem.is_none() => {
                shard.poller.results.set(&shard.poller.source.id, "OK".into());
                self.keep_state(taken.state, is_final);
                self.finish(part.entries).await;
                Step::Done
            }
            Ok(taken) => self.failed(part, taken).await,
        }
    }

    /// Waits a little longer each time, and then goes on with these.
    async fn again(&self, parts: Vec<Part>) -> Step {
        let attempts = parts.first().map_or(0, |part| part.failures + part.waits).saturating_sub(1);
        let wait = BATCH_RETRY_MIN.saturating_mul(1 << attempts.min(16)).min(BATCH_RETRY_MAX);
        if self.shard.poller.pause(wait).await { Step::Again(parts) } else { Step::Stopped }
    }

    async fn hand_on(&self, part: &Part) -> Result<Taken, service::Error> {
        let window = self.place.window.as_ref().map(|window| WindowEvent {
            window,
            length: self.tumbling(),
            is_final: part.entries.is_empty(),
            is_early: self.is_early,
        });
        let records = untaken(&part.entries);
        let batch = Batch { shard: &self.shard.shard.id, records: &records, window };
        self.shard.poller.source.consumer.records(batch).await
    }

    /// What follows when records failed: those before the first of them are done with, those between them wait.
    async fn failed(&mut self, mut part: Part, taken: Taken) -> Step {
        let poller = self.shard.poller.clone();
        poller.problem(taken.problem.as_deref().unwrap_or("it reported records that failed"));
        let failed: HashSet<usize> = taken.failed.iter().copied().collect();
        let tried = part.entries.iter_mut().filter(|entry| !entry.taken);
        tried.enumerate().for_each(|(place, entry)| entry.taken = !failed.is_empty() && !failed.contains(&place));
        let first = part.entries.iter().take_while(|entry| entry.taken).count();
        let left = part.entries.split_off(first);
        if !part.entries.is_empty() {
            self.finish(part.entries).await;
        }
        let Part { failures, waits, .. } = part;
        if poller.settings.bisect && first == 0 && left.len() > 1 {
            // Halving a batch is no retry.
            let mut half = left;
            let other = half.split_off(half.len() / 2);
            return self.again([half, other].map(|entries| Part { entries, failures, waits }).into()).await;
        }
        let failures = failures + 1;
        if poller.settings.retries.is_some_and(|retries| failures > retries) {
            let condition = Condition::RetryAttemptsExhausted;
            self.give_up(left, condition, failures, &taken.request_id, taken.response.as_ref()).await;
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
        attempts: u32,
        request_id: &str,
        response: Option<&Value>,
    ) {
        let poller = self.shard.poller.clone();
        let records = untaken(&entries);
        tracing::warn!(id = poller.source.id, ?condition, records = records.len(), "records are given up");
        if !records.is_empty() {
            let shard = &self.shard.shard.id;
            let what = GivenUp { condition, shard, records: &records, attempts, request_id, response };
            poller.source.consumer.given_up(what).await;
        }
        if entries.is_empty() {
            // The end of a window that could not be told.
            self.close_window();
        }
        self.finish(entries).await;
    }

    /// What the consumer has made of its window.
    fn keep_state(&mut self, state: Option<String>, is_final: bool) {
        if is_final {
            return self.close_window();
        }
        if let Some(window) = &mut self.place.window {
            window.state = state.unwrap_or_else(|| "{}".into());
            self.is_early = window.state.len() > WINDOW_STATE_BYTES_MAX;
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

/// The records that nobody has taken yet.
fn untaken(entries: &[Entry]) -> Vec<&Record> {
    entries.iter().filter(|entry| !entry.taken).map(|entry| &entry.record).collect()
}
