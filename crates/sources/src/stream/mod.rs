//! Streams as sources: reads the shards of a stream as the consumer's role, and hands their records on in batches, in
//! order. How far it has come is stored, so that nothing is skipped when the server ends in between.
//!
//! ```text
//! Poller -> Shard (one for each shard: reads) -> Lane (hands on batches; records of one partition key share a lane)
//! ```
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

mod batch;
mod dynamodb;
mod kinesis;
mod lane;
mod reader;
mod shard;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Timestamp;
use service::{Cx, Error};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use batch::{Condition, WindowEvent, batch_info};
pub use kinesis::decoded as decoded_record;
pub use reader::{Reader, Record, Unreadable, starts};

use crate::consumer::{Consumer, Source};
use crate::run::Results;
use crate::types::StreamSettings;

/// The pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(5);
/// The pause after a read that was one too many.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);
/// How often it is asked for new shards.
const SHARDS_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Poller<C>(Arc<Inner<C>>);

/// A shard that is worked on, or was.
struct Running {
    /// The stream's `created`.
    stream: Option<Timestamp>,
    done: CancellationToken,
}

/// What all shards of a stream have in common.
struct Inner<C> {
    cx: Cx,
    results: Arc<Results>,
    source: Source<C>,
    settings: StreamSettings,
    stop: CancellationToken,
    /// How many seconds the stream keeps its records.
    retention: AtomicU64,
    /// Rung when a shard is done with: others may come of it.
    shard_done: Notify,
}

impl<C: Consumer> Poller<C> {
    pub fn new(
        cx: Cx,
        results: Arc<Results>,
        source: Source<C>,
        settings: StreamSettings,
        stop: CancellationToken,
    ) -> Poller<C> {
        let (retention, shard_done) = (AtomicU64::new(u64::MAX), Notify::new());
        Poller(Arc::new(Inner { cx, results, source, settings, stop, retention, shard_done }))
    }

    /// Reads until it is stopped, or the stream has ended. Batches that were begun by then are finished.
    pub async fn run(self) {
        let inner = self.0;
        let tasks = TaskTracker::new();
        let mut running: HashMap<String, Running> = HashMap::new();
        while !inner.stop.is_cancelled() {
            let wait = match inner.start_shards(&tasks, &mut running).await {
                Ok(()) => SHARDS_INTERVAL,
                Err(error) => {
                    tracing::debug!(id = inner.source.id, %error, "a stream cannot be read");
                    inner.problem(error);
                    PAUSE
                }
            };
            tokio::select! {
                _ = inner.pause(wait) => {}
                () = inner.shard_done.notified() => {}
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}

impl<C: Consumer> Inner<C> {
    fn problem(&self, problem: impl std::fmt::Display) {
        self.results.problem(&self.source.id, problem);
    }

    /// Waits, unless it is stopped; whether it was not.
    async fn pause(&self, time: Duration) -> bool {
        self.stop.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
    }

    /// The stream as the consumer's role sees it, by the role that it has now.
    fn reader(&self) -> Result<Reader, Error> {
        Ok(Reader::new(self.cx.with_caller(self.source.consumer.reader(&self.cx)?), &self.source.arn))
    }

    /// Starts on the shards that are new; on one that came of another only when that one is done with.
    async fn start_shards(
        self: &Arc<Self>,
        tasks: &TaskTracker,
        running: &mut HashMap<String, Running>,
    ) -> Result<(), Error> {
        let stream = self.reader()?.describe().await?;
        self.retention.store(stream.retention.as_secs(), Ordering::Relaxed);
        let listed: HashSet<&str> = stream.shards.iter().map(|shard| &*shard.id).collect();
        // One that is there no more is still worked on, until all is done that was read of it.
        running.retain(|id, run| !run.done.is_cancelled() || (run.stream == stream.created && listed.contains(&**id)));
        let is_over = |parent: &String| match running.get(parent) {
            Some(run) => run.done.is_cancelled(),
            None => !listed.contains(&**parent),
        };
        let is_ready = |shard: &reader::Shard| !running.contains_key(&shard.id) && shard.parents.iter().all(is_over);
        let ready: Vec<bool> = stream.shards.iter().map(is_ready).collect();
        for (shard, _) in stream.shards.into_iter().zip(ready).filter(|(_, is_ready)| *is_ready) {
            let done = CancellationToken::new();
            running.insert(shard.id.clone(), Running { stream: stream.created, done: done.clone() });
            let (inner, shard) = (self.clone(), shard::Shard::new(self.clone(), stream.created, shard)?);
            tasks.spawn(async move {
                shard.run().await;
                done.cancel();
                inner.shard_done.notify_one();
            });
        }
        Ok(())
    }

    /// How old records become before they are given up: what the settings say, but no older than the stream keeps them.
    ///
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html>
    fn age_max(&self) -> Duration {
        let retention = self.retention.load(Ordering::Relaxed);
        Duration::from_secs(self.settings.age_seconds.map_or(retention, |age| retention.min(age.into())))
    }
}
