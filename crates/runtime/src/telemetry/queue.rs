//! What waits for one subscriber: gathered up to a size, a number and an age, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::TELEMETRY_BEHIND_MAX;
use crate::telemetry::Told;

/// When a batch is sent: at so many events or bytes, or when the first of them has waited for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffering {
    pub items: usize,
    pub bytes: usize,
    pub timeout: Duration,
}

pub(crate) struct Queue {
    buffering: Buffering,
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Arc<Told>>,
    bytes: usize,
    /// When the oldest of them came.
    since: Option<Instant>,
    /// How many of them are to be sent now.
    flushed: usize,
    lost: Loss,
}

/// What a subscriber does not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loss {
    pub records: usize,
    pub bytes: usize,
}

/// What is sent at once.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    pub events: Vec<Arc<Told>>,
    pub lost: Loss,
}

impl Loss {
    pub fn add(&mut self, events: &[Arc<Told>]) {
        self.records += events.len();
        self.bytes += events.iter().map(|told| told.bytes).sum::<usize>();
    }
}

impl Queue {
    pub fn new(buffering: Buffering) -> Queue {
        Queue { buffering, waiting: Mutex::default(), changed: Notify::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, unless the subscriber is too far behind.
    pub fn push(&self, told: Arc<Told>) {
        let mut waiting = self.waiting();
        let Buffering { items, bytes, .. } = self.buffering;
        let (items, bytes) = (items * TELEMETRY_BEHIND_MAX, bytes * TELEMETRY_BEHIND_MAX);
        if waiting.events.len() >= items || waiting.bytes + told.bytes > bytes {
            waiting.lost.add(&[told]);
        } else {
            waiting.bytes += told.bytes;
            waiting.since.get_or_insert_with(Instant::now);
            waiting.events.push_back(told);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Lets what waits be sent now.
    pub fn flush(&self) {
        let mut waiting = self.waiting();
        waiting.flushed = waiting.events.len();
        drop(waiting);
        self.changed.notify_one();
    }

    /// Says what else the subscriber did not get.
    pub fn lose(&self, lost: Loss) {
        let mut waiting = self.waiting();
        waiting.lost.records += lost.records;
        waiting.lost.bytes += lost.bytes;
    }

    /// Waits for a batch to send.
    pub async fn next(&self) -> Batch {
        loop {
            let due = match self.take() {
                Ok(batch) => return batch,
                Err(due) => due,
            };
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = wait => {}
            }
        }
    }

    /// A batch, or when there will be one.
    fn take(&self) -> Result<Batch, Option<Instant>> {
        let mut waiting = self.waiting();
        let Some(since) = waiting.since else { return Err(None) };
        let Buffering { items, bytes, timeout } = self.buffering;
        let is_due = waiting.flushed > 0
            || waiting.events.len() >= items
            || waiting.bytes >= bytes
            || since.elapsed() >= timeout;
        if !is_due {
            return Err(Some(since + timeout));
        }
        let (mut events, mut taken) = (Vec::new(), 0);
        while let Some(told) = waiting
            .events
            .pop_front_if(|told| events.is_empty() || (events.len() < items && taken + told.bytes <= bytes))
        {
            taken += told.bytes;
            events.push(told);
        }
        waiting.bytes -= taken;
        waiting.flushed = waiting.flushed.saturating_sub(events.len());
        // Those that are left are as old at most as those that were taken, and are to go on soon.
        waiting.since = (!waiting.events.is_empty()).then_some(since);
        Ok(Batch { events, lost: std::mem::take(&mut waiting.lost) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Timestamp;
    use serde_json::json;

    const BUFFERING: Buffering = Buffering { items: 3, bytes: 10_000, timeout: Duration::from_millis(20) };

    fn told(number: u32) -> Arc<Told> {
        Arc::new(Told::platform(Timestamp(0), "platform.report", json!({"number": number})))
    }

    #[tokio::test]
    async fn a_batch_is_due_by_number_by_age_or_at_once() {
        let queue = Queue::new(BUFFERING);
        (0..4).for_each(|number| queue.push(told(number)));
        assert_eq!(queue.next().await.events, [told(0), told(1), told(2)]);
        let started = Instant::now();
        assert_eq!(queue.next().await.events, [told(3)]);
        queue.push(told(4));
        assert_eq!(queue.next().await.events, [told(4)]);
        assert!(started.elapsed() >= BUFFERING.timeout, "it was not waited for more");
        let patient = Queue::new(Buffering { timeout: Duration::from_secs(3600), ..BUFFERING });
        patient.push(told(5));
        patient.flush();
        assert_eq!(patient.next().await.events, [told(5)]);
    }

    #[tokio::test]
    async fn what_is_too_much_is_counted() {
        let queue = Queue::new(BUFFERING);
        (0..10).for_each(|number| queue.push(told(number)));
        let first = queue.next().await;
        let kept = BUFFERING.items * TELEMETRY_BEHIND_MAX;
        assert_eq!(first.lost, Loss { records: 10 - kept, bytes: told(9).bytes * (10 - kept) });
        assert_eq!(queue.next().await.lost, Loss::default());
    }
}
