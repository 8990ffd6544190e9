//! How many executions each version of a function has had since the server started, and how many of them failed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use runtime::{FunctionSpec, InvokeError, Outcome};
use serde::Serialize;

/// What has become of a version's executions: the metrics `Invocations` and `Errors` of one version.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Count {
    pub executions: u64,
    pub failed: u64,
}

type Versions = BTreeMap<String, Count>;

/// Counts by region and function, then by version. In memory only: whoever watches compares two moments.
#[derive(Clone, Default)]
pub struct Executions(Arc<Mutex<HashMap<(String, String), Versions>>>);

impl Executions {
    pub fn record(&self, spec: &FunctionSpec, result: &Result<Outcome, InvokeError>) {
        let failed = match result {
            Ok(outcome) => outcome.function_error.is_some(),
            // Nothing ran, for no reason that is the version's.
            Err(InvokeError::Throttled | InvokeError::PayloadTooLarge | InvokeError::ShuttingDown) => return,
            Err(_) => true,
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = all.entry((spec.region.clone(), spec.name.clone())).or_default();
        let count = versions.entry(spec.version.clone()).or_default();
        count.executions += 1;
        count.failed += u64::from(failed);
    }

    /// A function's counts by version; versions that have not run are left out.
    pub fn of(&self, region: &str, function: &str) -> Versions {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(region.to_owned(), function.to_owned())).cloned().unwrap_or_default()
    }

    /// Forgets a function that is gone. Another of its name begins at nothing.
    pub fn forget(&self, region: &str, function: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(region.to_owned(), function.to_owned()));
    }
}
