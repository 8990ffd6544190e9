//! Whose a connection over a loopback address is: the kernel's table names the user of the socket at its other end, and
//! the socket, and the descriptors of a process name its sockets. Sources: proc_pid_net(5), proc_pid_fd(5), namespaces(7).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
    let Some(Held { user, inode }) = held(theirs, ours)? else { return Ok(false) };
    let process = PathBuf::from(format!("/proc/{pid}"));
    let instance = std::fs::metadata(&process)?.uid();
    if sandbox::is_of_one_instance(instance) {
        return Ok(user == instance);
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
    // A socket of IPv6 may reach an address of IPv4, and is in its own family's table then.
    for (path, is_mapped) in [("/proc/self/net/tcp", false), ("/proc/self/net/tcp6", true)] {
        let table = match std::fs::read_to_string(path) {
            // A host without IPv6 has no such table.
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

    use super::*;

    #[test]
    fn sockets_are_found_at_their_process() {
        let own = std::process::id();
        for (serves, to) in [("127.0.0.1:0", "127.0.0.1"), ("[::]:0", "::ffff:127.0.0.1")] {
            // A host may have no IPv6.
            let Ok(listener) = TcpListener::bind(serves) else { continue };
            let client = TcpStream::connect((to, listener.local_addr().unwrap().port())).unwrap();
            let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
            let (theirs, ours) = (canonical(client.local_addr().unwrap()), canonical(client.peer_addr().unwrap()));
            assert!(is_held_beside(own, theirs, ours).unwrap(), "{to}");
            assert!(!is_held_beside(own, ours, ours).unwrap(), "{to}");
            drop(client);
            assert!(!is_held_beside(own, theirs, ours).unwrap(), "{to}");
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
