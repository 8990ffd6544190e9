//! Brings messages (UDP) of a function to addresses outside of its own network, and the answers back.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SendFlags, SocketType};
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::inside::{Inside, Kind};

/// The port of name servers.
pub(crate) const DNS: u16 = 53;

/// How long an answer is waited for, and another message.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The same where a name server has answered: each question comes from a socket of its own. Two are asked at once, for both kinds of addresses.
const WAIT_AFTER_NAMES: Duration = Duration::from_secs(10);

/// How long an address in whose place the server could not listen is left alone.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// Addresses that an instance may send to at a time. Beyond that, it is those left longest that are forgotten.
const ADDRESSES_MAX: usize = 128;

/// Sockets that an instance may send from to one of them, of which each takes one of the server's.
const SENDERS_MAX: usize = 64;

/// Sockets that are made at a time inside, as each time takes a process.
const MADE_AT_ONCE: usize = 8;

/// The longest message of UDP.
const MESSAGE_BYTES_MAX: usize = 65_535;

/// Where an instance sends to.
#[derive(Default)]
pub(crate) struct Relays {
    addresses: Mutex<Recent<SocketAddr, Relay>>,
    common: Arc<Common>,
}

/// What its tasks have in common.
#[derive(Default)]
struct Common {
    senders: Mutex<Senders>,
    /// One is made at a time: two threads may ask for the same.
    maker: tokio::sync::Mutex<Maker>,
}

enum Relay {
    Serves(#[expect(dead_code, reason = "ends with it")] Task),
    /// An error number.
    Failed(i32),
}

/// By the address that is sent to, and the one inside that is sent from.
type Senders = Recent<(SocketAddr, SocketAddr), Sender>;

struct Sender {
    outside: Arc<UdpSocket>,
    wait: Duration,
    _task: Task,
}

#[derive(Default)]
struct Maker {
    network: Option<Inside>,
    spare: HashMap<u16, Vec<OwnedFd>>,
    /// Through which a socket inside is told that nobody listens where it has sent to.
    heralds: HashMap<u16, OwnedFd>,
}

impl Relays {
    /// Has the server listen in the place of an address. `network` gives that of the instance, which is asked for once.
    pub async fn serve(&self, to: SocketAddr, network: impl FnOnce() -> io::Result<Inside>) -> io::Result<()> {
        if let Some(known) = self.known(to) {
            return known;
        }
        let mut maker = self.common.maker.lock().await;
        if let Some(known) = self.known(to) {
            return known;
        }
        let made = match maker.socket(to, network).await {
            Ok(socket) => listen(socket, to, self.common.clone()),
            Err(error) => Err(error),
        };
        let (relay, outcome) = match made {
            Ok(task) => (Relay::Serves(task), Ok(())),
            Err(error) => (Relay::Failed(error.raw_os_error().unwrap_or(libc::EPERM)), Err(error)),
        };
        lock(&self.addresses).insert(to, relay, ADDRESSES_MAX);
        outcome
    }

    fn known(&self, to: SocketAddr) -> Option<io::Result<()>> {
        let mut addresses = lock(&self.addresses);
        if let Some((made, Relay::Failed(error))) = addresses.0.get(&to) {
            return (made.elapsed() < FAILED_FOR).then(|| Err(io::Error::from_raw_os_error(*error)));
        }
        addresses.used(&to).map(|_| Ok(()))
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        // Its tasks hold it, too.
        lock(&self.common.senders).0.clear();
    }
}

impl Maker {
    async fn socket(&mut self, to: SocketAddr, network: impl FnOnce() -> io::Result<Inside>) -> io::Result<OwnedFd> {
        let family = family(to);
        let spare = self.spare.entry(family.as_raw()).or_default();
        if let Some(socket) = spare.pop() {
            return Ok(socket);
        }
        let network = match &self.network {
            Some(network) => network,
            None => self.network.insert(network()?),
        };
        *spare = network.sockets(Kind { family, kind: SocketType::DGRAM, protocol: 0 }, MADE_AT_ONCE).await?;
        spare.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    async fn herald(&mut self, to: SocketAddr) -> io::Result<&OwnedFd> {
        let family = family(to);
        let protocol = if to.is_ipv4() { libc::IPPROTO_ICMP } else { libc::IPPROTO_ICMPV6 };
        if !self.heralds.contains_key(&family.as_raw()) {
            let network = self.network.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            let made = network.sockets(Kind { family, kind: SocketType::RAW, protocol }, 1).await?.pop();
            self.heralds.extend(made.map(|made| (family.as_raw(), made)));
        }
        self.heralds.get(&family.as_raw()).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Common {
    /// Tells a socket inside that nobody listens where it has sent to, as the host tells its own.
    async fn refuse(&self, to: SocketAddr, client: SocketAddr) -> io::Result<()> {
        let mut maker = self.maker.lock().await;
        let herald = maker.herald(to).await?;
        rustix::net::sendto(herald, &refusal(client, to), SendFlags::DONTWAIT, &SocketAddr::new(client.ip(), 0))?;
        Ok(())
    }
}

fn family(to: SocketAddr) -> AddressFamily {
    if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

/// The message of ICMP which says that a port is not reached, with the beginning of the message of UDP that it is about.
/// Sources: RFC 792, RFC 4443.
fn refusal(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    const UDP: u8 = libc::IPPROTO_UDP as u8;
    const UDP_BYTES: u16 = 8;
    const HOPS: u8 = 64;
    let (mut message, sent) = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            const IP_BYTES: u16 = 20;
            let mut sent = vec![0x45, 0];
            sent.extend((IP_BYTES + UDP_BYTES).to_be_bytes());
            sent.extend([0, 0, 0, 0, HOPS, UDP, 0, 0]);
            sent.extend([from.octets(), to.octets()].concat());
            // "Destination unreachable", "port unreachable", a place for the checksum, nothing.
            (vec![3, 3, 0, 0, 0, 0, 0, 0], sent)
        }
        (from, to) => {
            let octets = |ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let mut sent = vec![0x60, 0, 0, 0];
            sent.extend(UDP_BYTES.to_be_bytes());
            sent.extend([UDP, HOPS]);
            sent.extend([octets(from), octets(to)].concat());
            (vec![1, 4, 0, 0, 0, 0, 0, 0], sent)
        }
    };
    message.extend(sent);
    message.extend([from.port(), to.port(), UDP_BYTES, 0].map(u16::to_be_bytes).concat());
    if from.is_ipv4() {
        // That of IPv6 is the kernel's work.
        let sum = checksum(&message).to_be_bytes();
        message.iter_mut().skip(2).zip(sum).for_each(|(place, byte)| *place = byte);
    }
    message
}

/// Source: RFC 1071.
fn checksum(message: &[u8]) -> u16 {
    let sum: u32 = message.as_chunks().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    !((folded + (folded >> 16)) as u16)
}

/// `socket` is one of the function's network, in which it takes the place of `to`.
fn listen(socket: OwnedFd, to: SocketAddr, common: Arc<Common>) -> io::Result<Task> {
    bind(&socket, to)?;
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    let inside = Arc::new(UdpSocket::from_std(socket)?);
    Ok(Task::new(async move {
        if let Err(error) = bring(inside, to, common).await {
            tracing::debug!(%error, %to, "the messages of a function are not brought to an address any more");
        }
    }))
}

async fn bring(inside: Arc<UdpSocket>, to: SocketAddr, common: Arc<Common>) -> io::Result<()> {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    loop {
        let (length, client) = inside.recv_from(&mut message).await?;
        let known = lock(&common.senders).used(&(to, client)).map(|sender| sender.outside.clone());
        let outside = match known.map_or_else(|| admit(&inside, to, client, &common), Ok) {
            Ok(outside) => outside,
            Err(error) => {
                tracing::debug!(%error, %to, "a message of a function is lost");
                continue;
            }
        };
        // What is lost is lost, as elsewhere. But the answer to an earlier message may be told here.
        if let Err(error) = outside.send(message.get(..length).unwrap_or_default()).await {
            pass_on(&error, &common, to, client).await;
        }
    }
}

/// Makes a socket outside for one inside.
fn admit(
    inside: &Arc<UdpSocket>,
    to: SocketAddr,
    client: SocketAddr,
    common: &Arc<Common>,
) -> io::Result<Arc<UdpSocket>> {
    let outside = Arc::new(connect(to)?);
    // Its task looks for itself in there.
    let mut known = lock(&common.senders);
    let task = Task::new(bring_back(outside.clone(), inside.clone(), (to, client), common.clone()));
    let sender = Sender { outside: outside.clone(), wait: WAIT_MAX, _task: task };
    known.insert((to, client), sender, SENDERS_MAX);
    Ok(outside)
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let outside = std::net::UdpSocket::bind((any, 0))?;
    outside.connect(to)?;
    outside.set_nonblocking(true)?;
    UdpSocket::from_std(outside)
}

/// Until nothing has come or gone for long.
async fn bring_back(
    outside: Arc<UdpSocket>,
    inside: Arc<UdpSocket>,
    (to, client): (SocketAddr, SocketAddr),
    common: Arc<Common>,
) {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    let lives_until = || lock(&common.senders).lives_until(&(to, client));
    while let Some(until) = lives_until() {
        match tokio::time::timeout_at(until, outside.recv(&mut message)).await {
            Ok(Ok(length)) => {
                let _ = inside.send_to(message.get(..length).unwrap_or_default(), client).await;
                if let Some(sender) = lock(&common.senders).used(&(to, client)) {
                    sender.wait = if to.port() == DNS { WAIT_AFTER_NAMES } else { WAIT_MAX };
                }
            }
            // The next message may find somebody.
            Ok(Err(error)) => pass_on(&error, &common, to, client).await,
            Err(_) => {}
        }
    }
}

/// Tells a socket inside that nobody listens where it has sent to, should that be the error.
async fn pass_on(error: &io::Error, common: &Common, to: SocketAddr, client: SocketAddr) {
    if error.kind() != io::ErrorKind::ConnectionRefused {
        return;
    }
    if let Err(error) = common.refuse(to, client).await {
        tracing::debug!(%error, %to, "a function is not told that nobody listens");
    }
}

/// What has been used last, with when that was.
struct Recent<K, V>(HashMap<K, (Instant, V)>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Recent<K, V> {
        Recent(HashMap::new())
    }
}

impl<K: Hash + Eq + Copy, V> Recent<K, V> {
    fn used(&mut self, key: &K) -> Option<&mut V> {
        let (last, value) = self.0.get_mut(key)?;
        *last = Instant::now();
        Some(value)
    }

    /// Makes place by forgetting what has been left longest.
    fn insert(&mut self, key: K, value: V, most: usize) {
        if self.0.len() >= most && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, (last, _))| *last).map(|(key, _)| *key);
            oldest.iter().for_each(|oldest| drop(self.0.remove(oldest)));
        }
        self.0.insert(key, (Instant::now(), value));
    }
}

impl Senders {
    /// Until when answers are waited for; removes it when that is over.
    fn lives_until(&mut self, key: &(SocketAddr, SocketAddr)) -> Option<Instant> {
        let (last, sender) = self.0.get(key)?;
        let until = *last + sender.wait;
        if until > Instant::now() {
            return Some(until);
        }
        self.0.remove(key);
        None
    }
}

/// Ends with this.
struct Task(AbortHandle);

impl Task {
    fn new(work: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(tokio::spawn(work).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes an address that no device has. The function may have its port at all addresses, if it lets others have it, too.
fn bind(socket: &OwnedFd, to: SocketAddr) -> io::Result<()> {
    const IPV6_FREEBIND: libc::c_int = 78;
    let (level, option) =
        if to.is_ipv4() { (libc::IPPROTO_IP, libc::IP_FREEBIND) } else { (libc::IPPROTO_IPV6, IPV6_FREEBIND) };
    let yes: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is as long as said.
    let answer = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const yes).cast(), length) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    set_socket_reuseaddr(socket, true)?;
    Ok(rustix::net::bind(socket, &to)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_left_longest_is_forgotten() {
        let mut recent = Recent::default();
        for key in 0..3 {
            recent.insert(key, (), 3);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(recent.used(&0).is_some());
        recent.insert(3, (), 3);
        assert_eq!([0, 1, 2, 3].map(|key| recent.0.contains_key(&key)), [true, false, true, true]);
    }

    #[test]
    fn refusals_are_what_a_host_would_say() {
        let (from, to): (SocketAddr, SocketAddr) = ("10.0.0.1:4000".parse().unwrap(), "10.0.0.2:53".parse().unwrap());
        let said = refusal(from, to);
        assert_eq!((said.len(), &said[..2], &said[20..28]), (36, &[3, 3][..], &[10, 0, 0, 1, 10, 0, 0, 2][..]));
        assert_eq!((&said[28..34], checksum(&said)), (&[0x0F, 0xA0, 0, 53, 0, 8][..], 0));
        let (from, to): (SocketAddr, SocketAddr) = ("[::1]:4000".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap());
        let said = refusal(from, to);
        assert_eq!((said.len(), &said[..2], said[31], &said[48..52]), (56, &[1, 4][..], 1, &[0x0F, 0xA0, 0, 53][..]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_is_known_until_nothing_came_or_went_for_long() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let outside = Arc::new(UdpSocket::bind(address).await.unwrap());
        let sender = Sender { outside, wait: WAIT_MAX, _task: Task::new(std::future::pending()) };
        let (mut senders, key) = (Senders::default(), (address, address));
        senders.insert(key, sender, SENDERS_MAX);
        for wait in [WAIT_MAX, WAIT_AFTER_NAMES] {
            senders.used(&key).unwrap().wait = wait;
            tokio::time::advance(wait - Duration::from_millis(1)).await;
            assert_eq!(senders.lives_until(&key), Some(Instant::now() + Duration::from_millis(1)));
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!((senders.lives_until(&key), senders.0.len()), (None, 0));
    }
}
