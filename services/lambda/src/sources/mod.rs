//! Event source mappings at work: a poller for each one that is enabled.

pub mod filter;
mod record;
mod response;
pub mod sqs;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kv::Order;
use service::Cx;
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
}

/// Starts and ends pollers as mappings come, change and go, until the server stops. Batches under way are finished.
pub async fn run(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    let mut running: HashMap<String, Running> = HashMap::new();
    loop {
        let mut changed = cx.db().watch(MAPPINGS_CHANNEL);
        match enabled(&cx) {
            Ok(wanted) => adjust(&lambda, &cx, &tasks, &mut running, wanted),
            Err(error) => tracing::error!(%error, "event source mappings cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = changed.changed() => {}
        }
    }
    running.values().for_each(|poller| poller.stop.cancel());
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
    running: &mut HashMap<String, Running>,
    mut wanted: HashMap<String, Mapping>,
) {
    running.retain(|id, poller| {
        let keep = wanted.get(id) == Some(&poller.mapping);
        if keep {
            wanted.remove(id);
        } else {
            poller.stop.cancel();
            if !wanted.contains_key(id) {
                lambda.sources.forget(id);
            }
        }
        keep
    });
    for (id, mapping) in wanted {
        let stop = CancellationToken::new();
        match sqs::Poller::new(lambda.clone(), cx.clone(), mapping.clone(), tasks.clone(), stop.clone()) {
            Ok(poller) => {
                tasks.spawn(poller.run());
                running.insert(id, Running { mapping, stop });
            }
            Err(error) => lambda.sources.set_result(&id, format!("PROBLEM: {error}")),
        }
    }
}
