//! What a function may try, and does not get: in every runtime.

use std::path::Path;
use std::sync::Arc;

use runtime::FunctionSpec;
use serde_json::{Value, json};

use crate::harness::{Harness, node, python};

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

#[tokio::test]
async fn raw_sockets_tracing_and_namespaces_are_refused() {
    let harness = Harness::new();
    let source = r#"
import ctypes, os, socket, errno
libc = ctypes.CDLL(None, use_errno=True)
def refused(call):
    try: return call()
    except OSError as error: return errno.errorcode[error.errno]
def handler(e, c):
    raw = [refused(lambda: socket.socket(f, t) and 'fine') for f, t in [(2, 3), (10, 3), (17, 3), (38, 5), (40, 1)]]
    ptrace = 'fine' if libc.ptrace(16, os.getppid(), 0, 0) == 0 else 'EPERM'
    plain = [socket.socket(f, t).close() for f, t in [(2, 1), (2, 2), (10, 1), (1, 1), (16, 3)]]
    return raw + [ptrace, 'fine' if libc.unshare(0x10000000) == 0 else 'EPERM']
"#;
    let answer = harness.value(&harness.python(source), "{}").await;
    assert_eq!(answer, json!(vec!["EPERM"; 7]));
}

#[tokio::test]
async fn greed_is_contained_and_neighbours_answer() {
    let harness = Harness::new();
    let neighbour = harness.node("exports.handler = async (e) => e");
    let greedy = Arc::new(shell(&harness, python()));
    // Processes, until there are no more; they are left behind.
    let forks = "i=0; while [ $i -lt 3000 ]; do sleep 1000 >/dev/null & i=$((i+1)); done; echo all";
    let (forked, answer) = tokio::join!(run(&harness, &greedy, forks), harness.value(&neighbour, "1"));
    assert!(forked[0] != 0 && forked[1] == "", "{forked}");
    assert_eq!(answer, 1);
    harness.runtime.retire(&greedy.key);
    let filler = Arc::new(FunctionSpec { key: "filler".into(), ..shell(&harness, python()) });
    let filled = "head -c 600m /dev/zero >/tmp/big; wc -c </tmp/big; rm /tmp/big";
    let (filled, answer) = tokio::join!(run(&harness, &filler, filled), harness.value(&neighbour, "2"));
    assert_eq!((filled[1].as_str().unwrap().trim(), answer), ("536870912", json!(2)));
    let opened = "import os\ndef handler(e, c):\n  found = []\n  try:\n    while True: found.append(os.open('/dev/null', 0))\n  except OSError as error:\n    for one in found: os.close(one)\n    return [len(found) < 1024, error.errno]";
    let opener = harness.function("opener", python(), "index.handler", &[("index.py", opened)]);
    assert_eq!(harness.value(&Arc::new(opener), "{}").await, json!([true, 24]));
    assert_eq!(harness.value(&neighbour, "3").await, 3);
}

#[tokio::test]
async fn a_daemon_ends_with_its_instance() {
    let harness = Harness::new();
    let spec = Arc::new(shell(&harness, python()));
    let daemon = "setsid sh -c 'setsid sleep 98765 &' >/dev/null 2>&1; sleep 0.1; ps -eo args | grep -cx 'sleep 98765'";
    assert_eq!(run(&harness, &spec, daemon).await, json!([0, "1\n"]));
    let runs = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines.filter(|line| line == b"sleep\098765\0").count()
    };
    assert_eq!(runs(), 1);
    harness.runtime.retire(&spec.key);
    harness.until_instances(0).await;
    while runs() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
