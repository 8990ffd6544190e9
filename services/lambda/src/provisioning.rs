//! Keeps as many instances ready as provisioned concurrency asks for: what is stored decides, after a restart too.

use std::collections::HashMap;
use std::sync::Arc;

use base::Region;
use kv::Read;
use runtime::FunctionSpec;
use service::{Caller, Cx};
use tokio_util::sync::CancellationToken;

use crate::Lambda;
use crate::error::Error;
use crate::keys::PROVISIONED_CHANNEL;
use crate::limits;
use crate::model::function::{self, Resolved};
use crate::model::provisioned;
use crate::name::FunctionRef;
use crate::spec;

/// How far it is.
#[derive(Debug, Default)]
pub struct Progress {
    pub ready: u32,
    pub failure: Option<String>,
}

impl Progress {
    /// Of the versions that a reference means.
    pub fn of(
        lambda: &Lambda,
        read: &(impl Read + ?Sized),
        function: &FunctionRef,
        requested: u32,
    ) -> Result<Progress, Error> {
        let mut progress = Progress::default();
        for (Resolved { function, version }, _) in provisioned::shares(read, function, requested)? {
            if let Some(state) = lambda.runtime.provisioned(&spec::key(&function.arn, &version)) {
                progress.ready += u32::try_from(state.ready).unwrap_or(u32::MAX);
                progress.failure = progress.failure.or(state.failure);
            }
        }
        progress.ready = progress.ready.min(requested);
        Ok(progress)
    }
}

/// The part of the instances a version or an alias has ready that is busy; `None` when it has none.
pub fn utilization(lambda: &Lambda, read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<Option<f64>, Error> {
    let requested = match provisioned::find(read, function) {
        Ok(config) => config.requested,
        Err(Error::ProvisionedConcurrencyNotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut busy = 0;
    for (Resolved { function, version }, _) in provisioned::shares(read, function, requested)? {
        let state = lambda.runtime.provisioned(&spec::key(&function.arn, &version));
        busy += state.map_or(0, |state| state.busy);
    }
    Ok((requested > 0).then(|| busy as f64 / f64::from(requested)))
}

impl Lambda {
    /// Keeps an instance of a function's `$LATEST` ready, as that is now, and tells what it is an instance of.
    ///
    /// # Errors
    /// When there is no such function, or its code cannot be read.
    pub async fn keep_ready(&self, cx: &Cx, function: &str) -> Result<Arc<FunctionSpec>, Error> {
        let reference = FunctionRef::parse(cx, function, Some("$LATEST"))?;
        let Resolved { function, version } = function::resolve(&cx.db().read()?, &reference, 1.0)?;
        let spec = self.specs.of(cx, &self.code, &function, version).await?;
        self.runtime.provision(&spec, 1);
        Ok(spec)
    }
}

/// Brings the runtime in step with the store whenever that changes, until the server stops.
pub async fn run(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    lambda.host.connect(&cx);
    let mut kept: HashMap<String, (Arc<FunctionSpec>, u32)> = HashMap::new();
    loop {
        let mut changed = cx.db().watch(PROVISIONED_CHANNEL);
        let complete = match wanted(&lambda, &cx).await {
            Ok((wanted, complete)) => {
                adjust(&lambda, &mut kept, wanted);
                complete
            }
            Err(error) => {
                tracing::error!(%error, "provisioned concurrency cannot be read");
                false
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = tokio::time::sleep(limits::PROVISIONING_PAUSE), if !complete => {}
        }
    }
}

/// What is to be kept, by key; and whether the code of all of it was there.
async fn wanted(lambda: &Lambda, cx: &Cx) -> Result<(HashMap<String, (Arc<FunctionSpec>, u32)>, bool), Error> {
    let mut shares = Vec::new();
    {
        let read = cx.db().read()?;
        for (function, count) in provisioned::all(&read)? {
            match provisioned::shares(&read, &function, count) {
                Ok(of_function) => shares.extend(of_function),
                // An alias or a version that has just gone.
                Err(error) => tracing::debug!(%error, "provisioned concurrency of nothing"),
            }
        }
    }
    let (mut wanted, mut complete) = (HashMap::new(), true);
    for (Resolved { function, version }, count) in shares.into_iter().filter(|(_, count)| *count > 0) {
        let region = Region::new(function.arn.region.as_str());
        let cx = cx.cloud().cx(Caller::system(cx.cloud().account()), region, None);
        match lambda.specs.of(&cx, &lambda.code, &function, version).await {
            Ok(spec) => {
                let (_, all) = wanted.entry(spec.key.clone()).or_insert_with(|| (spec, 0));
                *all += count;
            }
            Err(error) => {
                complete = false;
                tracing::warn!(%error, function = function.name, "instances cannot be kept ready");
            }
        }
    }
    Ok((wanted, complete))
}

fn adjust(
    lambda: &Lambda,
    kept: &mut HashMap<String, (Arc<FunctionSpec>, u32)>,
    wanted: HashMap<String, (Arc<FunctionSpec>, u32)>,
) {
    for (key, (spec, _)) in kept.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
        tracing::debug!(key, "instances are no longer kept ready");
        lambda.runtime.provision(spec, 0);
    }
    for (key, (spec, count)) in &wanted {
        if kept.get(key).is_none_or(|(_, before)| before != count) {
            lambda.runtime.provision(spec, usize::try_from(*count).unwrap_or(usize::MAX));
        }
    }
    *kept = wanted;
}
