//! Giving a process that was started ahead of need what it is to have: more of the host to see, limits, ports.
//!
//! Folders are shown to it from outside: detached copies of mounts are made in the server's own mount namespace, and
//! attached in the process's by a thread that enters it and never comes back. Source: the example in open_tree(2).

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::isolation::text;
use crate::{ControlGroup, Mount, Port, Process, Resources, isolated, network};

/// What an isolated process gets later than others.
#[derive(Clone, Debug)]
pub struct Furniture {
    /// What else it sees, read-only: one source each, at places that are empty folders to it so far.
    pub mounts: Vec<Mount>,
    pub resources: Option<Resources>,
    /// Ports of the host's loopback addresses, besides those that it reaches already.
    pub loopback_ports: Vec<Port>,
}

/// A folder of the host, mounted nowhere, and where it is to be.
struct Detached {
    mount: OwnedFd,
    place: CString,
}

const STACK_BYTES: usize = 128 * 1024;

impl Furniture {
    /// Whether this server may give it: another's mount namespace is for root alone.
    pub fn is_possible() -> bool {
        isolated::is_privileged()
    }
}

impl Process {
    /// Gives an isolated process what it has been started without. It must not have run anybody's code yet who could make
    /// links where the places are.
    ///
    /// # Errors
    /// When the process has ended, or the host refuses it: then it may have a part.
    pub async fn furnish(&self, furniture: Furniture) -> io::Result<()> {
        let namespace = self.mount_namespace()?;
        let group = self.shared_control_group();
        let (sender, done) = oneshot::channel();
        let thread = std::thread::Builder::new().name("furnisher".into()).stack_size(STACK_BYTES);
        thread.spawn(move || {
            // Who asked may have stopped waiting.
            let _ = sender.send(furnish(&namespace, group, &furniture));
        })?;
        done.await.map_err(io::Error::other)?
    }
}

/// Leaves the calling thread in that namespace.
fn furnish(namespace: &File, group: Option<Arc<ControlGroup>>, furniture: &Furniture) -> io::Result<()> {
    if let Some(group) = group {
        if let Some(resources) = furniture.resources {
            group.limit(resources)?;
        }
        let mut ports = furniture.loopback_ports.clone();
        ports.extend(network::resolver_ports());
        group.grant(&ports)?;
    }
    let detached: Vec<Detached> = furniture.mounts.iter().map(detach).collect::<io::Result<_>>()?;
    // SAFETY: only this thread's own view of the file system changes, which nothing else uses: the thread ends after this.
    unsafe {
        check(libc::unshare(libc::CLONE_FS).into())?;
        check(libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNS).into())?;
    }
    detached.iter().try_for_each(attach)
}

fn detach(mount: &Mount) -> io::Result<Detached> {
    let [source] = mount.sources.as_slice() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let (source, place) = (text(source)?, text(&mount.place)?);
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE.cast_unsigned();
    // SAFETY: the path is a C string; the call gives a new descriptor to us alone.
    let mount = unsafe {
        let opened = libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags);
        check(opened)?;
        OwnedFd::from_raw_fd(i32::try_from(opened).map_err(io::Error::other)?)
    };
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        // What the host mounts there later is not seen.
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    let (flags, size) = (libc::AT_RECURSIVE | libc::AT_EMPTY_PATH, size_of::<libc::mount_attr>());
    // SAFETY: the path is a C string; the attributes are on the stack, and as long as said.
    check(unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), NO_PATH.as_ptr(), flags, &raw const attributes, size)
    })?;
    Ok(Detached { mount, place })
}

const NO_PATH: &CStr = c"";

fn attach(detached: &Detached) -> io::Result<()> {
    let (mount, place) = (detached.mount.as_raw_fd(), detached.place.as_ptr());
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    // SAFETY: the paths are C strings.
    check(unsafe { libc::syscall(libc::SYS_move_mount, mount, NO_PATH.as_ptr(), libc::AT_FDCWD, place, flags) })
}

fn check(answer: libc::c_long) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
