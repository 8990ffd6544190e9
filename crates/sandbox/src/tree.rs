//! This server's part of the host's control groups: a folder in each tree, with one below it for each instance.

use std::io;
use std::path::{Path, PathBuf};

use crate::hierarchy::{Controller, Hierarchies};

/// What one instance may use of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Bytes of memory, with what its /tmp holds and what the kernel holds for it.
    pub memory_bytes: u64,
    /// Its share of the processors while others want them too; [`SHARES_OF_A_PROCESSOR`] for one processor's worth.
    pub cpu_shares: u64,
    pub processes: u64,
}

/// The shares of an ordinary process. Source: the kernel's sched-design-CFS.rst.
pub const SHARES_OF_A_PROCESSOR: u64 = 1024;

/// The least that the kernel takes.
const SHARES_MIN: u64 = 2;

/// What version 2 calls the weight of an ordinary process, and its range. Source: cgroup-v2.rst, "CPU Interface Files".
const WEIGHT_OF_A_PROCESSOR: u64 = 100;
const WEIGHTS: std::ops::RangeInclusive<u64> = 1..=10_000;

/// Processes in a group besides the function's own: its init, and the thread that launches.
const PROCESSES_OF_OURS: u64 = 2;

/// Memory of the host that functions together leave to others: this part of it, and at least so many bytes.
const MEMORY_LEFT_PART: u64 = 16;
const MEMORY_LEFT_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// What the buffers of sockets of one instance may hold, where they are counted apart.
const SOCKET_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The beginning of the name of a server's folder; its process id follows.
const NAME: &str = "cloudlet-";

/// Where this server itself is in version 2, which has processes only in folders without folders below them.
const OWN: &str = "cloudlet-server";

/// A folder of one tree, and what is shared out in it.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub path: PathBuf,
    pub controllers: Vec<Controller>,
    /// Whether it is of version 2.
    pub unified: bool,
}

impl Folder {
    /// A folder in it, which may be there already.
    pub fn below(&self, name: &str) -> io::Result<Folder> {
        let path = self.path.join(name);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Folder { path, ..self.clone() }),
        }
    }

    /// Removes it and the folders in it, those with processes excepted. True when it is gone.
    pub fn uproot(&self) -> bool {
        remove(&self.path);
        !self.path.exists()
    }

    /// Moves a process here, with all its threads; 0 for the calling one.
    pub fn adopt(&self, pid: u32) -> io::Result<()> {
        self.write("cgroup.procs", pid)
    }

    pub fn write(&self, file: &str, value: impl ToString) -> io::Result<()> {
        std::fs::write(self.path.join(file), value.to_string())
    }

    pub fn read(&self, file: &str) -> io::Result<String> {
        std::fs::read_to_string(self.path.join(file))
    }

    /// Sets what may be used here. What the folder does not share out stays as it is.
    pub fn limit(&self, resources: &Resources) -> io::Result<()> {
        for controller in &self.controllers {
            match controller {
                Controller::Memory => self.limit_memory(resources.memory_bytes)?,
                Controller::Cpu => self.limit_processors(resources.cpu_shares)?,
                Controller::Pids => {
                    self.write("pids.max", resources.processes.saturating_add(PROCESSES_OF_OURS))?;
                }
            }
        }
        Ok(())
    }

    fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        if self.unified {
            // Not all kernels have these two; without them more of the host is used, and a part of an instance may end.
            let _ = self.write("memory.swap.max", 0);
            let _ = self.write("memory.oom.group", 1);
            return self.write("memory.max", bytes);
        }
        // Memory and swap together may never be limited to less than memory alone; some kernels do not count swap.
        let _ = self.write("memory.memsw.limit_in_bytes", -1);
        self.write("memory.limit_in_bytes", bytes)?;
        let _ = self.write("memory.memsw.limit_in_bytes", bytes);
        // Version 1 counts the buffers of sockets apart, and not at all without this. Not all kernels have it.
        let _ = self.write("memory.kmem.tcp.limit_in_bytes", bytes.min(SOCKET_BYTES_MAX));
        Ok(())
    }

    fn limit_processors(&self, shares: u64) -> io::Result<()> {
        if self.unified {
            let weight = shares.saturating_mul(WEIGHT_OF_A_PROCESSOR) / SHARES_OF_A_PROCESSOR;
            return self.write("cpu.weight", weight.clamp(*WEIGHTS.start(), *WEIGHTS.end()));
        }
        self.write("cpu.shares", shares.max(SHARES_MIN))
    }

    /// Bytes of memory that processes here have made their own: neither files nor what /tmp holds. In version 2 with the buffers
    /// of their sockets, which are charged to a group and have no limit of their own.
    pub fn private_bytes(&self) -> Option<u64> {
        let names: &[&str] = if self.unified { &["anon ", "sock "] } else { &["rss "] };
        let statistics = self.read("memory.stat").ok()?;
        let bytes = |name: &&str| statistics.lines().find_map(|line| line.strip_prefix(name))?.parse::<u64>().ok();
        names.iter().map(bytes).sum()
    }

    /// Bytes of memory in use here, of whatever kind.
    pub fn used_bytes(&self) -> Option<u64> {
        let name = if self.unified { "memory.current" } else { "memory.usage_in_bytes" };
        self.read(name).ok()?.trim().parse().ok()
    }
}

/// Makes this server's folders. Trees in which it may not are left out.
pub(crate) fn plant(hierarchies: &Hierarchies) -> Vec<Folder> {
    let single = hierarchies.single.iter().map(|(controller, path)| {
        let host = Folder { path: path.clone(), controllers: vec![*controller], unified: false };
        own(&host)
    });
    let unified = hierarchies.unified.iter().map(|path| {
        let host = Folder { path: path.clone(), controllers: Vec::new(), unified: true };
        let controllers = delegate(&host);
        let own = own(&Folder { controllers, ..host })?;
        share_out(&own, &own.controllers)?;
        Ok(own)
    });
    let planted = single.chain(unified).filter_map(|folder: io::Result<Folder>| match folder {
        Ok(folder) => Some(folder),
        Err(error) => {
            tracing::debug!(%error, "a tree of control groups is not this server's to use");
            None
        }
    });
    planted.collect()
}

/// The server's folder in a tree, with the limits of all functions together.
fn own(host: &Folder) -> io::Result<Folder> {
    clean_up(&host.path);
    let own = host.below(&format!("{NAME}{}", std::process::id()))?;
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let cpu_shares = SHARES_OF_A_PROCESSOR.saturating_mul(processors);
    let memory_bytes = total_memory().map_or(u64::MAX >> 1, |total| {
        total.saturating_sub((total / MEMORY_LEFT_PART).max(MEMORY_LEFT_BYTES_MIN)).max(MEMORY_LEFT_BYTES_MIN)
    });
    for controller in &own.controllers {
        match controller {
            Controller::Memory => own.limit_memory(memory_bytes)?,
            Controller::Cpu => own.limit_processors(cpu_shares)?,
            Controller::Pids => {}
        }
    }
    Ok(own)
}

fn total_memory() -> Option<u64> {
    let memory = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Has the controllers of version 2 share out what is below the host's folder, and tells which do.
fn delegate(host: &Folder) -> Vec<Controller> {
    let available = host.read("cgroup.controllers").unwrap_or_default();
    let has = |controller: &Controller| available.split_whitespace().any(|name| name == controller.name());
    let wanted: Vec<Controller> = Controller::ALL.into_iter().filter(has).collect();
    let shared = share_out(host, &wanted).or_else(|error| match error.raw_os_error() {
        // Processes in a folder that has others below it: they move into one of those.
        Some(libc::EBUSY) => make_room(host).and_then(|()| share_out(host, &wanted)),
        _ => Err(error),
    });
    match shared {
        Ok(()) => wanted,
        Err(error) => {
            tracing::debug!(%error, "control groups of version 2 do not share out resources for this server");
            Vec::new()
        }
    }
}

fn share_out(folder: &Folder, controllers: &[Controller]) -> io::Result<()> {
    let names: Vec<String> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
    if names.is_empty() { Ok(()) } else { folder.write("cgroup.subtree_control", names.join(" ")) }
}

fn make_room(host: &Folder) -> io::Result<()> {
    let own = host.below(OWN)?;
    let processes = host.read("cgroup.procs")?;
    processes.lines().filter_map(|pid| pid.parse().ok()).try_for_each(|pid| own.adopt(pid))
}

/// Removes the folders of servers that are gone: they cannot do it themselves, being in there.
fn clean_up(host: &Path) {
    let Ok(entries) = std::fs::read_dir(host) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| pid == std::process::id() || !Path::new(&format!("/proc/{pid}")).exists()) {
            remove(&entry.path());
        }
    }
}

/// Files of control groups go with their folders, which are removed from the innermost outwards.
fn remove(folder: &Path) {
    let below = std::fs::read_dir(folder).into_iter().flatten().flatten();
    below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).for_each(|entry| {
        let _ = std::fs::remove_dir(entry.path());
    });
    if let Err(error) = std::fs::remove_dir(folder) {
        tracing::debug!(%error, folder = %folder.display(), "a control group was not removed");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn folder(unified: bool) -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder { path: place.path().into(), controllers: Controller::ALL.to_vec(), unified };
        (place, folder)
    }

    const RESOURCES: Resources = Resources { memory_bytes: 1 << 27, cpu_shares: 512, processes: 8 };

    #[test]
    fn limits_in_version_one() {
        let (_place, folder) = folder(false);
        folder.limit(&RESOURCES).unwrap();
        let files = [
            ("memory.limit_in_bytes", "134217728"),
            ("memory.kmem.tcp.limit_in_bytes", "67108864"),
            ("cpu.shares", "512"),
            ("pids.max", "10"),
        ];
        for (file, value) in files {
            assert_eq!(folder.read(file).unwrap(), value, "{file}");
        }
    }

    #[test]
    fn limits_in_version_two() {
        let (_place, folder) = folder(true);
        folder.limit(&RESOURCES).unwrap();
        let files = [("memory.max", "134217728"), ("memory.oom.group", "1"), ("cpu.weight", "50"), ("pids.max", "10")];
        for (file, value) in files {
            assert_eq!(folder.read(file).unwrap(), value, "{file}");
        }
    }

    #[test]
    fn version_two_is_delegated() {
        let (_place, folder) = folder(true);
        folder.write("cgroup.controllers", "cpuset cpu io memory pids\n").unwrap();
        let planted = plant(&Hierarchies { single: Vec::new(), unified: Some(folder.path.clone()) });
        assert_eq!(folder.read("cgroup.subtree_control").unwrap(), "+memory +cpu +pids");
        let [own] = planted.as_slice() else { panic!("{planted:?}") };
        assert_eq!(own.read("cgroup.subtree_control").unwrap(), "+memory +cpu +pids");
        assert!(own.read("memory.max").unwrap().parse::<u64>().unwrap() >= MEMORY_LEFT_BYTES_MIN);
    }

    #[test]
    fn memory_is_read_in_both_versions() {
        for (unified, statistics) in [(false, "cache 5\nrss 7\nrss_huge 0\n"), (true, "anon 4\nfile 5\nsock 3\n")] {
            let (_place, folder) = folder(unified);
            assert_eq!(folder.private_bytes(), None);
            folder.write("memory.stat", statistics).unwrap();
            assert_eq!(folder.private_bytes(), Some(7));
        }
    }

    #[test]
    fn what_dead_servers_left_is_removed() {
        let (place, folder) = folder(false);
        // More than there can be processes.
        let dead = folder.below("cloudlet-4194999").unwrap();
        dead.below("1").unwrap();
        folder.below("cloudlet-1").unwrap();
        clean_up(place.path());
        assert!(!dead.path.exists() && folder.path.join("cloudlet-1").exists());
    }
}
