//! What of the network a function reaches where the server is not root, and so cannot have the kernel guard the host's addresses.
//!
//! It lives in a network of its own, in which every address is its own: by itself it reaches nothing else. Calls that lead out of
//! there are left to the server. Of UDP, it brings messages to and fro. Of TCP, it puts a socket of the host's network in the
//! place of the function's, and connects it. Other threads may meanwhile change what the server has looked at: so it
//! connects to what it has looked at itself, and Landlock lets the function connect no socket of TCP.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::raw::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::sockopt::{Timeout, socket_domain, socket_error, socket_timeout, socket_type};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use crate::enter::{Outcome, check};
use crate::inside::Inside;
use crate::network::{Port, Protocol, is_of_the_link, local_resolvers};
use crate::notify::{self, Answer, Call, Listener, Parcel};
use crate::{landlock, relay, seccomp};

/// What an instance is for itself, besides the loopback addresses: without another one, resolvers take a host to be offline.
/// Lambda's instances have one of this kind.
const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 100, 6);

/// The port of name servers.
const DNS: u16 = 53;

/// Bytes of the longest address that is understood: `struct sockaddr_in6`.
const ADDRESS_BYTES: usize = 28;

/// Whether this host lets functions have a network of their own, from which the server lets them out.
pub(crate) fn is_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let namespaces = std::fs::read_to_string("/proc/sys/user/max_net_namespaces").unwrap_or_default();
        let may_have_one = namespaces.trim().parse::<u64>().is_ok_and(|most| most > 0);
        may_have_one && landlock::version() >= landlock::WITH_PORTS && own_network().is_ok()
    }) && !GIVEN_UP.load(Ordering::Relaxed)
}

static GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// It has turned out not to be possible: in a container, there may be filters that do not let it be.
pub(crate) fn give_up() {
    GIVEN_UP.store(true, Ordering::Relaxed);
}

/// What a process needs for a network of its own, prepared.
pub(crate) struct OwnNetwork {
    filter: Vec<libc::sock_filter>,
    /// Messages to the kernel, see rtnetlink(7), and whether it must take them.
    routes: [(Vec<u8>, bool); 2],
    parcel: RawFd,
}

/// What a process is let out to, besides what is not on this host.
#[derive(Debug)]
pub(crate) struct Outlet {
    granted: Vec<Port>,
    parcel: Parcel,
}

impl Outlet {
    /// `granted` are ports of the host's loopback addresses.
    pub fn new(granted: &[Port]) -> io::Result<Outlet> {
        Ok(Outlet { granted: granted.to_vec(), parcel: Parcel::new()? })
    }

    pub fn prepare(&self) -> OwnNetwork {
        // A host may have no IPv6.
        let routes = [(route(IpAddr::V4(OWN_ADDRESS)), true), (route(IpAddr::V6(Ipv6Addr::LOCALHOST)), false)];
        OwnNetwork { filter: seccomp::notices(), routes, parcel: self.parcel.sender() }
    }

    /// Lets the process out, which runs its program now, and all that it starts. Must be called within a tokio runtime.
    pub fn open(self) -> io::Result<()> {
        let listener = Listener::new(self.parcel.open()?)?;
        let (resolvers, relays, room) = (local_resolvers(), Mutex::default(), Semaphore::new(SOCKETS_MAX).into());
        let door = Door { listener, granted: self.granted, resolvers, relays, room };
        tokio::spawn(serve(Arc::new(door)));
        Ok(())
    }
}

/// Asks the kernel to take all addresses of a family for local ones, with this one to come from. Source: rtnetlink(7).
fn route(own: IpAddr) -> Vec<u8> {
    const RTM_NEWROUTE: u16 = 24;
    const NLM_F_REQUEST_ACK_CREATE: u16 = 0x405;
    const RT_TABLE_LOCAL: u8 = 255;
    const RTPROT_BOOT: u8 = 3;
    const RT_SCOPE_HOST: u8 = 254;
    const RTN_LOCAL: u8 = 2;
    const RTA_OIF: u16 = 4;
    const RTA_PREFSRC: u16 = 7;
    /// The first device of each network.
    const LOOPBACK: u32 = 1;
    let (family, address) = match own {
        IpAddr::V4(own) => (libc::AF_INET as u8, own.octets().to_vec()),
        IpAddr::V6(own) => (libc::AF_INET6 as u8, own.octets().to_vec()),
    };
    let mut body = vec![family, 0, 0, 0, RT_TABLE_LOCAL, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL, 0, 0, 0, 0];
    for (kind, value) in [(RTA_OIF, LOOPBACK.to_ne_bytes().to_vec()), (RTA_PREFSRC, address)] {
        let length = u16::try_from(4 + value.len()).unwrap_or(0);
        body.extend(length.to_ne_bytes().into_iter().chain(kind.to_ne_bytes()).chain(value));
    }
    let length = u32::try_from(16 + body.len()).unwrap_or(0);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(RTM_NEWROUTE.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK_CREATE.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// In the new process, which has all capabilities in its own user namespace yet.
///
/// # Safety
/// As [`crate::enter::enter`].
pub(crate) unsafe fn enter(network: &OwnNetwork) -> Outcome {
    // SAFETY: what is passed by address is on the stack or prepared, and as long as said.
    unsafe {
        set_up_loopback()?;
        let kernel = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE);
        check(c_long::from(kernel))?;
        for (message, is_needed) in &network.routes {
            check(libc::send(kernel, message.as_ptr().cast(), message.len(), 0) as c_long)?;
            // A header, and an error number.
            let mut answer = [0_i32; 128];
            let length = libc::recv(kernel, answer.as_mut_ptr().cast(), size_of_val(&answer), 0);
            check(length as c_long)?;
            if *is_needed && answer[4] != 0 {
                return Err(-answer[4]);
            }
        }
        libc::close(kernel);
        let listener = notify::listen(&network.filter)?;
        notify::send(network.parcel, listener)
    }
}

unsafe fn set_up_loopback() -> Outcome {
    // SAFETY: the structure is on the stack, and what the requests are about.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(c_long::from(socket))?;
        let mut device: libc::ifreq = std::mem::zeroed();
        name(&mut device, c"lo");
        device.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
        check(c_long::from(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const device)))?;
        name(&mut device, c"lo:1");
        for (request, address) in [(libc::SIOCSIFADDR, OWN_ADDRESS), (libc::SIOCSIFNETMASK, Ipv4Addr::BROADCAST)] {
            let mut place: libc::sockaddr_in = std::mem::zeroed();
            place.sin_family = libc::AF_INET as libc::sa_family_t;
            place.sin_addr.s_addr = u32::from(address).to_be();
            device.ifr_ifru.ifru_addr = std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(place);
            check(c_long::from(libc::ioctl(socket, request, &raw const device)))?;
        }
        libc::close(socket);
        Ok(())
    }
}

fn name(device: &mut libc::ifreq, name: &CStr) {
    let bytes = name.to_bytes_with_nul().iter().map(|byte| byte.cast_signed());
    device.ifr_name.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
}

/// What stands between the network of an instance and the host's.
struct Door {
    listener: Listener,
    granted: Vec<Port>,
    resolvers: Vec<IpAddr>,
    /// What brings messages to these addresses.
    relays: Mutex<HashMap<SocketAddr, AbortHandle>>,
    room: Arc<Semaphore>,
}

/// Sockets of the server that one instance may need at a time.
const SOCKETS_MAX: usize = 64;

async fn serve(door: Arc<Door>) {
    let mut calls = JoinSet::new();
    loop {
        let call = match door.listener.next().await {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "a function is not let out to the network any more");
                return;
            }
        };
        while calls.try_join_next().is_some() {}
        let door = door.clone();
        calls.spawn(async move {
            let decided = door.decide(&call).await;
            let answer = decided.unwrap_or_else(|error| Answer::Fails(error.raw_os_error().unwrap_or(libc::EPERM)));
            door.listener.answer(&call, answer);
        });
    }
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To the function itself.
    Inside,
    /// To the link's own addresses, with the credentials of a virtual machine.
    Nowhere,
    Outside,
}

impl Door {
    async fn decide(&self, call: &Call) -> io::Result<Answer> {
        let Some(bytes) = address(call)? else { return Ok(Answer::Goes) };
        let (Some(to), [number, ..]) = (parse(&bytes), call.arguments) else { return Ok(Answer::Goes) };
        // What is no descriptor, or no socket of these kinds, the kernel answers itself.
        let Ok(socket) = call.descriptor(number as RawFd) else { return Ok(Answer::Goes) };
        let Some(kind) = kind(&socket) else { return Ok(Answer::Goes) };
        if !self.listener.is_waiting(call) {
            return Err(io::ErrorKind::NotFound.into());
        }
        // A connection leads where it leads, whatever address is named.
        if kind == SocketType::STREAM && call.number != libc::SYS_connect {
            return Ok(Answer::Goes);
        }
        let is_ours = is_of_the_host(&socket)?;
        match self.way(to, kind) {
            Way::Nowhere => Ok(Answer::Fails(libc::EPERM)),
            Way::Inside if kind == SocketType::DGRAM => Ok(Answer::Goes),
            // It was connected to something else before.
            Way::Inside if is_ours => Ok(Answer::Fails(libc::EPERM)),
            Way::Outside if kind == SocketType::DGRAM => {
                self.relay(call, SocketAddr::new(to.ip().to_canonical(), to.port())).await?;
                Ok(Answer::Goes)
            }
            Way::Outside if !is_ours => {
                let outer = self.replace(call, number as RawFd, &socket)?;
                drop(socket);
                self.connect(outer, &bytes).await
            }
            Way::Inside | Way::Outside => self.connect(socket, &bytes).await,
        }
    }

    fn way(&self, to: SocketAddr, kind: SocketType) -> Way {
        let address = to.ip().to_canonical();
        let is_resolver = to.port() == DNS && self.resolvers.contains(&address);
        if address.is_loopback() || address.is_unspecified() || address == IpAddr::V4(OWN_ADDRESS) {
            let protocol = if kind == SocketType::DGRAM { Protocol::Udp } else { Protocol::Tcp };
            let is_granted = self.granted.contains(&Port { number: to.port(), protocol });
            return if is_granted || is_resolver { Way::Outside } else { Way::Inside };
        }
        if is_of_the_link(address) && !is_resolver { Way::Nowhere } else { Way::Outside }
    }

    /// Puts a socket of the host's network in the place of one of the function's. It is the function's before it is connected: who
    /// is connected to looks whose it is.
    fn replace(&self, call: &Call, number: RawFd, socket: &OwnedFd) -> io::Result<OwnedFd> {
        let outer = like(socket)?;
        self.listener.replace(call, number, &outer, call.closes_on_exec(number))?;
        Ok(outer)
    }

    /// Connects a socket of the function's, which waits for it if the socket is one that waits.
    async fn connect(&self, socket: OwnedFd, address: &[u8]) -> io::Result<Answer> {
        let _room = self.room.acquire().await.map_err(io::Error::other)?;
        let flags = fcntl_getfl(&socket)?;
        let waits = !flags.contains(OFlags::NONBLOCK);
        if waits {
            fcntl_setfl(&socket, flags | OFlags::NONBLOCK)?;
        }
        let length = address.len() as libc::socklen_t;
        // SAFETY: the address is as long as said.
        let begun = match unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        };
        if !waits {
            return begun.map(|()| Answer::Done);
        }
        let done = match begun {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => connected(&socket).await,
            begun => begun,
        };
        fcntl_setfl(&socket, flags)?;
        done.map(|()| Answer::Done)
    }

    /// Has messages brought to an address, in whose place the server listens inside.
    async fn relay(&self, call: &Call, to: SocketAddr) -> io::Result<()> {
        let relays = || self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        if relays().get(&to).is_some_and(|relay| !relay.is_finished()) {
            return Ok(());
        }
        let full = |_| io::Error::from_raw_os_error(libc::ENOBUFS);
        let place = self.room.clone().try_acquire_owned().map_err(full)?;
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = Inside::of(call.thread)?.socket(family, SocketType::DGRAM).await?;
        let relay = relay::serve(socket, to, place)?;
        let mut relays = relays();
        relays.retain(|_, relay| !relay.is_finished());
        relays.insert(to, tokio::spawn(relay).abort_handle());
        Ok(())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let relays = self.relays.get_mut().unwrap_or_else(PoisonError::into_inner);
        relays.values().for_each(AbortHandle::abort);
    }
}

/// A copy of the address that a call names; `None` without one.
fn address(call: &Call) -> io::Result<Option<Vec<u8>>> {
    let [_, second, third, _, fifth, sixth] = call.arguments;
    let (place, length) = match call.number {
        libc::SYS_connect => (second, third),
        libc::SYS_sendto => (fifth, sixth),
        // A `struct msghdr`, or the first of several: the address, and its length.
        _ => {
            let mut message = [0; 12];
            if call.read(second, &mut message)? < message.len() {
                return Ok(None);
            }
            let (place, length) = message.split_at(8);
            let length = u32::from_ne_bytes(length.try_into().unwrap_or_default());
            (u64::from_ne_bytes(place.try_into().unwrap_or_default()), length.into())
        }
    };
    if place == 0 {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(ADDRESS_BYTES)];
    let read = call.read(place, &mut bytes)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Understands addresses of IP only.
fn parse(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    let ip = match i32::from(family) {
        libc::AF_INET => {
            // The kernel takes no shorter one, though it looks at less.
            bytes.get(..16)?;
            IpAddr::from(*bytes.get(4..)?.first_chunk::<4>()?)
        }
        libc::AF_INET6 => IpAddr::from(*bytes.get(8..)?.first_chunk::<16>()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Of TCP or UDP.
fn kind(socket: &OwnedFd) -> Option<SocketType> {
    let domain = socket_domain(socket).ok()?;
    let kind = socket_type(socket).ok()?;
    let is_ip = domain == AddressFamily::INET || domain == AddressFamily::INET6;
    (is_ip && (kind == SocketType::STREAM || kind == SocketType::DGRAM)).then_some(kind)
}

/// Which network a socket is of. Source: socket(7).
fn network_of(socket: &OwnedFd) -> io::Result<u64> {
    let (mut cookie, mut length) = (0_u64, size_of::<u64>() as libc::socklen_t);
    let place = (&raw mut cookie).cast();
    // SAFETY: the number is as long as said.
    let answer =
        unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_NETNS_COOKIE, place, &raw mut length) };
    if answer == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}

/// Not in the C library's list.
const SO_NETNS_COOKIE: c_int = 71;

fn own_network() -> io::Result<u64> {
    network_of(&socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

fn is_of_the_host(socket: &OwnedFd) -> io::Result<bool> {
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

/// A socket of the host's network like one of the function's.
fn like(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let mut flags = SocketFlags::CLOEXEC;
    if fcntl_getfl(socket)?.contains(OFlags::NONBLOCK) {
        flags |= SocketFlags::NONBLOCK;
    }
    let outer = socket_with(socket_domain(socket)?, SocketType::STREAM, flags, None)?;
    for (level, option) in OPTIONS {
        let mut value = [0_u8; 16];
        let mut length = value.len() as libc::socklen_t;
        // SAFETY: the value is as long as said. Options that a socket does not have are refused.
        unsafe {
            let place: *mut c_void = value.as_mut_ptr().cast();
            if libc::getsockopt(socket.as_raw_fd(), level, option, place, &raw mut length) == 0 {
                libc::setsockopt(outer.as_raw_fd(), level, option, place, length);
            }
        }
    }
    Ok(outer)
}

async fn connected(socket: &OwnedFd) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        let v4 = [2, 0, 0, 53, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut v6 = [0; 28];
        (v6[0], v6[3], v6[23]) = (10, 80, 1);
        assert_eq!(parse(&v4), Some(SocketAddr::from(([1, 2, 3, 4], 53))));
        assert_eq!(parse(&v6), Some(SocketAddr::from((Ipv6Addr::LOCALHOST, 80))));
        assert_eq!(
            (parse(&v4[..15]), parse(&v6[..23]), parse(b"\x01\0/tmp/socket-of-unix"), parse(&[])),
            (None, None, None, None)
        );
    }
}
