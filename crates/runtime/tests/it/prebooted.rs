//! Processes that are started ahead of need become instances like any others.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runtime::{FunctionSpec, InstanceStatus, Status};
use serde_json::{Value, json};

use crate::harness::{Harness, node, python};

/// Tells which process it is and what that has.
const ABOUT: &str = r#"
const fs = require("fs");
const top = { cwd: process.cwd(), env: { ...process.env }, uid: process.getuid() };
const around = () => ({
    task: fs.readdirSync(process.env.LAMBDA_TASK_ROOT).sort(), opt: fs.readdirSync("/opt"), tmp: fs.readdirSync("/tmp"),
    write: (() => { try { fs.writeFileSync(process.env.LAMBDA_TASK_ROOT + "/x", ""); return "written"; } catch (error) { return error.code; } })(),
});
exports.handler = async (isolated) => ({
    ...top, around: isolated && around(),
    layer: (() => { try { return require("of-a-layer"); } catch (error) { return error.code; } })(),
    child: require("child_process").execSync("echo $OWN $LD_LIBRARY_PATH").toString().trim(),
});
"#;

async fn ahead(harness: &Harness, wanted: usize) -> Vec<u32> {
    for _ in 0..10_000 {
        let status = harness.runtime.status().await.prebooted;
        if status.len() == wanted {
            return status.iter().map(|process: &InstanceStatus| process.pid).collect();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("there are not {wanted} processes: {:?}", harness.runtime.status().await);
}

async fn pid_of(harness: &Harness, key: &str) -> u32 {
    let status = harness.runtime.status().await;
    status.functions.iter().find(|function| function.spec.key == key).unwrap().instances[0].pid
}

fn about(harness: &Harness) -> FunctionSpec {
    let layer = harness.layer("one", &[("nodejs/node_modules/of-a-layer/index.js", "module.exports = 'layer'")]);
    let spec = harness.function("f", node(), "index.handler", &[("index.js", ABOUT)]);
    FunctionSpec { environment: [("OWN".into(), "ü x".into())].into(), layers: vec![layer], ..spec }
}

/// What differs between any two instances.
fn without_own(mut value: Value) -> Value {
    for name in ["AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "HOME", "TMPDIR"] {
        value["env"].as_object_mut().unwrap().remove(name);
    }
    value.as_object_mut().unwrap().remove("uid");
    value
}

#[tokio::test]
async fn they_become_what_a_plain_start_makes() {
    for isolate in [true, false] {
        let harness = Harness::with(|config| (config.isolate, config.prebooted) = (isolate, 1));
        let spec = about(&harness);
        assert!(harness.runtime.status().await.prebooted.is_empty(), "no function has needed any");
        let start = |key: &str| Arc::new(FunctionSpec { key: key.into(), ..spec.clone() });
        let plain = harness.value(&start("plain"), &isolate.to_string()).await;
        let ready = ahead(&harness, 1).await;
        let prebooted = harness.value(&start("prebooted"), &isolate.to_string()).await;
        assert_eq!([pid_of(&harness, "prebooted").await], ready[..], "it was used");
        assert_eq!(prebooted["layer"], "layer");
        if isolate {
            assert_eq!(prebooted["around"]["write"], "EROFS");
            assert_eq!(prebooted["env"]["HOME"], "/tmp");
            assert_ne!(prebooted["uid"], plain["uid"]);
        }
        assert_eq!(without_own(plain), without_own(prebooted));
        // It is replaced by another one.
        assert_ne!(ahead(&harness, 1).await, ready);
    }
}

/// The same of a program.
const ABOUT_A_PROGRAM: &str = r#"#!/usr/bin/env python3
import http.client, json, os, sys
def tried(what, *arguments):
    try:
        return what(*arguments)
    except OSError as error:
        return type(error).__name__
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/"
about = {
    "cwd": os.getcwd(), "env": dict(os.environ), "uid": os.getuid(), "arguments": sys.argv, "layer": tried(lambda: open("/opt/file").read()),
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1], "task": os.listdir("/var/task"), "tmp": os.listdir("/tmp"), "pid": os.getpid(),
    "write": tried(open, "/var/task/x", "w"), "init": tried(os.listdir, "/proc/1/fd"), "mount": os.system("mount -t tmpfs none /tmp 2>/dev/null") != 0,
}
while True:
    api.request("GET", base + "invocation/next")
    response = api.getresponse()
    megabytes, request = json.loads(response.read()), response.headers["Lambda-Runtime-Aws-Request-Id"]
    held = b"x" * (megabytes << 20)
    api.request("POST", f"{base}invocation/{request}/response", json.dumps(about))
    api.getresponse().read()
"#;

#[tokio::test]
async fn a_program_finds_what_a_plain_start_makes() {
    let harness = Harness::with(|config| config.prebooted = 1);
    let layer = harness.layer("one", &[("file", "layer")]);
    let spec = harness.function("f", "provided.al2023", "index.handler", &[("bootstrap", ABOUT_A_PROGRAM)]);
    let spec = FunctionSpec { environment: [("OWN".into(), "ü x".into())].into(), layers: vec![layer], ..spec };
    let start = |key: &str| Arc::new(FunctionSpec { key: key.into(), ..spec.clone() });
    let plain = harness.value(&start("plain"), "0").await;
    let ready = ahead(&harness, 2).await;
    let spec = start("prebooted");
    let prebooted = harness.value(&spec, "0").await;
    assert!(ready.contains(&pid_of(&harness, "prebooted").await), "it was used");
    let seen = ["layer", "write", "init"].map(|name| prebooted[name].as_str().unwrap());
    assert_eq!(seen, ["layer", "OSError", "PermissionError"]);
    assert_ne!(prebooted["uid"], plain["uid"]);
    assert_eq!(without_own(plain), without_own(prebooted));
    // It has the function's limits, and others take its place.
    assert_eq!(harness.invoke(&spec, "400").await.function_error, Some("Unhandled"));
    assert!(!ahead(&harness, 2).await.iter().all(|pid| ready.contains(pid)));
}

#[tokio::test]
async fn a_program_that_cannot_run_is_told_as_ever() {
    let harness = Harness::with(|config| config.prebooted = 1);
    let new = |key: &str, bootstrap: &str| {
        let spec = harness.function(key, "provided.al2023", "index.handler", &[("bootstrap", bootstrap)]);
        Arc::new(spec)
    };
    harness.value(&new("good", ABOUT_A_PROGRAM), "0").await;
    for (key, bootstrap, kind) in [
        ("none", "#!/no/such/interpreter\n", "Runtime.InvalidEntrypoint"),
        ("text", "no program", "Runtime.InvalidEntrypoint"),
        ("exits", "#!/bin/sh\nexit 3\n", "Runtime.ExitError"),
    ] {
        ahead(&harness, 2).await;
        assert_eq!(harness.error(&new(key, bootstrap), "0").await["errorType"], kind);
    }
}

/// Stops the processes that wait, and ends them when one of them has been given its function: it answers nothing then.
async fn end_when_used(harness: &Harness, ready: &[u32]) {
    let signal = |name: &str| {
        let numbers = ready.iter().map(u32::to_string);
        // One may be gone already.
        std::process::Command::new("kill")
            .arg(name)
            .args(numbers)
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
    };
    signal("-STOP");
    let waits = async || waiting(&harness.runtime.status().await).iter().filter(|pid| ready.contains(pid)).count();
    while waits().await == ready.len() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    signal("-KILL");
}

fn waiting(status: &Status) -> Vec<u32> {
    let spares = status.functions.iter().flat_map(|function| &function.spares);
    spares.chain(&status.prebooted).map(|process| process.pid).collect()
}

#[tokio::test]
async fn one_that_ended_before_it_was_used_is_replaced() {
    for (kind, count) in [("node", 1), ("program", 2), ("python", 1)] {
        let harness = Harness::with(|config| config.prebooted = 1);
        let spec = Arc::new(match kind {
            "node" => harness.function("f", node(), "index.handler", &[("index.js", NODE_WHO)]),
            "program" => harness.function("f", "provided.al2023", "h", &[("bootstrap", PROGRAM_WHO)]),
            _ => harness.function("f", python(), "index.handler", &[("index.py", PYTHON_WHO)]),
        });
        harness.value(&spec, "0").await;
        until_waiting(&harness, count).await;
        let ready = waiting(&harness.runtime.status().await);
        // The first is served by the instance that there is, the second by a new one.
        let both = async { tokio::join!(harness.value(&spec, "300"), harness.value(&spec, "0")) };
        let ((first, second), ()) = tokio::join!(both, end_when_used(&harness, &ready));
        assert_ne!(first, second, "{kind}");
        let messages = harness.host.messages();
        assert!(!messages.iter().any(|message| message.to_lowercase().contains("error")), "{messages:?}");
        let starts = messages.iter().filter(|message| message.starts_with("INIT_START")).count();
        // What the import of Python's printed is in the log of the first one.
        let imports = messages.iter().filter(|message| *message == "loaded\n").count();
        assert_eq!((starts, imports), (2, usize::from(kind == "python")), "{messages:?}");
    }
}

/// They answer with what names the instance, after so many milliseconds.
const NODE_WHO: &str = "exports.handler = (ms) => new Promise((done) => setTimeout(() => done(process.env.AWS_LAMBDA_LOG_STREAM_NAME), ms))";
const PYTHON_WHO: &str = r#"
import os, time
print("loaded")
def handler(event, context):
    time.sleep(event / 1000)
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
"#;
const PROGRAM_WHO: &str = r#"#!/usr/bin/env python3
import http.client, json, os, time
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/"
while True:
    api.request("GET", base + "invocation/next")
    response = api.getresponse()
    time.sleep(json.loads(response.read()) / 1000)
    request = response.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"{base}invocation/{request}/response", json.dumps(os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]))
    api.getresponse().read()
"#;

async fn until_waiting(harness: &Harness, count: usize) {
    for _ in 0..10_000 {
        if waiting(&harness.runtime.status().await).len() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("there are not {count}: {:?}", harness.runtime.status().await);
}

/// Node, but for a process that is to wait and whose folder has a file of that name: that one ends, and so does the file.
const NODE_THAT_FAILS: &str = r#"#!/bin/sh
for argument; do
    if [ "$argument" = wait ] && rm "$0-fails" 2>/dev/null; then exit 1; fi
    if [ "$argument" = -p ]; then NODE -p process.versions.node; echo "$0"; exit; fi
done
exec NODE "$@"
"#;

#[tokio::test]
async fn one_that_cannot_be_started_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("node");
    let harness = Harness::with(|config| {
        let real = std::env::split_paths(&config.search_path).map(|path| path.join("node")).find(|path| path.is_file());
        let script = NODE_THAT_FAILS.replace("NODE", &real.unwrap().display().to_string());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        (config.isolate, config.prebooted) = (false, 1);
        config.search_path = std::env::join_paths([folder.path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    });
    let fails = folder.path().join("node-fails");
    std::fs::write(&fails, "").unwrap();
    harness.value(&harness.node("exports.handler = async () => 1"), "0").await;
    ahead(&harness, 1).await;
    assert!(!fails.exists(), "the first one has failed");
}

#[tokio::test]
async fn each_serves_one_function_and_its_limits_hold() {
    let harness = Harness::with(|config| config.prebooted = 1);
    let source = "let n = 0; exports.handler = async (mb) => { const b = Buffer.alloc(mb << 20, 1); await new Promise((d) => setTimeout(d, 200)); return [++n, b.length >> 20]; }";
    let new = |name: &str, memory_mb| {
        let spec = harness.function(name, node(), "index.handler", &[("index.js", source)]);
        Arc::new(FunctionSpec { memory_mb, ..spec })
    };
    harness.value(&new("first", 128), "0").await;
    let mut used = Vec::new();
    for (name, memory_mb) in [("large", 512), ("small", 128)] {
        let spec = new(name, memory_mb);
        used.extend(ahead(&harness, 1).await);
        assert_eq!(harness.value(&spec, "1").await, json!([1, 1]));
        assert_eq!(pid_of(&harness, name).await, *used.last().unwrap());
        let outcome = harness.invoke(&spec, "256").await;
        match memory_mb {
            512 => assert_eq!(crate::harness::json(&outcome), json!([2, 256])),
            _ => assert_eq!(outcome.function_error, Some("Unhandled")),
        }
    }
    assert_ne!(used[0], used[1]);
}

#[tokio::test]
async fn what_has_to_be_there_from_the_start_is() {
    let harness = Harness::with(|config| config.prebooted = 1);
    let source = "exports.handler = async () => [process.env.NODE_OPTIONS ?? null, require('v8').getHeapStatistics().heap_size_limit < 200 << 20]";
    let spec = harness.function("f", node(), "index.handler", &[("index.js", source)]);
    assert_eq!(harness.value(&Arc::new(spec.clone()), "{}").await, json!([null, false]));
    let ready = ahead(&harness, 1).await;
    let options = "--max-old-space-size=64";
    let environment = HashMap::from([("NODE_OPTIONS".to_string(), options.to_string())]).into_iter().collect();
    let spec = Arc::new(FunctionSpec { key: "options".into(), environment, ..spec });
    assert_eq!(harness.value(&spec, "{}").await, json!([options, true]));
    assert_eq!(ahead(&harness, 1).await, ready);
}

#[tokio::test]
async fn an_inspected_function_is_started_for_itself_alone() {
    let harness = Harness::with(|config| config.prebooted = 1);
    let source = "exports.handler = async () => process.execArgv.filter((option) => option.startsWith('--inspect'))";
    let new = |name: &str| Arc::new(harness.function(name, node(), "index.handler", &[("index.js", source)]));
    let (plain, inspected) = (new("plain"), new("inspected"));
    assert_eq!(harness.value(&plain, "{}").await, json!([]));
    let ready = ahead(&harness, 1).await;
    let kept = || std::fs::read_dir(harness.cache().join("compiled")).unwrap().count();
    let kept_before = kept();
    let inspector = harness.runtime.inspect("inspected", node(), Some(0), Arc::new(|_| {})).await.unwrap();
    harness.runtime.warm(&inspected);
    let option = format!("--inspect=127.0.0.1:{}", inspector.port);
    assert_eq!(harness.value(&inspected, "{}").await, json!([option]));
    assert_eq!((ahead(&harness, 1).await, kept()), (ready, kept_before));
}

#[tokio::test]
async fn a_failure_to_load_is_told_as_ever() {
    let harness = Harness::with(|config| config.prebooted = 1);
    harness.value(&harness.node("exports.handler = async () => 1"), "{}").await;
    for (key, source, kind) in [
        ("throws", "throw new TypeError('x')", "TypeError"),
        ("exits", "process.exit(3)", "Runtime.ExitError"),
        ("none", "exports.other = 1", "Runtime.HandlerNotFound"),
    ] {
        ahead(&harness, 1).await;
        let spec = Arc::new(harness.function(key, node(), "index.handler", &[("index.js", source)]));
        assert_eq!(harness.error(&spec, "{}").await["errorType"], kind);
    }
    assert!(ahead(&harness, 1).await[0] > 0);
}

#[tokio::test]
async fn they_leave_when_nobody_needs_them() {
    let short = Duration::from_millis(50);
    let harness = Harness::with(|config| {
        (config.prebooted, config.idle_timeout, config.zygote_idle_timeout) = (2, short, Duration::from_secs(3))
    });
    harness.value(&harness.node("exports.handler = async () => 1"), "{}").await;
    let ready = ahead(&harness, 2).await;
    ahead(&harness, 0).await;
    for pid in ready {
        while !sandbox::has_ended(pid) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn a_function_that_is_warmed_has_them_before_its_first_request() {
    let harness = Harness::with(|config| config.prebooted = 1);
    let large = format!("exports.handler = async () => 1;\n{}", "(() => [1, 2].map((x) => x * 2))();\n".repeat(10_000));
    let spec = Arc::new(harness.function("f", node(), "index.handler", &[("index.js", &large)]));
    harness.runtime.warm(&spec);
    let ready = ahead(&harness, 1).await;
    let compiled = || {
        let folders = std::fs::read_dir(harness.cache().join("compiled")).into_iter().flatten().flatten();
        folders.filter(|folder| folder.path().join("code").is_file()).count()
    };
    while compiled() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(harness.runtime.status().await.functions.is_empty(), "no request has come");
    assert!(harness.host.messages().is_empty());
    assert_eq!(harness.value(&spec, "{}").await, json!(1));
    assert_eq!([pid_of(&harness, "f").await], ready[..]);
}
