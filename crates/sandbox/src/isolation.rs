//! What an isolated process sees of the host, and the steps by which its root is put together.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::Port;
use crate::users::loopback_address;

/// What of the host a process sees. It always sees the host's programs and libraries (/usr, /bin, /lib*), names of hosts
/// and certificates (/etc), all read-only, and has a /tmp, a /dev and a /proc of its own.
#[derive(Clone, Debug)]
pub struct Isolation {
    /// An empty folder for this process alone: the root is put together on top of it, where nobody else sees it.
    pub root: PathBuf,
    /// What else it sees, read-only. A place below another's is left out: it is seen through that.
    pub mounts: Vec<Mount>,
    /// Folders of the host that are empty inside, should they be below something that is shown.
    pub hidden: Vec<PathBuf>,
    /// Bytes that /tmp may hold; they are memory.
    pub tmp_bytes: u64,
    /// Ports of the host's loopback addresses that it reaches, besides those that it serves itself; with control groups.
    pub loopback_ports: Vec<Port>,
    /// Whether what it serves on the loopback addresses is for the host, too.
    pub is_served_to_the_host: bool,
    /// Whether the program forks, and its forks live in cells: see [`Process::cell`](crate::Process::cell). For a server that
    /// is root.
    pub forks: bool,
}

/// Something of the host, and where it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Files or folders of the host; links are followed. Several folders are merged, the last one's files hiding those of
    /// the others; without any, there is an empty folder.
    pub sources: Vec<PathBuf>,
    /// An absolute path without `..`.
    pub place: PathBuf,
}

impl Mount {
    /// Shows `source` at `place`.
    pub fn new(source: impl Into<PathBuf>, place: impl Into<PathBuf>) -> Mount {
        Mount { sources: vec![source.into()], place: place.into() }
    }

    /// Shows a path of the host under the same name.
    pub fn same(path: impl Into<PathBuf>) -> Mount {
        let path = path.into();
        Mount { sources: vec![path.clone()], place: path }
    }
}

/// Who the process is, to itself and in the password file it sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub uid: u32,
    pub gid: u32,
}

/// One step. Paths are the host's: they begin with the root folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Makes a folder; one that is there is fine.
    Folder(CString),
    /// Makes a file.
    File(CString, Vec<u8>),
    /// Makes a link at the second path that says the first.
    Link(CString, CString),
    /// Shows the first path at the second.
    Bind(CString, CString),
    /// Shows several folders, merged, at a path; the options name them.
    Merge(CString, CString),
    /// Makes everything so far below the path read-only.
    ReadOnly(CString),
    /// Mounts an empty file system in memory; the second says its options.
    Memory(CString, CString),
    /// Mounts the process table of the new namespace.
    Processes(CString),
}

/// Folders of the host that programs need. Those that are links on the host are links inside.
const PROGRAMS: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What programs look up in /etc. Everything else there may tell about the host.
const SETTINGS: [&str; 16] = [
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/services",
    "/etc/protocols",
    "/etc/mime.types",
];

const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

const DEVICE_LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Bytes and files that /dev/shm may hold.
const SHARED_MEMORY: &str = "mode=1777,size=64m,nr_inodes=1024";

/// Files that /tmp may hold.
const TMP_FILES_MAX: u32 = 131_072;

/// The root itself holds mount points, links and a few small files.
const ROOT: &str = "mode=755,size=1m,nr_inodes=4096";

/// Bytes of the host's names that are shown.
const HOSTS_BYTES_MAX: usize = 256 * 1024;

/// What is in place of a hidden folder.
const HIDDEN: &str = "mode=755,size=64k,nr_inodes=1024";

/// The steps, in order.
///
/// # Errors
/// When a path is not absolute, or has a zero byte or `..` in it.
pub(crate) fn steps(isolation: &Isolation, identity: &Identity) -> io::Result<Vec<Step>> {
    // What is shown may lead there by another name.
    let secrets = isolation.hidden.iter().filter_map(|path| path.canonicalize().ok()).filter(|path| path.is_dir());
    let mut plan = Plan {
        root: &isolation.root,
        steps: Vec::new(),
        covered: Vec::new(),
        secrets: secrets.collect(),
        hidden: Vec::new(),
    };
    plan.steps.push(Step::Memory(text(&isolation.root)?, text(ROOT)?));
    for path in PROGRAMS {
        plan.like_the_host(Path::new(path))?;
    }
    for path in SETTINGS.iter().filter(|path| Path::new(path).exists()) {
        plan.bind(Path::new(path), Path::new(path))?;
    }
    for (path, content) in made_up(identity) {
        plan.file(Path::new(path), content.into_bytes())?;
    }
    for mount in &isolation.mounts {
        plan.mount(mount)?;
    }
    for path in ["/proc", "/tmp", "/dev/shm"] {
        plan.folder(Path::new(path))?;
    }
    for path in DEVICES {
        plan.file(Path::new(path), Vec::new())?;
    }
    for (target, path) in DEVICE_LINKS {
        plan.steps.push(Step::Link(text(target)?, plan.inside(Path::new(path))?));
    }
    plan.steps.push(Step::ReadOnly(text(&isolation.root)?));
    // From here on, what is mounted keeps its own flags.
    for path in DEVICES {
        plan.steps.push(Step::Bind(text(path)?, plan.inside(Path::new(path))?));
    }
    plan.steps.extend(own(&isolation.root, isolation.tmp_bytes)?);
    Ok(plan.steps)
}

/// What even forks of one process do not share, below a root. The last one is for the first process of a pid namespace.
pub(crate) fn own(root: &Path, tmp_bytes: u64) -> io::Result<[Step; 3]> {
    let tmp = format!("mode=1777,size={tmp_bytes},nr_inodes={TMP_FILES_MAX}");
    Ok([
        Step::Memory(text(root.join("tmp"))?, text(&tmp)?),
        Step::Memory(text(root.join("dev/shm"))?, text(SHARED_MEMORY)?),
        Step::Processes(text(root.join("proc"))?),
    ])
}

/// The host's names, and the instance's own. Source:
/// <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-destination>
fn hosts(user: u32) -> String {
    let of_the_host = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let line = format!("{} sandbox.localdomain sandbox\n", loopback_address(user));
    // One that is long beyond reason would not fit into the root.
    if of_the_host.len() > HOSTS_BYTES_MAX { line } else { format!("{}\n{line}", of_the_host.trim_end()) }
}

/// Files that say what is so for the instance.
fn made_up(Identity { uid, gid }: &Identity) -> [(&'static str, String); 4] {
    [
        ("/etc/hosts", hosts(*uid)),
        ("/etc/passwd", format!("root:x:0:0:root:/:/sbin/nologin\nsandbox:x:{uid}:{gid}::/tmp:/sbin/nologin\n")),
        ("/etc/group", format!("root:x:0:\nsandbox:x:{gid}:\n")),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".into()),
    ]
}

struct Plan<'a> {
    root: &'a Path,
    steps: Vec<Step>,
    /// Places at which something of the host is seen: nothing may be made below them.
    covered: Vec<PathBuf>,
    /// Folders of the host that are empty inside, without links.
    secrets: Vec<PathBuf>,
    /// Places below those at which nothing is seen, unless it is shown there.
    hidden: Vec<PathBuf>,
}

impl Plan<'_> {
    /// A path of the host for a place inside.
    fn inside(&self, place: &Path) -> io::Result<CString> {
        let relative = place.strip_prefix("/").map_err(|_| unusable(place))?;
        if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(unusable(place));
        }
        text(self.root.join(relative))
    }

    fn is_covered(&self, place: &Path) -> bool {
        let nearest = |places: &[PathBuf]| {
            let above = places.iter().filter(|above| place.starts_with(above));
            above.map(|above| above.components().count()).max()
        };
        // Whichever is nearer to it decides.
        nearest(&self.covered) > nearest(&self.hidden)
    }

    /// Hides what is below a folder that has come to be seen at a place. The folder itself may be below something hidden: that
    /// is what it is shown for.
    fn hide(&mut self, source: &Path, place: &Path) -> io::Result<()> {
        let Ok(source) = source.canonicalize() else { return Ok(()) };
        let below: Vec<PathBuf> =
            self.secrets.iter().filter_map(|path| path.strip_prefix(&source).ok().map(Path::to_owned)).collect();
        for path in below.iter().filter(|path| path.parent().is_some()) {
            let place = place.join(path);
            let step = Step::Memory(self.inside(&place)?, text(HIDDEN)?);
            self.steps.push(step);
            self.hidden.push(place);
        }
        Ok(())
    }

    /// Makes a folder and those above it.
    fn folder(&mut self, place: &Path) -> io::Result<()> {
        if self.is_covered(place) || place.parent().is_none() {
            return Ok(());
        }
        if let Some(parent) = place.parent() {
            self.folder(parent)?;
        }
        let step = Step::Folder(self.inside(place)?);
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
        Ok(())
    }

    fn file(&mut self, place: &Path, content: Vec<u8>) -> io::Result<()> {
        if let Some(parent) = place.parent() {
            self.folder(parent)?;
        }
        self.steps.push(Step::File(self.inside(place)?, content));
        Ok(())
    }

    /// A link where the host has a link, else the folder itself, if there is one.
    fn like_the_host(&mut self, path: &Path) -> io::Result<()> {
        match std::fs::read_link(path) {
            Ok(target) => {
                let step = Step::Link(text(&target)?, self.inside(path)?);
                self.steps.push(step);
                self.covered.push(path.into());
                Ok(())
            }
            Err(_) if path.is_dir() => self.bind(path, path),
            Err(_) => Ok(()),
        }
    }

    fn mount(&mut self, mount: &Mount) -> io::Result<()> {
        match mount.sources.as_slice() {
            [] => self.folder(&mount.place),
            [source] => self.bind(source, &mount.place),
            sources => {
                if self.is_covered(&mount.place) {
                    return Ok(());
                }
                self.folder(&mount.place)?;
                let step = Step::Merge(lower_folders(sources)?, self.inside(&mount.place)?);
                self.steps.push(step);
                self.covered.push(mount.place.clone());
                sources.iter().try_for_each(|source| self.hide(source, &mount.place))
            }
        }
    }

    fn bind(&mut self, source: &Path, place: &Path) -> io::Result<()> {
        if self.is_covered(place) {
            return Ok(());
        }
        if source.is_dir() {
            self.folder(place)?
        } else {
            self.file(place, Vec::new())?
        }
        let step = Step::Bind(text(source)?, self.inside(place)?);
        self.steps.push(step);
        self.covered.push(place.into());
        self.hide(source, place)
    }
}

/// The options of an overlay file system without a folder to write to. Source: the kernel's overlayfs.rst.
fn lower_folders(sources: &[PathBuf]) -> io::Result<CString> {
    let mut options = OsString::from("lowerdir=");
    for (index, source) in sources.iter().rev().enumerate() {
        if index > 0 {
            options.push(":");
        }
        let path = source.as_os_str().as_bytes();
        let escaped: Vec<u8> = path
            .iter()
            .flat_map(|byte| if matches!(byte, b':' | b',' | b'\\') { vec![b'\\', *byte] } else { vec![*byte] })
            .collect();
        options.push(OsStr::from_bytes(&escaped));
    }
    text(&options)
}

fn unusable(place: &Path) -> io::Error {
    let message = format!("{} is not an absolute path without `..`", place.display());
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

pub(crate) fn text(text: impl AsRef<OsStr>) -> io::Result<CString> {
    Ok(CString::new(text.as_ref().as_bytes())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn plan(mounts: Vec<Mount>) -> io::Result<Vec<String>> {
        let isolation = Isolation {
            root: "/r".into(),
            mounts,
            hidden: vec!["/usr/share".into(), "/srv".into()],
            tmp_bytes: 1,
            loopback_ports: Vec::new(),
            is_served_to_the_host: false,
            forks: false,
        };
        let steps = steps(&isolation, &Identity { uid: 1, gid: 2 })?;
        Ok(steps.iter().map(|step| format!("{step:?}")).collect())
    }

    #[test]
    fn nothing_is_made_below_what_the_host_shows() {
        let steps = plan(vec![Mount::new("/", "/a"), Mount::new("/", "/a/b"), Mount::same("/usr/lib")]).unwrap();
        assert!(steps.contains(&r#"Bind("/", "/r/a")"#.to_string()), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("/r/a/b") || step.contains("/r/usr/lib")), "{steps:?}");
    }

    #[test]
    fn places_stay_inside() {
        for place in ["relative", "/a/../../b", ".."] {
            assert!(plan(vec![Mount::new("/", place)]).is_err(), "{place}");
        }
    }

    #[test]
    fn the_last_of_several_folders_wins() {
        let sources = vec!["/first".into(), "/se:cond".into()];
        let steps = plan(vec![Mount { sources, place: "/opt".into() }]).unwrap();
        assert!(steps.contains(&r#"Merge("lowerdir=/se\\:cond:/first", "/r/opt")"#.to_string()), "{steps:?}");
    }

    #[test]
    fn what_would_be_seen_can_be_hidden() {
        let steps = plan(vec![Mount::new("/", "/usr/share/code")]).unwrap();
        assert!(steps.iter().any(|step| step.starts_with(r#"Memory("/r/usr/share""#)), "{steps:?}");
        assert!(steps.contains(&r#"Bind("/", "/r/usr/share/code")"#.to_string()), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("/r/srv")), "{steps:?}");
    }

    #[test]
    fn what_is_hidden_is_so_by_every_name() {
        let host = tempfile::tempdir().unwrap();
        let at = |name: &str| host.path().join(name);
        std::fs::create_dir_all(at("home/data/code")).unwrap();
        std::os::unix::fs::symlink(at("home"), at("link")).unwrap();
        for hidden in ["home/data", "link/data"] {
            let isolation = Isolation {
                root: "/r".into(),
                mounts: vec![Mount::new(at("link"), "/a"), Mount::same(at("home/data/code"))],
                hidden: vec![at(hidden)],
                tmp_bytes: 1,
                loopback_ports: Vec::new(),
                is_served_to_the_host: false,
                forks: false,
            };
            let steps = steps(&isolation, &Identity { uid: 1, gid: 2 }).unwrap();
            let steps: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
            let hides = steps.iter().filter(|step| step.contains(HIDDEN)).collect::<Vec<_>>();
            assert_eq!(hides, [&format!(r#"Memory("/r/a/data", "{HIDDEN}")"#)], "{hidden}");
            assert!(
                steps.iter().any(|step| step.starts_with("Bind") && step.ends_with(r#"home/data/code")"#)),
                "{steps:?}"
            );
        }
    }

    #[test]
    fn what_follows_read_only_makes_nothing() {
        let steps = plan(Vec::new()).unwrap();
        let after = steps.iter().skip_while(|step| !step.starts_with("ReadOnly")).skip(1);
        for step in after {
            assert!(["Bind", "Memory", "Processes"].iter().any(|kind| step.starts_with(kind)), "{step}");
        }
    }
}
