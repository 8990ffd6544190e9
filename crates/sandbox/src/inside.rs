//! Sockets of the network that an isolated process has of its own, for a server that is not root: a process of many threads cannot
//! go there, so a copy of it does.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::raw::c_int;
use std::os::unix::fs::MetadataExt;

use rustix::net::{AddressFamily, SocketType};
use rustix::process::{WaitOptions, waitpid};

use crate::clone::{Clone, clone};
use crate::notify::{self, Parcel};

/// A network, and the user namespace that it belongs to.
#[derive(Debug)]
pub(crate) struct Inside {
    users: OwnedFd,
    network: OwnedFd,
}

/// Which sockets are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub family: AddressFamily,
    pub kind: SocketType,
    /// Zero for the usual one.
    pub protocol: c_int,
}

impl Inside {
    pub fn of(pid: u32) -> io::Result<Inside> {
        let open = |kind| File::open(format!("/proc/{pid}/ns/{kind}")).map(OwnedFd::from);
        Ok(Inside { users: open("user")?, network: open("net")? })
    }

    /// New sockets there; at least one.
    pub async fn sockets(&self, kind: Kind, count: usize) -> io::Result<Vec<OwnedFd>> {
        let (users, network) = (self.users.try_clone()?, self.network.try_clone()?);
        // Not where processes are started, which others wait for: this copy ends before that thread could.
        let made = tokio::task::spawn_blocking(move || make(&users, &network, kind, count));
        made.await.map_err(io::Error::other)?
    }
}

/// A socket of TCP in the network of an isolated process; `None` where that is the server's own.
///
/// # Errors
/// When there is no such process, or the host does not let a socket be made.
pub async fn socket_inside(pid: u32) -> io::Result<Option<OwnedFd>> {
    let network = |process: &str| std::fs::metadata(format!("/proc/{process}/ns/net")).map(|found| found.ino());
    if network(&pid.to_string())? == network("self")? {
        return Ok(None);
    }
    let kind = Kind { family: AddressFamily::INET, kind: SocketType::STREAM, protocol: 0 };
    Ok(Inside::of(pid)?.sockets(kind, 1).await?.pop())
}

fn make(users: &OwnedFd, network: &OwnedFd, wanted: Kind, count: usize) -> io::Result<Vec<OwnedFd>> {
    let Kind { family, kind, protocol } = wanted;
    let (parcel, kind) = (Parcel::new()?, kind.as_raw().cast_signed() | libc::SOCK_CLOEXEC);
    match clone(0, None)? {
        Clone::Copy { .. } => {
            // SAFETY: this is the new process, which makes plain system calls and ends.
            unsafe {
                let entered = libc::setns(users.as_raw_fd(), libc::CLONE_NEWUSER) == 0
                    && libc::setns(network.as_raw_fd(), libc::CLONE_NEWNET) == 0;
                let send = || {
                    let made = libc::socket(family.as_raw().into(), kind, protocol);
                    made >= 0 && notify::send(parcel.sender(), made).is_ok()
                };
                libc::_exit(i32::from(!(entered && (0..count).all(|_| send()))))
            }
        }
        Clone::Original(copy) => {
            waitpid(Some(copy), WaitOptions::empty())?;
            parcel.open_all()
        }
    }
}
