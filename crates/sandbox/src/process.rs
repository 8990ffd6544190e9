//! A running process and everything it started: watched, ended as a whole, and reaped.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::AsyncReadExt as _;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;

use crate::cell::Origin;
use crate::isolation::Identity;
use crate::{ControlGroup, Error, Result};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Status(i32),
    /// This signal ended it.
    Signal(i32),
}

/// A process in its own group. Dropping it ends the group.
#[derive(Debug)]
pub struct Process {
    group: Arc<Group>,
    /// The process to show, when the leader is only an isolated process's init.
    shown: Option<u32>,
    exit: watch::Receiver<Option<Exit>>,
    control: Option<Arc<ControlGroup>>,
    /// Where its forks come from, if it may fork.
    origin: Option<Arc<Origin>>,
}

/// The process group, whose id is the leader's. The id stays reserved until the leader is reaped: signals are sent only
/// before that, under the lock, so that they never reach an unrelated process that got the same number.
#[derive(Debug)]
struct Group {
    leader: Pid,
    reaped: Mutex<bool>,
}

/// How the end of the process itself is known.
pub(crate) enum Ends {
    /// It is the leader.
    Leader,
    /// The leader is only its init, ends with it, and tells on a pipe how it ended.
    Init(OwnedFd),
    /// The same, but init stays, until it is killed.
    Told(OwnedFd),
}

impl Process {
    pub(crate) fn supervise(leader: Pid, ends: Ends, control: Option<ControlGroup>) -> Result<Process> {
        let group = Arc::new(Group { leader, reaped: Mutex::new(false) });
        let (sender, exit) = watch::channel(None);
        let control = control.map(Arc::new);
        let process = Process { group: group.clone(), shown: None, exit, control: control.clone(), origin: None };
        let failed = |source| Error::Supervise { pid: process.pid(), source };
        let pidfd = rustix::process::pidfd_open(leader, PidfdFlags::NONBLOCK).map_err(|e| failed(e.into()))?;
        // SAFETY: an `OwnedFd` keeps its one descriptor open for as long as it lives, and the `AsyncFd` owns it.
        let pidfd = unsafe { AsyncFd::register(pidfd) }.map_err(|error| failed(error.into()))?;
        tokio::spawn(async move {
            let own = match ends {
                Ends::Leader => None,
                Ends::Init(status) => Some(status),
                Ends::Told(status) => {
                    sender.send_replace(Some(told_in_time(status).await));
                    None
                }
            };
            let exit = group.ended(pidfd, own).await;
            sender.send_if_modified(|known| known.is_none() && known.replace(exit).is_none());
            // Its control group is for another now; before, there were processes in it.
            drop(control);
        });
        Ok(process)
    }

    /// Says which process it is about, for people and for its memory.
    pub(crate) fn shows(&mut self, pid: Option<u32>) {
        self.shown = pid;
    }

    /// Says that it forks.
    pub(crate) fn may_fork(&mut self, identity: Identity) -> std::io::Result<()> {
        self.origin = Some(Arc::new(Origin::find(self.leader(), self.pid(), identity)?));
        Ok(())
    }

    pub(crate) fn origin(&self) -> Option<&Arc<Origin>> {
        self.origin.as_ref()
    }

    /// Its number as the server sees it; an isolated process itself sees another.
    pub fn pid(&self) -> u32 {
        self.shown.unwrap_or_else(|| self.leader())
    }

    pub(crate) fn leader(&self) -> u32 {
        self.group.leader.as_raw_nonzero().get().unsigned_abs()
    }

    /// Ends the process and all of its group, at once. Harmless when it has ended.
    pub fn kill(&self) {
        self.group.kill(&self.group.reaped.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks the process and all of its group to end.
    pub fn terminate(&self) {
        self.group.signal(&self.group.reaped.lock().unwrap_or_else(PoisonError::into_inner), Signal::TERM);
    }

    /// Waits for the end. Whatever the process left running in its group is ended then too.
    pub async fn exit(&self) -> Exit {
        let mut exit = self.exit.clone();
        // The sender is gone without an answer only when the async runtime is shutting down.
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        ended.unwrap_or(Exit::Signal(Signal::KILL.as_raw()))
    }

    /// How it ended, if it has.
    pub fn try_exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Whether it has ended, even if its init has not come to tell how.
    pub fn has_ended(&self) -> bool {
        let number = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let is_gone = number.is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
        is_gone || self.try_exit().is_some()
    }

    /// The place where what it sees is mounted.
    pub(crate) fn mount_namespace(&self) -> std::io::Result<File> {
        let reaped = self.group.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        // Its number could be another's by now.
        if *reaped {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        File::open(format!("/proc/{}/ns/mnt", self.leader()))
    }

    pub(crate) fn shared_control_group(&self) -> Option<Arc<ControlGroup>> {
        self.control.clone()
    }

    /// Its control group, if it has one.
    pub fn control_group(&self) -> Option<&ControlGroup> {
        self.control.as_deref()
    }

    /// Stops it where it is, with all that it started, so that it uses no processor time; or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        if !self.control.as_ref().is_some_and(|control| control.freeze(frozen)) {
            // What has left the group goes on. It still ends with the process.
            let signal = if frozen { Signal::STOP } else { Signal::CONT };
            self.group.signal(&self.group.reaped.lock().unwrap_or_else(PoisonError::into_inner), signal);
        }
    }

    /// The most memory the process has held so far, in bytes; `None` when it has ended.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        peak_memory_bytes(self.pid())
    }
}

/// The memory of its own that a process holds now, in bytes, with what it still shares with the one it was forked from.
pub fn anonymous_bytes(pid: u32) -> u64 {
    status_bytes(pid, "RssAnon:").unwrap_or(0)
}

/// The most memory a process has held so far, in bytes; `None` when there is no such process.
pub fn peak_memory_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

/// The same of a process and all that it and its children have started, added up.
pub fn peak_memory_of_all(pid: u32) -> u64 {
    of_all(pid, |pid| peak_memory_bytes(pid).unwrap_or(0))
}

/// The memory of its own that a process and all that it and its children have started hold now, in bytes.
pub fn anonymous_bytes_of_all(pid: u32) -> u64 {
    of_all(pid, anonymous_bytes)
}

/// Adds something up over a process and all that it and its children have started.
fn of_all(pid: u32, bytes: fn(u32) -> u64) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children =
        children.flat_map(|list| list.split_whitespace().filter_map(|it| it.parse().ok()).collect::<Vec<u32>>());
    children.map(|child| of_all(child, bytes)).fold(bytes(pid), u64::saturating_add)
}

/// The memory a process holds now, in bytes; zero when there is no such process.
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:").unwrap_or(0)
}

/// A process's own memory and its part of what it shares with others, in bytes: added up over processes, what they take from
/// the host. `None` when there is no such process, or the host does not tell.
pub fn proportional_bytes(pid: u32) -> Option<u64> {
    field_bytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// Whether a process has ended, even if nobody has been told yet: its parent may be frozen, as it was itself.
pub fn has_ended(pid: u32) -> bool {
    let Some(status) = std::fs::read_to_string(format!("/proc/{pid}/status")).ok() else { return true };
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    // Source: proc_pid_status(5).
    state.is_none_or(|state| matches!(state.trim().chars().next(), Some('Z' | 'X') | None))
}

fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    field_bytes(&format!("/proc/{pid}/status"), field)
}

fn field_bytes(path: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Group {
    fn kill(&self, reaped: &bool) {
        self.signal(reaped, Signal::KILL);
        if !reaped {
            // One that has only just been started does not lead a group yet.
            let _ = rustix::process::kill_process(self.leader, Signal::KILL);
        }
    }

    fn signal(&self, reaped: &bool, signal: Signal) {
        if !reaped {
            // An error means that no process of the group is left: there is nothing to signal.
            let _ = rustix::process::kill_process_group(self.leader, signal);
        }
    }

    /// Waits for the leader to end, ends the rest of the group, reaps the leader.
    async fn ended(&self, pidfd: AsyncFd<OwnedFd>, own: Option<OwnedFd>) -> Exit {
        if let Err(error) = pidfd.readable().await {
            tracing::debug!(%error, "a process is no longer watched: the async runtime is ending");
        }
        match self.reap() {
            // An init that was killed, with the process, has told nothing.
            Some(_) if own.is_some() => own.and_then(told).unwrap_or(Exit::Signal(Signal::KILL.as_raw())),
            Some(status) if status.exited() => Exit::Status(status.exit_status().unwrap_or(0)),
            Some(status) => Exit::Signal(status.terminating_signal().unwrap_or(Signal::KILL.as_raw())),
            None => Exit::Signal(Signal::KILL.as_raw()),
        }
    }

    fn reap(&self) -> Option<WaitIdStatus> {
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        self.kill(&reaped);
        let status = rustix::process::waitid(WaitId::Pid(self.leader), WaitIdOptions::EXITED);
        *reaped = true;
        status.ok().flatten()
    }
}

/// Waits for a wait status, or for the end of who writes it.
async fn told_in_time(status: OwnedFd) -> Exit {
    let mut bytes = [0; 4];
    let read = async {
        rustix::io::ioctl_fionbio(&status, true)?;
        Receiver::from_owned_fd(status)?.read_exact(&mut bytes).await
    };
    let read = read.await.is_ok();
    read.then(|| exit(bytes)).flatten().unwrap_or(Exit::Signal(Signal::KILL.as_raw()))
}

/// Reads a wait status. What init has not written before its end never comes, whoever else may
/// still hold the pipe: this does not wait. So few bytes are written at once or not at all.
fn told(status: OwnedFd) -> Option<Exit> {
    rustix::io::ioctl_fionbio(&status, true).ok()?;
    let mut bytes = [0; 4];
    File::from(status).read_exact(&mut bytes).ok()?;
    exit(bytes)
}

/// A wait status, as wait(2) describes it.
fn exit(status: [u8; 4]) -> Option<Exit> {
    let status = i32::from_ne_bytes(status);
    let exited = libc::WIFEXITED(status).then(|| Exit::Status(libc::WEXITSTATUS(status)));
    exited.or_else(|| libc::WIFSIGNALED(status).then(|| Exit::Signal(libc::WTERMSIG(status))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;

    /// What `told` says of a pipe that somebody holds open.
    fn told_while_held(written: &[u8]) -> Option<Exit> {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(written).unwrap();
        let (sender, answer) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(told(reader.into())));
        let answer = answer.recv_timeout(Duration::from_secs(10));
        drop(writer);
        answer.unwrap()
    }

    #[test]
    fn a_status_is_not_waited_for() {
        assert_eq!(told_while_held(&[]), None);
        assert_eq!(told_while_held(&[1, 2]), None);
        assert_eq!(told_while_held(&(3_i32 << 8).to_ne_bytes()), Some(Exit::Status(3)));
        assert_eq!(told_while_held(&9_i32.to_ne_bytes()), Some(Exit::Signal(9)));
    }
}
