//! Prints how long invocations take, cold and warm, without the Lambda service around them:
//! `cargo run --release -p runtime --example latency`; with `-- --unisolated`, without isolation.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for a person to read")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Env, Timestamp};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use hdrhistogram::Histogram;
use runtime::{Config, Credentials, FunctionSpec, Host, Invocation, LogLine, Runtime};

const WARM: usize = 5_000;
const COLD: usize = 20;
const CLIENTS: usize = 8;
const FORKS: usize = 200;
/// How long an instance of a burst is busy, so that each request needs one of its own.
const BUSY: Duration = Duration::from_secs(5);

struct Quiet;

impl Host for Quiet {
    fn credentials<'a>(&'a self, _: &'a FunctionSpec) -> BoxFuture<'a, Result<Credentials, String>> {
        let (access_key_id, secret_access_key, session_token) = Default::default();
        let expires = Timestamp(u64::MAX);
        async move { Ok(Credentials { access_key_id, secret_access_key, session_token, expires }) }.boxed()
    }

    fn log(&self, _: &FunctionSpec, _: &str, _: Vec<LogLine>) {}
}

fn function(dir: &Path, runtime: &str, file: &str, source: &str) -> FunctionSpec {
    use std::os::unix::fs::PermissionsExt;
    let code = dir.join(runtime);
    std::fs::create_dir_all(&code).unwrap();
    std::fs::write(code.join(file), source).unwrap();
    std::fs::set_permissions(code.join(file), std::fs::Permissions::from_mode(0o755)).unwrap();
    FunctionSpec {
        key: String::new(),
        name: "f".into(),
        version: "$LATEST".into(),
        handler: "index.handler".into(),
        runtime: runtime.into(),
        code,
        layers: Vec::new(),
        environment: BTreeMap::new(),
        timeout: Duration::from_secs(10),
        memory_mb: 128,
        ephemeral_storage_mb: 512,
        region: "us-east-1".into(),
        account: "000000000000".into(),
        role: String::new(),
        log_group: "/aws/lambda/f".into(),
        endpoint_url: "http://127.0.0.1:4566".into(),
        instances_max: None,
        json_logs: None,
        snap_start: false,
    }
}

async fn invoke(runtime: &Runtime, spec: &Arc<FunctionSpec>, microseconds: &mut Histogram<u64>) {
    let took = timed(runtime, spec, b"{\"key\":\"value\"}").await;
    microseconds.record(u64::try_from(took.as_micros()).unwrap()).unwrap();
}

async fn timed(runtime: &Runtime, spec: &Arc<FunctionSpec>, payload: &'static [u8]) -> Duration {
    let invocation = Invocation {
        request_id: Env::real().uuid(),
        payload: Bytes::from_static(payload),
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
        client_context: None,
        identity: None,
        trace_id: None,
    };
    let started = Instant::now();
    let outcome = runtime.invoke(spec, invocation).await.unwrap();
    let took = started.elapsed();
    assert_eq!(outcome.function_error, None, "{outcome:?}");
    took
}

fn show(what: &str, microseconds: &Histogram<u64>, took: Duration) {
    let at = |quantile| microseconds.value_at_quantile(quantile) as f64 / 1000.0;
    let rate = microseconds.len() as f64 / took.as_secs_f64();
    println!("{what:<32} p50 {:8.3} ms  p99 {:8.3} ms  {rate:8.0}/s", at(0.5), at(0.99));
}

/// Waits until a process is there that was started ahead, where there are such.
async fn until_ready(runtime: &Runtime) {
    let started = Instant::now();
    while runtime.status().await.prebooted.len() < 2 && started.elapsed() < Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn measure(runtime: &Runtime, spec: FunctionSpec) {
    let new = || Histogram::<u64>::new(3).unwrap();
    let (mut cold, started) = (new(), Instant::now());
    for round in 0..COLD {
        if spec.runtime.starts_with("nodejs") && round > 0 {
            until_ready(runtime).await;
        }
        let spec = Arc::new(FunctionSpec { key: format!("{} {round}", spec.runtime), ..spec.clone() });
        invoke(runtime, &spec, &mut cold).await;
        runtime.retire(&spec.key);
    }
    show(&format!("{} cold", spec.runtime), &cold, started.elapsed());
    let spec = Arc::new(FunctionSpec { key: spec.runtime.clone(), ..spec });
    let mut warm = new();
    invoke(runtime, &spec, &mut new()).await;
    let started = Instant::now();
    for _ in 0..WARM {
        invoke(runtime, &spec, &mut warm).await;
    }
    show(&format!("{} warm, 1 client", spec.runtime), &warm, started.elapsed());
    let started = Instant::now();
    let clients = (0..CLIENTS).map(|_| async {
        let mut warm = new();
        for _ in 0..WARM / CLIENTS {
            invoke(runtime, &spec, &mut warm).await;
        }
        warm
    });
    let mut all = new();
    join_all(clients).await.into_iter().for_each(|one| all.add(one).unwrap());
    show(&format!("{} warm, {CLIENTS} clients", spec.runtime), &all, started.elapsed());
}

/// Cold starts of a function whose code is loaded: one at a time, then as many at once.
async fn measure_forks(runtime: &Runtime, what: &str, spec: FunctionSpec) {
    let spec = Arc::new(FunctionSpec { key: what.into(), ..spec });
    let (mut one, mut burst) = (Histogram::<u64>::new(3).unwrap(), Histogram::<u64>::new(3).unwrap());
    timed(runtime, &spec, b"0").await;
    let started = Instant::now();
    for _ in 0..FORKS {
        // The instance before this one has left.
        while runtime.status().await.functions.iter().any(|function| !function.instances.is_empty()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        one.record(u64::try_from(timed(runtime, &spec, b"0").await.as_micros()).unwrap()).unwrap();
    }
    show(&format!("{what}, one at a time"), &one, started.elapsed());
    let started = Instant::now();
    let requests = join_all((0..FORKS).map(|_| timed(runtime, &spec, b"5")));
    let memory = async {
        tokio::time::sleep(BUSY).await;
        let status = runtime.status().await;
        let instances: Vec<u64> = status.functions.iter().flat_map(|f| &f.instances).map(|i| i.memory_bytes).collect();
        instances.iter().sum::<u64>() / (1 + instances.len() as u64)
    };
    let (requests, memory) = tokio::join!(requests, memory);
    let took = started.elapsed().saturating_sub(BUSY);
    requests.iter().for_each(|took| burst.record(u64::try_from((*took - BUSY).as_micros()).unwrap()).unwrap());
    show(&format!("{what}, {FORKS} at once"), &burst, took);
    println!("{:<32} {:.1} MiB each", "  memory", memory as f64 / 1048576.0);
}

/// A self-made runtime of the standard library, with one kept connection.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
api = socket.create_connection((host, int(port)))
api.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def call(request):
    api.sendall(request)
    head, _, body = api.recv(65536).partition(b"\r\n\r\n")
    return head
while True:
    head = call(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n")
    request = next(l.split(b": ")[1] for l in head.split(b"\r\n") if l.startswith(b"lambda-runtime-aws-request-id"))
    call(b"POST /2018-06-01/runtime/invocation/" + request + b"/response HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
"#;

/// Some megabytes, as a bundler writes them: modules in functions, all of them called.
fn bundle() -> String {
    let fields = |module: usize| {
        (0..12).map(move |field| format!("function f{module}_{field}(input) {{ const out = {{}}; for (const [key, value] of Object.entries(input ?? {{}})) {{ if (value == null) continue; out[key] = typeof value === 'object' ? f{module}_{}(value) : String(value) + '{field}'; }} return out; }}\n", (field + 1) % 12))
    };
    let modules = (0..1_200).map(|module| {
        format!(
            "(() => {{\n{}return f{module}_0({{ a: 1, b: {{ c: 2 }} }});\n}})();\n",
            fields(module).collect::<String>()
        )
    });
    modules.chain(["exports.handler = async (event) => event;".into()]).collect()
}

#[tokio::main]
async fn main() {
    let dir = std::env::temp_dir().join(format!("latency-{}", std::process::id()));
    let mut config = Config::new(dir.join("cache"), dir.join("run"));
    config.isolate = !std::env::args().any(|argument| argument == "--unisolated");
    let isolate = config.isolate;
    let runtime = Runtime::new(config, Env::real(), Arc::new(Quiet)).unwrap();
    let python = "def handler(event, context): return event";
    let node = "exports.handler = async (event) => event";
    measure(&runtime, function(&dir, "python3.11", "index.py", python)).await;
    measure(&runtime, function(&dir, "nodejs20.x", "index.js", node)).await;
    measure(&runtime, function(&dir.join("bundle"), "nodejs20.x", "index.js", &bundle())).await;
    measure(&runtime, function(&dir, "provided.al2023", "bootstrap", BOOTSTRAP)).await;
    runtime.shutdown(Duration::from_secs(1)).await;
    let mut config = Config::new(std::env::temp_dir().join("latency-cache"), dir.join("forks"));
    config.isolate = isolate;
    (config.idle_timeout, config.instances_max) = (Duration::from_millis(1), FORKS + 1);
    let runtime = Runtime::new(config, Env::real(), Arc::new(Quiet)).unwrap();
    let sleep = "import time\ndef handler(event, context): time.sleep(event)";
    measure_forks(&runtime, "fork", function(&dir, "python3.11", "index.py", sleep)).await;
    runtime.prepare(&["python3.11"], Arc::new(|_| {})).await.unwrap();
    let boto3 = format!("import boto3\nclient = boto3.client('dynamodb')\n{sleep}");
    measure_forks(&runtime, "fork with boto3", function(&dir, "python3.11", "index.py", &boto3)).await;
    runtime.shutdown(Duration::from_secs(1)).await;
    std::fs::remove_dir_all(dir).unwrap();
}
