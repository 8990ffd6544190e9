//! A process that a process of ours has forked: known by a descriptor, not by a number, which could come to mean another.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::io::unix::AsyncFd;

use crate::{Error, Result};

/// Watched, not owned: only its parent can reap it and learn how it ended.
#[derive(Debug)]
pub struct Descendant {
    pid: u32,
    pidfd: AsyncFd<OwnedFd>,
}

impl Descendant {
    /// Takes a pidfd, as pidfd_open(2) gives it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the async runtime cannot watch the descriptor.
    pub fn new(pidfd: OwnedFd) -> Result<Descendant> {
        let pid = pid_of(&pidfd).unwrap_or(0);
        // SAFETY: an `OwnedFd` keeps its one descriptor open for as long as it lives, and the `AsyncFd` owns it.
        let watched = unsafe { AsyncFd::register(pidfd) };
        let pidfd = watched.map_err(|error| Error::Supervise { pid, source: error.into() })?;
        Ok(Descendant { pid, pidfd })
    }

    /// Its number as this process sees it, whatever namespace it lives in; zero when it had ended before it was asked for.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn has_ended(&self) -> bool {
        let mut watched = [PollFd::new(self.pidfd.get_ref(), PollFlags::IN)];
        poll(&mut watched, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Ends it, but not what it has started. Harmless when it has ended.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL);
    }

    /// Stops it where it is, so that it uses no processor time; or lets it go on. What it has started goes on.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // An error means that it has ended.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), signal);
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        if let Err(error) = self.pidfd.readable().await {
            tracing::debug!(%error, "a process is no longer watched: the async runtime is ending");
        }
    }
}

/// Source: the section on pidfd in proc_pid_fdinfo(5).
fn pid_of(pidfd: &OwnedFd) -> Option<u32> {
    let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    about.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
}
