//! Where this host has its control groups: version 1, with one tree for each kind of resource, version 2, with one tree
//! for all, or both at once, as during the years of transition.
//!
//! Source: the kernel's cgroup-v1/cgroups.rst and cgroup-v2.rst, proc_pid_mountinfo(5).

use std::path::{Path, PathBuf};

/// A resource that is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    Memory,
    Cpu,
    Pids,
}

impl Controller {
    pub const ALL: [Controller; 3] = [Controller::Memory, Controller::Cpu, Controller::Pids];

    pub fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Pids => "pids",
        }
    }
}

/// This process's own places in the trees of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hierarchies {
    /// Folders of version 1, by what they share out.
    pub single: Vec<(Controller, PathBuf)>,
    /// The folder of version 2.
    pub unified: Option<PathBuf>,
}

impl Hierarchies {
    /// Those of this host; none where there are no control groups.
    pub fn find() -> Hierarchies {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        parse(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
    }
}

/// A line of mountinfo, as far as it matters here.
struct Mounted<'a> {
    /// The folder of the tree that is seen at `place`.
    root: &'a str,
    place: &'a str,
    kind: &'a str,
    /// For version 1 these name the controllers.
    options: &'a str,
}

fn parse(mounts: &str, memberships: &str) -> Hierarchies {
    let mounts: Vec<Mounted<'_>> = mounts.lines().filter_map(mounted).collect();
    let single = Controller::ALL.into_iter().filter_map(|controller| {
        let names = |list: &str| list.split(',').any(|name| name == controller.name());
        let mount = mounts.iter().find(|mount| mount.kind == "cgroup" && names(mount.options))?;
        Some((controller, own_folder(mount, membership(memberships, names)?)))
    });
    let single = single.collect();
    let unified = mounts.iter().find(|mount| mount.kind == "cgroup2");
    let unified = unified.and_then(|mount| Some(own_folder(mount, membership(memberships, str::is_empty)?)));
    Hierarchies { single, unified }
}

fn mounted(line: &str) -> Option<Mounted<'_>> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let mut system = system.split(' ');
    let (root, place) = (mount.next()?, mount.next()?);
    let (kind, _, options) = (system.next()?, system.next()?, system.next()?);
    Some(Mounted { root, place, kind, options })
}

/// The path of this process in the tree whose list of controllers `is_it`.
fn membership(memberships: &str, is_it: impl Fn(&str) -> bool) -> Option<&str> {
    memberships.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        is_it(controllers).then_some(path)
    })
}

fn own_folder(mount: &Mounted<'_>, path: &str) -> PathBuf {
    // In a container the mount may show only a part of the tree.
    let inside = Path::new(path).strip_prefix(mount.root).unwrap_or(Path::new(path));
    let inside = inside.strip_prefix("/").unwrap_or(inside);
    if inside.as_os_str().is_empty() { mount.place.into() } else { Path::new(mount.place).join(inside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_two() {
        let mounts = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        let found = parse(mounts, "0::/system.slice/cloudlet.service\n");
        let unified = Some("/sys/fs/cgroup/system.slice/cloudlet.service".into());
        assert_eq!(found, Hierarchies { single: Vec::new(), unified });
    }

    #[test]
    fn both_versions() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        let found = parse(mounts, "5:memory:/docker/1/x\n2:cpu,cpuacct:/\n1:pids:/\n0::/\n");
        let single = vec![
            (Controller::Memory, "/sys/fs/cgroup/memory/x".into()),
            (Controller::Cpu, "/sys/fs/cgroup/cpu,cpuacct".into()),
        ];
        assert_eq!(found, Hierarchies { single, unified: Some("/sys/fs/cgroup/unified".into()) });
    }

    #[test]
    fn none() {
        assert_eq!(parse("", ""), Hierarchies::default());
        assert_eq!(parse("x - cgroup\n - \n", "::\nx"), Hierarchies::default());
    }
}
