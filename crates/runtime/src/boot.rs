//! Starting processes ahead of need, and making instances of them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Command, Errand, ErrandError, FIRST_DESCRIPTOR, Furniture, Limits, Resources, SHARES_OF_A_PROCESSOR};
use serde_json::json;
use tokio::time::Instant;

use crate::api::{Api, Routes};
use crate::channel::Channel;
use crate::extensions::Extensions;
use crate::frames::Frames;
use crate::function::{FunctionSpec, Initialization, InvokeError};
use crate::instance::{Instance, Services, bytes};
use crate::interpreter::Language;
use crate::limits::{COMPILED_AHEAD_BYTES_MIN, INIT_TIMEOUT, OVERHEAD_BYTES};
use crate::prebooted::{Booted, Kind};
use crate::process::Process;
use crate::runtime_api::RuntimeApi;
use crate::start::{Birth, Launching, Mode, NODE_OPTIONS, StartError, Starter, limits, pair, refused_entrypoint};
use crate::telemetry::Telemetry;
use crate::toolchain::Toolchain;
use crate::view::{Needs, View};

/// Beginnings of variables that Node, or a library below it, looks at when the process starts.
const LOOKED_AT_EARLY: [&str; 9] = ["NODE_", "UV_", "LD_", "LANG", "LC_", "SSL_CERT_", "OPENSSL_", "MALLOC_", "GLIBC_"];

/// Further ones, and one that begins like them but is for functions.
const ALSO_EARLY: [&str; 3] = ["TZ", "ICU_DATA", "AWS_LAMBDA_EXEC_WRAPPER"];
const NOT_EARLY: &str = "NODE_ENV";

/// The MemorySize and the EphemeralStorage that a process is started with. The first is changed later, the second cannot be.
const MEMORY_MB: u32 = 128;
const TMP_MB: u32 = 512;

/// A share of the processors that leaves them to functions.
const CPU_SHARES: u64 = SHARES_OF_A_PROCESSOR / 4;

/// What came of giving a function to a process that waited for one.
enum Loaded {
    Instance(Box<Instance>),
    /// It had ended, or does not answer: the function has not begun.
    Ended,
    /// The host does not let it be given.
    Refused(io::Error),
}

impl Starter {
    /// What a process for this function can be started as ahead of need; `None` when it has to be started for it.
    pub(crate) fn prebootable(&self, spec: &FunctionSpec, toolchain: &Toolchain) -> Option<Kind> {
        let possible = match toolchain.view {
            View::Isolated(_) => Furniture::is_possible() && spec.ephemeral_storage_mb == TMP_MB,
            // The linker learns when the process starts where a function's libraries are, which differs here.
            View::Whole => toolchain.node().is_some() && !has_libraries(spec),
        };
        let kind = match (toolchain.node(), toolchain.language) {
            (Some(program), _) => {
                let is_early = |name: &String| is_looked_at_early(name);
                let as_any = toolchain.esbuild.is_none() && !spec.environment.keys().any(is_early);
                as_any.then(|| Kind::Node { program: program.to_owned(), sdk: toolchain.sdk.clone() })?
            }
            (None, Language::Provided) => Kind::Bare,
            (None, _) => return None,
        };
        (possible
            && toolchain.extensions.is_empty()
            // Its debugger is asked for on the command line.
            && !toolchain.inspected
            && self.prebooted.wanted(&kind) > 0)
            .then_some(kind)
    }

    /// Makes an instance of a process that was started ahead, if there is one to use.
    pub(crate) async fn start_booted(
        self: &Arc<Starter>,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        kind: &Kind,
        initialization: Initialization,
    ) -> Result<Option<Instance>, StartError> {
        let fits = |view: &View| !toolchain.is_isolated() || toolchain.view.beyond(view).is_some();
        while let Some(booted) = self.prebooted.take(kind, fits) {
            match self.load(spec, toolchain, booted, initialization).await? {
                Loaded::Instance(instance) => {
                    self.prebooted.worked(kind);
                    return Ok(Some(*instance));
                }
                Loaded::Ended => {}
                Loaded::Refused(error) => {
                    if let Some(pause) = self.prebooted.useless(kind) {
                        tracing::warn!(
                            "processes are not started ahead for {pause:?}: they cannot be given a function: {error}"
                        );
                        self.boot_later(pause, kind.clone());
                    }
                }
            }
        }
        Ok(None)
    }

    async fn load(
        &self,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        booted: Booted,
        initialization: Initialization,
    ) -> Result<Loaded, StartError> {
        let started = Instant::now();
        let credentials = self.host.credentials(spec).await.map_err(InvokeError::Credentials)?;
        let Booted { process, channel, pipe, folder, view } = booted;
        let telemetry = Telemetry::new(self.env.clone());
        let extensions = Arc::new(Extensions::new(spec.clone(), self.env.clone(), &[], telemetry.clone()));
        let api = Api::listen().await.map_err(|error| InvokeError::Start(error.to_string()))?;
        let (address, port) = (api.address(), api.port());
        if let View::Isolated(_) = view {
            let Some(mounts) = toolchain.view.beyond(&view) else { return Ok(Loaded::Ended) };
            let (resources, loopback_ports) = (limits(spec).resources, self.reachable(spec, Some(port)));
            match process.furnish(Furniture { mounts, resources, loopback_ports }).await {
                Ok(()) => {}
                Err(_) if process.has_ended() => return Ok(Loaded::Ended),
                Err(error) => return Ok(Loaded::Refused(error)),
            }
        }
        let birth = Birth { initialization, credentials, folder };
        let log = self.new_log(spec, toolchain, initialization, telemetry);
        let environment = self.environment(spec, toolchain, &birth, log.stream(), Some(address));
        let (channel, runtime) = match toolchain.language {
            Language::Provided => {
                let Some((program, args)) = self.program(spec, toolchain, Mode::Alone, &[]) else {
                    return Err(refused_entrypoint(spec, log));
                };
                let errand = Errand { program, args, env: environment.clone(), cwd: toolchain.view.place(&spec.code) };
                match errand.send(channel).await {
                    Ok(()) => {}
                    Err(ErrandError::Refused(_)) => return Err(refused_entrypoint(spec, log)),
                    Err(error @ (ErrandError::Lost | ErrandError::Silent)) => {
                        tracing::debug!(%error, function = spec.name, "a process that waited is replaced");
                        return Ok(Loaded::Ended);
                    }
                }
                let (api, routes) = RuntimeApi::new();
                (Channel::RuntimeApi(api), Some(routes))
            }
            _ => {
                let mut frames = Frames::new(channel);
                if frames.send_settings(&settings(spec, toolchain, &environment)).await.is_err() {
                    return Ok(Loaded::Ended);
                }
                (Channel::Frames(frames), None)
            }
        };
        let services = Some(Services::begin(api, Routes { runtime, extensions }, process.pid()));
        let process = Process::Child(process);
        let launching =
            Launching { process, channel, services, pipe, extensions_pipe: None, log, environment, started };
        match self.bring_up(spec, toolchain, birth, launching).await {
            Ok(launched) => Ok(Loaded::Instance(Box::new(launched.instance))),
            Err(StartError::Init(failure)) if failure.is_before_it_knew() => Ok(Loaded::Ended),
            Err(error) => Err(error),
        }
    }

    /// Starts processes that wait for a function, should there be none, and has this one compiled, where that is worth it.
    pub(crate) async fn warm_process(
        self: &Arc<Starter>,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
    ) -> Result<(), StartError> {
        if let Some(kind) = self.prebootable(spec, toolchain) {
            self.boot_ahead(kind);
        }
        let is_compiled = toolchain.compiled.as_ref().is_none_or(|place| place.file().exists());
        if !is_compiled && is_large(spec) {
            // Its log is nobody's: no request has come, and none is served by it.
            self.launch(spec, toolchain, Mode::Compile, Initialization::OnDemand).await?;
        }
        Ok(())
    }

    /// Starts as many as are to be kept, in the background, one after the other.
    pub(crate) fn boot_ahead(self: &Arc<Starter>, kind: Kind) {
        self.prebooted.keep(&kind);
        self.boot_later(Duration::ZERO, kind);
    }

    fn boot_later(self: &Arc<Starter>, pause: Duration, kind: Kind) {
        let starter = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut next = Some(pause);
            while let Some(pause) = next {
                tokio::time::sleep(pause).await;
                let Some(starter) = starter.upgrade() else { return };
                next = starter.boot_all(&kind).await;
            }
        });
    }

    /// Starts as many as are to be kept. After one that failed, tells how long no other is to be tried.
    async fn boot_all(&self, kind: &Kind) -> Option<Duration> {
        while let Ok(_turn) = self.prebooted.turns.acquire().await {
            if !self.prebooted.begin(kind) {
                return None;
            }
            match self.workshop.in_turn(self.boot(kind)).await {
                Ok(booted) => self.prebooted.add(kind, booted),
                Err(error) => {
                    let pause = self.prebooted.failed(kind)?;
                    tracing::warn!("a process was not started ahead, which is tried again in {pause:?}: {error}");
                    return Some(pause);
                }
            }
        }
        None
    }

    async fn boot(&self, kind: &Kind) -> Result<Booted, String> {
        let failed = |error: io::Error| error.to_string();
        let folder = self.make_folder().map_err(failed)?;
        let (channel, theirs) = pair().map_err(failed)?;
        let view = self.bare_view(kind);
        let limits = Limits::default();
        let memory_bytes = bytes(MEMORY_MB) + bytes(TMP_MB) + OVERHEAD_BYTES;
        let resources = Some(Resources { memory_bytes, cpu_shares: CPU_SHARES, processes: limits.processes });
        let limits = Limits { resources, ..limits };
        let isolation = view.isolation(&folder.path, &self.hidden, bytes(TMP_MB), Vec::new());
        let temporary = view.temporary(&folder.path);
        let (env, cwd) = (early_environment(&view, temporary), temporary.to_owned());
        let mut command = Command {
            program: PathBuf::new(),
            args: Vec::new(),
            env,
            cwd,
            descriptors: vec![theirs],
            limits,
            isolation,
        };
        let Kind::Node { program, .. } = kind else {
            let (process, pipe) = command.spawn_waiting().await.map_err(|error| error.to_string())?;
            return Ok(Booted { process, channel, pipe, folder, view });
        };
        command.program.clone_from(program);
        command.args.extend(NODE_OPTIONS.iter().map(OsString::from));
        command.args.push(view.place(&self.runtime_dir).join("bootstrap.mjs").into());
        command.args.extend([FIRST_DESCRIPTOR.to_string().into(), "wait".into()]);
        let (process, pipe) = command.spawn().await.map_err(|error| error.to_string())?;
        let mut frames = Frames::new(channel);
        match tokio::time::timeout(INIT_TIMEOUT, frames.waits()).await {
            Ok(Ok(())) => Ok(Booted { process, channel: frames.into_stream(), pipe, folder, view }),
            _ => Err(format!("{} does not get ready", program.display())),
        }
    }

    /// What a process sees that has no function yet.
    fn bare_view(&self, kind: &Kind) -> View {
        if !self.isolate {
            return View::Whole;
        }
        let (interpreter, tools) = match kind {
            Kind::Node { program, sdk } => (Some(program.as_path()), sdk.as_deref().into_iter().collect()),
            Kind::Bare => (None, Vec::new()),
        };
        let runtime_dir = &self.runtime_dir;
        View::bare(&Needs { code: None, layers: &[], interpreter, runtime_dir, tools, compiled: None })
    }
}

/// What our bootstrap for Node is to be.
fn settings(spec: &FunctionSpec, toolchain: &Toolchain, environment: &[(OsString, OsString)]) -> serde_json::Value {
    let text = |text: &OsString| text.to_string_lossy().into_owned();
    let variables = environment.iter().map(|(name, value)| (text(name), text(value).into()));
    let compiled = toolchain.compiled.as_ref().map(|place| toolchain.view.place(&place.file()));
    json!({
        "environment": variables.collect::<serde_json::Map<_, _>>(),
        "folder": toolchain.view.place(&spec.code),
        "compiled": compiled,
    })
}

/// As the environment of a function has it, where it does not depend on the function.
fn early_environment(view: &View, temporary: &Path) -> Vec<(OsString, OsString)> {
    let mut variables = vec![
        ("LANG", OsString::from("en_US.UTF-8")),
        ("TZ", ":UTC".into()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".into()),
        ("HOME", temporary.into()),
        ("TMPDIR", temporary.into()),
    ];
    if let View::Isolated(_) = view {
        variables.push(("LD_LIBRARY_PATH", "/var/task:/var/task/lib:/opt/lib".into()));
    }
    variables.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn is_looked_at_early(name: &str) -> bool {
    let begins = LOOKED_AT_EARLY.iter().any(|beginning| name.starts_with(beginning));
    (begins && name != NOT_EARLY) || ALSO_EARLY.contains(&name)
}

/// Whether the file with the handler is large enough that compiling it is what a start waits for.
fn is_large(spec: &FunctionSpec) -> bool {
    let (folder, file) = spec.handler.rsplit_once('/').unwrap_or(("", &spec.handler));
    let stem = file.split('.').next().unwrap_or_default();
    let files = ["js", "cjs"].map(|extension| spec.code.join(folder).join(format!("{stem}.{extension}")));
    files.iter().filter_map(|file| file.metadata().ok()).any(|file| file.len() >= COMPILED_AHEAD_BYTES_MIN)
}

/// Whether it brings shared libraries where the linker looks for them.
fn has_libraries(spec: &FunctionSpec) -> bool {
    let places = [spec.code.clone(), spec.code.join("lib")].into_iter();
    let mut places = places.chain(spec.layers.iter().map(|layer| layer.join("lib")));
    places.any(|place: PathBuf| {
        let mut files = std::fs::read_dir(place).into_iter().flatten().flatten();
        files.any(|file| file.file_name().to_string_lossy().contains(".so"))
    })
}

#[cfg(test)]
mod tests {
    use super::is_looked_at_early;

    #[test]
    fn what_node_looks_at_early_is_known() {
        for name in ["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "UV_THREADPOOL_SIZE", "LD_PRELOAD", "TZ", "LANG", "LC_ALL"]
        {
            assert!(is_looked_at_early(name), "{name}");
        }
        for name in ["NODE_ENV", "TABLE", "TZ_NAME", "PATH", "AWS_ENDPOINT_URL"] {
            assert!(!is_looked_at_early(name), "{name}");
        }
    }
}
