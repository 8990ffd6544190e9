//! What this host lets a server isolate, found out by doing it.

use std::borrow::Cow;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use crate::control_group::{self, Shared};
use crate::isolated::Runs;
use crate::{
    Command, Error, Exit, Isolation, Limits, Port, Resources, SHARES_OF_A_PROCESSOR, isolated, landlock, outlet, probe,
};

/// What is isolated on this host.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Why functions cannot be isolated, if they cannot.
    pub obstacle: Option<Obstacle>,
    /// Each thing that separates functions, for people.
    pub aspects: Vec<Aspect>,
}

/// What is in the way, and what to do about it.
#[derive(Clone, Debug)]
pub struct Obstacle {
    pub reason: String,
    pub remedy: String,
}

/// One of the things that separate functions from the host and from each other.
#[derive(Clone, Debug)]
pub struct Aspect {
    pub name: &'static str,
    pub isolated: bool,
    pub detail: Cow<'static, str>,
    /// What to do about it, where it is not.
    pub remedy: Option<&'static str>,
}

/// Starts an isolated process that does nothing, with `folder`, which must be empty, as the place of its root.
pub async fn capabilities(folder: &Path) -> Capabilities {
    let mut attempted = attempt(folder).await;
    if let Some(error) = attempted.as_ref().err().filter(|_| has_own_networks()) {
        // Without a network of its own, a function may still be isolated from all else.
        outlet::give_up(error.to_string());
        attempted = attempt(folder).await;
    }
    let obstacle = attempted.err().map(explain);
    let shared = tokio::task::spawn_blocking(control_group::shared).await.unwrap_or_default();
    let aspects = aspects(obstacle.is_none(), shared);
    Capabilities { obstacle, aspects }
}

async fn attempt(folder: &Path) -> Result<(), Error> {
    let (process, _output) = shell(folder, ":").spawn().await?;
    match process.exit().await {
        Exit::Status(0) if has_own_networks() => get_out(folder).await,
        Exit::Status(0) => Ok(()),
        exit => Err(failed("/bin/sh", "running it", io::Error::other(format!("it ended with {exit:?}")))),
    }
}

/// Whether functions have networks of their own, as far as is known.
fn has_own_networks() -> bool {
    !isolated::is_privileged() && outlet::is_possible()
}

/// Has an isolated process connect to a port of this host that it is granted: the kernel has to leave that call to this server,
/// and has to let it look at what the call is about, and put a socket in its place.
async fn get_out(folder: &Path) -> Result<(), Error> {
    let stage = "letting it out of its network";
    let unable = |source| failed("a probe", stage, source);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(unable)?;
    let port = listener.local_addr().map_err(unable)?.port();
    let mut command = shell(folder, "");
    command.isolation.iter_mut().for_each(|isolation| isolation.loopback_ports = vec![Port::tcp(port)]);
    let (process, _output) = command.spawn_own(Runs::Own(probe::program(port).map_err(unable)?)).await?;
    match tokio::time::timeout(GET_OUT_TIMEOUT, process.exit()).await {
        Ok(Exit::Status(0)) => Ok(()),
        Ok(Exit::Status(error)) => Err(unable(io::Error::from_raw_os_error(error))),
        Ok(exit) => Err(unable(io::Error::other(format!("it ended with {exit:?}")))),
        Err(_) => Err(unable(io::ErrorKind::TimedOut.into())),
    }
}

/// How long a connection to this host itself may take.
const GET_OUT_TIMEOUT: Duration = Duration::from_secs(5);

fn failed(program: &str, stage: &'static str, source: io::Error) -> Error {
    Error::Isolate { program: program.into(), stage, source }
}

/// Why isolated functions cannot be forked on this host, if they cannot. Makes a place for a fork, with `folder`, which must be
/// empty, as the place of its root.
pub async fn fork_obstacle(folder: &Path) -> Option<String> {
    if !isolated::is_privileged() {
        return Some("the server is not root".into());
    }
    let shared = tokio::task::spawn_blocking(control_group::shared).await.unwrap_or_default();
    if !(shared.memory && shared.pids) {
        return Some("the server has no control groups for memory and processes".into());
    }
    let mut command = shell(folder, "exec sleep 1000");
    command.isolation.iter_mut().for_each(|isolation| isolation.forks = true);
    let processes = command.limits.processes;
    command.limits.resources =
        Some(Resources { memory_bytes: PROBE_BYTES, cpu_shares: SHARES_OF_A_PROCESSOR, processes });
    let limits = command.limits.clone();
    let made = async { command.spawn().await?.0.cell(&limits, PROBE_BYTES, &[]).await };
    made.await.err().map(|error| error.to_string())
}

/// Memory for what only finds out what is possible.
const PROBE_BYTES: u64 = 64 * 1024 * 1024;

fn shell(folder: &Path, script: &str) -> Command {
    Command {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: Vec::new(),
        cwd: "/".into(),
        descriptors: Vec::new(),
        limits: Limits::default(),
        isolation: Some(Isolation {
            root: folder.into(),
            mounts: Vec::new(),
            hidden: Vec::new(),
            tmp_bytes: 1024 * 1024,
            loopback_ports: Vec::new(),
            is_served_to_the_host: false,
            forks: false,
        }),
    }
}

fn explain(error: Error) -> Obstacle {
    let remedy = if isolated::is_privileged() {
        "Run the server outside of a container, or in one that may make namespaces and mounts (CAP_SYS_ADMIN, no seccomp or AppArmor profile against them)."
    } else if knob("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        "Allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with `userns,` for this program), or run the server as root: functions get users of their own then."
    } else if knob("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        "Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run the server as root: functions get users of their own then."
    } else if knob("/proc/sys/user/max_user_namespaces") == Some(0) {
        "Allow user namespaces (sysctl user.max_user_namespaces=10000), or run the server as root: functions get users of their own then."
    } else {
        "Linux 5.12 or later is needed, and permission to make user namespaces; or run the server as root: functions get users of their own then."
    };
    Obstacle { reason: error.to_string(), remedy: remedy.into() }
}

fn knob(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Where control groups are not the server's to use.
const DELEGATE: &str = "Give the server control groups: run it as root, or by systemd with `Delegate=yes` in its unit (for a user: systemd-run --user --scope -p Delegate=yes cloudlet ...).";

/// Where instances share a user.
const USERS: &str =
    "Run the server as root, outside of a container or in one that has the users from 2,000,000,000 on.";

/// Where the kernel has no Landlock, or an older one.
const LANDLOCK: &str = "Linux 6.12 or later is needed, with `landlock` in /sys/kernel/security/lsm.";

/// Where neither the kernel's programs for control groups are the server's to use, nor may functions have networks of their own.
const GUARD: &str = "Run the server as root on a host with control groups of version 2 (/sys/fs/cgroup or /sys/fs/cgroup/unified); or not as root, on Linux 6.7 or later with `landlock` in /sys/kernel/security/lsm and network namespaces (sysctl user.max_net_namespaces).";

fn unix_sockets(works: bool, landlock: u32, own_network: bool) -> Aspect {
    // Sockets without a path are of a network.
    let isolated = works && (own_network || landlock >= landlock::WITH_SCOPES);
    let detail = if isolated {
        format!("those of this host are out of reach, also without a path (Landlock ABI {landlock})")
    } else if landlock > 0 {
        format!("functions reach those of this host that have no path (Landlock ABI {landlock})")
    } else {
        "functions reach those of this host that have no path (no Landlock)".into()
    };
    Aspect { name: "unix sockets", isolated, detail: detail.into(), remedy: (!isolated).then_some(LANDLOCK) }
}

fn aspects(works: bool, shared: Shared) -> Vec<Aspect> {
    let (has_own_users, users) = match (isolated::is_privileged(), isolated::has_users()) {
        (true, true) => (true, "each instance has a user of its own, without privileges"),
        (true, false) => (false, "all functions run as `nobody`: limits by user are limits of all of them together"),
        (false, _) => {
            (false, "functions run as the server's user, each in a user namespace of its own, without privileges")
        }
    };
    let landlock = landlock::version();
    let aspect = |name, isolated, detail: &'static str| Aspect { name, isolated, detail: detail.into(), remedy: None };
    let group = |name, shares: bool, yes: &'static str, no| {
        let isolated = works && shares;
        let (detail, remedy) = if isolated { (yes, None) } else { (no, Some(DELEGATE)) };
        Aspect { remedy, ..aspect(name, isolated, detail) }
    };
    let own_network = has_own_networks();
    let guards = works && (shared.guards || own_network);
    vec![
        aspect("files", works, "a read-only root with the function's code and layers, a /tmp of its own with a size"),
        aspect("processes", works, "an instance sees its own processes, and what it leaves behind ends with it"),
        aspect("privileges", works, "an instance has none, and can gain none"),
        Aspect { remedy: (!has_own_users).then_some(USERS), ..aspect("users", works && has_own_users, users) },
        aspect("system calls", works, "mounting, tracing, namespaces, modules, BPF, keys and raw sockets are refused"),
        aspect("descriptors and processes", works, "1,024 processes for an instance, 1,024 descriptors per process"),
        group(
            "memory",
            shared.memory,
            "an instance that takes more than its MemorySize ends",
            "an instance that takes more than its MemorySize ends when that is seen, up to a twentieth of a second later",
        ),
        group(
            "processors",
            shared.cpu,
            "shared out in proportion to MemorySize when they are scarce",
            "any function may use all of them",
        ),
        group(
            "idleness",
            shared.freezes,
            "idle instances are frozen",
            "idle instances are stopped, but for what has left their process group",
        ),
        unix_sockets(works, landlock, own_network),
        Aspect { remedy: (!guards).then_some(GUARD), ..network(guards, own_network) },
    ]
}

fn network(guards: bool, own_network: bool) -> Aspect {
    let detail = if guards && own_network {
        "each instance has a network of its own, out of which it reaches the internet, this cloud and what is allowed"
            .into()
    } else if guards {
        "of this host's loopback addresses, functions reach this cloud, what they serve themselves and what is allowed"
            .into()
    } else {
        let why = outlet::given_up().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("functions reach all services on this host's loopback addresses{why}").into()
    };
    Aspect { name: "network", isolated: guards, detail, remedy: None }
}
