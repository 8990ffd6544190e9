//! What instances may use of the machine: memory, /tmp, processors, and nothing while they are idle.

use std::sync::Arc;
use std::time::Duration;

use runtime::FunctionSpec;
use serde_json::json;

use crate::harness::{Harness, node, python, text};

const TAKES: &str = "def handler(e, c):\n  b = bytearray(e << 20)\n  for i in range(0, len(b), 4096): b[i] = 1\n  import time\n  time.sleep(0.2)\n  return len(b) >> 20";

#[tokio::test]
async fn too_much_memory_ends_the_invocation_alone() {
    let harness = Harness::new();
    let neighbour = harness.node("exports.handler = async (e) => e");
    let greedy = Arc::new(harness.function("greedy", python(), "index.handler", &[("index.py", TAKES)]));
    assert_eq!(harness.value(&greedy, "40").await, 40);
    // More than its MemorySize; and more than everything that it may have, /tmp included.
    for megabytes in ["200", "2000"] {
        let (outcome, answer) = tokio::join!(harness.invoke(&greedy, megabytes), harness.value(&neighbour, "1"));
        let message = "Error: Runtime exited with error: signal: killed";
        assert_eq!(outcome.function_error, Some("Unhandled"), "{}", text(&outcome));
        assert!(text(&outcome).contains(message) && text(&outcome).contains("Runtime.ExitError"), "{}", text(&outcome));
        assert!(outcome.log_tail.contains("REPORT ") && outcome.log_tail.contains("Error Type: Runtime.ExitError"));
        assert_eq!(answer, 1);
    }
    assert_eq!(harness.value(&greedy, "40").await, 40);
    let larger = FunctionSpec { key: "larger".into(), memory_mb: 512, ..(*greedy).clone() };
    assert_eq!(harness.value(&Arc::new(larger), "200").await, 200);
}

#[tokio::test]
async fn without_control_groups_processes_are_counted() {
    let harness = Harness::with(|config| config.isolate = false);
    let forked = harness.function("forked", python(), "index.handler", &[("index.py", TAKES)]);
    let extended =
        format!("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n{TAKES}");
    let alone = harness.function("alone", python(), "index.handler", &[("index.py", &extended)]);
    for spec in [forked, alone].map(Arc::new) {
        assert_eq!(harness.value(&spec, "40").await, 40);
        assert_eq!(harness.error(&spec, "200").await["errorType"], "Runtime.ExitError");
        assert_eq!(harness.value(&spec, "40").await, 40);
    }
}

#[tokio::test]
async fn memory_of_programs_that_it_starts_counts() {
    let harness = Harness::new();
    let source = "import subprocess, sys\ndef handler(e, c):\n  return subprocess.run([sys.executable, '-c', 'import time; b = b\"x\" * (300 << 20); time.sleep(5)']).returncode";
    let error = harness.error(&harness.python(source), "{}").await;
    assert_eq!(error["errorType"], "Runtime.ExitError");
}

#[tokio::test]
async fn tmp_holds_what_is_configured_besides_the_memory() {
    let harness = Harness::new();
    let source = "import os\ndef handler(e, c):\n  with open('/tmp/f', 'wb', 0) as f:\n    try:\n      for i in range(4096): f.write(bytes(1 << 20))\n    except OSError as error: return [os.fstat(f.fileno()).st_size >> 20, error.errno]";
    let spec = harness.function("f", python(), "index.handler", &[("index.py", source)]);
    assert_eq!(harness.value(&Arc::new(spec.clone()), "{}").await, json!([512, 28]));
    let larger = FunctionSpec { key: "larger".into(), ephemeral_storage_mb: 1024, ..spec };
    assert_eq!(harness.value(&Arc::new(larger), "{}").await, json!([1024, 28]));
}

/// Processor time that a process has used, in ticks. Source: proc_pid_stat(5).
fn ticks(pid: u32) -> u64 {
    let about = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = about.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Waits until a process uses no processor time: what it has used is the same after `pause`.
async fn is_still(pid: u32, pause: Duration) -> bool {
    for _ in 0..50 {
        let before = ticks(pid);
        tokio::time::sleep(pause).await;
        if ticks(pid) == before {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn idle_instances_use_no_processor_time() {
    let harness = Harness::new();
    let python_source = "import threading\nn = 0\ndef spin():\n  global n\n  while True: n += 1\nthreading.Thread(target=spin, daemon=True).start()\ndef handler(e, c): return n";
    let node_source =
        "let n = 0; setInterval(() => { for (let i = 0; i < 1e6; i++) n += 1 }, 1); exports.handler = async () => n";
    for (runtime, file, source) in [(python(), "index.py", python_source), (node(), "index.js", node_source)] {
        let spec = Arc::new(harness.function(runtime, runtime, "index.handler", &[(file, source)]));
        let first = harness.value(&spec, "{}").await.as_u64().unwrap();
        let pid = harness.pid().await;
        // A busy loop uses ten ticks in this time.
        assert!(is_still(pid, Duration::from_millis(100)).await, "{runtime}");
        // It goes on where it was.
        let second = harness.value(&spec, "{}").await.as_u64().unwrap();
        assert!(second >= first, "{runtime}: {first} {second}");
        assert_eq!(harness.pid().await, pid);
        harness.runtime.retire(&spec.key);
        harness.until_instances(0).await;
    }
}

#[tokio::test]
async fn the_longest_idle_leaves_when_memory_is_scarce() {
    // More than there is: memory is always scarce.
    let harness = Harness::with(|config| config.memory_free_min = u64::MAX);
    let function =
        |name| Arc::new(harness.function(name, python(), "index.handler", &[("index.py", "handler = lambda e, c: e")]));
    let (first, second) = (function("first"), function("second"));
    for spec in [&first, &second] {
        harness.value(spec, "1").await;
    }
    let status = harness.runtime.status().await;
    assert!(!status.functions.iter().any(|function| function.spec.name == "first" && !function.instances.is_empty()));
}

/// What the kernel holds for sockets is the function's memory, too.
#[tokio::test]
async fn buffers_of_sockets_are_limited() {
    let harness = Harness::new();
    let source = r#"
import socket
def handler(event, context):
    server = socket.create_server(("127.0.0.1", 0))
    kept, total = [], 0
    for _ in range(100):
        client = socket.create_connection(server.getsockname())
        kept += [client, server.accept()[0]]
        client.setblocking(False)
        try:
            while total < 1 << 30: total += client.send(bytes(1 << 20))
        except BlockingIOError: pass
    return total >> 20
"#;
    let outcome = harness.invoke(&harness.python(source), "{}").await;
    // What is over does not fit, or ends it.
    let megabytes: u64 = text(&outcome).parse().unwrap_or(0);
    assert!(megabytes <= 160, "{megabytes}");
}
