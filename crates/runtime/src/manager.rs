//! [`Runtime`]: takes requests, finds or starts an instance for each, and ends the ones nobody needs.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use base::Env;
use futures_util::future::join_all;
use tokio::sync::{Notify, OnceCell, mpsc, watch};
use tokio::time::Instant;

use crate::bootstraps::write_bootstraps;
use crate::compiled::Compiled;
use crate::config::Config;
use crate::function::{FunctionSpec, Host, Invocation, InvokeError, Outcome};
use crate::housekeeping::{expire_idle, freeze_idle};
use crate::inspect::{self, Inspector};
use crate::instance::Instance;
use crate::interpreter::Interpreters;
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::memory::Reserve;
use crate::pools::{Effects, Member, Pools, Provisioned, Start};
use crate::prebooted::Prebooted;
use crate::sink::{Part, Sink};
use crate::start::{StartError, Starter};
use crate::toolbox::{OnProgress, Toolbox};
use crate::warming::Warming;
use crate::workshop::Workshop;
use crate::zygotes::Zygotes;

/// The instances of all functions. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Runtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) starter: Arc<Starter>,
    warming: Warming,
    state: Mutex<State>,
    /// Rung when an instance has ended.
    changed: Notify,
    /// Instances that are ending, which take their leave.
    leaving: AtomicUsize,
    /// Rung when an instance may have become idle.
    idled: Arc<Notify>,
    /// True when running invocations have to end too.
    stop: watch::Sender<bool>,
    /// The key of the version that was retired last.
    retired: watch::Sender<String>,
}

type Slot = Box<Instance>;

pub(crate) struct State {
    pub(crate) pools: Pools<Slot, StartError>,
    closed: bool,
}

/// An instance that serves a request. When it is dropped without being given back, it is lost.
struct Lease {
    inner: Arc<Inner>,
    instance: Option<Slot>,
}

impl Member for Slot {
    fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn is_fit(&self) -> bool {
        Instance::is_fit(self)
    }

    fn rest(&mut self) {
        // Who looks at it is served by itself.
        if !self.spec.is_inspected() {
            self.freeze(true);
        }
    }
}

impl Runtime {
    /// Makes the folders, writes the bootstraps, and starts to watch for idle instances. Call within a tokio runtime.
    ///
    /// # Errors
    /// When the folders cannot be made or written.
    pub fn new(config: Config, env: Env, host: Arc<dyn Host>) -> std::io::Result<Runtime> {
        let (cache_dir, run_dir) = (std::path::absolute(&config.cache_dir)?, std::path::absolute(&config.run_dir)?);
        let runtime_dir = write_bootstraps(&cache_dir)?;
        match std::fs::remove_dir_all(&run_dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&run_dir)?,
        }
        let interpreters = Interpreters::new(config.search_path.clone());
        let compiled = Arc::new(Compiled::new(cache_dir.join("compiled")));
        let toolbox = Toolbox::new(cache_dir, config.search_path.clone());
        let zygotes = Zygotes::new(config.zygote_idle_timeout, config.zygotes_max);
        let reserve = Reserve::new(config.memory_free_min);
        let prebooted = Prebooted::new(config.prebooted, config.zygote_idle_timeout, reserve.clone());
        let workshop = Workshop::new(reserve);
        let (isolate, hidden, loopback_ports) = (config.isolate, config.hidden.clone(), config.loopback_ports.clone());
        let starter = Starter {
            env,
            host,
            interpreters,
            toolbox,
            compiled,
            prebooted,
            zygotes,
            workshop,
            fork_obstacle: OnceCell::new(),
            isolate,
            hidden,
            loopback_ports,
            runtime_dir,
            run_dir,
            inspector: OnceLock::new(),
        };
        let state = Mutex::new(State { pools: Pools::new(config.instances_max), closed: false });
        if config.isolate {
            sandbox::ControlGroup::prepare();
        }
        let (starter, warming) = (Arc::new(starter), Warming::new());
        let (changed, idled, stop) = (Notify::new(), Arc::new(Notify::new()), watch::Sender::new(false));
        let (leaving, retired) = (AtomicUsize::new(0), watch::Sender::default());
        let inner = Arc::new(Inner { config, starter, warming, state, changed, leaving, idled, stop, retired });
        tokio::spawn(expire_idle(Arc::downgrade(&inner)));
        tokio::spawn(freeze_idle(inner.idled.clone(), Arc::downgrade(&inner)));
        Ok(Runtime(inner))
    }

    /// Runs a function once. The invocation goes on when the caller stops waiting, as it does on Lambda.
    pub async fn invoke(&self, spec: &Arc<FunctionSpec>, invocation: Invocation) -> Result<Outcome, InvokeError> {
        self.invoke_into(spec, invocation, Sink::whole()).await
    }

    /// The same for a caller that reads along: the parts of a response that the function streams go to `parts`, and
    /// the outcome has no payload then, unless the function failed. A response that it does not stream is the outcome's
    /// payload, and there are no parts.
    pub async fn invoke_streaming(
        &self,
        spec: &Arc<FunctionSpec>,
        invocation: Invocation,
        parts: mpsc::Sender<Part>,
    ) -> Result<Outcome, InvokeError> {
        self.invoke_into(spec, invocation, Sink::stream(parts)).await
    }

    async fn invoke_into(
        &self,
        spec: &Arc<FunctionSpec>,
        invocation: Invocation,
        sink: Sink,
    ) -> Result<Outcome, InvokeError> {
        if invocation.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(InvokeError::PayloadTooLarge);
        }
        let (inner, spec) = (self.0.clone(), self.0.adapted(spec));
        let invocation = tokio::spawn(async move { inner.run(&spec, &invocation, sink).await });
        invocation.await.unwrap_or_else(|error| Err(InvokeError::Start(error.to_string())))
    }

    /// A new version is there: instances of the old one finish what they are doing, then leave.
    pub fn retire(&self, key: &str) {
        let effects = self.0.state().pools.retire(key);
        self.0.apply(effects);
        self.0.retired.send_replace(key.to_owned());
        self.0.starter.zygotes.retire(key);
        self.0.warming.retire(key);
    }

    /// Keeps `count` instances of a version initialised from now on, beside which requests get more; zero ends that, as
    /// [`Runtime::retire`] does. They start in the background: [`Runtime::provisioned`] tells how far that is.
    pub fn provision(&self, spec: &Arc<FunctionSpec>, count: usize) {
        let effects = {
            let mut state = self.0.state();
            if state.closed {
                return;
            }
            state.pools.provision(&self.0.adapted(spec), count)
        };
        self.0.apply(effects);
    }

    /// How many instances of the version with this key are kept initialised; `None` for none.
    pub fn provisioned(&self, key: &str) -> Option<Provisioned> {
        self.0.state().pools.provisioned(key)
    }

    /// Gets what makes a function's first start a fast one, in the background, one function after the other: what
    /// instances are forked from, processes that wait for a function, or what its code is compiled to. A failure is left
    /// for the first invocation to see.
    pub fn warm(&self, spec: &Arc<FunctionSpec>) {
        // An inspected function has its one instance, and is started in no other way.
        if self.0.adapted(spec).is_inspected() || !self.0.warming.ask(&spec.key) {
            return;
        }
        let (inner, spec) = (self.0.clone(), spec.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = inner.warm(&spec) => {}
                () = inner.stopped() => {}
            }
        });
    }

    /// Removes what was kept for faster starts of functions with the code in this folder, which is gone.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn forget_code(&self, code: &Path) -> std::io::Result<()> {
        self.0.starter.compiled.forget(code)
    }

    /// Puts the function with this name under a debugger, from its next instance on: that is its only one, has no limit of
    /// time, and 256 MB more. `runtime` is Lambda's identifier of what it runs on; port 0 means any that is free. A version
    /// that is retired ends at once, whatever it does. For one function in the life of a server.
    ///
    /// # Errors
    /// When there is no debugger for it or none can be installed, the port is taken, or another function has one.
    pub async fn inspect(
        &self,
        function: &str,
        runtime: &str,
        port: Option<u16>,
        progress: OnProgress,
    ) -> Result<Inspector, InvokeError> {
        let inspector = Inspector::new(&self.0.starter, function, runtime, port, &progress).await?;
        match self.0.starter.inspector.set(inspector.clone()) {
            Ok(()) => Ok(inspector),
            Err(_) => Err(InvokeError::Start("another function is inspected already".into())),
        }
    }

    /// Finds the interpreters of `runtimes` and installs the SDKs that belong to them, if they are not there yet.
    ///
    /// # Errors
    /// The first runtime that cannot be prepared; the others are prepared nevertheless.
    pub async fn prepare(&self, runtimes: &[&str], progress: OnProgress) -> Result<(), InvokeError> {
        let preparing = runtimes.iter().map(|runtime| self.0.starter.prepare(runtime, &progress));
        join_all(preparing).await.into_iter().collect()
    }

    /// Has the host keep so many bytes of memory free from now on, instead of [`Config::memory_free_min`].
    pub fn keep_free(&self, bytes: u64) {
        self.0.starter.workshop.reserve.set(bytes);
    }

    /// Takes no more requests, waits up to `grace` for running ones, and ends every instance.
    pub async fn shutdown(&self, grace: Duration) {
        let effects = {
            let mut state = self.0.state();
            state.closed = true;
            state.pools.clear()
        };
        self.0.apply(effects);
        let finished = async {
            loop {
                let changed = self.0.changed.notified();
                if self.0.is_empty() {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(grace, finished).await.is_err() {
            self.0.stop.send_replace(true);
        }
        self.0.starter.zygotes.clear();
        self.0.starter.prebooted.close();
    }
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stopped(&self) {
        // The sender lives as long as `self`: there is no error to see.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    fn adapted(&self, spec: &Arc<FunctionSpec>) -> Arc<FunctionSpec> {
        inspect::adapted(spec, self.starter.inspector.get())
    }

    /// Waits until an inspected version is retired: the next one needs its debugger's port.
    async fn superseded(&self, spec: &FunctionSpec) {
        if !spec.is_inspected() {
            std::future::pending::<()>().await;
        }
        let _ = self.retired.subscribe().wait_for(|key| *key == spec.key).await;
    }

    async fn warm(&self, spec: &Arc<FunctionSpec>) {
        let work = async {
            if self.state().closed {
                return;
            }
            if let Err(StartError::Refused(error)) = self.starter.warm(spec).await {
                tracing::debug!(%error, function = spec.name, "a function was not loaded ahead of its first invocation");
            }
        };
        if self.warming.run(&spec.key, work).await {
            self.starter.zygotes.retire(&spec.key);
        }
    }

    async fn run(
        self: Arc<Inner>,
        spec: &Arc<FunctionSpec>,
        invocation: &Invocation,
        sink: Sink,
    ) -> Result<Outcome, InvokeError> {
        let mut lease = match self.lease(spec).await {
            Ok(lease) => lease,
            Err(StartError::Refused(error)) => return Err(error),
            Err(StartError::Init(failure)) => return Ok(failure.outcome(invocation)),
        };
        let Some(instance) = &mut lease.instance else { return Err(InvokeError::Throttled) };
        let (outcome, reusable) = tokio::select! {
            ended = instance.invoke(invocation, sink) => ended,
            () = self.stopped() => return Err(InvokeError::ShuttingDown),
            () = self.superseded(spec) => {
                return Err(InvokeError::Start(format!("{} was deployed again while it was debugged", spec.name)));
            }
        };
        // The answer leaves now, even when extensions have more to do.
        match reusable {
            true if instance.is_settled() => lease.give_back(),
            true => drop(tokio::spawn(lease.settle())),
            false => {}
        }
        Ok(outcome)
    }

    async fn lease(self: &Arc<Inner>, spec: &Arc<FunctionSpec>) -> Result<Lease, StartError> {
        let (mut ticket, effects) = {
            let mut state = self.state();
            if state.closed {
                return Err(InvokeError::ShuttingDown.into());
            }
            state.pools.acquire(spec)
        };
        self.apply(effects);
        loop {
            match tokio::time::timeout(self.config.queue_timeout, &mut ticket.instance).await {
                Ok(Ok(Ok(instance))) => return Ok(Lease { inner: self.clone(), instance: Some(instance) }),
                Ok(Ok(Err(error))) => return Err(error),
                Ok(Err(_)) => return Err(InvokeError::ShuttingDown.into()),
                // As long as an instance is being started for it, a request waits: starting has limits of its own.
                Err(_) if !spec.is_inspected() && self.state().pools.give_up(&spec.key, ticket.number) => {
                    return Err(InvokeError::Throttled.into());
                }
                Err(_) => {}
            }
        }
    }

    /// Does what a change of the pools asks for.
    pub(crate) fn apply(self: &Arc<Inner>, effects: Effects<Slot>) {
        for start in effects.start {
            self.make_memory();
            let inner = self.clone();
            tokio::spawn(async move {
                let result = tokio::select! {
                    result = inner.start(&start) => result,
                    () = inner.stopped() => Some(Err(InvokeError::ShuttingDown.into())),
                };
                let Some(result) = result else { return };
                let effects = inner.state().pools.started(&start.spec.key, result, Instant::now());
                inner.apply(effects);
            });
        }
        effects.end.into_iter().for_each(|instance| self.end(instance));
        self.changed.notify_waiters();
        self.idled.notify_one();
    }

    /// Starts an instance when it is its turn; `None` when it is not needed any more then. The first one of a function waits for
    /// no turn: however many others are started, the function answers.
    async fn start(self: &Arc<Inner>, start: &Start) -> Option<Result<Slot, StartError>> {
        let Start { spec, initialization, is_first } = start;
        let started = async {
            let (needed, effects) = self.state().pools.is_needed(&spec.key);
            self.apply(effects);
            match needed {
                true => Some(self.starter.start(spec, *initialization).await.map(Box::new)),
                false => None,
            }
        };
        match is_first {
            true => started.await,
            false => self.starter.workshop.in_turn(started).await,
        }
    }

    /// Ends an instance: at once, which dropping it does, or when its extensions have heard of it.
    pub(crate) fn end(self: &Arc<Inner>, instance: Slot) {
        // Without the async runtime, the server itself is ending.
        let Ok(handle) = tokio::runtime::Handle::try_current() else { return };
        if !instance.takes_leave() {
            return;
        }
        self.leaving.fetch_add(1, Ordering::Relaxed);
        let inner = self.clone();
        handle.spawn(async move {
            tokio::select! {
                () = instance.leave() => {}
                () = inner.stopped() => {}
            }
            inner.leaving.fetch_sub(1, Ordering::Relaxed);
            inner.changed.notify_waiters();
        });
    }

    /// Whether nothing runs any more.
    fn is_empty(&self) -> bool {
        self.state().pools.alive() == 0 && self.leaving.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.idled.notify_one();
    }
}

impl Lease {
    /// Gives the instance back when its extensions are done with the invocation.
    async fn settle(mut self) {
        let inner = self.inner.clone();
        let Some(instance) = &mut self.instance else { return };
        let settled = tokio::select! {
            settled = instance.settle() => settled,
            () = inner.stopped() => false,
        };
        if settled {
            self.give_back();
        }
    }

    fn give_back(mut self) {
        if let Some(instance) = self.instance.take() {
            let key = instance.spec.key.clone();
            let effects = self.inner.state().pools.released(&key, instance, Instant::now());
            self.inner.apply(effects);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            let effects = self.inner.state().pools.lost(&instance.spec.key, instance.process.pid());
            self.inner.end(instance);
            self.inner.apply(effects);
        }
    }
}
