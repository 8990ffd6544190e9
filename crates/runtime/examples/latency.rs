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
        region: "us-east-1".into(),
        account: "000000000000".into(),
        role: String::new(),
        log_group: "/aws/lambda/f".into(),
        endpoint_url: "http://127.0.0.1:4566".into(),
        instances_max: None,
    }
}

async fn invoke(runtime: &Runtime, spec: &Arc<FunctionSpec>, microseconds: &mut Histogram<u64>) {
    let invocation = Invocation {
        request_id: Env::real().uuid(),
        payload: Bytes::from_static(b"{\"key\":\"value\"}"),
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
        client_context: None,
        identity: None,
        trace_id: None,
    };
    let started = Instant::now();
    let outcome = runtime.invoke(spec, invocation).await.unwrap();
    microseconds.record(u64::try_from(started.elapsed().as_micros()).unwrap()).unwrap();
    assert_eq!(outcome.function_error, None, "{outcome:?}");
}

fn show(what: &str, microseconds: &Histogram<u64>, took: Duration) {
    let at = |quantile| microseconds.value_at_quantile(quantile) as f64 / 1000.0;
    let rate = microseconds.len() as f64 / took.as_secs_f64();
    println!("{what:<32} p50 {:8.3} ms  p99 {:8.3} ms  {rate:8.0}/s", at(0.5), at(0.99));
}

async fn measure(runtime: &Runtime, spec: FunctionSpec) {
    let new = || Histogram::<u64>::new(3).unwrap();
    let (mut cold, started) = (new(), Instant::now());
    for round in 0..COLD {
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

#[tokio::main]
async fn main() {
    let dir = std::env::temp_dir().join(format!("latency-{}", std::process::id()));
    let mut config = Config::new(dir.join("cache"), dir.join("run"));
    config.isolate = !std::env::args().any(|argument| argument == "--unisolated");
    let runtime = Runtime::new(config, Env::real(), Arc::new(Quiet)).unwrap();
    let python = "def handler(event, context): return event";
    let node = "exports.handler = async (event) => event";
    measure(&runtime, function(&dir, "python3.11", "index.py", python)).await;
    measure(&runtime, function(&dir, "nodejs20.x", "index.js", node)).await;
    measure(&runtime, function(&dir, "provided.al2023", "bootstrap", BOOTSTRAP)).await;
    runtime.shutdown(Duration::from_secs(1)).await;
    std::fs::remove_dir_all(dir).unwrap();
}
