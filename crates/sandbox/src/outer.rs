//! Sockets of the host's network (TCP) that a function which has a network of its own is given in the place of its own ones.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::raw::{c_int, c_void};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, socket_domain, socket_error, socket_timeout, socket_type};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Of TCP or UDP.
pub(crate) fn kind(socket: &OwnedFd) -> Option<SocketType> {
    let domain = socket_domain(socket).ok()?;
    let kind = socket_type(socket).ok()?;
    let is_ip = domain == AddressFamily::INET || domain == AddressFamily::INET6;
    (is_ip && (kind == SocketType::STREAM || kind == SocketType::DGRAM)).then_some(kind)
}

/// Which network a socket is of. Source: socket(7).
fn network_of(socket: &OwnedFd) -> io::Result<u64> {
    let mut cookie = [0; 8];
    option(socket, (libc::SOL_SOCKET, SO_NETNS_COOKIE), &mut cookie)?;
    Ok(u64::from_ne_bytes(cookie))
}

// Not in the C library's list.
const SO_NETNS_COOKIE: c_int = 71;
const SO_BUF_LOCK: c_int = 72;

/// Reads an option, or its first bytes, and gives what is written of it.
fn option<'a>(socket: &OwnedFd, (level, option): (c_int, c_int), value: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: the value is as long as said.
    let answer = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, option, value.as_mut_ptr().cast::<c_void>(), &raw mut length)
    };
    if answer == 0 { Ok(value.get(..length as usize).unwrap_or_default()) } else { Err(io::Error::last_os_error()) }
}

fn number(socket: &OwnedFd, which: c_int) -> io::Result<c_int> {
    let mut value = [0; size_of::<c_int>()];
    option(socket, (libc::SOL_SOCKET, which), &mut value)?;
    Ok(c_int::from_ne_bytes(value))
}

/// Options that a socket does not have are refused.
fn set(socket: &OwnedFd, (level, option): (c_int, c_int), value: &[u8]) {
    let length = value.len() as libc::socklen_t;
    // SAFETY: the value is as long as said.
    unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast::<c_void>(), length) };
}

pub(crate) fn own_network() -> io::Result<u64> {
    network_of(&socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

pub(crate) fn is_of_the_host(socket: &OwnedFd) -> io::Result<bool> {
    static HOST: OnceLock<u64> = OnceLock::new();
    let host = match HOST.get() {
        Some(host) => *host,
        None => {
            let found = own_network()?;
            *HOST.get_or_init(|| found)
        }
    };
    Ok(network_of(socket)? == host)
}

/// What is set at a socket before it is connected, and kept.
const OPTIONS: [(c_int, c_int); 13] = [
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_IP, libc::IP_TOS),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
];

/// A socket of the host's network like one of the function's, which does not wait.
pub(crate) fn like(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let outer = socket_with(socket_domain(socket)?, SocketType::STREAM, flags, None)?;
    for which in OPTIONS {
        if let Ok(value) = option(socket, which, &mut [0; 16]) {
            set(&outer, which, value);
        }
    }
    // Sizes that nobody has set grow as they are needed. The kernel gives twice what was set.
    let set_ones = number(socket, SO_BUF_LOCK).unwrap_or(0);
    for (bit, size) in [(1, libc::SO_SNDBUF), (2, libc::SO_RCVBUF)] {
        if let (true, Ok(bytes)) = (set_ones & bit != 0, number(socket, size)) {
            set(&outer, (libc::SOL_SOCKET, size), &(bytes / 2).to_ne_bytes());
        }
    }
    Ok(outer)
}

/// A socket that is connected, or listens, is not connected again. Source: connect(2).
pub(crate) fn check_unconnected(socket: &OwnedFd) -> io::Result<()> {
    // Of `struct tcp_info`, whose first member it is. Source: the kernel's include/net/tcp_states.h.
    const SYN_SENT: u8 = 2;
    const CLOSE: u8 = 7;
    let mut state = [0];
    option(socket, (libc::IPPROTO_TCP, libc::TCP_INFO), &mut state)?;
    match state {
        // What was tried before has failed, which is said once; that it was reset says a connection that was.
        [CLOSE] => match socket_error(socket)? {
            Err(error) if error != Errno::CONNRESET => Err(error.into()),
            _ => Ok(()),
        },
        [SYN_SENT] => Err(io::Error::from_raw_os_error(libc::EALREADY)),
        _ => Err(io::Error::from_raw_os_error(libc::EISCONN)),
    }
}

/// Connects a socket that does not wait.
pub(crate) fn connect(socket: &OwnedFd, address: &[u8]) -> io::Result<()> {
    let length = address.len() as libc::socklen_t;
    // SAFETY: the address is as long as said.
    match unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

pub(crate) async fn connected(socket: &OwnedFd) -> io::Result<()> {
    let timeout = socket_timeout(socket, Timeout::Send)?.unwrap_or(Duration::MAX);
    // SAFETY: the descriptor stays open for as long as it is borrowed.
    let watched = unsafe { AsyncFd::register_with_interest(socket.as_fd(), Interest::WRITABLE) };
    let watched = watched.map_err(io::Error::from)?;
    match tokio::time::timeout(timeout, watched.writable()).await {
        Ok(ready) => drop(ready?),
        Err(_) => return Err(io::Error::from_raw_os_error(libc::EINPROGRESS)),
    }
    socket_error(socket)?.map_err(io::Error::from)
}
