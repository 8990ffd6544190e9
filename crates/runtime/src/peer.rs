//! Whose a connection within this machine is: the kernel names the user of the socket at its other end, and the socket,
//! and the descriptors of a process name its sockets. Sources: sock_diag(7), proc_pid_net(5), proc_pid_fd(5), namespaces(7).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

/// Whether the other end of a connection is held by a process in the process-id namespace of process `pid`: in isolation,
/// by an instance itself. Without isolation the namespace is the server's own, and functions are not kept apart anyway.
///
/// An end that is closed already is held by nobody: who does not wait for the answer is not known any more.
///
/// Reads files, and where instances share a user some for each process of the host: for where blocking is allowed.
///
/// # Errors
/// When the kernel does not let this process look.
pub(crate) fn is_held_beside(pid: u32, theirs: SocketAddr, ours: SocketAddr) -> io::Result<bool> {
    match held(theirs, ours)? {
        Some(held) => is_beside(pid, &held),
        None => Ok(false),
    }
}

/// Whether the other end of a connection to this server may be a function's; also where nobody knows whose it is, on this machine.
///
/// Asks the kernel, which answers at once, and only where it does not reads tables.
pub fn may_be_a_functions(theirs: SocketAddr, ours: SocketAddr, is_isolated: bool) -> bool {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    if !is_of_this_machine(theirs) {
        return false;
    }
    match held(canonical(theirs), canonical(ours)) {
        Ok(Some(held)) => sandbox::may_be_a_functions(held.user, is_isolated),
        Ok(None) => true,
        Err(error) => {
            tracing::warn!(%error, "nobody knows whose connections on this machine are: a proxy there is not believed");
            true
        }
    }
}

/// Whether an address is one of this machine's. Of others, sockets cannot be had; where the host lets them (`ip_nonlocal_bind`), or
/// nobody can tell, any address may be one.
fn is_of_this_machine(mut address: SocketAddr) -> bool {
    // One of IPv6 may be of one link, which it has to keep.
    if let IpAddr::V4(ip) = address.ip().to_canonical() {
        address.set_ip(ip.into());
    }
    address.set_port(0);
    let bound = || UdpSocket::bind(address);
    address.ip().is_loopback() || !bound().is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

/// Whether who connects to this address is connected to a process in the process-id namespace of process `pid`.
///
/// # Errors
/// As [`is_held_beside`].
pub(crate) fn is_served_beside(pid: u32, address: SocketAddrV4) -> io::Result<bool> {
    match serves(address)? {
        Some(held) => is_beside(pid, &held),
        None => Ok(false),
    }
}

/// The loopback address at which the instance of process `pid` calls itself `sandbox.localdomain`.
pub(crate) fn loopback_address(pid: u32) -> Ipv4Addr {
    let user = std::fs::metadata(format!("/proc/{pid}")).map(|process| process.uid());
    user.map_or(Ipv4Addr::LOCALHOST, sandbox::loopback_address)
}

fn is_beside(pid: u32, Held { user, inode }: &Held) -> io::Result<bool> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let instance = std::fs::metadata(&process)?.uid();
    if sandbox::is_of_one_instance(instance) {
        return Ok(*user == instance);
    }
    let socket = PathBuf::from(format!("socket:[{inode}]"));
    // It is nearly always the function's first process that connects.
    if holds(&process, &socket)? {
        return Ok(true);
    }
    let namespace = std::fs::read_link(process.join("ns/pid"))?;
    let is_beside = |path: &Path| std::fs::read_link(path.join("ns/pid")).is_ok_and(|other| other == namespace);
    // Processes that end meanwhile hold nothing.
    let mut others = std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path());
    Ok(others.any(|path| is_beside(&path) && holds(&path, &socket).unwrap_or(false)))
}

fn holds(process: &Path, socket: &Path) -> io::Result<bool> {
    let mut descriptors = std::fs::read_dir(process.join("fd"))?.flatten();
    Ok(descriptors.any(|descriptor| std::fs::read_link(descriptor.path()).is_ok_and(|target| target == socket)))
}

/// A socket that some process has open.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    /// Who has made it.
    user: u32,
    inode: u64,
}

/// The socket at `theirs` that is connected to `ours`.
fn held(theirs: SocketAddr, ours: SocketAddr) -> io::Result<Option<Held>> {
    if let (SocketAddr::V4(theirs), SocketAddr::V4(ours)) = (theirs, ours)
        && let Ok(answer) = ask(theirs, ours, Wanted::Connected)
    {
        return Ok(answer);
    }
    // A kernel that does not answer such questions has tables, which are long.
    look_up(theirs, ours)
}

/// The socket that is connected to by who connects to an address.
fn serves(address: SocketAddrV4) -> io::Result<Option<Held>> {
    ask(address, NOBODY, Wanted::Listening).or_else(|_| look_up_listener(address))
}

/// No socket has this address.
const NOBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

/// What a socket is asked for as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Connected,
    Listening,
}

/// Asks the kernel for one socket.
///
/// # Errors
/// When it does not answer such questions.
fn ask(theirs: SocketAddrV4, ours: SocketAddrV4, wanted: Wanted) -> io::Result<Option<Held>> {
    let kernel =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    send(&kernel, &question(theirs, ours), SendFlags::empty())?;
    let mut answer = [0; 512];
    let (length, _) = recv(&kernel, &mut answer, RecvFlags::empty())?;
    understand(answer.get(..length).unwrap_or_default(), theirs, ours, wanted)
}

/// A `struct nlmsghdr` and a `struct inet_diag_req_v2`. Source: sock_diag(7).
fn question(theirs: SocketAddrV4, ours: SocketAddrV4) -> Vec<u8> {
    const BYTES: u32 = 16 + 56;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    let mut message = Vec::new();
    message.extend(BYTES.to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    // A number and an address of this process, which it does not need.
    message.extend([0; 8]);
    // AF_INET, IPPROTO_TCP, nothing besides, all states.
    message.extend([2, 6, 0, 0]);
    message.extend(u32::MAX.to_ne_bytes());
    message.extend(theirs.port().to_be_bytes());
    message.extend(ours.port().to_be_bytes());
    for address in [theirs, ours] {
        message.extend(address.ip().octets());
        message.extend([0; 12]);
    }
    // Any interface, any socket that has had these addresses.
    message.extend([0; 4]);
    message.extend([0xFF; 8]);
    message
}

/// A `struct inet_diag_msg` behind its header, or an error.
fn understand(answer: &[u8], theirs: SocketAddrV4, ours: SocketAddrV4, wanted: Wanted) -> io::Result<Option<Held>> {
    const NLMSG_ERROR: u16 = 2;
    const NO_SUCH_SOCKET: i32 = -2;
    let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let word = |at: usize| Some(u32::from_ne_bytes(*answer.get(at..)?.first_chunk()?));
    let port = |at: usize| Some(u16::from_be_bytes(*answer.get(at..)?.first_chunk()?));
    let kind = u16::from_ne_bytes(*answer.get(4..).and_then(|rest| rest.first_chunk()).ok_or_else(short)?);
    if kind == NLMSG_ERROR {
        let error = word(16).ok_or_else(short)?.cast_signed();
        return if error == NO_SUCH_SOCKET { Ok(None) } else { Err(io::Error::from_raw_os_error(-error)) };
    }
    let (state, user, inode) = (*answer.get(17).ok_or_else(short)?, word(80), word(84));
    let (user, inode) = user.zip(inode).ok_or_else(short)?;
    // Where nothing is connected, the kernel names whoever would be.
    let is_it = port(20) == Some(theirs.port())
        && match wanted {
            Wanted::Connected => state != LISTENS && port(22) == Some(ours.port()),
            Wanted::Listening => state == LISTENS,
        };
    Ok((is_it && inode > 0).then_some(Held { user, inode: inode.into() }))
}

/// Source: tcp_states.h in the kernel.
const LISTENS: u8 = 10;

/// The tables of IPv4 and of IPv6. A host without IPv6 has no such table.
const TABLES: [(&str, bool); 2] = [("/proc/self/net/tcp", false), ("/proc/self/net/tcp6", true)];

/// Looks for the socket that listens at an address in the kernel's tables: the nearest to it.
fn look_up_listener(address: SocketAddrV4) -> io::Result<Option<Held>> {
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, address.port());
    let all = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), address.port());
    let (exact, any) = (SocketAddr::V4(address), SocketAddr::V4(any));
    let tables = TABLES.map(|(path, _)| std::fs::read_to_string(path));
    let [v4, v6] = tables;
    let (v4, v6) = (v4?, v6.unwrap_or_default());
    let places =
        [(&v4, column(exact, false)), (&v6, column(exact, true)), (&v4, column(any, false)), (&v6, column(all, true))];
    let listens = |(table, place): (&String, String)| table.lines().find_map(|line| listener_of_line(line, &place));
    Ok(places.into_iter().find_map(listens))
}

fn listener_of_line(line: &str, place: &str) -> Option<Held> {
    let theirs = line.split_ascii_whitespace().nth(2)?;
    let state = line.split_ascii_whitespace().nth(3)?;
    (state == format!("{LISTENS:02X}")).then(|| held_of_line(line, place, theirs)).flatten()
}

/// Looks for a socket in the kernel's tables.
fn look_up(theirs: SocketAddr, ours: SocketAddr) -> io::Result<Option<Held>> {
    // A socket of IPv6 may reach an address of IPv4, and is in its own family's table then.
    for (path, is_mapped) in TABLES {
        let table = match std::fs::read_to_string(path) {
            Err(error) if is_mapped && error.kind() == io::ErrorKind::NotFound => continue,
            table => table?,
        };
        let (theirs, ours) = (column(theirs, is_mapped), column(ours, is_mapped));
        if let Some(held) = table.lines().find_map(|line| held_of_line(line, &theirs, &ours)) {
            return Ok(Some(held));
        }
    }
    Ok(None)
}

fn held_of_line(line: &str, theirs: &str, ours: &str) -> Option<Held> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    if columns.next() != Some(theirs) || columns.next() != Some(ours) {
        return None;
    }
    let user = columns.nth(4)?.parse().ok()?;
    // What the process has closed already has no inode any more, which is written as zero.
    let inode = columns.nth(1)?.parse().ok().filter(|inode| *inode > 0)?;
    Some(Held { user, inode })
}

/// An address as the tables have it: words of 32 bits in the machine's order, and the port.
fn column(address: SocketAddr, is_mapped: bool) -> String {
    let words = |octets: &[u8]| {
        let words = octets.as_chunks().0.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
        words.collect::<String>()
    };
    let ip = match address.ip() {
        IpAddr::V4(ip) if is_mapped => words(&ip.to_ipv6_mapped().octets()),
        IpAddr::V4(ip) => words(&ip.octets()),
        IpAddr::V6(ip) => words(&ip.octets()),
    };
    format!("{ip}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    /// Processes that other tests begin meanwhile have this one's sockets until they run their programs: what is closed here is not at
    /// once closed for the kernel.
    fn comes_true(is_so: impl Fn() -> bool) -> bool {
        for _ in 0..1_000 {
            if is_so() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    #[test]
    fn sockets_are_found_at_their_process() {
        let own = std::process::id();
        for (serves, to) in [("127.0.0.1:0", "127.0.0.1"), ("[::]:0", "::ffff:127.0.0.1")] {
            // A host may have no IPv6.
            let Ok(listener) = TcpListener::bind(serves) else { continue };
            let client = TcpStream::connect((to, listener.local_addr().unwrap().port())).unwrap();
            let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
            let (theirs, ours) = (canonical(client.local_addr().unwrap()), canonical(client.peer_addr().unwrap()));
            let both = |theirs, ours| {
                let SocketAddr::V4(their_v4) = theirs else { panic!("{theirs}") };
                let SocketAddr::V4(our_v4) = ours else { panic!("{ours}") };
                let (asked, looked_up) =
                    (ask(their_v4, our_v4, Wanted::Connected).unwrap(), look_up(theirs, ours).unwrap());
                assert_eq!(asked, looked_up, "{to}");
                asked
            };
            assert!(is_held_beside(own, theirs, ours).unwrap() && both(theirs, ours).is_some(), "{to}");
            assert!(!is_held_beside(own, ours, ours).unwrap() && both(ours, ours).is_none(), "{to}");
            // The listener is there, but nothing is connected.
            assert!(both(ours, SocketAddr::new(theirs.ip(), 1)).is_none(), "{to}");
            drop(client);
            assert!(comes_true(|| !is_held_beside(own, theirs, ours).unwrap()) && both(theirs, ours).is_none(), "{to}");
        }
    }

    #[test]
    fn a_process_of_the_servers_user_is_taken_for_a_function_unless_those_have_users_of_their_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, ours) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        assert!(may_be_a_functions(theirs, ours, false));
        assert_eq!(may_be_a_functions(theirs, ours, true), !rustix::process::geteuid().is_root());
        drop(client);
        assert!(comes_true(|| may_be_a_functions(theirs, ours, true)), "nobody is known");
    }

    #[test]
    fn other_addresses_of_this_machine_are_functions_too_and_those_of_others_are_not() {
        // Addresses for documentation, which no machine has.
        let ours: SocketAddr = "192.0.2.1:80".parse().unwrap();
        for other in ["192.0.2.7:4711", "[::ffff:192.0.2.7]:4711", "[2001:db8::7]:4711"] {
            // A host may have no IPv6.
            if other.contains("db8") && UdpSocket::bind("[::1]:0").is_err() {
                continue;
            }
            assert!(!may_be_a_functions(other.parse().unwrap(), ours, false), "{other}");
        }
        // The address that the way to others begins at, where there is one.
        let way = UdpSocket::bind("0.0.0.0:0").unwrap();
        let Ok(own) = way.connect(ours).and_then(|()| way.local_addr()) else { return };
        let listener = TcpListener::bind((own.ip(), 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, ours) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        assert!(may_be_a_functions(theirs, ours, false), "{theirs}");
        drop(client);
        assert!(comes_true(|| may_be_a_functions(theirs, ours, true)), "nobody is known");
    }

    #[test]
    fn who_listens_is_found_also_where_any_address_is_meant() {
        let own = std::process::id();
        for serves_at in ["127.0.0.1:0", "127.77.1.2:0", "0.0.0.0:0", "[::]:0"] {
            // A host may have no IPv6.
            let Ok(listener) = TcpListener::bind(serves_at) else { continue };
            let at = SocketAddrV4::new(Ipv4Addr::new(127, 77, 1, 2), listener.local_addr().unwrap().port());
            let is_found = serves_at != "127.0.0.1:0";
            let (asked, looked_up) = (ask(at, NOBODY, Wanted::Listening).unwrap(), look_up_listener(at).unwrap());
            assert_eq!((asked.is_some(), &asked), (is_found, &looked_up), "{serves_at}");
            assert_eq!(is_served_beside(own, at).unwrap(), is_found, "{serves_at}");
            drop(listener);
            assert!(comes_true(|| !is_served_beside(own, at).unwrap()), "{serves_at}");
        }
    }

    #[test]
    fn a_line_tells_user_and_socket() {
        let line = "   1: 0100007F:A1B2 0100007F:1F90 01 00000000:00000000 02:00000A1B 00000000 2000000007        0 4711 2 0000000000000000 20 4 0 10 -1";
        let (theirs, ours) = ("0100007F:A1B2", "0100007F:1F90");
        assert_eq!(held_of_line(line, theirs, ours), Some(Held { user: 2_000_000_007, inode: 4711 }));
        assert_eq!(held_of_line(line, ours, theirs), None);
        assert_eq!(held_of_line(&line.replace(" 4711 ", " 0 "), theirs, ours), None);
    }

    #[test]
    fn addresses_are_written_as_the_kernel_does() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        if cfg!(target_endian = "little") {
            assert_eq!(column(address, false), "0100007F:0050");
            assert_eq!(column(address, true), "0000000000000000FFFF00000100007F:0050");
        }
    }
}
