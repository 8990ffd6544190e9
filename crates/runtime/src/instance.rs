//! One process that runs a function: an invocation at a time, with its deadline, its log and its memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Env, Timestamp};
use bytes::Bytes;
use sandbox::Exit;
use tokio::time::{Instant, MissedTickBehavior};

use crate::api::{Api, Routes};
use crate::channel::{Channel, Closed, Reply, Request};
use crate::extensions::{Extensions, Reason};
use crate::function::{FunctionSpec, Initialization, Invocation, Outcome};
use crate::limits::{LOG_DELAY_MAX, MEMORY_CHECK_INTERVAL, RESPONSE_BYTES_MAX, SHUTDOWN_RUNTIME_PERCENT, TIMEOUT_MAX};
use crate::output::{Log, Output};
use crate::process::Process;
use crate::report::{Failure, Report};
use crate::sink::Sink;

/// How long a process may take to end after it has closed its side of the channel.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// The value of `X-Amz-Function-Error`.
const UNHANDLED: &str = "Unhandled";

pub(crate) struct Instance {
    pub(crate) env: Env,
    pub(crate) spec: Arc<FunctionSpec>,
    pub(crate) process: Process,
    pub(crate) channel: Channel,
    /// What it reaches over HTTP, if anything.
    pub(crate) services: Option<Services>,
    pub(crate) output: Output,
    pub(crate) initialization: Initialization,
    /// How long initialisation took, until the first invocation has reported it.
    pub(crate) init: Option<Duration>,
    pub(crate) credentials_expire: Timestamp,
    pub(crate) _folder: Folder,
    pub(crate) used_mb: u64,
    /// Whether it is stopped where it is, because nobody needs it now.
    pub(crate) frozen: bool,
    /// When its last invocation has to be over, for its extensions too.
    pub(crate) busy_until: Instant,
    /// What extensions are told when it ends.
    pub(crate) leaves_for: Reason,
}

/// The APIs of an instance, which are served as long as this lives.
pub(crate) struct Services {
    _api: Api,
    pub extensions: Arc<Extensions>,
}

impl Services {
    /// Serves the processes of the instance whose first one has this number.
    pub fn begin(mut api: Api, routes: Routes, pid: u32) -> Services {
        let extensions = routes.extensions.clone();
        api.serve(pid, routes);
        Services { _api: api, extensions }
    }
}

/// A folder for an instance: a private one, which is removed with it; or in isolation the place of its root, where nothing is
/// ever kept, and which therefore is everybody's.
pub(crate) struct Folder {
    pub path: PathBuf,
    pub is_shared: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_shared {
            return;
        }
        let path = std::mem::take(&mut self.path);
        let remove = move || {
            if let Err(error) = std::fs::remove_dir_all(&path) {
                tracing::debug!(%error, path = %path.display(), "an instance's folder was not removed");
            }
        };
        // A function may have filled it: removing takes a while then, and must not hold up other work.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// What ended an invocation.
pub(crate) enum End<T> {
    Replied(T),
    Exited(Exit),
    TimedOut,
}

/// An invocation of an instance that never came up.
#[derive(Clone)]
pub(crate) struct InitFailure {
    pub spec: Arc<FunctionSpec>,
    pub log: Log,
    pub took: Duration,
    pub used_mb: u64,
    pub cause: InitCause,
}

#[derive(Clone)]
pub(crate) enum InitCause {
    /// The JSON that the bootstrap gave.
    Error(Bytes),
    /// An extension could not go on.
    Extension(Failure),
    Exited(Exit),
    /// The process had been started ahead of need, and ended before it knew the function, or never answered.
    Lost(Exit),
    TimedOut,
}

impl Instance {
    /// Runs one invocation; what the function streams goes to `sink`. Also tells whether the instance can take another.
    pub async fn invoke(&mut self, invocation: &Invocation, mut sink: Sink) -> (Outcome, bool) {
        self.freeze(false);
        self.output.log().start(&invocation.request_id);
        let started = Instant::now();
        self.busy_until = started + self.spec.timeout;
        let end = self.run(invocation, &mut sink).await;
        let duration = started.elapsed();
        self.output.drain();
        self.output.log().end_output();
        self.used_mb = self.process.peak_memory_bytes().map_or(self.used_mb, megabytes);
        let reusable =
            matches!(&end, End::Replied(Reply::Success(_) | Reply::Streamed | Reply::Error(_) | Reply::TooLarge));
        if !reusable {
            self.leaves_for = if matches!(end, End::TimedOut) { Reason::Timeout } else { Reason::Failure };
            if !self.takes_leave() {
                self.process.kill();
            }
        }
        let init = self.init.take().map(|took| (self.initialization, took));
        let facts = Facts { spec: &self.spec, invocation, duration, init, used_mb: self.used_mb };
        let (payload, failure) = self.judge(end, invocation, sink);
        let outcome = facts.conclude(self.output.log(), payload, failure);
        (outcome, reusable && !self.process.has_ended())
    }

    async fn run(&mut self, invocation: &Invocation, sink: &mut Sink) -> End<Reply> {
        let deadline_ms = (self.env.now() + self.spec.timeout).as_millis();
        let request = Request { invocation, deadline_ms };
        let Instance { channel, services, .. } = self;
        let call = async move {
            let Some(services) = services else { return channel.call(request, sink).await };
            services.extensions.invoke(&request);
            tokio::select! {
                biased;
                reply = channel.call(request, sink) => reply,
                failure = services.extensions.failure() => Ok(Reply::Extension(failure)),
            }
        };
        attend(&self.process, &mut self.output, bytes(self.spec.memory_mb), self.busy_until, call).await
    }

    /// Whether all extensions are done with the last invocation.
    pub fn is_settled(&self) -> bool {
        self.services.as_ref().is_none_or(|services| services.extensions.are_settled())
    }

    /// Waits until they are. False when that failed or took longer than the invocation may, after which the instance can
    /// only end.
    pub async fn settle(&mut self) -> bool {
        let Instance { services: Some(services), process, output, .. } = self else { return true };
        let settled = async { Ok(services.extensions.settled().await) };
        let end = attend(process, output, bytes(self.spec.memory_mb), self.busy_until, settled).await;
        output.drain();
        output.log().end_output();
        output.log().finish();
        self.leaves_for = match end {
            End::Replied(Ok(())) => return true,
            End::TimedOut => Reason::Timeout,
            End::Replied(Err(_)) | End::Exited(_) => Reason::Failure,
        };
        false
    }

    /// Whether something in it is to hear of its end.
    pub fn takes_leave(&self) -> bool {
        self.services.as_ref().is_some_and(|services| services.extensions.grace().is_some())
    }

    /// Ends it as [`Instance::takes_leave`] asks: the runtime first, then the extensions, which are told.
    pub async fn leave(mut self) {
        self.freeze(false);
        self.output.log().telemetry().flush();
        let Instance { env, services, process, output, leaves_for, .. } = &mut self;
        let Some(extensions) = services.as_ref().map(|services| &services.extensions) else { return };
        let Some(grace) = extensions.grace() else { return };
        let (now, deadline_ms) = (Instant::now(), (env.now() + grace).as_millis());
        let runtime = if matches!(process, Process::Supervised(..)) { SHUTDOWN_RUNTIME_PERCENT } else { 100 };
        process.terminate().await;
        listen(output, now + grace * runtime / 100, process.exit()).await;
        process.kill_runtime().await;
        let gone = async {
            tokio::select! {
                () = extensions.shut_down(*leaves_for, deadline_ms) => {}
                () = process.gone() => {}
            }
        };
        listen(output, now + grace, gone).await;
        output.drain();
        output.log().end_output();
        output.log().finish();
    }

    /// The payload for the caller, and what Lambda itself has to say.
    fn judge(&self, end: End<Reply>, invocation: &Invocation, sink: Sink) -> (Result<Bytes, Bytes>, Option<Failure>) {
        let failure = match end {
            End::Replied(Reply::Success(payload)) if payload.len() <= RESPONSE_BYTES_MAX => return (Ok(payload), None),
            End::Replied(Reply::Streamed) => match sink.end() {
                Some(gathered) => return (Ok(gathered), None),
                None => Failure::too_large(),
            },
            End::Replied(Reply::Success(_) | Reply::TooLarge) => Failure::too_large(),
            End::Replied(Reply::Error(error) | Reply::Fatal(error)) => return (Err(error), None),
            End::Replied(Reply::Extension(failure)) => failure.of_request(&invocation.request_id),
            End::Exited(exit) => Failure::exit(&invocation.request_id, exit),
            End::TimedOut => Failure::timeout(&invocation.request_id, self.spec.timeout),
        };
        (Err(failure.payload()), Some(failure))
    }

    /// Stops it where it is, or lets it go on.
    pub fn freeze(&mut self, frozen: bool) {
        if self.frozen != frozen {
            self.process.freeze(frozen);
            self.frozen = frozen;
        }
    }

    /// Whether credentials outlast another invocation, and the process and its extensions still run.
    pub fn is_fit(&self) -> bool {
        let needed = self.spec.timeout.min(TIMEOUT_MAX);
        let has_ended = self.process.has_ended() || (self.frozen && sandbox::has_ended(self.process.pid()));
        // An extension may have failed while nobody needed it.
        !has_ended && self.is_settled() && self.env.now() + needed < self.credentials_expire
    }
}

/// Waits for `call`, while taking in output and watching the process, its memory and the clock.
pub(crate) async fn attend<T>(
    process: &Process,
    output: &mut Output,
    memory_bytes: u64,
    deadline: Instant,
    call: impl Future<Output = Result<T, Closed>>,
) -> End<T> {
    let exit = process.exit();
    tokio::pin!(call, exit);
    let mut flush = tokio::time::interval_at(Instant::now() + LOG_DELAY_MAX, LOG_DELAY_MAX);
    flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut check = tokio::time::interval_at(Instant::now() + MEMORY_CHECK_INTERVAL, MEMORY_CHECK_INTERVAL);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // In this order: an answer counts even when the process ended right after it, and a flood of output starves nothing.
        tokio::select! {
            biased;
            reply = &mut call => match reply {
                Ok(reply) => return End::Replied(reply),
                Err(Closed) => return End::Exited(last_moments(process, output).await),
            },
            exit = &mut exit => return End::Exited(exit),
            () = tokio::time::sleep_until(deadline) => return End::TimedOut,
            _ = flush.tick() => output.log().flush(),
            _ = check.tick() => if process.holds_more_than(memory_bytes) {
                // As the kernel does it, and with the same consequences.
                process.kill();
            },
            () = output.read() => {}
        }
    }
}

/// Waits for `event` or the deadline, while taking in output.
async fn listen<T>(output: &mut Output, deadline: Instant, event: impl Future<Output = T>) {
    tokio::pin!(event);
    loop {
        tokio::select! {
            biased;
            _ = &mut event => return,
            () = tokio::time::sleep_until(deadline) => return,
            () = output.read() => {}
        }
    }
}

/// The exit of a process that has closed its channel. One that closes it and stays is ended.
async fn last_moments(process: &Process, output: &mut Output) -> Exit {
    let (exit, grace) = (process.exit(), tokio::time::sleep(EXIT_GRACE));
    tokio::pin!(exit, grace);
    let mut killed = false;
    loop {
        tokio::select! {
            biased;
            exit = &mut exit => return exit,
            () = &mut grace, if !killed => {
                process.kill();
                killed = true;
            }
            () = output.read() => {}
        }
    }
}

impl InitFailure {
    /// Whether the process had not begun with the function: another one can take its place.
    pub fn is_before_it_knew(&self) -> bool {
        matches!(self.cause, InitCause::Lost(_))
    }

    /// The outcome for the invocation that was waiting for this instance.
    pub fn outcome(mut self, invocation: &Invocation) -> Outcome {
        let request_id = &invocation.request_id;
        let (payload, failure) = match self.cause {
            InitCause::Error(error) => (error, None),
            InitCause::Extension(failure) => with_payload(failure.of_request(request_id)),
            InitCause::Exited(exit) | InitCause::Lost(exit) => with_payload(Failure::exit(request_id, exit)),
            InitCause::TimedOut => with_payload(Failure::timeout(request_id, self.spec.timeout)),
        };
        let error_type = failure.as_ref().map_or_else(|| error_type(&payload), |failure| failure.error_type.into());
        self.log.init_report(self.took, &error_type);
        self.log.start(request_id);
        let facts = Facts { spec: &self.spec, invocation, duration: self.took, init: None, used_mb: self.used_mb };
        facts.conclude(&mut self.log, Err(payload), failure)
    }
}

impl std::fmt::Display for InitFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.cause {
            InitCause::Error(error) => f.write_str(&String::from_utf8_lossy(error)),
            InitCause::Extension(failure) => write!(f, "{}: {}", failure.error_type, failure.message),
            InitCause::Exited(_) | InitCause::Lost(_) => f.write_str("the function ended while it initialised"),
            InitCause::TimedOut => f.write_str("the function did not initialise in time"),
        }
    }
}

fn with_payload(failure: Failure) -> (Bytes, Option<Failure>) {
    (failure.payload(), Some(failure))
}

fn error_type(payload: &Bytes) -> String {
    let error: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
    let kind = error.as_ref().and_then(|error| error.get("errorType")).and_then(|kind| kind.as_str());
    kind.unwrap_or("Runtime.Unknown").to_string()
}

/// What is known about an invocation when it has ended.
struct Facts<'a> {
    spec: &'a FunctionSpec,
    invocation: &'a Invocation,
    duration: Duration,
    init: Option<(Initialization, Duration)>,
    used_mb: u64,
}

impl Facts<'_> {
    /// Writes the last lines of the log, and puts the outcome together.
    fn conclude(self, log: &mut Log, payload: Result<Bytes, Bytes>, failure: Option<Failure>) -> Outcome {
        let request_id = self.invocation.request_id.as_str();
        let Facts { duration, init, used_mb, .. } = self;
        let memory_mb = self.spec.memory_mb;
        let produced_bytes = payload.as_ref().map_or_else(Bytes::len, Bytes::len);
        let failure = failure.as_ref();
        let report = Report { request_id, duration, init, memory_mb, used_mb, produced_bytes, failure };
        log.end(&report, payload.is_err());
        let billed = report.billed();
        let function_error = payload.is_err().then_some(UNHANDLED);
        Outcome {
            payload: payload.unwrap_or_else(|error| error),
            function_error,
            log_stream: log.stream().to_string(),
            log_tail: log.finish(),
            duration,
            billed,
            init_duration: init.map(|(_, took)| took),
            max_memory_used_mb: used_mb,
        }
    }
}

/// What a function's configuration has in megabytes.
pub(crate) fn bytes(megabytes: u32) -> u64 {
    u64::from(megabytes) * 1024 * 1024
}

/// Whole megabytes, as the REPORT line counts them.
pub(crate) fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}
