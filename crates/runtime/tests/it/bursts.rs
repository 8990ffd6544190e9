//! Many requests at once get as many instances.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use runtime::{Config, FunctionSpec};

use crate::harness::{Harness, node, python};

/// Each answers when there is a file `go` in its code.
const PYTHON: &str = "import os, time\ndef handler(e, c):\n  while not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/go'): time.sleep(0.05)\n  return os.getpid()";
const NODE: &str = "const fs = require('fs')\nexports.handler = async () => { while (!fs.existsSync(process.env.LAMBDA_TASK_ROOT + '/go')) await new Promise((done) => setTimeout(done, 50)); return process.pid }";
const PROVIDED: &str = r#"#!/usr/bin/env python3
import http.client, os, time
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
def call(method, path, body=None):
    api.request(method, base + path, body)
    response = api.getresponse()
    response.read()
    return response
while True:
    request = call("GET", "next").headers["Lambda-Runtime-Aws-Request-Id"]
    while not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/go"): time.sleep(0.05)
    call("POST", request + "/response", str(os.getpid()))
"#;

/// 200 processes of Node are seconds of two processors, which others may be using, too.
const PATIENCE: Duration = Duration::from_secs(300);

async fn burst(requests: usize, change: impl FnOnce(&mut Config), make: impl Fn(&Harness) -> FunctionSpec) {
    let harness = Harness::with(change);
    let spec = make(&harness);
    let spec = Arc::new(FunctionSpec { timeout: PATIENCE, ..spec });
    let calls = join_all((0..requests).map(|_| harness.try_invoke(&spec, "{}")));
    let release = async {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let status = harness.runtime.status().await;
            let busy = status.functions.iter().flat_map(|function| &function.instances).filter(|one| one.busy).count();
            if busy == requests {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "there are only {busy} instances");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::fs::write(spec.code.join("go"), "").unwrap();
    };
    let (answers, ()) = tokio::join!(calls, release);
    let answered =
        answers.iter().filter(|answer| answer.as_ref().is_ok_and(|outcome| outcome.function_error.is_none()));
    assert_eq!(answered.count(), requests, "{:?}", answers.iter().find(|answer| answer.is_err()));
}

#[tokio::test]
async fn of_forks() {
    burst(200, |_| {}, |harness| harness.function("f", python(), "index.handler", &[("index.py", PYTHON)])).await;
}

#[tokio::test]
async fn of_unisolated_forks() {
    burst(
        200,
        |config| config.isolate = false,
        |harness| harness.function("f", python(), "index.handler", &[("index.py", PYTHON)]),
    )
    .await;
}

#[tokio::test]
async fn of_isolated_node_processes() {
    burst(200, |_| {}, |harness| harness.function("f", node(), "index.handler", &[("index.js", NODE)])).await;
}

#[tokio::test]
async fn of_isolated_programs() {
    burst(200, |_| {}, |harness| harness.function("f", "provided.al2023", "h", &[("bootstrap", PROVIDED)])).await;
}
