//! A runtime with a host that remembers the log, and functions made of files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base::{Env, Timestamp};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use runtime::{Config, Credentials, FunctionSpec, Host, Invocation, InvokeError, LogLine, Outcome, Runtime};
use serde_json::Value;
use tempfile::TempDir;

pub struct Harness {
    pub runtime: Runtime,
    pub host: Arc<TestHost>,
    pub env: Env,
    dir: TempDir,
}

#[derive(Default)]
pub struct TestHost {
    /// The session token of the credentials it gives, and when they end.
    session: Mutex<Option<(String, Timestamp)>>,
    lines: Mutex<Vec<(String, LogLine)>>,
}

impl Host for TestHost {
    fn credentials<'a>(&'a self, spec: &'a FunctionSpec) -> BoxFuture<'a, Result<Credentials, String>> {
        let session = self.session.lock().unwrap().clone();
        let (session_token, expires) = session.unwrap_or_else(|| ("token".into(), Timestamp(u64::MAX)));
        let credentials = Credentials {
            access_key_id: format!("ASIA{}", spec.name),
            secret_access_key: "secret".into(),
            session_token,
            expires,
        };
        async { Ok(credentials) }.boxed()
    }

    fn log(&self, _: &FunctionSpec, stream: &str, lines: Vec<LogLine>) {
        self.lines.lock().unwrap().extend(lines.into_iter().map(|line| (stream.to_string(), line)));
    }
}

impl TestHost {
    /// All messages so far, oldest first.
    pub fn messages(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().map(|(_, line)| line.message.clone()).collect()
    }
}

impl Harness {
    pub fn new() -> Harness {
        Harness::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Harness {
        Harness::in_world(Env::real(), true, change)
    }

    /// With a clock that tests move.
    pub fn simulated(isolate: bool) -> Harness {
        Harness::in_world(Env::simulated(1, Timestamp(1_700_000_000_000)), isolate, |_| {})
    }

    fn in_world(env: Env, isolate: bool, change: impl FnOnce(&mut Config)) -> Harness {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(dir.path().join("cache"), dir.path().join("run"));
        config.search_path = interpreters().search_path.clone();
        config.isolate = isolate;
        change(&mut config);
        let host = Arc::new(TestHost::default());
        let runtime = Runtime::new(config, env.clone(), host.clone()).unwrap();
        Harness { runtime, host, env, dir }
    }

    /// Gives credentials with this session token from now on.
    pub fn issue(&self, session_token: &str, lifetime: Duration) {
        *self.host.session.lock().unwrap() = Some((session_token.into(), self.env.now() + lifetime));
    }

    /// A function whose code is `files`: paths and their text.
    pub fn function(&self, name: &str, runtime: &str, handler: &str, files: &[(&str, &str)]) -> FunctionSpec {
        let code = self.dir.path().join("code").join(name);
        write(&code, files);
        FunctionSpec {
            key: name.into(),
            name: name.into(),
            version: "$LATEST".into(),
            handler: handler.into(),
            runtime: runtime.into(),
            code,
            layers: Vec::new(),
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(20),
            memory_mb: 128,
            ephemeral_storage_mb: 512,
            region: "eu-west-1".into(),
            account: "000000000000".into(),
            role: "arn:aws:iam::000000000000:role/f".into(),
            log_group: format!("/aws/lambda/{name}"),
            endpoint_url: "http://127.0.0.1:4566".into(),
            instances_max: None,
            json_logs: None,
            snap_start: false,
        }
    }

    pub fn python(&self, source: &str) -> Arc<FunctionSpec> {
        Arc::new(self.function("f", python(), "index.handler", &[("index.py", source)]))
    }

    pub fn node(&self, source: &str) -> Arc<FunctionSpec> {
        Arc::new(self.function("f", node(), "index.handler", &[("index.js", source)]))
    }

    pub fn cache(&self) -> std::path::PathBuf {
        self.dir.path().join("cache")
    }

    /// A layer made of `files`.
    pub fn layer(&self, name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let folder = self.dir.path().join("layers").join(name);
        write(&folder, files);
        folder
    }

    pub async fn try_invoke(&self, spec: &Arc<FunctionSpec>, payload: &str) -> Result<Outcome, InvokeError> {
        self.runtime.invoke(spec, invocation(payload)).await
    }

    pub async fn invoke(&self, spec: &Arc<FunctionSpec>, payload: &str) -> Outcome {
        self.try_invoke(spec, payload).await.unwrap()
    }

    /// The value of a function that must succeed.
    pub async fn value(&self, spec: &Arc<FunctionSpec>, payload: &str) -> Value {
        let outcome = self.invoke(spec, payload).await;
        assert_eq!(outcome.function_error, None, "{}", text(&outcome));
        json(&outcome)
    }

    /// The error object of a function that must fail.
    pub async fn error(&self, spec: &Arc<FunctionSpec>, payload: &str) -> Value {
        let outcome = self.invoke(spec, payload).await;
        assert_eq!(outcome.function_error, Some("Unhandled"), "{}", text(&outcome));
        json(&outcome)
    }

    /// The process of the one instance that there is.
    pub async fn pid(&self) -> u32 {
        let status = self.runtime.status().await;
        status.functions.iter().flat_map(|function| &function.instances).map(|instance| instance.pid).next().unwrap()
    }

    /// Waits, for at most ten seconds, until no instance is busy.
    pub async fn until_idle(&self) {
        for _ in 0..10_000 {
            let status = self.runtime.status().await;
            if !status.functions.iter().flat_map(|function| &function.instances).any(|instance| instance.busy) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("instances stay busy: {:?}", self.runtime.status().await);
    }

    /// Waits, for at most ten seconds, until as many instances exist.
    pub async fn until_instances(&self, wanted: usize) {
        for _ in 0..10_000 {
            let status = self.runtime.status().await;
            if status.functions.iter().map(|function| function.instances.len()).sum::<usize>() == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("there are not {wanted} instances: {:?}", self.runtime.status().await);
    }
}

/// The interpreters of this host, asked once: on PATH may be a version manager's slow scripts.
struct Interpreters {
    search_path: OsString,
    python: String,
    node: String,
}

fn interpreters() -> &'static Interpreters {
    static FOUND: OnceLock<Interpreters> = OnceLock::new();
    FOUND.get_or_init(|| {
        let run = |program: &str, args: [&str; 2]| Command::new(program).args(args).output().unwrap().stdout;
        let ask = |program, args| String::from_utf8(run(program, args)).unwrap().trim().to_string();
        let python = ask("python3", ["-c", "import os, sys; print(os.path.dirname(sys.executable))"]);
        let node = ask("node", ["-p", "path.dirname(process.execPath)"]);
        let folders = [python.as_str(), &node, "/usr/local/bin", "/usr/bin", "/bin"];
        let minor = ask("python3", ["-c", "import sys; print(sys.version_info[1])"]);
        let major: u32 = ask("node", ["-p", "process.versions.node.split('.')[0]"]).parse().unwrap();
        Interpreters {
            search_path: std::env::join_paths(folders).unwrap(),
            python: format!("python3.{minor}"),
            // Later ones have no callbacks, which are tested too.
            node: format!("nodejs{}.x", major.min(22)),
        }
    })
}

/// Where this host's interpreters are.
pub fn search_path() -> &'static OsString {
    &interpreters().search_path
}

/// The runtime of this host's own Python, such as `python3.12`.
pub fn python() -> &'static str {
    &interpreters().python
}

/// The runtime of this host's own Node, such as `nodejs22.x`.
pub fn node() -> &'static str {
    &interpreters().node
}

/// How many processes of this host run a program with these arguments.
pub fn running(arguments: &[&str]) -> usize {
    let wanted: Vec<u8> = arguments.iter().flat_map(|text| text.bytes().chain([0])).collect();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| *line == wanted).count()
}

pub fn invocation(payload: &str) -> Invocation {
    Invocation {
        request_id: Env::real().uuid(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        invoked_function_arn: "arn:aws:lambda:eu-west-1:000000000000:function:f".into(),
        client_context: None,
        identity: None,
        trace_id: None,
    }
}

pub fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.payload).unwrap()
}

pub fn text(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.payload).into_owned()
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}
