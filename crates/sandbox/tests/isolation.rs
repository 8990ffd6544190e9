//! What an isolated process sees and can do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::OwnedFd;
use std::path::Path;

use sandbox::{Command, Exit, Furniture, Isolation, Limits, Mount, Process, Resources};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

fn shell(root: &Path, script: &str) -> Command {
    Command {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/".into(),
        descriptors: Vec::new(),
        limits: Limits { open_files: 64, processes: 32, resources: None },
        isolation: Some(Isolation {
            root: root.into(),
            mounts: Vec::new(),
            hidden: Vec::new(),
            tmp_bytes: 1024 * 1024,
            loopback_ports: Vec::new(),
            is_served_to_the_host: false,
            forks: false,
        }),
    }
}

async fn text(output: OwnedFd) -> String {
    let mut text = String::new();
    Receiver::from_owned_fd(output).unwrap().read_to_string(&mut text).await.unwrap();
    text
}

/// Runs a script to its end. Every test needs a host that isolates, which is what this project promises.
async fn run(script: &str) -> (String, Exit) {
    let root = tempfile::tempdir().unwrap();
    let (process, output) = shell(root.path(), script).spawn().await.unwrap();
    (text(output).await, process.exit().await)
}

async fn says(script: &str) -> String {
    run(script).await.0
}

#[tokio::test]
async fn tells_how_it_ended() {
    assert_eq!(run("exit 3").await.1, Exit::Status(3));
    assert_eq!(run("kill -SEGV $$").await.1, Exit::Signal(11));
    assert_eq!(run("sleep 1000 & exit 0").await.1, Exit::Status(0));
}

#[tokio::test]
async fn a_missing_program_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let mut command = shell(root.path(), "");
    command.program = "/no/such/program".into();
    assert!(command.spawn().await.unwrap_err().to_string().starts_with("starting /no/such/program: "));
}

#[tokio::test]
async fn sees_a_minimal_root() {
    let root = says("ls /; ls /etc /dev | sort; ls -A /tmp /dev/shm").await;
    for name in ["root", "home", "srv", "sys", "mnt", "boot", "shadow", "hostname", "sda", "mem", "kmsg"] {
        assert!(!root.lines().any(|line| line == name), "{name}: {root}");
    }
    for name in ["usr", "proc", "tmp", "passwd", "null", "urandom"] {
        assert!(root.lines().any(|line| line == name), "{name}: {root}");
    }
}

#[tokio::test]
async fn sees_itself_alone() {
    let processes = says("echo $$; ls /proc | grep '^[0-9]'").await;
    let shell = processes.lines().next().unwrap();
    // Its init, itself, and the programs of the pipe.
    assert_eq!(shell, "2");
    assert!(processes.lines().skip(1).all(|number| number.parse::<u32>().unwrap() < 10), "{processes}");
    assert_eq!(says("id -un; uname -n").await, "sandbox\nlocalhost\n");
}

#[tokio::test]
async fn its_init_is_closed_to_it() {
    let script = "for f in environ mem maps fd/3; do (exec 4</proc/1/$f) 2>/dev/null && echo read $f; (exec 4>/proc/1/$f) 2>/dev/null && echo write $f; done; ls /proc/1/fd >/dev/null 2>&1 && echo list; echo . </proc/self/environ";
    assert_eq!(says(script).await, ".\n");
}

/// Before that, the first process of its namespace is a copy of the server.
#[tokio::test]
async fn starts_when_its_init_runs() {
    let first = || async {
        let root = tempfile::tempdir().unwrap();
        let mut command = shell(root.path(), "");
        (command.program, command.args) = ("/bin/cat".into(), vec!["/proc/1/cmdline".into()]);
        let (_process, output) = command.spawn().await.unwrap();
        let first = text(output).await;
        // The pipe that is waited for ends in the middle of exec, when init is alone but has no arguments yet.
        assert!(["init\0", ""].contains(&first.as_str()), "{first}");
    };
    for _ in 0..50 {
        tokio::join!(first(), first(), first(), first());
    }
}

#[tokio::test]
async fn a_server_may_have_more_descriptors_than_a_function() {
    let _many: Vec<_> = (0..100).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    assert_eq!(says("ulimit -n; cat; cat /proc/self/limits | grep -c 'open files *64 *64'").await, "64\n1\n");
}

#[tokio::test]
async fn has_no_privileges() {
    let status = says("grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status").await;
    for line in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{line}:\t0000000000000000\n")), "{status}");
    }
    assert!(status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"), "{status}");
}

#[tokio::test]
async fn writes_nowhere_but_to_its_tmp() {
    let script = "for d in / /etc /usr /dev /proc /var /usr/local/lib; do touch $d/x 2>/dev/null && echo $d; done; touch /tmp/x /dev/shm/x && echo both; rm /etc/passwd 2>/dev/null || echo kept";
    assert_eq!(says(script).await, "both\nkept\n");
}

#[tokio::test]
async fn its_tmp_has_a_size() {
    let script =
        "head -c 2000000 /dev/zero >/tmp/big; echo $?; wc -c </tmp/big; rm /tmp/big; echo x >/tmp/x; cat /tmp/x";
    let said = says(script).await;
    assert!(said.ends_with("1\n1048576\nx\n") && said.contains("No space left"), "{said}");
}

#[tokio::test]
async fn the_devices_work() {
    assert_eq!(
        says("head -c 3 /dev/urandom | wc -c; head -c 2 /dev/zero | wc -c; echo x >/dev/null; echo y >/dev/stdout")
            .await,
        "3\n2\ny\n"
    );
}

#[tokio::test]
async fn reaches_no_other_namespace() {
    for program in [
        "unshare -U true",
        "unshare -m true",
        "mount -t tmpfs x /tmp",
        "umount /proc",
        "chroot / true",
        "nsenter -t 1 -m true",
        "hostname x",
    ] {
        assert_ne!(run(&format!("{program} 2>/dev/null")).await.1, Exit::Status(0), "{program}");
    }
}

#[tokio::test]
async fn only_so_many_processes() {
    let said = says("i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i+1)); done; echo not reached").await;
    assert!(!said.contains("not reached") && said.to_lowercase().contains("fork"), "{said}");
}

#[tokio::test]
async fn sees_what_it_is_shown_and_no_more() {
    let host = tempfile::tempdir().unwrap();
    let layer = |name: &str| {
        let folder = host.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(name), name).unwrap();
        std::fs::write(folder.join("both"), name).unwrap();
        folder
    };
    let (first, second) = (layer("first"), layer("second"));
    let root = tempfile::tempdir().unwrap();
    let script = format!(
        "cat /opt/first /opt/second /opt/both /var/task/first; touch /opt/x /var/task/x 2>/dev/null || echo ' kept'; ls {} 2>/dev/null || echo hidden",
        host.path().display()
    );
    let mut command = shell(root.path(), &script);
    let isolation = command.isolation.as_mut().unwrap();
    isolation.mounts =
        vec![Mount::new(&first, "/var/task"), Mount { sources: vec![first, second], place: "/opt".into() }];
    let (process, output) = command.spawn().await.unwrap();
    assert_eq!(text(output).await, "firstsecondsecondfirst kept\nhidden\n");
    assert_eq!(process.exit().await, Exit::Status(0));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

async fn started(script: &str) -> (Process, Receiver, TempDir) {
    let root = tempfile::tempdir().unwrap();
    let (process, output) = shell(root.path(), script).spawn().await.unwrap();
    let mut output = Receiver::from_owned_fd(output).unwrap();
    assert_eq!(output.read_u8().await.unwrap(), b'!');
    (process, output, root)
}

#[tokio::test]
async fn killing_ends_what_has_left_its_session() {
    let (process, mut output, _root) = started("setsid sh -c 'setsid sleep 1000 & echo !; sleep 1000' & wait").await;
    process.kill();
    assert_eq!(process.exit().await, Exit::Signal(9));
    // The pipe ends only when everybody who holds it is gone.
    output.read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test]
async fn the_server_knows_it_by_its_own_number() {
    let (process, _output, _root) = started("exec sh -c 'echo !; read x; sleep 1000'").await;
    let name = std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid())).unwrap();
    assert!(name.contains("sleep 1000"), "{name}");
    assert!(process.peak_memory_bytes().unwrap() > 100_000);
}

const RESOURCES: Resources = Resources { memory_bytes: 64 << 20, cpu_shares: 512, processes: 32 };

async fn busy(resources: Option<Resources>) -> (Process, Receiver, TempDir) {
    let root = tempfile::tempdir().unwrap();
    let mut command = shell(root.path(), "echo !; while :; do :; done");
    command.limits.resources = resources;
    let (process, output) = command.spawn().await.unwrap();
    let mut output = Receiver::from_owned_fd(output).unwrap();
    assert_eq!(output.read_u8().await.unwrap(), b'!');
    (process, output, root)
}

#[tokio::test]
async fn is_born_in_its_control_group() {
    let (process, _output, _root) = busy(Some(RESOURCES)).await;
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid())).unwrap();
    let own = format!("/cloudlet-{}/", std::process::id());
    for controller in [":memory:", ":cpu:", ":pids:", "0::"] {
        let line = groups.lines().find(|line| line.contains(controller)).unwrap_or_default();
        // On a host with version 2 alone, one line is for all.
        assert!(line.contains(&own) || (line.is_empty() && controller != "0::"), "{groups}");
    }
    assert_eq!(process.control_group().unwrap().holds_more_than(RESOURCES.memory_bytes), Some(false));
}

#[tokio::test]
async fn the_kernel_ends_what_takes_too_much() {
    let root = tempfile::tempdir().unwrap();
    let mut command = shell(root.path(), "x=0123456789abcdef; while :; do x=$x$x; done");
    command.limits.resources = Some(RESOURCES);
    let (process, _output) = command.spawn().await.unwrap();
    assert_eq!(process.exit().await, Exit::Signal(9));
}

#[tokio::test]
async fn frozen_it_uses_no_processor_time() {
    for resources in [Some(RESOURCES), None] {
        let (process, _output, _root) = busy(resources).await;
        let ticks = || {
            let about = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
            about.split(' ').nth(13).unwrap().parse::<u64>().unwrap()
        };
        let changes = async |wanted: bool| {
            for _ in 0..100 {
                let before = ticks();
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                if (ticks() != before) == wanted {
                    return;
                }
            }
            panic!("{resources:?}: it should be {wanted} that it runs");
        };
        changes(true).await;
        process.freeze(true);
        changes(false).await;
        process.freeze(false);
        changes(true).await;
        process.freeze(true);
        process.kill();
        assert_eq!(process.exit().await, Exit::Signal(9));
    }
}

#[tokio::test]
async fn what_cannot_be_limited_does_not_start() {
    let root = tempfile::tempdir().unwrap();
    let mut command = shell(root.path(), "echo started");
    // More than the kernel can count.
    command.limits.resources = Some(Resources { processes: u64::MAX >> 1, ..RESOURCES });
    let error = command.spawn().await.unwrap_err().to_string();
    assert!(error.starts_with("isolating /bin/sh: making its control group: "), "{error}");
}

#[tokio::test]
async fn nothing_of_the_servers_ways_is_inherited() {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // SAFETY: to be ignored is safe for any signal.
    #[allow(unsafe_code, reason = "the standard library does not change actions of signals")]
    unsafe {
        libc::signal(libc::SIGUSR2, libc::SIG_IGN);
    }
    let said =
        says("umask; grep -E 'Sig(Ign|Blk)' /proc/self/status; cat /proc/self/oom_score_adj; ls -d /etc/passwd").await;
    rustix::process::umask(mask);
    assert_eq!(said, "0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n500\n/etc/passwd\n");
    assert_eq!(std::fs::read_to_string("/proc/self/oom_score_adj").unwrap(), "0\n", "the server's own stays");
}

#[tokio::test]
async fn more_can_be_shown_later() {
    if !Furniture::is_possible() {
        return;
    }
    let (root, code) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(code.path().join("file"), "content").unwrap();
    let look = "until [ -e /var/task/file ]; do sleep 0.01; done; cat /var/task/file; ls -A /opt; touch /var/task/x 2>&1; echo $?";
    let mut command = shell(root.path(), look);
    let empty = |place: &str| Mount { sources: Vec::new(), place: place.into() };
    command.isolation.as_mut().unwrap().mounts = vec![empty("/var/task"), empty("/opt")];
    let resources = Resources { memory_bytes: 64 << 20, cpu_shares: 512, processes: 32 };
    command.limits.resources = Some(resources);
    let (process, output) = command.spawn().await.unwrap();
    let resources = Some(Resources { memory_bytes: 128 << 20, ..resources });
    let mounts = vec![Mount::new(code.path(), "/var/task")];
    process.furnish(Furniture { mounts, resources, loopback_ports: vec![sandbox::Port::tcp(1)] }).await.unwrap();
    let said = text(output).await;
    assert!(said.starts_with("content") && said.contains("Read-only") && said.trim().ends_with('1'), "{said}");
    // Nothing of it is seen here.
    assert!(std::fs::read_dir(root.path()).unwrap().next().is_none());
    process.exit().await;
    let mounts = vec![Mount::new(code.path(), "/var/task")];
    assert!(process.furnish(Furniture { mounts, resources: None, loopback_ports: Vec::new() }).await.is_err());
}
