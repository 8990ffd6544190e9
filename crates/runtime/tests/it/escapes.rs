//! What a function may try, and does not get: in every runtime.

use std::path::Path;
use std::sync::Arc;

use runtime::FunctionSpec;
use serde_json::{Value, json};

use crate::harness::{Harness, node, python, running};

/// Each tries one thing and prints `refused` or what it got. They are run by a shell, which is the same everywhere.
fn attempts(harness: &Harness, secret: &Path) -> Vec<(&'static str, String)> {
    let (server, secret) = (std::process::id(), secret.display());
    let data = harness.cache().parent().unwrap().display().to_string();
    vec![
        ("the data folder", format!("ls {data} || ls {data}/run || cat {secret}")),
        ("the server's environment", format!("cat /proc/{server}/environ")),
        ("the server's memory", format!("head -c 1 /proc/{server}/mem")),
        ("signals to the server", format!("kill -0 {server}")),
        ("the host's users", "cat /etc/shadow".into()),
        ("its own code", "touch /var/task/new || touch /usr/bin/new".into()),
        ("mounting", "mount -t tmpfs none /tmp".into()),
        ("another root", "chroot /tmp /bin/true || unshare -rm true".into()),
        ("kernel memory", "head -c 1 /dev/mem || head -c 1 /proc/kcore || echo x >/proc/sysrq-trigger".into()),
        ("the kernel's settings", "echo 1 >/proc/sys/vm/drop_caches || echo x >/proc/sys/kernel/hostname".into()),
        ("making devices", "mknod /tmp/m c 1 1".into()),
    ]
}

fn shell(harness: &Harness, runtime: &str) -> FunctionSpec {
    let python = "import subprocess\ndef handler(e, c):\n  p = subprocess.run(['sh', '-c', e], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)\n  return [p.returncode, p.stdout.decode('utf8', 'replace')]";
    let node = "const { spawnSync } = require('child_process')\nexports.handler = async (e) => { const p = spawnSync('sh', ['-c', e], { encoding: 'utf8' }); return [p.status, p.stdout] }";
    match runtime {
        name if name.starts_with("nodejs") => harness.function("sh-node", name, "index.handler", &[("index.js", node)]),
        name if name.starts_with("provided") => harness.function("sh-provided", name, "h", &[("bootstrap", PROVIDED)]),
        name => harness.function("sh-python", name, "index.handler", &[("index.py", python)]),
    }
}

const PROVIDED: &str = r#"#!/usr/bin/env python3
import http.client, json, os, subprocess
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
def call(method, path, body=None):
    api.request(method, base + path, body)
    response = api.getresponse()
    return response, response.read()
while True:
    response, event = call("GET", "next")
    p = subprocess.run(["sh", "-c", json.loads(event)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    call("POST", response.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", json.dumps([p.returncode, p.stdout.decode("utf8", "replace")]))
"#;

async fn run(harness: &Harness, spec: &Arc<FunctionSpec>, script: &str) -> Value {
    harness.value(spec, &json!(script).to_string()).await
}

#[tokio::test]
async fn nothing_of_the_host_is_within_reach() {
    let harness = Harness::new();
    let other = harness.function("other", python(), "index.handler", &[("secret.py", "S = 1")]);
    for runtime in [python(), node(), "provided.al2023"] {
        let spec = Arc::new(shell(&harness, runtime));
        assert_eq!(run(&harness, &spec, "echo works").await, json!([0, "works\n"]), "{runtime}");
        for (what, script) in attempts(&harness, &other.code.join("secret.py")) {
            let answer = run(&harness, &spec, &script).await;
            assert!(answer[0] != 0 && answer[1] == "", "{runtime}: {what}: {answer}");
        }
        // No credentials but its own.
        let found =
            run(&harness, &spec, "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep ^AWS_ACCESS_KEY_ID= | sort -u")
                .await;
        assert_eq!(found, json!([0, format!("AWS_ACCESS_KEY_ID=ASIA{}\n", spec.name)]), "{runtime}");
    }
}

#[tokio::test]
async fn files_of_one_are_not_seen_by_another() {
    let harness = Harness::new();
    let first = Arc::new(shell(&harness, python()));
    assert_eq!(run(&harness, &first, "echo secret >/tmp/s; cat /tmp/s").await, json!([0, "secret\n"]));
    for runtime in [node(), "provided.al2023"] {
        let second = Arc::new(shell(&harness, runtime));
        assert_eq!(run(&harness, &second, "ls -A /tmp").await, json!([0, ""]), "{runtime}");
    }
}

/// Each is a line of Python that raises when it is refused. They are run by a shell in every runtime, too.
const CALLS: [(&str, &str); 15] = [
    ("raw sockets", "socket.socket(2, 3)"),
    ("raw sockets of IPv6", "socket.socket(10, 3)"),
    ("packets", "socket.socket(17, 3)"),
    ("the kernel's cryptography", "socket.socket(38, 5)"),
    ("sockets of virtual machines", "socket.socket(40, 1)"),
    ("pairs of other sockets", "socket.socketpair(30, 1)"),
    ("the kernel's log of sockets", "socket.socket(16, 3, 4)"),
    ("quotas", "call(dict(x86_64=443, aarch64=443), -1, 0, 0, 0)"),
    ("trees of mounts", "call(dict(x86_64=467, aarch64=467), -100, b'/tmp', 0, 0, 0)"),
    ("labels of its own", "call(dict(x86_64=460, aarch64=460), 0, 0, 0, 0)"),
    ("tracing its parent", "call(dict(x86_64=101, aarch64=117), 16, os.getppid(), 0, 0)"),
    ("memory of its parent", "call(dict(x86_64=310, aarch64=270), os.getppid(), 0, 0, 0, 0, 0)"),
    ("modules", "call(dict(x86_64=313, aarch64=273), 0, 0, 0)"),
    ("programs in the kernel", "call(dict(x86_64=321, aarch64=280), 0, 0, 0)"),
    ("namespaces", "call(dict(x86_64=272, aarch64=97), 0x10000000)"),
];

const PREPARE: &str = "import ctypes, os, platform, socket, sys\nlibc = ctypes.CDLL(None, use_errno=True)\ndef call(numbers, *arguments):\n  if libc.syscall(numbers[platform.machine()], *arguments) < 0: raise OSError(ctypes.get_errno(), 'refused')\ntry:\n  ";

#[tokio::test]
async fn calls_into_the_kernel_are_refused() {
    let harness = Harness::new();
    for runtime in [python(), node(), "provided.al2023"] {
        let spec = Arc::new(shell(&harness, runtime));
        for (what, line) in CALLS {
            let script =
                format!("python3 - <<'END'\n{PREPARE}{line}\nexcept OSError as error: sys.exit(error.errno)\nEND");
            // "Operation not permitted".
            assert_eq!(run(&harness, &spec, &script).await, json!([1, ""]), "{runtime}: {what}");
        }
    }
}

#[tokio::test]
async fn greed_is_contained_and_neighbours_answer() {
    let harness = Harness::new();
    let neighbour = harness.node("exports.handler = async (e) => e");
    // Processes, until there are no more; they are left behind.
    let forks = "i=0; while [ $i -lt 3000 ]; do sleep 1000 >/dev/null 2>&1 & i=$((i+1)); done; echo all";
    let fills = "head -c 600m /dev/zero >/tmp/big; wc -c </tmp/big; rm /tmp/big";
    let opens = "python3 -c \"import os\nwhile True: os.open('/dev/null', 0)\" || echo refused; ulimit -n";
    for runtime in [python(), node(), "provided.al2023"] {
        let greedy = Arc::new(FunctionSpec { memory_mb: 1024, ..shell(&harness, runtime) });
        let (filled, answer) = tokio::join!(run(&harness, &greedy, fills), harness.value(&neighbour, "1"));
        assert_eq!((filled[1].as_str().unwrap().trim(), answer), ("536870912", json!(1)), "{runtime}");
        let (opened, answer) = tokio::join!(run(&harness, &greedy, opens), harness.value(&neighbour, "2"));
        assert_eq!((opened, answer), (json!([0, "refused\n1024\n"]), json!(2)), "{runtime}");
        let (forked, answer) = tokio::join!(run(&harness, &greedy, forks), harness.value(&neighbour, "3"));
        assert!(forked[0] != 0 && forked[1] == "", "{runtime}: {forked}");
        assert_eq!(answer, 3);
        harness.runtime.retire(&greedy.key);
    }
    assert_eq!(harness.value(&neighbour, "4").await, 4);
}

#[tokio::test]
async fn a_daemon_ends_with_its_instance() {
    let harness = Harness::new();
    for runtime in [python(), node(), "provided.al2023"] {
        leaves_a_daemon(&harness, &Arc::new(shell(&harness, runtime))).await;
    }
}

async fn leaves_a_daemon(harness: &Harness, spec: &Arc<FunctionSpec>) {
    let daemon = "setsid sh -c 'setsid sleep 98765 &' >/dev/null 2>&1; sleep 0.1; ps -eo args | grep -cx 'sleep 98765'";
    assert_eq!(run(harness, spec, daemon).await, json!([0, "1\n"]));
    let runs = || running(&["sleep", "98765"]);
    assert_eq!(runs(), 1);
    harness.runtime.retire(&spec.key);
    harness.until_instances(0).await;
    while runs() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
