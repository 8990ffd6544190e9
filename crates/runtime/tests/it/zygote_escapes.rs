//! What code may try in the process that instances are forked from, where it runs before there is any instance, with the
//! means to enter namespaces; and what it does not get.

use std::sync::Arc;
use std::time::Duration;

use runtime::FunctionSpec;
use serde_json::{Value, json};

use crate::harness::{Harness, python, running};

/// Calls by number, and what the process has of privileges.
const PREPARE: &str = r#"
import ctypes, os, platform, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(numbers, *arguments):
    answer = libc.syscall(numbers[platform.machine() == "aarch64"], *arguments)
    if answer < 0: raise OSError(ctypes.get_errno(), "refused")
    return answer
def attempt(do, *arguments):
    try: return ["got", str(do(*arguments))]
    except OSError as error: return error.errno
def privileges():
    with open("/proc/self/status") as status:
        return [line.split()[1] for line in status if line.startswith(("CapPrm", "CapEff"))]
zygote = sys.modules["cloudlet_zygote"]
"#;

fn function(harness: &Harness, name: &str, source: &str) -> Arc<FunctionSpec> {
    let source = format!("{PREPARE}{source}");
    Arc::new(harness.function(name, python(), "index.handler", &[("index.py", &source)]))
}

async fn is_forked(harness: &Harness, spec: &FunctionSpec) -> bool {
    let functions = harness.runtime.status().await.functions;
    functions.iter().any(|function| function.spec.key == spec.key && function.zygote.is_some())
}

const NO_PRIVILEGES: [&str; 2] = ["0000000000000000"; 2];

#[tokio::test]
async fn the_privileges_of_what_forks_are_good_for_nothing_else() {
    let harness = Harness::new();
    let source = r#"
def write(path, text):
    with open(path, "wb", 0) as file: file.write(text)
attempts = dict(
    mount=lambda: call((165, 40), b"none", b"/tmp", b"tmpfs", 0, 0),
    bind=lambda: call((165, 40), b"/proc/1/root", b"/tmp", 0, 4096, 0),
    remount=lambda: call((165, 40), 0, b"/", 0, 32 | 4096, 0),
    unmount=lambda: call((166, 39), b"/tmp", 2),
    pivot=lambda: call((155, 41), b"/tmp", b"/tmp"),
    chroot=lambda: call((161, 51), b"/tmp"),
    open_tree=lambda: call((428, 428), -100, b"/", 1),
    fsopen=lambda: call((430, 430), b"tmpfs", 0),
    move_mount=lambda: call((429, 429), -100, b"/tmp", -100, b"/tmp", 0),
    unshare_mounts=lambda: call((272, 97), 0x20000),
    unshare_users=lambda: call((272, 97), 0x10000000),
    clone_users=lambda: call((56, 220), 0x10000000 | 17, 0, 0, 0, 0),
    host_name=lambda: call((170, 161), b"other", 5),
    trace_first=lambda: call((101, 117), 16, 1, 0, 0),
    memory_of_first=lambda: open("/proc/1/mem", "rb"),
    first_mounts=lambda: os.open("/proc/1/ns/mnt", os.O_RDONLY),
    first_root=lambda: os.listdir("/proc/1/root"),
    own_users=lambda: call((308, 268), os.open("/proc/self/ns/user", os.O_RDONLY), 0x10000000),
    any_kind=lambda: call((308, 268), os.open("/proc/self/ns/mnt", os.O_RDONLY), 0),
    network=lambda: call((308, 268), os.open("/proc/self/ns/net", os.O_RDONLY), 0x40000000),
    another_user=lambda: os.setuid(0),
    hosts_parameters=lambda: write("/proc/sys/vm/drop_caches", b"1"),
    devices=lambda: os.mknod("/tmp/m", 0o20666, 0x101),
    lower_score=lambda: write("/proc/self/oom_score_adj", b"-1"),
)
outcomes = {name: attempt(do) for name, do in attempts.items()}
had = privileges()
for number in range(3, 64):
    if os.path.exists(f"/proc/self/fd/{number}") and os.readlink(f"/proc/self/fd/{number}").startswith(("user", "mnt", "net")): os.close(number)
def handler(event, context): return [outcomes, had, privileges()]
"#;
    let spec = function(&harness, "f", source);
    let answer = harness.value(&spec, "0").await;
    for (name, outcome) in answer[0].as_object().unwrap() {
        // "Operation not permitted", or "permission denied"; a user that is not there is an "invalid argument".
        let refusals = if name == "another_user" { [1, 22] } else { [1, 13] };
        assert!(refusals.iter().any(|refusal| outcome == refusal), "{name}: {outcome}");
    }
    assert_eq!(answer[1], json!(["0000000000240000", "0000000000240000"]));
    assert_eq!(answer[2], json!(NO_PRIVILEGES));
    assert!(is_forked(&harness, &spec).await, "{:?}", harness.runtime.status().await.notes);
}

#[tokio::test]
async fn a_fork_sees_neither_its_siblings_nor_what_it_comes_from() {
    let harness = Harness::new();
    let source = r#"
kept = []
os.register_at_fork(before=lambda: kept.append(os.open("/proc/self/ns/mnt", os.O_RDONLY)))
def handler(event, context):
    time.sleep(0.3)
    open("/tmp/mine", "w").close()
    processes = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    back = attempt(lambda: call((308, 268), kept[-1], 0x20000))
    return [processes, os.getpid(), os.getppid(), os.listdir("/tmp"), back, socket.gethostname(), attempt(os.kill, 1, 9), os.getcwd()]
"#;
    let spec = function(&harness, "f", source);
    let both = || async { tokio::join!(harness.value(&spec, "0"), harness.value(&spec, "0")) };
    for _ in 0..2 {
        let (a, b) = both().await;
        for one in [a, b] {
            // The signal is not delivered.
            assert_eq!(one, json!([[1, 2], 2, 0, ["mine"], 1, "localhost", ["got", "None"], "/var/task"]));
        }
    }
    assert!(is_forked(&harness, &spec).await);
}

/// What forks is made to do less than it should: instances of such a function are processes of their own.
#[tokio::test]
async fn who_does_not_enter_or_keeps_privileges_is_no_instance() {
    let harness = Harness::new();
    let cases = [
        ("stays", "zygote.Cells.enter = lambda self, *_: None"),
        ("elsewhere", "zygote.Cells.choose = lambda self, *_: None"),
        (
            "keeps",
            "zygote.Cells.enter = lambda self, *places: [self.libc.setns(p, k) for p, k in zip(places, (0x20000, 0x8000000, 0x4000000))]",
        ),
        ("another", "own, pidfd_open = os.getpid(), os.pidfd_open\nos.pidfd_open = lambda pid: pidfd_open(own)"),
        ("nobody", "os.pidfd_open = lambda pid: os.open('/dev/null', 0)"),
    ];
    for (name, source) in cases {
        let spec = function(&harness, name, &format!("{source}\ndef handler(e, c): return privileges()"));
        assert_eq!(harness.value(&spec, "0").await, json!(NO_PRIVILEGES), "{name}");
        harness.runtime.retire(&spec.key);
    }
}

/// Frames that nobody asked for.
#[tokio::test]
async fn a_forged_conversation_hurts_nobody_else() {
    let harness = Harness::new();
    let neighbour =
        Arc::new(harness.function("neighbour", python(), "index.handler", &[("index.py", "handler = lambda e, c: e")]));
    assert_eq!(harness.value(&neighbour, "1").await, 1);
    let cases = [
        "server.sendall(frame(b'Z')); server.sendall(frame(b'K', struct.pack('>Qi', 0, 0)) * 3); time.sleep(1000)",
        "server.sendall(frame(b'Z')); server.sendall(frame(b'D', struct.pack('>Qi', 7, -9)) * 3)",
        "server.sendall(frame(b'Z')); server.recv(100); server.sendall(b'\\xff' * 100000)",
        "server.sendall(frame(b'W')); server.sendall(frame(b'Z'))",
        "server.sendall(frame(b'Z')); socket.send_fds(server, [frame(b'K', struct.pack('>Qi', 0, 0))], [os.pidfd_open(os.getpid())] * 200)",
        "server.close()",
    ];
    for (number, source) in cases.into_iter().enumerate() {
        let source = format!(
            "import gc\nserver = next(o.socket for o in gc.get_objects() if type(o).__name__ == 'Control')\ndef frame(kind, body=b''): return struct.pack('>I', len(body)) + kind + body\n{source}\ndef handler(e, c): return privileges()"
        );
        let mut spec = (*function(&harness, &format!("f{number}"), &source)).clone();
        spec.timeout = Duration::from_secs(1);
        // Whatever comes of it: it is an answer about this function.
        let outcome = harness.try_invoke(&Arc::new(spec.clone()), "0").await;
        if let Ok(outcome) = outcome
            && outcome.function_error.is_none()
        {
            assert_eq!(serde_json::from_slice::<Value>(&outcome.payload).unwrap(), json!(NO_PRIVILEGES), "{source}");
        }
        assert_eq!(harness.value(&neighbour, "2").await, 2);
        harness.runtime.retire(&spec.key);
    }
}

#[tokio::test]
async fn what_is_left_running_is_seen() {
    let harness = Harness::new();
    // It has left its session, and its parent is gone.
    let daemon = "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.execvp('sleep', ['sleep', '98763'])\n  os._exit(0)\nos.wait()\n";
    let shared = "import mmap\nkept = mmap.mmap(-1, 4096)\n";
    let cases =
        [(daemon, "it starts processes while it initialises"), (shared, "it shares memory while it initialises")];
    for (number, (source, reason)) in cases.into_iter().enumerate() {
        let spec = function(&harness, &format!("f{number}"), &format!("{source}def handler(e, c): return 1"));
        assert_eq!(harness.value(&spec, "0").await, 1);
        let notes = harness.runtime.status().await.notes;
        assert!(notes.iter().any(|note| note.contains(reason)), "{notes:?}");
        harness.runtime.retire(&spec.key);
    }
    harness.until_instances(0).await;
    while running(&["sleep", "98763"]) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What is started around a fork, after it was looked for, is in the fork's place, and ends with it.
#[tokio::test]
async fn what_is_started_around_a_fork_ends() {
    let harness = Harness::new();
    let source = r#"
import subprocess
def start():
    if zygote.Zygote.answer is not None: started.append(subprocess.Popen(["sleep", "98764"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
started = []
os.register_at_fork(after_in_parent=start)
def handler(event, context): return privileges()
"#;
    let spec = function(&harness, "f", source);
    assert_eq!(harness.value(&spec, "0").await, json!(NO_PRIVILEGES));
    harness.runtime.retire(&spec.key);
    harness.until_instances(0).await;
    while running(&["sleep", "98764"]) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The end of a fork is for its zygote to ask for; one that does not is ended.
#[tokio::test]
async fn a_zygote_that_tells_no_ends_is_ended() {
    let harness = Harness::new();
    let source = "zygote.Zygote.reap = lambda *_: None\ndef handler(e, c): os._exit(3) if e else None";
    let spec = function(&harness, "f", source);
    assert_eq!(harness.value(&spec, "0").await, Value::Null);
    let status = harness.runtime.status().await;
    let pid = status.functions[0].zygote.as_ref().unwrap().pid;
    let error = harness.error(&spec, "1").await;
    assert_eq!(error["errorType"], "Runtime.ExitError");
    // Its number may be another's by then.
    let runs = || std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with(b"\0cells\0"));
    while runs() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // A fork that waited ends with it, which may be noticed only by who gets it.
    while harness.invoke(&spec, "0").await.function_error.is_some() {}
}
