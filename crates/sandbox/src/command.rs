//! What to run and under which limits; turning that into a process.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::isolated::Runs;
use crate::process::Ends;
use crate::{Error, Isolation, Process, Resources, Result, enter, isolated, launcher};

/// The number that the first of a process's own descriptors has: those before it are its input, output and errors.
pub const FIRST_DESCRIPTOR: RawFd = 3;

/// Descriptors of ours are above those that the new process arranges.
const DESCRIPTORS_FROM: RawFd = 16;

/// A program to start. Nothing of the server's own environment or descriptors reaches it.
#[derive(Debug)]
pub struct Command {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
    /// What the process finds open besides: the first as [`FIRST_DESCRIPTOR`], the others as the numbers after it. Its output
    /// goes to a pipe, its input is empty.
    pub descriptors: Vec<OwnedFd>,
    pub limits: Limits,
    /// What it sees of the host; `None` for all that the server's user sees. Paths above are then those that it sees itself.
    pub isolation: Option<Isolation>,
}

/// What one process may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open descriptors. Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
    pub open_files: u64,
    /// Processes and threads. Counted, and so limited, in isolation only: otherwise all functions have one user.
    pub processes: u64,
    /// Memory and processors, for all that it starts together: in isolation, where the host has control groups for this server.
    pub resources: Option<Resources>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { open_files: 1024, processes: 1024, resources: None }
    }
}

impl Command {
    /// Starts the program. Also gives the read end of the pipe that is both its standard output and its standard error:
    /// one pipe keeps their order. The end is non-blocking. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Start`] when the program cannot be executed; [`Error::Isolate`] when the host does not let it be isolated.
    pub async fn spawn(mut self) -> Result<(Process, OwnedFd)> {
        if let Some(isolation) = self.isolation.take() {
            return isolated::spawn(self, isolation, Runs::Program).await;
        }
        let program = self.program.clone();
        let failed = |source| Error::Start { program, source };
        let (child, output) = match launcher::run(move || self.start()).await? {
            Ok(started) => started,
            Err(source) => return Err(failed(source)),
        };
        Ok((Process::supervise(Pid::from_child(&child), Ends::Leader, None)?, output))
    }

    /// Starts a process that is isolated, and waits for an [`Errand`](crate::Errand) over the first of its descriptors, the only one:
    /// program, arguments, environment and folder are those of the errand.
    ///
    /// # Errors
    /// As [`Command::spawn`], and when there is no isolation.
    pub async fn spawn_waiting(self) -> Result<(Process, OwnedFd)> {
        self.spawn_own(Runs::Waiter).await
    }

    /// The same for another program of ours.
    pub(crate) async fn spawn_own(mut self, runs: Runs) -> Result<(Process, OwnedFd)> {
        match self.isolation.take() {
            Some(isolation) => isolated::spawn(self, isolation, runs).await,
            None => Err(Error::Start { program: self.program, source: io::ErrorKind::Unsupported.into() }),
        }
    }

    fn start(self) -> io::Result<(Child, OwnedFd)> {
        let (output, writer) = io::pipe()?;
        let output = OwnedFd::from(output);
        rustix::io::ioctl_fionbio(&output, true)?;
        let kept = self.descriptors.into_iter().map(high).collect::<io::Result<Vec<_>>>()?;
        let descriptors: Vec<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).collect();
        let _occupied = occupy(kept.len())?;
        let (limits, parent, oom_score) = (self.limits, rustix::process::getpid(), oom_score().to_string());
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env).current_dir(&self.cwd);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let prepare = move || {
            // SAFETY: this is the new process, before exec.
            unsafe { enter::reset_signals() };
            confine(&limits)?;
            die_before_the_server(&oom_score);
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if rustix::process::getppid() != Some(parent) {
                // The server died between the fork and the line above: nobody would ever end this process.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            keep_only(&descriptors)
        };
        // SAFETY: the closure runs between fork and exec, where only async-signal-safe work is allowed: it makes plain
        // system calls, takes no lock and allocates nothing (its errors are error numbers).
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn()?;
        Ok((child, output))
    }
}

/// How much rather than others the process ends when the host runs out of memory: rather than ordinary ones, and in any case
/// than the server. Source: proc_pid_oom_score_adj(5).
pub(crate) fn oom_score() -> i32 {
    const OF_FUNCTIONS: i32 = 500;
    const MAX: i32 = 1000;
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").ok().and_then(|score| score.trim().parse().ok());
    OF_FUNCTIONS.max((own.unwrap_or(0) + 1).min(MAX))
}

/// Where the host does not let it be set, the server ends no later than its functions.
fn die_before_the_server(oom_score: &str) {
    let file = rustix::fs::open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    let _ = file.map(|file| rustix::io::write(file, oom_score.as_bytes()));
}

/// Its own session (so that the whole group can be ended, and a terminal's signals do not reach it), no privileges to
/// gain through set-user-ID programs, no core dumps with secrets in them.
fn confine(limits: &Limits) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::thread::set_no_new_privs(true)?;
    let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
    rustix::process::setrlimit(Resource::Core, limit(0))?;
    rustix::process::setrlimit(Resource::Nofile, limit(limits.open_files))?;
    Ok(())
}

/// Takes those of the first `count` numbers that are free, so that a descriptor which the standard library opens for itself gets none
/// that the new process puts its own in the place of.
fn occupy(count: usize) -> io::Result<Vec<OwnedFd>> {
    let numbers = FIRST_DESCRIPTOR..DESCRIPTORS_FROM;
    let mut occupied: Vec<OwnedFd> = Vec::new();
    while occupied.last().is_none_or(|last| numbers.clone().take(count).any(|number| number >= last.as_raw_fd())) {
        occupied.push(File::open("/dev/null")?.into());
    }
    Ok(occupied)
}

/// The same descriptor, under a number that is out of the way.
pub(crate) fn high(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: the call gives a new descriptor to us alone.
    unsafe {
        match libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, DESCRIPTORS_FROM) {
            -1 => Err(io::Error::last_os_error()),
            number => Ok(OwnedFd::from_raw_fd(number)),
        }
    }
}

/// Marks every descriptor above standard error to be closed by exec, except `descriptors`, which get their numbers.
/// Closing them here would also close the one through which the standard library reports that exec failed.
fn keep_only(descriptors: &[RawFd]) -> io::Result<()> {
    close_on_exec(3, u32::MAX)?;
    for (number, descriptor) in (FIRST_DESCRIPTOR..).zip(descriptors) {
        // SAFETY: only this process's own descriptor table changes; no memory is involved.
        if unsafe { libc::dup2(*descriptor, number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn close_on_exec(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: only flags of this process's own descriptor table change; no memory is involved.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
