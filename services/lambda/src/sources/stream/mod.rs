//! Streams as event sources: reads the shards of a stream as the function's role, and runs the function on their records
//! in batches, in order. How far it has come is stored, so that nothing is skipped when the server ends in between.
//!
//! ```text
//! Poller -> Shard (one for each shard: reads) -> Lane (runs batches; records of one partition key share a lane)
//! ```
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

mod batch;
mod dynamodb;
mod kinesis;
mod lane;
pub mod reader;
mod shard;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use service::{Caller, Cx};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::reader::Reader;
use super::filter::Filter;
use crate::Lambda;
use crate::error::Error;
use crate::invoke;
use crate::name::FunctionRef;
use crate::types::{Mapping, StreamSettings};

/// The pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(5);
/// The pause after a read that was one too many.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);
/// How often it is asked for new shards.
const SHARDS_INTERVAL: Duration = Duration::from_secs(60);

pub struct Poller(Arc<Inner>);

/// What all shards of a mapping have in common.
struct Inner {
    lambda: Arc<Lambda>,
    cx: Cx,
    mapping: Mapping,
    settings: StreamSettings,
    function: FunctionRef,
    filters: Vec<Filter>,
    stop: CancellationToken,
    /// Rung when a shard is done with: others may come of it.
    shard_done: Notify,
}

impl Poller {
    pub fn new(
        lambda: Arc<Lambda>,
        cx: Cx,
        mapping: Mapping,
        settings: StreamSettings,
        stop: CancellationToken,
    ) -> Result<Poller, Error> {
        let function = FunctionRef::of_arn(&mapping.function)
            .ok_or_else(|| Error::invalid(format!("{} is not a function", mapping.function)))?;
        let filters = mapping.filters.iter().map(|pattern| Filter::parse(pattern)).collect::<Result<_, _>>()?;
        Ok(Poller(Arc::new(Inner {
            lambda,
            cx,
            mapping,
            settings,
            function,
            filters,
            stop,
            shard_done: Notify::new(),
        })))
    }

    /// Reads until it is stopped, or the stream has ended. Batches that were begun by then are finished.
    pub async fn run(self) {
        let inner = self.0;
        let tasks = TaskTracker::new();
        let mut running: HashMap<String, CancellationToken> = HashMap::new();
        while !inner.stop.is_cancelled() {
            let wait = match inner.start_shards(&tasks, &mut running).await {
                Ok(()) => SHARDS_INTERVAL,
                Err(error) => {
                    tracing::debug!(mapping = inner.mapping.id, %error, "a stream cannot be read");
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

impl Inner {
    fn problem(&self, problem: impl std::fmt::Display) {
        self.lambda.sources.set_result(&self.mapping.id, format!("PROBLEM: {problem}"));
    }

    /// Waits, unless it is stopped; whether it was not.
    async fn pause(&self, time: Duration) -> bool {
        self.stop.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
    }

    /// The stream as the function's role sees it, by the role that the function has now.
    fn reader(&self) -> Result<Reader, Error> {
        let target = invoke::resolve(&self.cx, &self.function)?;
        let caller = Caller::role_session(&target.version.settings.role, &self.function.name);
        Ok(Reader::new(self.cx.with_caller(caller), &self.mapping.source))
    }

    /// Starts on the shards that are new; on one that came of another only when that one is done with.
    async fn start_shards(
        self: &Arc<Self>,
        tasks: &TaskTracker,
        running: &mut HashMap<String, CancellationToken>,
    ) -> Result<(), Error> {
        let shards = self.reader()?.shards().await?;
        running.retain(|id, _| shards.iter().any(|shard| shard.id == *id));
        let ready = |shard: &reader::Shard| {
            let is_listed = |parent: &&String| shards.iter().any(|other| other.id == **parent);
            let mut parents = shard.parents.iter().filter(is_listed);
            !running.contains_key(&shard.id)
                && parents.all(|parent| running.get(parent).is_some_and(CancellationToken::is_cancelled))
        };
        let new: Vec<String> = shards.iter().filter(|shard| ready(shard)).map(|shard| shard.id.clone()).collect();
        for shard in shards.into_iter().filter(|shard| new.contains(&shard.id)) {
            let done = CancellationToken::new();
            running.insert(shard.id.clone(), done.clone());
            let (inner, shard) = (self.clone(), shard::Shard::new(self.clone(), shard)?);
            tasks.spawn(async move {
                shard.run().await;
                done.cancel();
                inner.shard_done.notify_one();
            });
        }
        Ok(())
    }
}
