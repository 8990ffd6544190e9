//! A cell: what a fork of an isolated process lives in. Its namespaces, the first process in them, and its control group
//! are made from outside, ahead of the fork, which only enters them.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, WaitOptions};

use crate::clone::{Stack, lend};
use crate::command::oom_score;
use crate::enter::Stage;
use crate::forks::{self, CellEntry};
use crate::isolated::{control_group, hear, init_program, pipe};
use crate::isolation::{Identity, own};
use crate::process::Ends;
use crate::{Descendant, Error, Limits, Port, Process, Result, seccomp};

/// Where forks of a process come from: what their namespaces are made in.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The user namespace that owns the namespaces of its forks.
    users: OwnedFd,
    /// The mounts that its root was put together in.
    mounts: OwnedFd,
    processes: OwnedFd,
    identity: Identity,
}

impl Origin {
    /// `init` is the first process of its pid namespace.
    pub fn find(init: u32, process: u32, identity: Identity) -> io::Result<Origin> {
        let users = namespace(process, "user")?;
        let processes = namespace(init, "pid")?;
        if inode(process, "pid")? != inode(init, "pid")? {
            return Err(io::Error::other("the process has ended"));
        }
        Ok(Origin { users, mounts: namespace(init, "mnt")?, processes, identity })
    }
}

/// The kinds of namespaces that a fork enters, in this order.
const ENTERED: [&str; 4] = ["pid", "mnt", "ipc", "uts"];

/// Namespaces that wait for a fork, and their control group. Dropping it ends what is in them.
#[derive(Debug)]
pub struct Cell {
    first: Process,
    identity: Identity,
}

impl Process {
    /// Makes a cell for a fork of this process, with a /tmp of so many bytes.
    ///
    /// # Errors
    /// When the process was not started to be forked, or the host does not let a cell be made, or limited.
    pub async fn cell(&self, limits: &Limits, tmp_bytes: u64, loopback_ports: &[Port]) -> Result<Cell> {
        let program = PathBuf::from("a fork");
        let failed = |source| Error::Start { program: program.clone(), source };
        let origin = self.origin().ok_or_else(|| failed(io::ErrorKind::Unsupported.into()))?.clone();
        let group = control_group(limits, loopback_ports).await.map_err(failed)?;
        let group = group.ok_or_else(|| failed(io::Error::other("there is no control group for it")))?;
        let (place, identity) = (group.descriptor().map_err(failed)?, origin.identity);
        let made = group.run(move || make(&origin, tmp_bytes, place.as_ref())).await?;
        let (status, report) = made.map_err(failed)?;
        let report = hear(report).await.map_err(failed)?;
        let leader = report.pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let first = leader.map(|leader| Process::supervise(leader, Ends::Init(status), Some(group))).transpose()?;
        match (report.failure, first) {
            (None, Some(first)) => Ok(Cell { first, identity }),
            (Some((stage, source)), _) => Err(Error::Isolate { program, stage: Stage::describe(stage), source }),
            (None, None) => Err(failed(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl Cell {
    /// The namespaces for a fork to enter: of processes (which it has to enter before it is forked), mounts, IPC and the
    /// host's name.
    ///
    /// # Errors
    /// When the cell has ended.
    pub fn namespaces(&self) -> io::Result<[OwnedFd; 4]> {
        let [pid, mnt, ipc, uts] = ENTERED.map(|kind| namespace(self.first.leader(), kind));
        Ok([pid?, mnt?, ipc?, uts?])
    }

    /// Makes the fork the owner of a file that it inherits, so that it can open it by its name, as /dev/stdout.
    ///
    /// # Errors
    /// When the server may not do that.
    pub fn give(&self, descriptor: &OwnedFd) -> io::Result<()> {
        let owner = (rustix::fs::Uid::from_raw(self.identity.uid), rustix::fs::Gid::from_raw(self.identity.gid));
        Ok(rustix::fs::fchown(descriptor, Some(owner.0), Some(owner.1))?)
    }

    /// Takes in a fork that says it has entered and has no privileges any more: looks whether that is so, and puts it under
    /// the limits of the cell. The process that forks it runs code that nobody knows.
    ///
    /// # Errors
    /// When it is not so, or the fork has ended.
    pub fn admit(&self, fork: &Descendant) -> io::Result<()> {
        let pid = fork.pid();
        for kind in ENTERED {
            if inode(pid, kind)? != inode(self.first.leader(), kind)? {
                return Err(io::Error::other(format!("the fork has not entered its namespaces ({kind})")));
            }
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        if !has_no_privileges(&status) {
            return Err(io::Error::other("the fork has kept its privileges"));
        }
        let group = self.first.control_group().ok_or(io::ErrorKind::Unsupported)?;
        group.adopt(pid)?;
        // Numbers are used again; a process that still runs has had its own all the time.
        if fork.has_ended() { Err(io::Error::other("the fork has ended")) } else { Ok(()) }
    }

    /// The first process, with which everything in the cell ends.
    pub fn process(&self) -> &Process {
        &self.first
    }
}

/// Source: proc_pid_status(5).
fn has_no_privileges(status: &str) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let none = |name: &str| field(name).is_some_and(|set| set.bytes().all(|digit| digit == b'0'));
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"];
    sets.iter().all(|set| none(set)) && field("NoNewPrivs:") == Some("1") && field("Seccomp:") == Some("2")
}

fn namespace(pid: u32, kind: &str) -> io::Result<OwnedFd> {
    Ok(File::open(format!("/proc/{pid}/ns/{kind}"))?.into())
}

/// By which namespaces are told apart.
fn inode(pid: u32, kind: &str) -> io::Result<u64> {
    Ok(std::fs::metadata(format!("/proc/{pid}/ns/{kind}"))?.ino())
}

/// On a thread that starts processes: gives the pipes of the status and of the report.
fn make(origin: &Origin, tmp_bytes: u64, place: Option<&OwnedFd>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (status, status_writer) = pipe()?;
    let (report, report_writer) = pipe()?;
    rustix::io::ioctl_fionbio(&report, true)?;
    let [tmp, shared_memory, processes] = own(Path::new("/"), tmp_bytes)?;
    let entry = CellEntry {
        mounts: origin.mounts.as_raw_fd(),
        users: origin.users.as_raw_fd(),
        own: vec![tmp, shared_memory],
        processes,
        identity: origin.identity,
        oom_score: oom_score().to_string(),
        filter: seccomp::filter(false),
        status_reader: status.as_raw_fd(),
        status: status_writer.as_raw_fd(),
        report: report_writer.as_raw_fd(),
        init: init_program()?.as_raw_fd(),
        lent: Stack::new()?,
    };
    let stack = Stack::new()?;
    let maker = {
        let _elsewhere = Elsewhere::new(&origin.processes)?;
        // SAFETY: `make_cell` makes plain system calls on what is prepared.
        unsafe { lend(0, place, &stack, forks::make_cell, &entry) }?
    };
    // It tells in the report what went wrong.
    rustix::process::waitpid(Some(maker), WaitOptions::empty())?;
    Ok((status, report))
}

/// While this exists, children of this thread are born in another pid namespace.
struct Elsewhere {
    own: &'static OwnedFd,
}

/// How long to wait before trying again what cannot fail but for want of memory.
const RETRY: Duration = Duration::from_millis(10);

impl Elsewhere {
    fn new(namespace: &OwnedFd) -> io::Result<Elsewhere> {
        static OWN: OnceLock<OwnedFd> = OnceLock::new();
        let own = match OWN.get() {
            Some(own) => own,
            None => {
                let found = self::namespace(std::process::id(), "pid")?;
                OWN.get_or_init(|| found)
            }
        };
        go_to(namespace)?;
        Ok(Elsewhere { own })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // This thread starts nothing before it is back.
        while let Err(error) = go_to(self.own) {
            tracing::warn!(%error, "a thread that starts processes does not find back");
            std::thread::sleep(RETRY);
        }
    }
}

fn go_to(namespace: &OwnedFd) -> io::Result<()> {
    // SAFETY: only where this thread's children are born changes; no memory is involved.
    match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWPID) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::has_no_privileges;

    #[test]
    fn privileges_are_seen() {
        let status = |effective: &str, filter: &str| {
            format!(
                "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t{effective}\nCapBnd:\t0000000000240000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t{filter}\n"
            )
        };
        assert!(has_no_privileges(&status("0000000000000000", "2")));
        assert!(
            !has_no_privileges(&status("0000000000240000", "2"))
                && !has_no_privileges(&status("0000000000000000", "0"))
        );
        assert!(!has_no_privileges(""));
    }
}
