//! What waits for requests: it uses no processor, and leaves when memory is short.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::Status;

use crate::harness::{Harness, node, python};

const PYTHON: &str = "def handler(e, c): return e";
const NODE: &str = "exports.handler = async (event) => event";
const PROVIDED: &str = r#"#!/usr/bin/env python3
import http.client, os
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
def call(method, path, body=None):
    api.request(method, base + path, body)
    response = api.getresponse()
    return response, response.read()
while True:
    request, event = call("GET", "next")
    call("POST", request.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", event)
"#;

/// Waits as long as that takes, and not for ever.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One instance of each language, what they come from, and what waits beside them.
async fn one_of_each(harness: &Harness, isolate: bool) {
    let functions = [
        harness.function("p", python(), "index.handler", &[("index.py", PYTHON)]),
        harness.function("n", node(), "index.handler", &[("index.js", NODE)]),
        harness.function("b", "provided.al2023", "h", &[("bootstrap", PROVIDED)]),
    ];
    for spec in functions {
        assert_eq!(harness.value(&Arc::new(spec), "7").await, 7);
    }
    until("nothing waits", async || {
        let Status { functions, prebooted, .. } = harness.runtime.status().await;
        let spares: usize = functions.iter().map(|function| function.spares.len()).sum();
        let instances: usize = functions.iter().map(|function| function.instances.len()).sum();
        let zygotes = functions.iter().filter(|function| function.zygote.is_some()).count();
        // One of Node, and places for programs.
        (spares, instances, zygotes, prebooted.len()) == (1, 3, 1, if isolate { 3 } else { 1 })
    })
    .await;
}

fn pids(status: &Status) -> Vec<u32> {
    let functions = status.functions.iter();
    let processes = functions
        .flat_map(|function| [&function.instances, &function.spares].into_iter().flatten().chain(&function.zygote));
    let mut pids: Vec<u32> = processes.chain(&status.prebooted).map(|process| process.pid).collect();
    pids.sort_unstable();
    pids
}

/// Nanoseconds for which each thread of these processes has run. Source: the kernel's sched-stats.rst.
fn run_times(pids: &[u32]) -> Vec<u64> {
    let tasks = pids.iter().flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten());
    let times = tasks.map(|task| std::fs::read_to_string(task.path().join("schedstat")).unwrap());
    times.map(|times| times.split(' ').next().unwrap().parse().unwrap()).collect()
}

async fn what_waits_uses_no_processor(isolate: bool) {
    let harness = Harness::with(|config| (config.isolate, config.prebooted) = (isolate, 1));
    one_of_each(&harness, isolate).await;
    let mut used = Vec::new();
    // What has just started may have something to finish.
    for _ in 0..10 {
        let before = pids(&harness.runtime.status().await);
        let times = run_times(&before);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = pids(&harness.runtime.status().await);
        used = times.iter().zip(run_times(&after)).map(|(before, after)| after - before).collect();
        if before == after && used.iter().all(|used| *used == 0) {
            assert_eq!(before.len(), if isolate { 8 } else { 6 });
            return;
        }
    }
    panic!("something runs all the time: nanoseconds in a second, by thread: {used:?}");
}

#[tokio::test]
async fn what_waits_in_isolation_uses_no_processor() {
    what_waits_uses_no_processor(true).await;
}

#[tokio::test]
async fn what_waits_unisolated_uses_no_processor() {
    what_waits_uses_no_processor(false).await;
}

#[tokio::test]
async fn what_waits_leaves_when_memory_is_short() {
    let harness = Harness::with(|config| config.prebooted = 1);
    one_of_each(&harness, true).await;
    let before = pids(&harness.runtime.status().await);
    harness.runtime.keep_free(u64::MAX);
    until("it stays", async || {
        let status = harness.runtime.status().await;
        status.functions.iter().all(|function| function.instances.is_empty() && function.spares.is_empty())
            && status.prebooted.is_empty()
    })
    .await;
    // What requests need is started nevertheless, from the zygote that has stayed; nothing is started ahead of them.
    let spec = Arc::new(harness.function("p", python(), "index.handler", &[("index.py", PYTHON)]));
    assert_eq!(harness.value(&spec, "8").await, 8);
    let status = harness.runtime.status().await;
    let function = status.functions.iter().find(|function| function.spec.name == "p").unwrap();
    assert!(function.spares.is_empty() && before.contains(&function.zygote.as_ref().unwrap().pid));
}
