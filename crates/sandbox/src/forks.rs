//! What a function that is forked needs: the way into isolation of the process that forks, and of the first process of each
//! fork's namespaces. As in `enter.rs`, these are copies of the server that make plain system calls on what was prepared.

use std::os::fd::RawFd;
use std::os::raw::{c_int, c_long, c_ulong};

use crate::clone::{Stack, lend_on};
use crate::enter::{
    Entry, Outcome, Stage, Waiting, become_init, become_own, check, confine, die_with_the_server, errno, execute,
    filter_calls, give_up_privileges, report, take, tell_number, write_file,
};
use crate::isolation::{Identity, Step};
use crate::landlock::keep_to_own_sockets;

/// What a process needs to enter namespaces that its user namespace owns. Source: setns(2), capabilities(7).
const TO_ENTER: [c_ulong; 2] = [CAP_SYS_CHROOT, CAP_SYS_ADMIN];
const CAP_SYS_CHROOT: c_ulong = 18;
const CAP_SYS_ADMIN: c_ulong = 21;

/// Starts a program that forks instances in a user namespace of its own, inside the one its root was put together in: there
/// it may enter namespaces, and cannot take away what is mounted, as that came along.
///
/// # Safety
/// As [`crate::enter::enter`].
pub(crate) unsafe fn enter(entry: &Entry, processes: c_int) -> Result<(), (Stage, c_int)> {
    let at = |stage: Stage| move |error| (stage, error);
    // SAFETY: system calls on prepared arguments.
    unsafe {
        let running = Waiting::new().map_err(at(Stage::Fork))?;
        let moved = Waiting::new().map_err(at(Stage::Fork))?;
        match libc::syscall(libc::SYS_clone, c_long::from(libc::SIGCHLD), 0, 0, 0, 0) {
            -1 => Err((Stage::Fork, errno())),
            0 => {
                let namespaces = libc::CLONE_NEWUSER | libc::CLONE_NEWNS;
                check(c_long::from(libc::unshare(namespaces))).map_err(at(Stage::Identity))?;
                moved.tell();
                running.wait();
                confine(entry, &TO_ENTER)?;
                tell_number(entry.report, processes);
                Err((Stage::Exec, execute(entry)))
            }
            _ => {
                moved.wait();
                say_who_is_who(entry).map_err(at(Stage::Identity))?;
                confine(entry, &[])?;
                die_with_the_server(entry.status).map_err(at(Stage::Server))?;
                Err((Stage::Init, become_init(entry.init, entry.status, true)))
            }
        }
    }
}

/// In the user namespace of the function, its user is the one that it is for the host; nobody else is there.
unsafe fn say_who_is_who(entry: &Entry) -> Outcome {
    let Some((users, groups)) = &entry.maps else { return Err(libc::EINVAL) };
    // SAFETY: the paths are C strings.
    unsafe {
        // The number of the function's process is init::FUNCTION_PID.
        write_file(c"/proc/2/uid_map", users.as_bytes(), libc::O_WRONLY)?;
        write_file(c"/proc/2/gid_map", groups.as_bytes(), libc::O_WRONLY)
    }
}

/// What the first process of a fork's namespaces needs, prepared.
pub(crate) struct CellEntry {
    /// Of the process that forks: the mounts its root was put together in, and its user namespace.
    pub mounts: RawFd,
    pub users: RawFd,
    /// What a fork has of its own: /tmp and /dev/shm; then /proc, which only the first process can mount.
    pub own: Vec<Step>,
    pub processes: Step,
    pub identity: Identity,
    pub oom_score: String,
    pub filter: Vec<libc::sock_filter>,
    /// The server's end of the status pipe, of which no copy may stay here.
    pub status_reader: RawFd,
    pub status: RawFd,
    pub report: RawFd,
    pub init: RawFd,
    /// For the first process.
    pub lent: Stack,
}

/// The new process, which is in the pid namespace of the process that forks. It makes the namespaces of a fork, starts their
/// first process as a child of the server, and ends.
///
/// # Safety
/// Only in a process that a thread of the server has just lent its memory.
pub(crate) unsafe fn make_cell(entry: &CellEntry, joins: Option<RawFd>) -> ! {
    // SAFETY: as the caller promises; all that is passed on is in `entry`.
    unsafe {
        match go(entry, joins) {
            Ok(()) => libc::_exit(0),
            Err((stage, error)) => {
                report(entry.report, stage as u32, error);
                libc::_exit(127)
            }
        }
    }
}

unsafe fn go(entry: &CellEntry, joins: Option<RawFd>) -> Result<(), (Stage, c_int)> {
    let at = |stage: Stage| move |error| (stage, error);
    // SAFETY: system calls on prepared arguments.
    unsafe {
        let processes = become_own(entry.status_reader, &entry.oom_score, joins)?;
        // A copy of the mounts, made in the user namespace of the fork, where nothing of it can be taken away. What is mounted on
        // it then can be, by nobody: the fork has no privileges, and the filter of who forks it none of the calls.
        check(c_long::from(libc::setns(entry.mounts, libc::CLONE_NEWNS))).map_err(at(Stage::Cell))?;
        check(c_long::from(libc::setns(entry.users, libc::CLONE_NEWUSER))).map_err(at(Stage::Identity))?;
        let namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        check(c_long::from(libc::unshare(namespaces))).map_err(at(Stage::Cell))?;
        entry.own.iter().try_for_each(|step| take(step)).map_err(at(Stage::Mounts))?;
        libc::sethostname(c"localhost".as_ptr(), 9);
        let flags = libc::CLONE_NEWPID | libc::CLONE_PARENT;
        lend_on(flags, &entry.lent, be_first, &First { entry, processes }).map_err(at(Stage::Fork))?;
        Ok(())
    }
}

struct First<'a> {
    entry: &'a CellEntry,
    processes: c_int,
}

/// The first process of the new pid namespace.
unsafe fn be_first(first: &First<'_>, _: Option<RawFd>) -> ! {
    let First { entry, processes } = first;
    // SAFETY: as in `make_cell`.
    unsafe {
        if let Err((stage, error)) = become_first(entry, *processes) {
            report(entry.report, stage as u32, error);
        }
        libc::_exit(127)
    }
}

unsafe fn become_first(entry: &CellEntry, processes: c_int) -> Result<(), (Stage, c_int)> {
    let at = |stage: Stage| move |error| (stage, error);
    // SAFETY: system calls on prepared arguments.
    unsafe {
        // First of all: it is the server's child now, and to be ended whatever comes.
        tell_number(entry.report, processes);
        libc::setsid();
        // Orphans of the fork have nobody who asks for them.
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        take(&entry.processes).map_err(at(Stage::Mounts))?;
        give_up_privileges(Some(&entry.identity), PROCESSES_OF_ALL_FORKS, &[]).map_err(at(Stage::Privileges))?;
        keep_to_own_sockets(false).map_err(at(Stage::Filter))?;
        filter_calls(&entry.filter).map_err(at(Stage::Filter))?;
        die_with_the_server(entry.status).map_err(at(Stage::Server))?;
        Err((Stage::Init, become_init(entry.init, entry.status, true)))
    }
}

/// Those of its user are counted together, in all namespaces.
const PROCESSES_OF_ALL_FORKS: u64 = u64::MAX;
