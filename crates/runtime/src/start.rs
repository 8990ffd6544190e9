//! Starting an instance: the interpreter, the SDK, credentials, the process, its initialisation. Everything that decides
//! *how* an instance comes to be is behind [`Starter::start`].

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use base::Env;
use sandbox::{Command, Exit, FIRST_DESCRIPTOR, Limits, Port, Resources, SHARES_OF_A_PROCESSOR};
use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::api::{Api, Routes};
use crate::channel::{Channel, Ready};
use crate::compiled::Compiled;
use crate::environment::{Surroundings, environment};
use crate::extensions::{Extensions, Reason};
use crate::frames::Frames;
use crate::function::{Credentials, FunctionSpec, Host, Initialization, InvokeError};
use crate::inspect::Inspector;
use crate::instance::{End, Folder, InitCause, InitFailure, Instance, Services, attend, bytes, megabytes};
use crate::interpreter::{Interpreters, Language};
use crate::limits::{INIT_TIMEOUT, OVERHEAD_BYTES, PROCESSOR_MB};
use crate::output::{Log, Output};
use crate::prebooted::Prebooted;
use crate::process::Process;
use crate::runtime_api::RuntimeApi;
use crate::spares::CellSettings;
use crate::supervisor::{self, Supervisor};
use crate::telemetry::Telemetry;
use crate::toolbox::Toolbox;
use crate::toolchain::Toolchain;
use crate::view::View;
use crate::workshop::Workshop;
use crate::zygotes::{Zygotes, explain};

/// How a process ends that does not answer.
const KILLED: Exit = Exit::Signal(9);

/// Options of every Node process.
pub(crate) const NODE_OPTIONS: [&str; 1] = ["--no-warnings=ExperimentalWarning"];

pub(crate) struct Starter {
    pub env: Env,
    pub host: Arc<dyn Host>,
    pub interpreters: Interpreters,
    pub toolbox: Toolbox,
    pub compiled: Arc<Compiled>,
    pub prebooted: Prebooted,
    /// Whether functions are isolated, and what they do not see even if it is below something that they see.
    pub isolate: bool,
    pub hidden: Vec<PathBuf>,
    /// Ports of this host's loopback addresses that functions reach besides this cloud's.
    pub loopback_ports: Vec<u16>,
    pub zygotes: Zygotes,
    pub workshop: Workshop,
    /// Why no isolated function can be forked on this host, once that is known.
    pub fork_obstacle: OnceCell<Option<String>>,
    /// Holds the bootstraps.
    pub runtime_dir: PathBuf,
    /// Holds the folders of instances.
    pub run_dir: PathBuf,
    /// The debugger of the function that is looked at, if there is one.
    pub inspector: OnceLock<Inspector>,
}

#[derive(Clone)]
pub(crate) enum StartError {
    /// It did not come to a process.
    Refused(InvokeError),
    /// The function did not get ready.
    Init(Box<InitFailure>),
}

impl From<InvokeError> for StartError {
    fn from(error: InvokeError) -> StartError {
        StartError::Refused(error)
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Refused(error) => error.fmt(f),
            StartError::Init(failure) => failure.fmt(f),
        }
    }
}

/// What a process becomes when it has initialised itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// An instance.
    Alone,
    /// A zygote, if the function allows it, which only Python's can be.
    Zygote,
    /// Nothing: only what its code is compiled to is wanted.
    Compile,
}

/// What every instance gets of its own.
pub(crate) struct Birth {
    pub initialization: Initialization,
    pub credentials: Credentials,
    pub folder: Folder,
}

/// A process that has just got to know its function.
pub(crate) struct Launching {
    pub process: Process,
    pub channel: Channel,
    pub services: Option<Services>,
    pub pipe: OwnedFd,
    /// What extensions print to.
    pub extensions_pipe: Option<OwnedFd>,
    pub log: Log,
    pub environment: Vec<(OsString, OsString)>,
    pub started: Instant,
}

/// A process that is ready.
pub(crate) struct Launched {
    pub instance: Instance,
    pub environment: Vec<(OsString, OsString)>,
    pub ready: Ready,
}

/// What connects an instance with the server.
struct Connection {
    channel: Channel,
    /// What the process gets of it: the supervisor's and the pipe of extensions, if there are any, and then the channel's,
    /// if it has one.
    descriptors: Vec<OwnedFd>,
    supervisor: Option<Supervisor>,
    extensions_pipe: Option<OwnedFd>,
    services: Option<(Api, Routes)>,
}

impl Starter {
    pub async fn start(
        self: &Arc<Starter>,
        spec: &Arc<FunctionSpec>,
        initialization: Initialization,
    ) -> Result<Instance, StartError> {
        let toolchain = self.toolchain(spec).await?;
        if self.may_fork(&toolchain).await {
            return self.start_forkable(spec, Arc::new(toolchain), initialization).await;
        }
        let Some(kind) = self.prebootable(spec, &toolchain) else {
            return Ok(self.launch(spec, &toolchain, Mode::Alone, initialization).await?.instance);
        };
        let started = match self.start_booted(spec, &toolchain, &kind, initialization).await {
            Ok(None) => self.launch(spec, &toolchain, Mode::Alone, initialization).await.map(|all| all.instance),
            Ok(Some(instance)) => Ok(instance),
            Err(error) => Err(error),
        };
        self.boot_ahead(kind);
        started
    }

    /// Whether instances can be forks: if their language can, and in isolation, if the host can.
    pub(crate) async fn may_fork(&self, toolchain: &Toolchain) -> bool {
        let is_python = matches!(toolchain.language, Language::Python(_));
        // Each instance has extensions of its own, and so it has a debugger.
        is_python
            && toolchain.extensions.is_empty()
            && !toolchain.inspected
            && (!toolchain.is_isolated() || self.fork_obstacle().await.is_none())
    }

    /// Why no isolated function can be forked on this host.
    async fn fork_obstacle(&self) -> Option<&str> {
        let find = || async {
            match self.make_folder() {
                Ok(folder) => sandbox::fork_obstacle(&folder.path).await,
                Err(error) => Some(error.to_string()),
            }
        };
        self.fork_obstacle.get_or_init(find).await.as_deref()
    }

    /// What an operator should know about the starts of Python functions, once one has been asked for.
    pub fn fork_note(&self) -> Option<String> {
        let reason = self.fork_obstacle.get()?.as_ref()?;
        Some(format!("Python functions: {}", explain(reason)))
    }

    /// What a fork gets of its own.
    pub(crate) fn cell(&self, spec: &FunctionSpec) -> CellSettings {
        let (limits, tmp_bytes) = (limits(spec), bytes(spec.ephemeral_storage_mb));
        CellSettings { limits, tmp_bytes, loopback_ports: self.reachable(spec, None) }
    }

    /// Starts a process, and waits until it has initialised itself.
    pub(crate) async fn launch(
        &self,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        mode: Mode,
        initialization: Initialization,
    ) -> Result<Launched, StartError> {
        if let Some(inspector) = self.inspector.get().filter(|_| toolchain.inspected) {
            inspector.wait_for_port().await?;
        }
        let birth = self.birth(spec, initialization).await?;
        let telemetry = Telemetry::new(self.env.clone());
        let mut log = self.new_log(spec, toolchain, initialization, telemetry.clone());
        if mode != Mode::Alone {
            log.hold();
        }
        if let Some((standing, failure)) = supervisor::unusable(&toolchain.extensions) {
            log.extension(&standing);
            return Err(failed_init(spec, log, InitCause::Extension(failure)));
        }
        let connection = self.connect(spec, toolchain, telemetry).await?;
        let Connection { channel, descriptors, supervisor, extensions_pipe, services } = connection;
        let view = &toolchain.view;
        let address = services.as_ref().map(|(api, _)| api.address());
        let port = services.as_ref().map(|(api, _)| api.port());
        let environment = self.environment(spec, toolchain, &birth, log.stream(), address);
        let Some((mut program, mut args)) = self.program(spec, toolchain, mode, &descriptors) else {
            return Err(refused_entrypoint(spec, log));
        };
        if supervisor.is_some() {
            let places = toolchain.extensions.iter().map(|extension| view.place(&extension.path)).collect();
            (program, args) = supervisor::wrap(places, &program, args);
        }
        let (env, cwd, limits) = (environment.clone(), view.place(&spec.code), limits(spec));
        let tmp_bytes = bytes(spec.ephemeral_storage_mb);
        let mut isolation = view.isolation(&birth.folder.path, &self.hidden, tmp_bytes, self.reachable(spec, port));
        if let Some(isolation) = &mut isolation {
            isolation.forks = mode == Mode::Zygote;
            isolation.is_served_to_the_host = toolchain.inspected;
        }
        let command = Command { program, args, env, cwd, descriptors, limits, isolation };
        let started = Instant::now();
        let (process, pipe) = match command.spawn().await {
            Ok(started) => started,
            Err(sandbox::Error::Start { .. }) if toolchain.language == Language::Provided => {
                return Err(refused_entrypoint(spec, log));
            }
            Err(error) => return Err(InvokeError::Start(error.to_string()).into()),
        };
        let services = services.map(|(api, routes)| Services::begin(api, routes, process.pid()));
        let process = match supervisor {
            Some(supervisor) => Process::Supervised(process, supervisor),
            None => Process::Child(process),
        };
        let launching = Launching { process, channel, services, pipe, extensions_pipe, log, environment, started };
        self.bring_up(spec, toolchain, birth, launching).await
    }

    /// Waits until a process has initialised itself.
    pub(crate) async fn bring_up(
        &self,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        birth: Birth,
        launching: Launching,
    ) -> Result<Launched, StartError> {
        let Launching { process, channel, services, pipe, extensions_pipe, log, environment, started } = launching;
        let instance = Instance {
            env: self.env.clone(),
            spec: spec.clone(),
            process,
            channel,
            services,
            output: Output::new(pipe, extensions_pipe, log).map_err(|error| InvokeError::Start(error.to_string()))?,
            initialization: birth.initialization,
            init: None,
            credentials_expire: birth.credentials.expires,
            _folder: birth.folder,
            used_mb: 0,
            frozen: false,
            busy_until: started,
            leaves_for: Reason::Spindown,
        };
        let (mut instance, ready) = initialise(instance, started).await.map_err(StartError::Init)?;
        self.keep_compiled(toolchain, instance.channel.take_compiled());
        Ok(Launched { instance, environment, ready })
    }

    /// Keeps what the code was compiled to, in the background.
    fn keep_compiled(&self, toolchain: &Toolchain, code: Vec<u8>) {
        let Some(place) = toolchain.compiled.clone().filter(|_| !code.is_empty()) else { return };
        let compiled = self.compiled.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = compiled.keep(&place, &code) {
                tracing::warn!(%error, "what a function was compiled to is not kept");
            }
        });
    }

    /// A log of a new instance, which begins as Lambda's do.
    pub(crate) fn new_log(
        &self,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        initialization: Initialization,
        telemetry: Arc<Telemetry>,
    ) -> Log {
        let mut log = Log::new(self.host.clone(), self.env.clone(), spec.clone(), self.stream_name(spec), telemetry);
        log.init_start(initialization, &toolchain.version_of(&spec.runtime));
        toolchain.notes.iter().for_each(|note| log.write(format!("[cloudlet] {note}\n")));
        log
    }

    /// For an instance in which nothing can subscribe.
    pub(crate) fn unheard(&self) -> Arc<Telemetry> {
        let telemetry = Telemetry::new(self.env.clone());
        telemetry.close();
        telemetry
    }

    pub(crate) fn environment(
        &self,
        spec: &FunctionSpec,
        toolchain: &Toolchain,
        birth: &Birth,
        log_stream: &str,
        runtime_api: Option<String>,
    ) -> Vec<(OsString, OsString)> {
        let node_sdk = toolchain.sdk.as_ref().map(|sdk| sdk.join("node_modules"));
        let surroundings = Surroundings {
            language: toolchain.language,
            interpreter: toolchain.interpreter.as_ref(),
            initialization: birth.initialization,
            credentials: &birth.credentials,
            log_stream,
            runtime_dir: &self.runtime_dir,
            temporary: toolchain.view.temporary(&birth.folder.path),
            view: &toolchain.view,
            node_sdk: node_sdk.as_deref(),
            runtime_api: runtime_api.as_deref(),
        };
        environment(spec, &surroundings)
    }

    /// The ports of this host's loopback addresses that an instance reaches.
    pub(crate) fn reachable(&self, spec: &FunctionSpec, runtime_api: Option<u16>) -> Vec<Port> {
        let own = [port(&spec.endpoint_url), runtime_api].into_iter().flatten().map(Port::tcp);
        let allowed = self.loopback_ports.iter().flat_map(|port| [Port::tcp(*port), Port::udp(*port)]);
        own.chain(allowed).collect()
    }

    async fn connect(
        &self,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        telemetry: Arc<Telemetry>,
    ) -> Result<Connection, InvokeError> {
        let connected = self.try_connect(spec, toolchain, telemetry).await;
        connected.map_err(|error| InvokeError::Start(format!("making a channel to a function: {error}")))
    }

    async fn try_connect(
        &self,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        telemetry: Arc<Telemetry>,
    ) -> std::io::Result<Connection> {
        let names: Vec<String> = toolchain.extensions.iter().map(|extension| extension.name.clone()).collect();
        let extensions = Arc::new(Extensions::new(spec.clone(), self.env.clone(), &names, telemetry));
        let (mut descriptors, mut supervisor, mut extensions_pipe, mut runtime) = (Vec::new(), None, None, None);
        if !names.is_empty() {
            let (ours, theirs) = Supervisor::new(extensions.clone())?;
            let (reader, writer) = supervisor::pipe()?;
            descriptors.extend([theirs, writer]);
            (supervisor, extensions_pipe) = (Some(ours), Some(reader));
        }
        let channel = if toolchain.language == Language::Provided {
            let (api, routes) = RuntimeApi::new();
            runtime = Some(routes);
            Channel::RuntimeApi(api)
        } else {
            let (ours, theirs) = pair()?;
            descriptors.push(theirs);
            Channel::Frames(Frames::new(ours))
        };
        // A fork would be given the API of the process that it is a copy of. In isolation that is not reached by it.
        let is_shared = !toolchain.is_isolated()
            && toolchain.extensions.is_empty()
            && matches!(toolchain.language, Language::Python(_));
        let services = match is_shared {
            true => None,
            false => Some((Api::listen().await?, Routes { runtime, extensions })),
        };
        Ok(Connection { channel, descriptors, supervisor, extensions_pipe, services })
    }

    /// The program and its arguments; `None` when a `provided` function has no `bootstrap`.
    pub(crate) fn program(
        &self,
        spec: &FunctionSpec,
        toolchain: &Toolchain,
        mode: Mode,
        descriptors: &[OwnedFd],
    ) -> Option<(PathBuf, Vec<OsString>)> {
        let view = &toolchain.view;
        let Some(interpreter) = &toolchain.interpreter else {
            let places = std::iter::once(&spec.code).chain(spec.layers.iter().rev());
            return places
                .map(|place| place.join("bootstrap"))
                .find(|path| path.is_file())
                .map(|path| (view.place(&path), Vec::new()));
        };
        // The channel is the last of them.
        let control = (FIRST_DESCRIPTOR..).take(descriptors.len()).last().unwrap_or(FIRST_DESCRIPTOR).to_string();
        let is_python = matches!(toolchain.language, Language::Python(_));
        let (options, bootstrap): (&[&str], _) = match is_python {
            // -S: what else is installed on this host is not there for functions, as it is not on Lambda.
            true => (&["-S", "-s", "-B", "-X", "utf8"], "bootstrap.py"),
            false => (&NODE_OPTIONS, "bootstrap.mjs"),
        };
        let mut args: Vec<OsString> = options.iter().map(OsString::from).collect();
        let inspector = self.inspector.get().filter(|_| toolchain.inspected);
        args.extend(inspector.filter(|_| !is_python).map(|inspector| inspector.node_option().into()));
        args.extend([view.place(&self.runtime_dir).join(bootstrap).into(), control.into()]);
        let place = |path: &PathBuf| view.place(path).into_os_string();
        if is_python {
            let mode = match (mode, view) {
                (Mode::Alone | Mode::Compile, _) => "alone",
                (Mode::Zygote, View::Whole) => "zygote",
                (Mode::Zygote, View::Isolated(_)) => "cells",
            };
            let inspected = inspector.zip(toolchain.debugpy.as_ref());
            let inspected = inspected.map(|(inspector, debugpy)| inspector.python_mode(&view.place(debugpy)));
            args.push(inspected.unwrap_or_else(|| mode.into()).into());
            args.extend(toolchain.sdk.as_ref().map(place));
        } else {
            args.push(toolchain.esbuild.as_ref().map(place).unwrap_or_default());
            args.push(toolchain.compiled.as_ref().map(|compiled| place(&compiled.file())).unwrap_or_default());
        }
        Some((interpreter.program.clone(), args))
    }

    pub(crate) async fn birth(
        &self,
        spec: &FunctionSpec,
        initialization: Initialization,
    ) -> Result<Birth, InvokeError> {
        let credentials = self.host.credentials(spec).await.map_err(InvokeError::Credentials)?;
        let folder = self.make_folder().map_err(|error| InvokeError::Start(error.to_string()))?;
        Ok(Birth { initialization, credentials, folder })
    }

    pub(crate) fn make_folder(&self) -> std::io::Result<Folder> {
        // To make and to remove one waits for the disk at times.
        let path = if self.isolate { self.run_dir.join("root") } else { self.run_dir.join(self.env.uuid()) };
        if !self.isolate || !path.is_dir() {
            std::fs::create_dir_all(&path)?;
        }
        Ok(Folder { path, is_shared: self.isolate })
    }

    /// As Lambda names streams: the day, the version, and something of the instance's own.
    pub(crate) fn stream_name(&self, spec: &FunctionSpec) -> String {
        let day = self.env.now().utc().strftime("%Y/%m/%d").to_string();
        format!("{day}/[{}]{}", spec.version, self.env.uuid().replace('-', ""))
    }
}

/// The ends of a socket pair: ours, and the function's.
pub(crate) fn pair() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

/// The port of a URL or an address, if it names one.
fn port(address: &str) -> Option<u16> {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest).split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

/// What an instance may use. Memory that /tmp holds is the instance's too, so the limit has room for it.
pub(crate) fn limits(spec: &FunctionSpec) -> Limits {
    let limits = Limits::default();
    let memory_bytes = bytes(spec.memory_mb) + bytes(spec.ephemeral_storage_mb) + OVERHEAD_BYTES;
    let cpu_shares = u64::from(spec.memory_mb) * SHARES_OF_A_PROCESSOR / PROCESSOR_MB;
    let resources = Resources { memory_bytes, cpu_shares, processes: limits.processes };
    Limits { resources: Some(resources), ..limits }
}

/// Waits until the function is ready. It has Lambda's ten seconds, and then what the first invocation may take.
pub(crate) async fn initialise(
    mut instance: Instance,
    started: Instant,
) -> Result<(Instance, Ready), Box<InitFailure>> {
    let deadline = started + INIT_TIMEOUT + instance.spec.timeout;
    let memory_bytes = bytes(instance.spec.memory_mb);
    let Instance { process, channel, output, services, .. } = &mut instance;
    let extensions = services.as_ref().map(|services| &*services.extensions);
    let end = attend(process, output, memory_bytes, deadline, supervisor::ready(process, channel, extensions)).await;
    instance.output.drain();
    let took = started.elapsed();
    let standings = instance.services.as_ref().map(|services| services.extensions.close()).unwrap_or_default();
    let log = instance.output.log();
    let subscribed = log.telemetry().close();
    standings.iter().for_each(|standing| log.extension(standing));
    subscribed.iter().for_each(|subscribed| log.subscribed(subscribed));
    let cause = match end {
        End::Replied(Ok(ready)) => {
            instance.init = Some(took);
            log.initialised(instance.initialization, took);
            return Ok((instance, ready));
        }
        End::Replied(Err(cause)) => cause,
        End::TimedOut if instance.channel.is_unheard() => InitCause::Lost(KILLED),
        End::Exited(exit) if instance.channel.is_unheard() => InitCause::Lost(exit),
        End::TimedOut => InitCause::TimedOut,
        End::Exited(exit) => InitCause::Exited(exit),
    };
    let used_mb = instance.process.peak_memory_bytes().map_or(0, megabytes);
    instance.process.kill();
    let Instance { spec, output, .. } = instance;
    let mut log = output.into_log();
    log.end_output();
    Err(Box::new(InitFailure { spec, log, took, used_mb, cause }))
}

pub(crate) fn refused_entrypoint(spec: &Arc<FunctionSpec>, log: Log) -> StartError {
    let message = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
    let error = json!({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message}).to_string();
    failed_init(spec, log, InitCause::Error(error.into()))
}

/// A start that did not come to a process.
fn failed_init(spec: &Arc<FunctionSpec>, log: Log, cause: InitCause) -> StartError {
    let took = std::time::Duration::ZERO;
    StartError::Init(Box::new(InitFailure { spec: spec.clone(), log, took, used_mb: 0, cause }))
}
