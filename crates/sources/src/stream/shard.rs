//! One shard at work: reads its records, drops those that no filter wants, and hands the others to their lanes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use super::reader::{self, Position, Record};
use super::{Inner, PAUSE, SHARDS_INTERVAL, THROTTLED_PAUSE, lane};
use crate::consumer::Consumer;
use crate::filter::Filter;
use crate::limits::SHARD_BUFFER_BYTES_MAX;
use crate::types::{Checkpoint, Lane, Latest};

pub(super) struct Shard<C> {
    pub poller: Arc<Inner<C>>,
    pub shard: reader::Shard,
    progress: Mutex<Progress>,
    /// Held while a checkpoint is stored, so that none replaces a later one.
    storing: tokio::sync::Mutex<()>,
    buffer: Arc<Semaphore>,
}

struct Progress {
    checkpoint: Checkpoint,
    /// The last record that was read.
    read: String,
    /// Records of each lane that are not done with.
    pending: Vec<usize>,
}

/// A record on its way through a lane.
pub(super) struct Entry {
    pub record: Record,
    /// About what it takes in an event.
    pub bytes: usize,
    /// The consumer took it when others of its batch failed: it waits for them to be done with.
    pub taken: bool,
    _room: OwnedSemaphorePermit,
}

impl<C: Consumer> Shard<C> {
    /// A shard of the stream that was made at `created`.
    pub fn new(
        poller: Arc<Inner<C>>,
        created: Option<Timestamp>,
        shard: reader::Shard,
    ) -> Result<Arc<Shard<C>>, service::Error> {
        let stored = poller.source.consumer.checkpoint(&poller.cx.db().read()?, &shard.id)?;
        let checkpoint = resumed(of_stream(stored, created), poller.settings.lanes.max(1) as usize);
        let progress = Progress { read: first_done(&checkpoint), pending: vec![0; checkpoint.lanes.len()], checkpoint };
        Ok(Arc::new(Shard {
            poller,
            shard,
            progress: Mutex::new(progress),
            storing: tokio::sync::Mutex::default(),
            buffer: Arc::new(Semaphore::new(SHARD_BUFFER_BYTES_MAX)),
        }))
    }

    /// Runs until the shard has ended and all of it is done with, or until it is stopped.
    pub async fn run(self: Arc<Self>) {
        let tasks = TaskTracker::new();
        let (count, mut lanes) = (self.progress().pending.len(), Vec::new());
        for number in 0..count {
            let (sender, records) = mpsc::unbounded_channel();
            lanes.push(sender);
            tasks.spawn(lane::run(self.clone(), number, records));
        }
        while !self.poller.stop.is_cancelled() {
            match self.read(&lanes).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::debug!(id = self.poller.source.id, %error, "a shard cannot be read");
                    // An iterator that was used too late is no problem: the next one begins at the same place.
                    match &*error.code {
                        "ExpiredIteratorException" => {}
                        // Nor is one that others have read as much of as there is in a second.
                        "ProvisionedThroughputExceededException" => {
                            self.poller.pause(THROTTLED_PAUSE).await;
                        }
                        _ if self.is_gone().await => break,
                        _ => {
                            self.poller.problem(&error);
                            self.poller.pause(PAUSE).await;
                        }
                    }
                }
            }
        }
        drop(lanes);
        tasks.close();
        tasks.wait().await;
    }

    /// Whether its stream is there without it: its records were too old, or the stream is another one.
    async fn is_gone(&self) -> bool {
        let Ok(reader) = self.poller.reader() else { return false };
        let created = self.progress().checkpoint.stream;
        reader.describe().await.is_ok_and(|stream| !stream.has(created, &self.shard.id))
    }

    /// Reads from where it has come to, until the shard has ended or it is stopped.
    async fn read(&self, lanes: &[mpsc::UnboundedSender<Entry>]) -> Result<(), service::Error> {
        let poller = &self.poller;
        let reader = poller.reader()?;
        let mut iterator = self.begin(&reader).await?;
        // Before which time records are not wanted.
        let mut since = poller.settings.from;
        let channel = reader.channel(&self.shard);
        loop {
            let mut changed = poller.cx.db().watch(&channel);
            let page = match reader.read(&self.shard, &iterator).await {
                // Where reading began is known by the time alone, once the iterator of that moment cannot be used.
                Err(error) if error.code == "ExpiredIteratorException" && self.begins_latest().is_some() => {
                    since = self.begins_latest().map(|latest| Timestamp::from_secs(latest.since.as_secs()));
                    iterator = reader.iterator(&self.shard.id, Position::Oldest).await?;
                    continue;
                }
                page => page?,
            };
            let is_empty = page.records.is_empty();
            for record in page.records {
                if since.is_none_or(|since| record.at >= since) && !self.dispatch(lanes, record).await {
                    return Ok(());
                }
            }
            match page.next {
                Some(next) => iterator = next,
                None => return Ok(()),
            }
            if is_empty {
                let wait = async { tokio::time::timeout(SHARDS_INTERVAL, changed.changed()).await };
                if poller.stop.run_until_cancelled(wait).await.is_none() {
                    return Ok(());
                }
            }
        }
    }

    /// Where the shard ended when reading began, as long as nothing was read that came later.
    fn begins_latest(&self) -> Option<Latest> {
        let progress = self.progress();
        progress.checkpoint.latest.clone().filter(|_| progress.read.is_empty())
    }

    /// An iterator where reading begins.
    async fn begin(&self, reader: &reader::Reader) -> Result<String, service::Error> {
        if let Some(latest) = self.begins_latest() {
            return Ok(latest.iterator);
        }
        let read = self.progress().read.clone();
        let position = match self.poller.settings.from {
            _ if !read.is_empty() => Position::After(&read),
            Some(moment) => Position::At(moment),
            None => Position::Oldest,
        };
        reader.iterator(&self.shard.id, position).await
    }

    /// Hands a record to its lane, when a filter wants it and it is not done with. False when it was stopped meanwhile.
    async fn dispatch(&self, lanes: &[mpsc::UnboundedSender<Entry>], record: Record) -> bool {
        let number = lane_of(&record.partition, lanes.len());
        let wanted =
            Filter::any_wants(&self.poller.source.filters, || self.poller.source.consumer.shown_record(&record.event));
        // A shard does not wait for a record that it can never get past.
        let wanted = wanted.unwrap_or_else(|error| {
            tracing::warn!(id = self.poller.source.id, record.sequence, %error, "a record cannot be filtered");
            self.poller.problem(error);
            false
        });
        let sequence = record.sequence.clone();
        let is_done = |lane: &Lane| !is_later(&sequence, &lane.done);
        if !wanted || self.progress().checkpoint.lanes.get(number).is_none_or(is_done) {
            self.progress().read = sequence;
            return true;
        }
        let bytes = serde_json::to_vec(&record.event).map_or(0, |json| json.len() + 1);
        let room = self.buffer.clone().acquire_many_owned(bytes.min(SHARD_BUFFER_BYTES_MAX) as u32);
        let Some(Ok(room)) = self.poller.stop.run_until_cancelled(room).await else { return false };
        {
            let mut progress = self.progress();
            progress.read = sequence;
            if let Some(pending) = progress.pending.get_mut(number) {
                *pending += 1;
            }
        }
        lanes.get(number).is_some_and(|lane| lane.send(Entry { record, bytes, taken: false, _room: room }).is_ok())
    }

    pub fn progress_of(&self, number: usize) -> Lane {
        self.progress().checkpoint.lanes.get(number).cloned().unwrap_or_default()
    }

    /// Notes that a lane is done with some more records, and what its window is now; durably.
    pub async fn done(&self, number: usize, records: usize, lane: Lane) {
        let _one = self.storing.lock().await;
        let checkpoint = self.progress().advance(number, records, lane);
        let poller = self.poller.clone();
        let id = self.shard.id.clone();
        let stored = poller
            .cx
            .db()
            .write({
                let poller = poller.clone();
                move |tx| poller.source.consumer.check(tx, &id, &checkpoint)
            })
            .await;
        if let Err(error) = stored {
            tracing::warn!(id = poller.source.id, %error, "records that are done with may come again");
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn advance(&mut self, number: usize, records: usize, lane: Lane) -> Checkpoint {
        if let (Some(pending), Some(place)) = (self.pending.get_mut(number), self.checkpoint.lanes.get_mut(number)) {
            *pending = pending.saturating_sub(records);
            *place = lane;
        }
        // A lane that waits for records is done with all that was read.
        for (lane, _) in self.checkpoint.lanes.iter_mut().zip(&self.pending).filter(|(_, pending)| **pending == 0) {
            lane.done.clone_from(&self.read);
        }
        self.checkpoint.clone()
    }
}

/// The checkpoint in the stream that was made at `created`: one of another stream with its ARN says nothing of it.
fn of_stream(stored: Checkpoint, created: Option<Timestamp>) -> Checkpoint {
    match stored.stream {
        Some(other) if created != Some(other) => Checkpoint { stream: created, ..Checkpoint::default() },
        _ => Checkpoint { stream: created, ..stored },
    }
}

/// The checkpoint for this many lanes. When there were others, all begin where the slowest was, and windows that were
/// open begin anew.
fn resumed(stored: Checkpoint, lanes: usize) -> Checkpoint {
    if stored.lanes.len() == lanes {
        return stored;
    }
    let lane = Lane { done: first_done(&stored), window: None };
    Checkpoint { lanes: vec![lane; lanes], ..stored }
}

/// Where the slowest lane is.
fn first_done(checkpoint: &Checkpoint) -> String {
    let mut done = checkpoint.lanes.iter().map(|lane| &lane.done);
    let first = done.next().map(|first| done.fold(first, |one, other| if is_later(one, other) { other } else { one }));
    first.cloned().unwrap_or_default()
}

/// Sequence numbers are decimal numbers of any length.
fn is_later(one: &str, other: &str) -> bool {
    (one.len(), one) > (other.len(), other)
}

fn lane_of(partition: &str, lanes: usize) -> usize {
    // FNV-1a: the same in every release, since checkpoints tell how far each lane has come.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = partition.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    usize::try_from(hash % lanes.max(1) as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(done: &[&str]) -> Checkpoint {
        let lane = |done: &&str| Lane { done: done.to_string(), window: None };
        Checkpoint { latest: None, lanes: done.iter().map(lane).collect(), stream: None }
    }

    #[test]
    fn other_lanes_begin_where_the_slowest_was() {
        assert_eq!(resumed(checkpoint(&["9", "10"]), 2), checkpoint(&["9", "10"]));
        assert_eq!(resumed(checkpoint(&["10", "9"]), 3), checkpoint(&["9", "9", "9"]));
        assert_eq!(resumed(checkpoint(&["10", ""]), 1), checkpoint(&[""]));
        assert_eq!(resumed(Checkpoint::default(), 1), checkpoint(&[""]));
    }

    #[test]
    fn lanes_that_wait_are_done_with_all_that_was_read() {
        let mut progress = Progress { checkpoint: checkpoint(&["", "", ""]), read: "7".into(), pending: vec![2, 1, 0] };
        let lane = Lane { done: "3".into(), window: None };
        assert_eq!(progress.advance(0, 1, lane), checkpoint(&["3", "", "7"]));
        let lane = Lane { done: "5".into(), window: None };
        assert_eq!(progress.advance(0, 1, lane), checkpoint(&["7", "", "7"]));
    }
}
