//! What to run and under which limits; turning that into a process.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::io::FdFlags;
use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::{Error, Isolation, Process, Resources, Result, isolated, launcher};

/// A program to start. Nothing of the server's own environment or descriptors reaches it.
#[derive(Debug)]
pub struct Command {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
    /// A descriptor that the process keeps, under the same number as here. Its output goes to a pipe, its input is empty.
    pub control: Option<OwnedFd>,
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
            return isolated::spawn(self, isolation).await;
        }
        let program = self.program.clone();
        let failed = |source| Error::Start { program, source };
        let (child, output) = match launcher::run(move || self.start()).await? {
            Ok(started) => started,
            Err(source) => return Err(failed(source)),
        };
        Ok((Process::supervise(Pid::from_child(&child), None, None)?, output))
    }

    fn start(self) -> io::Result<(Child, OwnedFd)> {
        let (output, writer) = io::pipe()?;
        let output = OwnedFd::from(output);
        rustix::io::ioctl_fionbio(&output, true)?;
        let control = self.control.as_ref().map(AsRawFd::as_raw_fd);
        let (limits, parent) = (self.limits, rustix::process::getpid());
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env).current_dir(&self.cwd);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let prepare = move || {
            confine(&limits)?;
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if rustix::process::getppid() != Some(parent) {
                // The server died between the fork and the line above: nobody would ever end this process.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            keep_only(control)
        };
        // SAFETY: the closure runs between fork and exec, where only async-signal-safe work is allowed: it makes plain
        // system calls, takes no lock and allocates nothing (its errors are error numbers).
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn()?;
        Ok((child, output))
    }
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

/// Marks every descriptor above standard error to be closed by exec, except `control`. Closing them here would also
/// close the one through which the standard library reports that exec failed.
fn keep_only(control: Option<RawFd>) -> io::Result<()> {
    close_on_exec(3, u32::MAX)?;
    if let Some(control) = control {
        // SAFETY: the descriptor is owned by the `Command` that is being started, which outlives this call.
        let control = unsafe { std::os::fd::BorrowedFd::borrow_raw(control) };
        rustix::io::fcntl_setfd(control, FdFlags::empty())?;
    }
    Ok(())
}

fn close_on_exec(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: only flags of this process's own descriptor table change; no memory is involved.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
