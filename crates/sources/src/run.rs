//! A poller for each source that is to be read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use service::{BoxFuture, Cx, Error};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::consumer::{Consumer, Source};
use crate::{queue, stream};

/// What the pollers last had to say, and which there are, by the id of what they poll for.
#[derive(Default)]
pub struct Results(Mutex<HashMap<String, Entry>>);

#[derive(Default)]
struct Entry {
    result: Option<String>,
    /// Pollers at work: a second one waits for the first to end.
    pollers: usize,
}

impl Results {
    /// `LastProcessingResult`.
    pub fn result(&self, id: &str) -> String {
        self.latest(id).unwrap_or_else(|| "No records processed".into())
    }

    /// What came of the last batch, if there was one since the start.
    pub fn latest(&self, id: &str) -> Option<String> {
        self.all().get(id).and_then(|entry| entry.result.clone())
    }

    /// Whether a source is polled for this, also where that is about to end.
    pub fn is_polled(&self, id: &str) -> bool {
        self.all().get(id).is_some_and(|entry| entry.pollers > 0)
    }

    pub(crate) fn set(&self, id: &str, result: String) {
        self.all().entry(id.to_owned()).or_default().result = Some(result);
    }

    pub(crate) fn problem(&self, id: &str, problem: impl std::fmt::Display) {
        self.set(id, format!("PROBLEM: {problem}"));
    }

    fn begin(&self, id: &str) {
        self.all().entry(id.to_owned()).or_default().pollers += 1;
    }

    fn end(&self, id: &str) {
        self.change(id, |entry| entry.pollers = entry.pollers.saturating_sub(1));
    }

    fn forget(&self, id: &str) {
        self.change(id, |entry| entry.result = None);
    }

    /// Changes an entry, and drops one that says nothing any more.
    fn change(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        let mut all = self.all();
        let Some(entry) = all.get_mut(id) else { return };
        change(entry);
        if entry.result.is_none() && entry.pollers == 0 {
            all.remove(id);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poller, and what it was started for.
struct Running<T> {
    wanted: T,
    stop: CancellationToken,
    /// Cancelled when it has ended.
    ended: CancellationToken,
}

/// Starts and ends pollers as what wants a source read comes, changes and goes, until the server stops. Batches under way
/// are finished.
///
/// `wanted` tells what is to be read, by its id, and `channel` is woken when that changes; `open` makes a source of it.
pub async fn run<T: PartialEq, C: Consumer>(
    cx: Cx,
    channel: &'static [u8],
    results: Arc<Results>,
    stop: CancellationToken,
    wanted: impl Fn(&Cx) -> Result<HashMap<String, T>, Error>,
    open: impl Fn(&Cx, &T) -> Result<Source<C>, Error>,
) {
    let tasks = TaskTracker::new();
    let mut pollers = Pollers { cx, results, tasks, running: HashMap::new(), ending: HashMap::new() };
    loop {
        let mut changed = pollers.cx.db().watch(channel);
        match wanted(&pollers.cx) {
            Ok(wanted) => pollers.adjust(wanted, &open),
            Err(error) => tracing::error!(%error, "which sources are to be read cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = changed.changed() => {}
        }
    }
    pollers.running.values().for_each(|poller| poller.stop.cancel());
    pollers.tasks.close();
    pollers.tasks.wait().await;
}

struct Pollers<T> {
    cx: Cx,
    results: Arc<Results>,
    tasks: TaskTracker,
    running: HashMap<String, Running<T>>,
    /// Those that were stopped and have batches under way.
    ending: HashMap<String, CancellationToken>,
}

impl<T: PartialEq> Pollers<T> {
    fn adjust<C: Consumer>(
        &mut self,
        mut wanted: HashMap<String, T>,
        open: impl Fn(&Cx, &T) -> Result<Source<C>, Error>,
    ) {
        let (results, ending) = (&self.results, &mut self.ending);
        self.running.retain(|id, poller| {
            let keep = wanted.get(id) == Some(&poller.wanted);
            if keep {
                wanted.remove(id);
            } else {
                poller.stop.cancel();
                ending.insert(id.clone(), poller.ended.clone());
                if !wanted.contains_key(id) {
                    results.forget(id);
                }
            }
            keep
        });
        for (id, wanted) in wanted {
            match open(&self.cx, &wanted) {
                Ok(source) => self.start(id, wanted, source),
                Err(error) => self.results.problem(&id, error),
            }
        }
        self.ending.retain(|_, ended| !ended.is_cancelled());
    }

    fn start<C: Consumer>(&mut self, id: String, wanted: T, source: Source<C>) {
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let poller = self.poller(source, stop.clone());
        let (before, results) = (self.ending.remove(&id), self.results.clone());
        let (polled, ended_later) = (id.clone(), ended.clone());
        results.begin(&id);
        self.tasks.spawn(async move {
            // Two pollers at once would run the records of a stream twice, and not in order.
            if let Some(before) = before {
                before.cancelled().await;
            }
            poller.await;
            results.end(&polled);
            ended_later.cancel();
        });
        self.running.insert(id, Running { wanted, stop, ended });
    }

    /// What polls a source, until it is stopped.
    fn poller<C: Consumer>(&self, source: Source<C>, stop: CancellationToken) -> BoxFuture<()> {
        let (cx, results) = (self.cx.clone(), self.results.clone());
        match source.stream.clone() {
            Some(settings) => Box::pin(stream::Poller::new(cx, results, source, settings, stop).run()),
            None => Box::pin(queue::Poller::new(cx, results, source, self.tasks.clone(), stop).run()),
        }
    }
}
