//! What of the network a function reaches where the server is not root, and so cannot have the kernel guard the host's addresses.
//!
//! It lives in a network of its own, in which every address is its own: by itself it reaches nothing else. Calls that lead out of
//! there are left to the server. Of UDP, it brings messages to and fro. Of TCP, it puts a socket of the host's network in the
//! place of the function's, and connects it. Other threads may meanwhile change what the server has looked at: so it
//! connects to what it has looked at itself, and Landlock lets the function connect no socket of TCP.

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{OwnedFd, RawFd};
use std::os::raw::{c_int, c_long};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::SocketType;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::enter::{Outcome, check};
use crate::inside::Inside;
use crate::network::{Port, Protocol, is_of_the_link, local_resolvers};
use crate::notify::{self, Answer, Call, Listener, Parcel};
use crate::outer::{self, connected, is_of_the_host, kind, own_network};
use crate::relay::{self, Relays};
use crate::{landlock, seccomp};

/// What an instance is for itself, besides the loopback addresses: without another one, resolvers take a host to be offline.
/// Lambda's instances have one of this kind.
const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 100, 6);

/// Bytes of the longest address that is understood: `struct sockaddr_in6`.
const ADDRESS_BYTES: usize = 28;

/// Whether this host lets functions have a network of their own, from which the server lets them out.
pub(crate) fn is_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let namespaces = std::fs::read_to_string("/proc/sys/user/max_net_namespaces").unwrap_or_default();
        let may_have_one = namespaces.trim().parse::<u64>().is_ok_and(|most| most > 0);
        may_have_one && landlock::version() >= landlock::WITH_PORTS && own_network().is_ok()
    }) && given_up().is_none()
}

static GIVEN_UP: OnceLock<String> = OnceLock::new();

/// It has turned out not to be possible: in a container, there may be filters that do not let it be.
pub(crate) fn give_up(reason: String) {
    // The first reason is as good as another.
    let _ = GIVEN_UP.set(reason);
}

/// Why it was given up, if it was.
pub(crate) fn given_up() -> Option<&'static str> {
    GIVEN_UP.get().map(String::as_str)
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
        let places = || Semaphore::new(WAITING_MAX);
        let (resolvers, relays, is_short) = (local_resolvers(), Relays::default(), AtomicBool::new(false));
        let (granted, near, far) = (self.granted, places(), places());
        let door = Door { listener, granted, resolvers, relays, near, far, is_short };
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
    relays: Relays,
    /// Places for threads that wait until they are connected, to the instance itself and this cloud, and to anything else.
    near: Semaphore,
    far: Semaphore,
    is_short: AtomicBool,
}

/// For each thread that waits, the server has a descriptor or two.
const WAITING_MAX: usize = 64;

/// How often it is looked whether a thread still waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
            let answer = door.decide(&call).await.unwrap_or_else(|error| Answer::Fails(door.number(&error)));
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

/// What is still to be done about a call.
enum Step<'a> {
    Nothing(Answer),
    /// It has to wait, for which there are so many places.
    Place(&'a Semaphore),
    Relays(Vec<SocketAddr>),
    Connection(OwnedFd),
}

impl Door {
    async fn decide(&self, call: &Call) -> io::Result<Answer> {
        let mut place = None;
        loop {
            match self.begin(call, place.is_some())? {
                Step::Nothing(answer) => return Ok(answer),
                Step::Place(places) => {
                    let free = self.while_it_waits(call, places.acquire()).await?;
                    place = Some(free.map_err(io::Error::other)?);
                }
                Step::Relays(addresses) => {
                    for to in addresses {
                        self.relays.serve(to, || self.network(call)).await?;
                    }
                    return Ok(Answer::Goes);
                }
                Step::Connection(socket) => {
                    let done = self.while_it_waits(call, connected(&socket)).await;
                    fcntl_setfl(&socket, fcntl_getfl(&socket)? - OFlags::NONBLOCK)?;
                    return done?.map(|()| Answer::Done);
                }
            }
        }
    }

    /// Does what can be done at once: it keeps descriptors only of what has a place.
    fn begin(&self, call: &Call, has_place: bool) -> io::Result<Step<'_>> {
        let named = addresses(call)?;
        let ([first, ..], [number, ..]) = (&named[..], call.arguments) else { return Ok(Step::Nothing(Answer::Goes)) };
        let socket = match call.descriptor(number as RawFd) {
            // The kernel says so itself.
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => return Ok(Step::Nothing(Answer::Goes)),
            socket => socket?,
        };
        let kind = kind(&socket);
        if !self.listener.is_waiting(call) {
            return Err(io::ErrorKind::NotFound.into());
        }
        match kind {
            Some(SocketType::DGRAM) => Ok(self.send(named.iter().map(|(to, _)| *to))),
            // A connection leads where it leads, whatever address is named.
            Some(_) if call.number == libc::SYS_connect => self.connect(call, socket, first, has_place),
            _ => Ok(Step::Nothing(Answer::Goes)),
        }
    }

    fn way(&self, to: SocketAddr, kind: SocketType) -> Way {
        let address = to.ip().to_canonical();
        if address == IpAddr::V4(OWN_ADDRESS) {
            return Way::Inside;
        }
        let is_resolver = to.port() == relay::DNS && self.resolvers.contains(&address);
        if is_near(to) {
            let protocol = if kind == SocketType::DGRAM { Protocol::Udp } else { Protocol::Tcp };
            let is_granted = self.granted.contains(&Port { number: to.port(), protocol });
            return if is_granted || is_resolver { Way::Outside } else { Way::Inside };
        }
        if is_of_the_link(address) && !is_resolver { Way::Nowhere } else { Way::Outside }
    }

    fn send(&self, addresses: impl Iterator<Item = SocketAddr>) -> Step<'_> {
        let mut outside = Vec::new();
        for to in addresses {
            match self.way(to, SocketType::DGRAM) {
                Way::Nowhere => return Step::Nothing(Answer::Fails(libc::EPERM)),
                Way::Inside => {}
                Way::Outside => outside.push(SocketAddr::new(to.ip().to_canonical(), to.port())),
            }
        }
        outside.sort_unstable();
        outside.dedup();
        if outside.len() > SENT_TO_AT_ONCE_MAX {
            Step::Nothing(Answer::Fails(libc::ENOBUFS))
        } else {
            Step::Relays(outside)
        }
    }

    /// Begins to connect a socket of the function's, or one in its place.
    fn connect(
        &self,
        call: &Call,
        socket: OwnedFd,
        (to, address): &(SocketAddr, Vec<u8>),
        has_place: bool,
    ) -> io::Result<Step<'_>> {
        let way = self.way(*to, SocketType::STREAM);
        let is_ours = is_of_the_host(&socket)?;
        // A socket that was connected to something else before stays out there.
        if way == Way::Nowhere || (way == Way::Inside && is_ours) {
            return Ok(Step::Nothing(Answer::Fails(libc::EPERM)));
        }
        let flags = fcntl_getfl(&socket)?;
        let waits = !flags.contains(OFlags::NONBLOCK);
        if waits && !has_place {
            return Ok(Step::Place(if is_near(*to) { &self.near } else { &self.far }));
        }
        let (socket, begun) = if way == Way::Inside {
            fcntl_setfl(&socket, flags | OFlags::NONBLOCK)?;
            let begun = outer::connect(&socket, address);
            (socket, begun)
        } else {
            self.connect_outside(call, &socket, *to, address)?
        };
        let is_under_way = begun.as_ref().is_err_and(outer::is_under_way);
        if waits && is_under_way {
            return Ok(Step::Connection(socket));
        }
        if waits {
            fcntl_setfl(&socket, fcntl_getfl(&socket)? - OFlags::NONBLOCK)?;
        }
        begun.map(|()| Step::Nothing(Answer::Done))
    }

    /// Puts a new socket of the host's network in the place of one of the function's, and connects it. It is never one that
    /// the function has had: that could have been bound, and would come from a loopback address to a service that is not there
    /// only for those, and takes it for one of its own host.
    fn connect_outside(
        &self,
        call: &Call,
        socket: &OwnedFd,
        to: SocketAddr,
        address: &[u8],
    ) -> io::Result<(OwnedFd, io::Result<()>)> {
        outer::check_unconnected(socket)?;
        let number = call.arguments[0] as RawFd;
        let outer = outer::like(socket)?;
        let replace = || self.listener.replace(call, number, &outer, call.closes_on_exec(number));
        // Who serves there looks whose it is. It comes from a loopback address anyway.
        if is_near(to) {
            replace()?;
            let begun = outer::connect(&outer, address);
            return Ok((outer, begun));
        }
        let begun = outer::connect(&outer, address);
        if begun.as_ref().err().is_none_or(outer::is_under_way) {
            replace()?;
        }
        Ok((outer, begun))
    }

    /// Waits for something that a thread waits for, for no longer than it does.
    async fn while_it_waits<T>(&self, call: &Call, something: impl Future<Output = T>) -> io::Result<T> {
        let mut something = pin!(something);
        loop {
            if let Ok(done) = tokio::time::timeout(LOOK_EVERY, &mut something).await {
                return Ok(done);
            }
            if !self.listener.is_waiting(call) {
                return Err(io::ErrorKind::NotFound.into());
            }
        }
    }

    fn network(&self, call: &Call) -> io::Result<Inside> {
        let network = Inside::of(call.thread)?;
        // It was that thread's.
        if self.listener.is_waiting(call) { Ok(network) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// The number of an error as the function gets to see it: that the server is short of descriptors is not the function's.
    fn number(&self, error: &io::Error) -> c_int {
        match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => {
                if !self.is_short.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "a function is not let out to the network: too few files may be open");
                }
                libc::ENOBUFS
            }
            number => number.unwrap_or(libc::EPERM),
        }
    }
}

/// Whether an address is the function's own, but for ports that it is granted.
fn is_near(to: SocketAddr) -> bool {
    let address = to.ip().to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// Copies of the addresses of IP that a call names, and what they say.
fn addresses(call: &Call) -> io::Result<Vec<(SocketAddr, Vec<u8>)>> {
    let [_, second, third, _, fifth, sixth] = call.arguments;
    let places = match call.number {
        libc::SYS_connect => vec![(second, third)],
        libc::SYS_sendto => vec![(fifth, sixth)],
        libc::SYS_sendmsg => named(call, second, 1)?,
        _ => named(call, second, usize::try_from(third & u64::from(u32::MAX)).unwrap_or(0).min(MESSAGES_MAX))?,
    };
    let mut addresses = Vec::new();
    for (place, length) in places.into_iter().filter(|(place, _)| *place != 0) {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(ADDRESS_BYTES)];
        let read = call.read(place, &mut bytes)?;
        bytes.truncate(read);
        addresses.extend(parse(&bytes).map(|to| (to, bytes)));
    }
    Ok(addresses)
}

/// Where the addresses of messages are, and how long. Each message begins with it: a `struct msghdr`, in `struct mmsghdr` if there
/// are several.
fn named(call: &Call, place: u64, count: usize) -> io::Result<Vec<(u64, u64)>> {
    let mut messages = vec![0; if count == 1 { NAME_BYTES } else { count * size_of::<libc::mmsghdr>() }];
    let read = call.read(place, &mut messages)?;
    messages.truncate(read);
    let name = |message: &[u8]| {
        let (place, length) = message.get(..NAME_BYTES)?.split_at(8);
        let length = u32::from_ne_bytes(length.try_into().ok()?);
        Some((u64::from_ne_bytes(place.try_into().ok()?), length.into()))
    };
    Ok(messages.chunks(size_of::<libc::mmsghdr>()).filter_map(name).collect())
}

/// Bytes of what a `struct msghdr` begins with: where the address is, and its length.
const NAME_BYTES: usize = 12;

/// Messages that the kernel sends at a time. Source: sendmmsg(2).
const MESSAGES_MAX: usize = 1_024;

/// Addresses that it may send them to.
const SENT_TO_AT_ONCE_MAX: usize = 64;

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
