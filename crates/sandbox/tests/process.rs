//! Real processes: what they inherit, how they end, and that nothing of them stays.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sandbox::{Command, Exit, Limits, Process};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

fn shell(script: &str) -> Command {
    Command {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("ONLY".into(), "this".into())],
        cwd: "/".into(),
        descriptors: Vec::new(),
        limits: Limits { open_files: 64, ..Limits::default() },
        isolation: None,
    }
}

/// Everything the process prints until no writer is left.
async fn text(output: OwnedFd) -> String {
    let mut text = String::new();
    Receiver::from_owned_fd(output).unwrap().read_to_string(&mut text).await.unwrap();
    text
}

async fn run(script: &str) -> (String, Exit) {
    let (process, output) = shell(script).spawn().await.unwrap();
    let text = text(output).await;
    (text, process.exit().await)
}

#[tokio::test]
async fn tells_how_it_ended() {
    assert_eq!(run("exit 3").await.1, Exit::Status(3));
    assert_eq!(run("kill -SEGV $$").await.1, Exit::Signal(11));
}

#[tokio::test]
async fn inherits_nothing() {
    // A descriptor that would be inherited, had nobody seen to it.
    let (ours, _other) = UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::empty()).unwrap();
    let (text, _) = run("env | grep -v -e ^PWD= -e ^SHLVL= -e ^_=; ls /proc/self/fd | wc -w; ulimit -n; ulimit -c; grep NoNewPrivs /proc/self/status; echo err >&2").await;
    // Four: input, output, errors, and the folder that ls reads.
    assert_eq!(text, "ONLY=this\n4\n64\n0\nNoNewPrivs:\t1\nerr\n");
}

#[tokio::test]
async fn keeps_its_own_descriptors() {
    let pairs = [UnixStream::pair().unwrap(), UnixStream::pair().unwrap()];
    let mut command = shell("echo hello >&3; echo hello >&4");
    let ours = pairs.map(|(ours, theirs)| {
        command.descriptors.push(theirs.into());
        ours
    });
    let (process, _output) = command.spawn().await.unwrap();
    assert_eq!(process.exit().await, Exit::Status(0));
    for end in ours {
        let mut said = String::new();
        (&end).read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello\n");
    }
}

#[tokio::test]
async fn a_missing_program_is_an_error() {
    let mut command = shell("");
    command.program = "/no/such/program".into();
    assert!(command.spawn().await.unwrap_err().to_string().starts_with("starting /no/such/program: "));
}

/// Polls until `done`, for at most five seconds.
async fn eventually(mut done: impl FnMut() -> bool) {
    for _ in 0..5000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it did not happen");
}

async fn leaves_a_child() -> (Process, OwnedFd) {
    shell("sleep 1000 & echo $!; wait").spawn().await.unwrap()
}

#[tokio::test]
async fn killing_ends_the_whole_group() {
    let (process, output) = leaves_a_child().await;
    process.kill();
    assert_eq!(process.exit().await, Exit::Signal(9));
    // The pipe ends only when the sleeping child, which holds it too, is gone.
    text(output).await;
}

#[tokio::test]
async fn dropping_ends_the_group() {
    let (process, output) = leaves_a_child().await;
    let pid = process.pid();
    drop(process);
    text(output).await;
    eventually(|| !std::path::Path::new(&format!("/proc/{pid}")).exists()).await;
}

#[tokio::test]
async fn an_exit_takes_what_was_left_running() {
    let (text, exit) = run("sleep 1000 & exit 0").await;
    assert_eq!((text.as_str(), exit), ("", Exit::Status(0)));
}

#[tokio::test]
async fn signals_and_memory_are_not_the_servers() {
    // SAFETY: to be ignored is safe for any signal.
    #[allow(unsafe_code, reason = "the standard library does not change actions of signals")]
    unsafe {
        libc::signal(libc::SIGUSR2, libc::SIG_IGN);
    }
    let (text, _) = run("grep -E 'Sig(Ign|Blk)' /proc/self/status; cat /proc/self/oom_score_adj").await;
    assert_eq!(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n500\n");
}
