//! Starting a process in isolation: prepares everything, clones, and hears how it went.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

use rustix::process::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::clone::{Clone, Stack, clone, lend};
use crate::command::high;
use crate::enter::{self, Entry, Pointers, REPORT_BYTES, STARTED, Stage};
use crate::isolation::{Identity, Isolation, steps, text};
use crate::outlet::{self, Outlet};
use crate::process::Ends;
use crate::{
    Command, ControlGroup, Error, Limits, Port, Process, Result, command, init, launcher, network, seccomp, users,
    waiter,
};

/// The user that an unprivileged server's functions see themselves as: Lambda's `sbx_user1051`.
const SANDBOX_USER: u32 = 993;

/// The user `nobody`, where the host does not have those numbers.
const NOBODY: u32 = 65_534;

/// What runs in isolation.
pub(crate) enum Runs {
    Program,
    /// What waits to be told of a program.
    Waiter,
    /// Another program of ours.
    Own(OwnedFd),
}

struct Started {
    leader: Pid,
    output: OwnedFd,
    status: OwnedFd,
    report: OwnedFd,
    identity: Identity,
    /// By which it is let out of the network that it has of its own.
    outlet: Option<Outlet>,
}

/// What new processes have told until they ran their programs.
pub(crate) struct Report {
    /// The function's process.
    pub pid: Option<u32>,
    /// The stage that failed.
    pub failure: Option<(u32, io::Error)>,
}

/// Starts the program, or what `runs` instead, with what `isolation` shows it.
pub(crate) async fn spawn(command: Command, isolation: Isolation, runs: Runs) -> Result<(Process, OwnedFd)> {
    let program = command.program.clone();
    let failed = |source| Error::Start { program: program.clone(), source };
    let control = control_group(&command.limits, &isolation.loopback_ports).await;
    let control = control.map_err(|source| Error::Isolate {
        program: program.clone(),
        stage: "making its control group",
        source,
    })?;
    let forks = isolation.forks;
    let started = match &control {
        Some(group) => {
            let place = group.descriptor().map_err(failed)?;
            group.run(move || start(command, &isolation, place, &runs)).await?
        }
        None => launcher::run(move || start(command, &isolation, None, &runs)).await?,
    };
    let started = started.map_err(failed)?;
    let ends = if forks { Ends::Told(started.status) } else { Ends::Init(started.status) };
    let mut process = Process::supervise(started.leader, ends, control)?;
    match hear(started.report).await.map_err(failed)? {
        Report { failure: None, pid } => {
            process.shows(pid);
            if let Some(outlet) = started.outlet {
                outlet.open().map_err(failed)?;
            }
            if forks {
                process.may_fork(started.identity).map_err(failed)?;
            }
            Ok((process, started.output))
        }
        Report { failure: Some((stage, source)), .. } if Stage::is_exec(stage) => Err(failed(source)),
        Report { failure: Some((stage, source)), .. } => {
            Err(Error::Isolate { program, stage: Stage::describe(stage), source })
        }
    }
}

/// A group with the limits that were asked for. A host that has none for this server gives none: `Capabilities` tells.
pub(crate) async fn control_group(limits: &Limits, loopback_ports: &[Port]) -> io::Result<Option<ControlGroup>> {
    let Some(resources) = limits.resources else { return Ok(None) };
    let group = ControlGroup::take(resources).await?;
    let mut ports = loopback_ports.to_vec();
    ports.extend(network::resolver_ports());
    // What is not granted is refused: the function says what it did not reach.
    if let Some(Err(error)) = group.as_ref().map(|group| group.grant(&ports)) {
        tracing::warn!(%error, "a function cannot be granted its ports on the loopback addresses");
    }
    Ok(group)
}

/// Reads the report to its end, which comes when all programs run: the process id that is told, and the first failure.
pub(crate) async fn hear(report: OwnedFd) -> io::Result<Report> {
    let mut messages = Vec::new();
    Receiver::from_owned_fd(report)?.read_to_end(&mut messages).await?;
    let mut told = Report { pid: None, failure: None };
    for message in messages.chunks_exact(REPORT_BYTES) {
        let (number, value) = message.split_at(REPORT_BYTES / 2);
        let number = u32::from_ne_bytes(number.try_into().unwrap_or_default());
        let value = i32::from_ne_bytes(value.try_into().unwrap_or_default());
        if number == STARTED {
            told.pid = u32::try_from(value).ok().filter(|pid| *pid > 0);
        } else if told.failure.is_none() {
            told.failure = Some((number, io::Error::from_raw_os_error(value)));
        }
    }
    Ok(told)
}

/// `place` is the folder of a control group to be born in.
fn start(command: Command, isolation: &Isolation, place: Option<OwnedFd>, runs: &Runs) -> io::Result<Started> {
    let privileged = is_privileged();
    let identity = identity(privileged);
    let (output, output_writer) = pipe()?;
    rustix::io::ioctl_fionbio(&output, true)?;
    let (status, status_writer) = pipe()?;
    let (report, report_writer) = pipe()?;
    rustix::io::ioctl_fionbio(&report, true)?;
    if privileged {
        // So that a function may open /dev/stdout, as it can when it is the server's own user.
        let owner = (rustix::fs::Uid::from_raw(identity.uid), rustix::fs::Gid::from_raw(identity.gid));
        rustix::fs::fchown(&output_writer, Some(owner.0), Some(owner.1))?;
    }
    let descriptors = command.descriptors.into_iter().map(high).collect::<io::Result<Vec<_>>>()?;
    let steps = steps(isolation, &identity)?;
    let forks = isolation.forks;
    let maps = (!privileged || forks).then(|| {
        let (mut user, mut group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if privileged {
            (user, group) = (identity.uid, identity.gid);
        }
        (format!("{} {user} 1", identity.uid), format!("{} {group} 1", identity.gid))
    });
    let arguments = std::iter::once(command.program.clone().into_os_string()).chain(command.args);
    let variables = command.env.into_iter().map(|(name, value)| variable(name, value));
    let outlet = has_own_network(isolation).then(|| Outlet::new(&isolation.loopback_ports)).transpose()?;
    let entry = Entry {
        steps,
        root: text(&isolation.root)?,
        cwd: text(&command.cwd)?,
        program: text(&command.program)?,
        instead: match runs {
            Runs::Program => None,
            Runs::Waiter => Some(waiter_program()?.as_raw_fd()),
            Runs::Own(program) => Some(program.as_raw_fd()),
        },
        lent: (!matches!(runs, Runs::Program) && privileged).then(Stack::new).transpose()?,
        arguments: Pointers::new(arguments.map(text).collect::<io::Result<_>>()?),
        variables: Pointers::new(variables.map(text).collect::<io::Result<_>>()?),
        identity,
        maps,
        filter: seccomp::filter(forks),
        open_files: command.limits.open_files,
        // All forks of a process have one user; each has its control group.
        processes: if forks { u64::MAX } else { command.limits.processes },
        oom_score: command::oom_score().to_string(),
        descriptors: descriptors.iter().map(AsRawFd::as_raw_fd).collect(),
        output: output_writer.as_raw_fd(),
        status_reader: status.as_raw_fd(),
        status: status_writer.as_raw_fd(),
        report: report_writer.as_raw_fd(),
        init: init_program()?.as_raw_fd(),
        network: outlet.as_ref().map(Outlet::prepare),
        forks,
    };
    let mut flags = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if !privileged {
        flags |= libc::CLONE_NEWUSER;
    }
    if outlet.is_some() {
        flags |= libc::CLONE_NEWNET;
    }
    let leader = if privileged {
        // SAFETY: `enter` makes plain system calls on what is prepared.
        unsafe { lend(flags, place.as_ref(), &Stack::new()?, enter::enter, &entry) }?
    } else {
        match clone(flags, place.as_ref())? {
            // SAFETY: this is the new process, just cloned.
            Clone::Copy { joins } => unsafe { enter::enter(&entry, joins) },
            Clone::Original(leader) => leader,
        }
    };
    Ok(Started { leader, output, status, report, identity: entry.identity, outlet })
}

/// Whether a process has a network of its own, out of which the server lets it: where the kernel does not guard the host's.
pub(crate) fn has_own_network(isolation: &Isolation) -> bool {
    !is_privileged() && !isolation.is_served_to_the_host && outlet::is_possible()
}

fn variable(name: OsString, value: OsString) -> OsString {
    let mut bytes = name.into_vec();
    bytes.push(b'=');
    bytes.extend(value.into_vec());
    OsString::from_vec(bytes)
}

/// Whether functions get users of their own, rather than a user namespace.
pub(crate) fn is_privileged() -> bool {
    rustix::process::geteuid().is_root()
}

fn identity(privileged: bool) -> Identity {
    let id = if !privileged {
        SANDBOX_USER
    } else if has_users() {
        users::next()
    } else {
        NOBODY
    };
    Identity { uid: id, gid: id }
}

/// Whether a socket that a user has made may be a function's: made by itself, or by the server in its place. Where functions have the
/// user of other processes, those count, too.
pub fn may_be_a_functions(user: u32, is_isolated: bool) -> bool {
    let has_own_users = is_isolated && is_privileged();
    let is_shared =
        if has_own_users { !has_users() && user == NOBODY } else { user == rustix::process::geteuid().as_raw() };
    is_shared || users::is_of_one_instance(user)
}

/// Whether the server's own user namespace, should it be in a container, has the numbers for functions' users.
pub(crate) fn has_users() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        ["/proc/self/uid_map", "/proc/self/gid_map"]
            .iter()
            .all(|path| std::fs::read_to_string(path).is_ok_and(|map| map.lines().any(covers_users)))
    })
}

/// For a line of a map: the first number inside, the first outside, how many.
fn covers_users(line: &str) -> bool {
    let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().unwrap_or(0));
    let (first, _, count) = (numbers.next(), numbers.next(), numbers.next());
    first.zip(count).is_some_and(|(first, count)| {
        first <= u64::from(users::ALL.start) && first.saturating_add(count) >= u64::from(users::ALL.end)
    })
}

pub(crate) fn init_program() -> io::Result<&'static OwnedFd> {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    once(&PROGRAM, init::program)
}

fn waiter_program() -> io::Result<&'static OwnedFd> {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    once(&PROGRAM, waiter::program)
}

fn once(place: &'static OnceLock<OwnedFd>, make: fn() -> io::Result<OwnedFd>) -> io::Result<&'static OwnedFd> {
    if let Some(program) = place.get() {
        return Ok(program);
    }
    let program = high(make()?)?;
    Ok(place.get_or_init(|| program))
}

/// The reading end and the writing end.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), high(writer.into())?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{Limits, Resources};

    /// Where a process is that is started while clone3 answers with an error.
    async fn place_without_clone3(error: i32) -> io::Result<String> {
        let (root, resources) =
            (tempfile::tempdir()?, Resources { memory_bytes: 64 << 20, cpu_shares: 512, processes: 8 });
        let group = ControlGroup::take(resources).await?.unwrap();
        let (mounts, hidden, loopback_ports, is_served_to_the_host, forks) = Default::default();
        let (root, tmp_bytes) = (root.path().into(), 1 << 20);
        let isolation = Isolation { root, mounts, hidden, tmp_bytes, loopback_ports, is_served_to_the_host, forks };
        let command = Command {
            program: "/bin/cat".into(),
            args: vec!["/proc/self/cgroup".into()],
            env: Vec::new(),
            cwd: "/".into(),
            descriptors: Vec::new(),
            limits: Limits::default(),
            isolation: None,
        };
        let place = group.descriptor()?;
        assert!(place.is_some(), "this needs control groups of version 2");
        // In a thread of its own, for filters stay; with which the process would end.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            seccomp::refuse_clone3(error);
            let _ = sender.send(start(command, &isolation, place, &Runs::Program));
            let _ = is_done.recv();
        });
        let started = receiver.await.unwrap()?;
        assert!(hear(started.report).await?.failure.is_none());
        let mut said = String::new();
        Receiver::from_owned_fd(started.output)?.read_to_string(&mut said).await?;
        drop(done);
        thread.join().unwrap();
        rustix::process::waitpid(Some(started.leader), rustix::process::WaitOptions::empty())?;
        Ok(said)
    }

    #[tokio::test]
    async fn without_clone3_it_is_in_its_group_or_nowhere() {
        for error in [libc::ENOSYS, libc::EPERM, libc::EINVAL] {
            let place = place_without_clone3(error).await.unwrap();
            let own = format!("/cloudlet-{}/", std::process::id());
            assert!(place.lines().any(|line| line.starts_with("0::") && line.contains(&own)), "{error}: {place}");
        }
        for error in [libc::EAGAIN, libc::EBUSY, libc::ENOMEM] {
            assert_eq!(place_without_clone3(error).await.unwrap_err().raw_os_error(), Some(error));
        }
    }

    #[test]
    fn maps_are_understood() {
        assert!(covers_users("         0          0 4294967295"));
        assert!(!covers_users("0 100000 65536") && !covers_users("") && !covers_users("x y z"));
    }
}
