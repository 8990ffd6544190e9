//! What a process that is forked may do, and what its forks live in.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sandbox::{Command, Exit, Isolation, Limits, Process, Resources};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;

const LIMITS: Limits = Limits {
    open_files: 64,
    processes: 32,
    resources: Some(Resources { memory_bytes: 1 << 27, cpu_shares: 512, processes: 32 }),
};

/// A shell that runs a script and waits; what it prints.
async fn shell(script: &str) -> (TempDir, Process, BufReader<Receiver>) {
    let root = tempfile::tempdir().unwrap();
    let isolation = Isolation {
        root: root.path().into(),
        mounts: Vec::new(),
        hidden: Vec::new(),
        tmp_bytes: 1024 * 1024,
        loopback_ports: Vec::new(),
        is_served_to_the_host: false,
        forks: true,
    };
    let (_, input) = std::os::unix::net::UnixStream::pair().unwrap();
    let command = Command {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), format!("{script}; echo done; exec sleep 1000").into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/".into(),
        descriptors: vec![OwnedFd::from(input)],
        limits: LIMITS,
        isolation: Some(isolation),
    };
    let (process, output) = command.spawn().await.unwrap();
    (root, process, BufReader::new(Receiver::from_owned_fd(output).unwrap()))
}

async fn lines(output: &mut BufReader<Receiver>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        output.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "done" | "" => return lines,
            line => lines.push(line.to_string()),
        }
    }
}

#[tokio::test]
async fn what_forks_may_enter_namespaces_and_nothing_else() {
    let script = "grep -h ^Cap /proc/self/status; id -u; for c in 'mount -t tmpfs none /tmp' 'umount -l /tmp' 'umount /proc' 'unshare -m true' 'unshare -U true' 'chroot / true' 'hostname other' 'nsenter --user=/proc/self/ns/user true' 'nsenter -t 1 -m true'; do $c >/dev/null 2>&1 && echo \"$c\"; done";
    let (_root, process, mut output) = shell(script).await;
    let found = lines(&mut output).await;
    let sets: Vec<&str> = found.iter().filter(|line| line.starts_with("Cap")).map(|line| &line[8..]).collect();
    assert_eq!(sets, ["0000000000240000"; 5]);
    assert_eq!(found.len(), 6, "{found:?}");
    // Outside of its namespace it is a user as any other.
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    assert!(status.contains(&format!("\nUid:\t{0}\t{0}\t{0}\t{0}\n", found[5])), "{status}");
}

fn inode(pid: u32, kind: &str) -> u64 {
    std::fs::metadata(format!("/proc/{pid}/ns/{kind}")).unwrap().ino()
}

#[tokio::test]
async fn a_cell_shares_what_is_read_only() {
    let (_root, process, mut output) = shell("echo left >/tmp/left").await;
    lines(&mut output).await;
    let cell = process.cell(&LIMITS, 1 << 20, &[]).await.unwrap();
    let first = cell.process().pid();
    for kind in ["pid", "mnt", "ipc", "uts"] {
        assert_ne!(inode(first, kind), inode(process.pid(), kind), "{kind}");
        assert_ne!(inode(first, kind), inode(std::process::id(), kind), "{kind}");
    }
    assert_eq!(inode(first, "user"), inode(process.pid(), "user"));
    let names = |folder: &str| {
        let entries = std::fs::read_dir(format!("/proc/{first}/root{folder}")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names("/tmp"), [""; 0]);
    assert!(names("/").contains(&"usr".to_string()) && Path::new(&format!("/proc/{first}/root/etc/passwd")).exists());
    let own = std::fs::read_to_string(format!("/proc/{first}/root/proc/1/comm")).unwrap();
    assert_eq!(names("/proc").iter().filter(|name| name.parse::<u32>().is_ok()).count(), 1, "{own}");
    // The namespaces of a cell end with its first process, which ends with the cell.
    let namespaces = cell.namespaces().unwrap();
    drop(cell);
    while Path::new(&format!("/proc/{first}")).exists() {
        tokio::task::yield_now().await;
    }
    drop(namespaces);
}

#[tokio::test]
async fn nobody_is_admitted_who_has_not_entered() {
    let (_root, process, _output) = shell(":").await;
    let cell = process.cell(&LIMITS, 1 << 20, &[]).await.unwrap();
    for pid in [process.pid(), std::process::id()] {
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        let refused = cell.admit(&sandbox::Descendant::new(pidfd).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("has not entered its namespaces"), "{refused}");
    }
}

#[tokio::test]
async fn its_end_is_told_while_its_cells_stay() {
    let (_root, process, _output) = shell("(sleep 0.1; kill -9 2) & true").await;
    let cell = process.cell(&LIMITS, 1 << 20, &[]).await.unwrap();
    assert_eq!(process.exit().await, Exit::Signal(9));
    assert_eq!(cell.process().try_exit(), None);
    drop(process);
    assert_eq!(cell.process().exit().await, Exit::Signal(9));
}
