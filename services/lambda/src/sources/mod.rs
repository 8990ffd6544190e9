//! Event source mappings at work: a poller for each one that is enabled.

pub mod filter;
mod record;
mod response;
pub mod sqs;
pub mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kv::Order;
use service::{BoxFuture, Cx};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Lambda;
use crate::error::Error;
use crate::keys::{MAPPINGS, MAPPINGS_CHANNEL};
use crate::types::Mapping;

/// What the pollers last had to say, by mapping.
#[derive(Default)]
pub struct Sources(Mutex<HashMap<String, String>>);

impl Sources {
    /// `LastProcessingResult`.
    pub fn result(&self, mapping: &str) -> String {
        let results = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        results.get(mapping).cloned().unwrap_or_else(|| "No records processed".into())
    }

    fn set_result(&self, mapping: &str, result: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mapping.to_owned(), result);
    }

    fn forget(&self, mapping: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(mapping);
    }
}

/// A poller, and the mapping as it was started for.
struct Running {
    mapping: Mapping,
    stop: CancellationToken,
    /// Cancelled when it has ended.
    ended: CancellationToken,
}

#[derive(Default)]
struct Pollers {
    running: HashMap<String, Running>,
    /// Those that were stopped and have batches under way, by mapping.
    ending: HashMap<String, CancellationToken>,
}

/// Starts and ends pollers as mappings come, change and go, until the server stops. Batches under way are finished.
pub async fn run(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    let mut pollers = Pollers::default();
    loop {
        let mut changed = cx.db().watch(MAPPINGS_CHANNEL);
        match enabled(&cx) {
            Ok(wanted) => adjust(&lambda, &cx, &tasks, &mut pollers, wanted),
            Err(error) => tracing::error!(%error, "event source mappings cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = changed.changed() => {}
        }
    }
    pollers.running.values().for_each(|poller| poller.stop.cancel());
    tasks.close();
    tasks.wait().await;
}

/// All mappings that are enabled, by id.
fn enabled(cx: &Cx) -> Result<HashMap<String, Mapping>, Error> {
    let mut enabled = HashMap::new();
    for mapping in MAPPINGS.scan(&cx.db().read()?, Order::Forward)?.values() {
        let mapping = mapping?;
        if mapping.enabled {
            enabled.insert(mapping.id.clone(), mapping);
        }
    }
    Ok(enabled)
}

fn adjust(
    lambda: &Arc<Lambda>,
    cx: &Cx,
    tasks: &TaskTracker,
    Pollers { running, ending }: &mut Pollers,
    mut wanted: HashMap<String, Mapping>,
) {
    running.retain(|id, poller| {
        let keep = wanted.get(id) == Some(&poller.mapping);
        if keep {
            wanted.remove(id);
        } else {
            poller.stop.cancel();
            ending.insert(id.clone(), poller.ended.clone());
            if !wanted.contains_key(id) {
                lambda.sources.forget(id);
            }
        }
        keep
    });
    for (id, mapping) in wanted {
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        match poller(lambda, cx, &mapping, tasks, &stop) {
            Ok(poller) => {
                let (before, ended_later) = (ending.remove(&id), ended.clone());
                tasks.spawn(async move {
                    // Two pollers at once would run the records of a stream twice, and not in order.
                    if let Some(before) = before {
                        before.cancelled().await;
                    }
                    poller.await;
                    ended_later.cancel();
                });
                running.insert(id, Running { mapping, stop, ended });
            }
            Err(error) => lambda.sources.set_result(&id, format!("PROBLEM: {error}")),
        }
    }
    ending.retain(|_, ended| !ended.is_cancelled());
}

/// What polls for a mapping, until it is stopped.
fn poller(
    lambda: &Arc<Lambda>,
    cx: &Cx,
    mapping: &Mapping,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<BoxFuture<()>, Error> {
    let (lambda, cx, mapping, stop) = (lambda.clone(), cx.clone(), mapping.clone(), stop.clone());
    Ok(match mapping.stream.clone() {
        Some(settings) => Box::pin(stream::Poller::new(lambda, cx, mapping, settings, stop)?.run()),
        None => Box::pin(sqs::Poller::new(lambda, cx, mapping, tasks.clone(), stop)?.run()),
    })
}
