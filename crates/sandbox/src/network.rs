//! What of the network a function reaches: everything but this host's loopback addresses and the link's own, of which it
//! reaches the ports that it is granted, and those that it serves itself.
//!
//! The kernel asks programs in the server's control group at each connect and each message with an address, after it has
//! copied the address: no other thread can change it, and no system call goes around it. Whose a port is they ask the
//! kernel's own tables, at that moment: each socket says which group has made it. So there is nothing to forget when a
//! socket is closed, and nothing to fill.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::bpf::{
    self, CURRENT_CGROUP, LOOKUP_TCP, LOOKUP_UDP, Label, MAP_LOOKUP, Map, Program, RELEASE, STACK, STORAGE,
};

/// What is served at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// A port of the host's loopback addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub number: u16,
    pub protocol: Protocol,
}

impl Port {
    pub fn tcp(number: u16) -> Port {
        Port { number, protocol: Protocol::Tcp }
    }

    pub fn udp(number: u16) -> Port {
        Port { number, protocol: Protocol::Udp }
    }
}

/// Something that a group is granted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    /// The inode of the group's folder.
    group: u64,
    port: u32,
    /// As IP numbers it.
    protocol: u32,
}

/// Ports that groups are granted, and which group each socket is of.
#[derive(Debug)]
pub(crate) struct Guard {
    granted: Map,
    owners: Map,
}

/// More than there can be: 1,000 instances with 16 ports each.
const GRANTED_MAX: u32 = 16_384;

// Kinds of programs, and the events they are for. Source: uapi/linux/bpf.h.
const SOCKET: u32 = 9;
const ADDRESS: u32 = 18;
const CREATE: u32 = 2;
const CONNECT_4: u32 = 10;
const CONNECT_6: u32 = 11;
const SEND_4: u32 = 14;
const SEND_6: u32 = 15;

// Offsets in `struct bpf_sock_addr`. Addresses and ports are in the order of the network.
const TO_ADDRESS_4: i16 = 4;
const TO_ADDRESS_6: i16 = 8;
const TO_PORT: i16 = 24;
const PROTOCOL: i16 = 36;
/// What a message is sent from; `CONNECT` events do not have it, but a `struct bpf_sock`, where it is at the others.
const FROM_ADDRESS_4: i16 = 40;
const FROM_ADDRESS_6: i16 = 44;
const OF_SOCKET: i16 = 64;
const BOUND_ADDRESS_4: i16 = 24;
const BOUND_ADDRESS_6: i16 = 28;

// Places on the stack: a `Key`, and a `struct bpf_sock_tuple`, the source and the destination of a packet, in the sizes
// that it has for each family.
const KEY: i16 = -16;
const TUPLE: i16 = -56;
const TUPLE_4_BYTES: i32 = 12;
const TUPLE_6_BYTES: i32 = 36;

const ALLOW: Label = Label(0);
const IS_V4: Label = Label(1);
const LOCAL_V4: Label = Label(2);
const SPECIFIC: Label = Label(3);
const LOCAL_V6: Label = Label(4);
const ANY_V6: Label = Label(5);
const HIGH_V6: Label = Label(6);
const LINK_V6: Label = Label(7);
const LOOK: Label = Label(8);
const LOOK_UDP: Label = Label(9);
const LOOKED: Label = Label(10);
const LET_GO: Label = Label(11);
const GRANTED: Label = Label(12);
const REFUSE: Label = Label(13);
const AWAY: Label = Label(14);
const LET_OUT: Label = Label(15);
const FROM_MAPPED_V6: Label = Label(16);

const TCP: u32 = 6;
const UDP: u32 = 17;

const LOOPBACK_V4: u32 = 0x7F00_0001;

/// What is sent to these goes to everybody who listens, whoever it is.
const BROADCASTS_V4: [u32; 2] = [0x7F00_0000, 0x7FFF_FFFF];

/// 169.254.0.0/16: the link, and with it what tells a virtual machine its credentials.
const LINK_V4: u32 = 0xA9FE;

/// fe80::/10.
const LINK_V6_PREFIX: u32 = 0x3FA;

/// The first and the last part of fd00:ec2::254, which is the same on AWS.
const METADATA_V6: (u32, u32) = (0xFD00_0EC2, 0x254);

impl Guard {
    /// Guards a group, and those below it, of the second version.
    ///
    /// # Errors
    /// When the kernel has no such programs, or does not let this process use them.
    pub fn new(folder: &Path) -> io::Result<Guard> {
        let guard = Guard { granted: Map::new::<Key>(GRANTED_MAX)?, owners: Map::of_sockets()? };
        let group = File::open(folder)?;
        let programs = [
            (guard.owns(), SOCKET, CREATE),
            (guard.reaches_4(CONNECT_4), ADDRESS, CONNECT_4),
            (guard.reaches_4(SEND_4), ADDRESS, SEND_4),
            (guard.reaches_6(CONNECT_6), ADDRESS, CONNECT_6),
            (guard.reaches_6(SEND_6), ADDRESS, SEND_6),
        ];
        for (program, kind, event) in programs {
            bpf::attach(&group, &program.load_into_kernel(kind, event)?, event)?;
        }
        Ok(guard)
    }

    /// Lets a group reach these ports of the loopback addresses.
    pub fn grant(&self, folder: &Path, ports: &[Port]) -> io::Result<()> {
        let group = std::fs::metadata(folder)?.ino();
        ports.iter().try_for_each(|port| self.granted.insert(key(group, *port)))
    }

    /// Forgets that a group was granted these ports.
    pub fn forget(&self, folder: &Path, ports: &[Port]) {
        let Ok(group) = std::fs::metadata(folder).map(|folder| folder.ino()) else { return };
        ports.iter().for_each(|port| self.granted.remove(key(group, *port)));
    }

    /// Notes at a new socket which group has made it.
    fn owns(&self) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).call(CURRENT_CGROUP).store_wide(STACK, KEY, 0);
        // The last argument says that there is no note yet.
        program.map(1, &self.owners).copy(2, 6).copy(3, STACK).add(3, i32::from(KEY)).set(4, 1);
        program.call(STORAGE).exit(1);
        program
    }

    /// Register 6 has what the program is about, 7 the address (of IPv6 the last part), 8 the port as in a packet.
    fn reaches_4(&self, event: u32) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).load(7, 6, TO_ADDRESS_4).swap(7, 32).load(8, 6, TO_PORT);
        decide_4(&mut program, TO_ADDRESS_4);
        self.local(&mut program);
        away_4(&mut program, event);
        program.place(REFUSE).exit(0);
        program
    }

    fn reaches_6(&self, event: u32) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).load(8, 6, TO_PORT);
        for (register, offset) in [(1, 0), (2, 4), (3, 8), (7, 12)] {
            program.load(register, 6, TO_ADDRESS_6 + offset).swap(register, 32);
        }
        program.if_not_equal(1, 0, HIGH_V6).if_not_equal(2, 0, AWAY);
        // ::ffff:a.b.c.d; then :: and ::1.
        program.if_equal(3, 0xFFFF, IS_V4).if_not_equal(3, 0, AWAY);
        program.if_equal(7, 0, ANY_V6).if_equal(7, 1, LOCAL_V6).go(AWAY);
        program.place(HIGH_V6).if_not_equal(1, METADATA_V6.0, LINK_V6);
        program.if_not_equal(2, 0, AWAY).if_not_equal(3, 0, AWAY).if_equal(7, METADATA_V6.1, LOCAL_V6).go(AWAY);
        program.place(LINK_V6).shift_right(1, 22).if_equal(1, LINK_V6_PREFIX, LOCAL_V6).go(AWAY);
        program.place(ANY_V6);
        write_address(&mut program, TO_ADDRESS_6 + 12, 1);
        program.place(LOCAL_V6);
        for part in [0, 4, 8, 12] {
            program.store_constant(STACK, TUPLE + part, 0).load(1, 6, TO_ADDRESS_6 + part);
            program.store(STACK, TUPLE + 16 + part, 1);
        }
        program.store_constant(STACK, TUPLE + 32, 0).store_half(STACK, TUPLE + 34, 8);
        program.set(3, TUPLE_6_BYTES).go(LOOK).place(IS_V4);
        decide_4(&mut program, TO_ADDRESS_6 + 12);
        self.local(&mut program);
        away_6(&mut program, event);
        program.place(REFUSE).exit(0);
        program
    }

    /// Whether what is on the host or the link is the group's own or granted. The packet is on the stack, its size in
    /// register 3.
    fn local(&self, program: &mut Program) {
        program.place(LOOK).copy(1, 6).copy(2, STACK).add(2, i32::from(TUPLE)).set(4, THIS_NAMESPACE).set(5, 0);
        program.load(0, 6, PROTOCOL).if_equal(0, UDP, LOOK_UDP).if_not_equal(0, TCP, REFUSE);
        program.call(LOOKUP_TCP).go(LOOKED).place(LOOK_UDP).call(LOOKUP_UDP).place(LOOKED);
        program.if_equal_wide(0, 0, GRANTED).copy(9, 0).set(7, 0);
        program.map(1, &self.owners).copy(2, 9).set(3, 0).set(4, 0).call(STORAGE);
        program.if_equal_wide(0, 0, LET_GO).load_wide(7, 0, 0);
        program.place(LET_GO).copy(1, 9).call(RELEASE).call(CURRENT_CGROUP).if_same(7, 0, ALLOW);
        program.place(GRANTED).call(CURRENT_CGROUP).store_wide(STACK, KEY, 0);
        program.swap(8, 16).store(STACK, KEY + 8, 8).load(1, 6, PROTOCOL).store(STACK, KEY + 12, 1);
        program.map(1, &self.granted).copy(2, STACK).add(2, i32::from(KEY)).call(MAP_LOOKUP);
        program.if_equal_wide(0, 0, REFUSE).place(ALLOW).exit(1);
    }
}

fn key(group: u64, port: Port) -> Key {
    let protocol = match port.protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
    };
    Key { group, port: u32::from(port.number), protocol }
}

/// Source: `BPF_F_CURRENT_NETNS` in uapi/linux/bpf.h.
const THIS_NAMESPACE: i32 = -1;

/// Goes on only with an address of the host or the link. `place` is where the address is.
fn decide_4(program: &mut Program, place: i16) {
    program.if_not_equal(7, 0, SPECIFIC);
    write_address(program, place, LOOPBACK_V4);
    program.set(7, LOOPBACK_V4.cast_signed()).go(LOCAL_V4).place(SPECIFIC);
    program.copy(1, 7).shift_right(1, 16).if_equal(1, LINK_V4, LOCAL_V4);
    program.copy(1, 7).shift_right(1, 24).if_not_equal(1, 127, AWAY);
    for broadcast in BROADCASTS_V4 {
        program.if_equal(7, broadcast, REFUSE);
    }
    program.place(LOCAL_V4).store_constant(STACK, TUPLE, 0).swap(7, 32).store(STACK, TUPLE + 4, 7);
    program.store_constant(STACK, TUPLE + 8, 0).store_half(STACK, TUPLE + 10, 8).set(3, TUPLE_4_BYTES);
}

/// What is elsewhere is reached, but not from a loopback address: a service that listens at all addresses takes what comes from
/// there for one of its own host. Such a packet never leaves the host, whose other addresses it reaches.
fn away_4(program: &mut Program, event: u32) {
    program.place(AWAY);
    if event == SEND_4 {
        program.load(1, 6, FROM_ADDRESS_4);
    } else {
        program.load_wide(2, 6, OF_SOCKET).load(1, 2, BOUND_ADDRESS_4);
    }
    program.swap(1, 32).shift_right(1, 24).if_equal(1, 127, REFUSE).exit(1);
}

fn away_6(program: &mut Program, event: u32) {
    program.place(AWAY);
    let (whole, place) = if event == SEND_6 {
        (6, FROM_ADDRESS_6)
    } else {
        program.load_wide(5, 6, OF_SOCKET);
        (5, BOUND_ADDRESS_6)
    };
    for (register, offset) in [(1, 0), (2, 4), (3, 8), (4, 12)] {
        program.load(register, whole, place + offset).swap(register, 32);
    }
    program.if_not_equal(1, 0, LET_OUT).if_not_equal(2, 0, LET_OUT).if_equal(3, 0xFFFF, FROM_MAPPED_V6);
    program.if_not_equal(3, 0, LET_OUT).if_equal(4, 1, REFUSE).go(LET_OUT);
    program.place(FROM_MAPPED_V6).shift_right(4, 24).if_equal(4, 127, REFUSE).place(LET_OUT).exit(1);
}

/// Says which address is meant by "any": the kernel would take the one that the socket is bound to.
fn write_address(program: &mut Program, place: i16, address: u32) {
    program.set(1, address.to_be().cast_signed()).store(6, place, 1);
}

/// The ports of name servers, where one of them is on the host's loopback addresses or on the link.
/// Source: resolv.conf(5), RFC 1035.
pub(crate) fn resolver_ports() -> Vec<Port> {
    if local_resolvers().is_empty() { Vec::new() } else { vec![Port::udp(53), Port::tcp(53)] }
}

/// The addresses of those name servers.
pub(crate) fn local_resolvers() -> Vec<IpAddr> {
    resolvers_in(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

fn resolvers_in(settings: &str) -> Vec<IpAddr> {
    let servers = settings.lines().filter_map(|line| line.strip_prefix("nameserver")).map(str::trim);
    let address = |server: &str| server.split('%').next()?.parse::<IpAddr>().ok();
    let mut servers = servers.map(address).peekable();
    // Without any, the resolver is asked that is on this host.
    let usual = servers.peek().is_none().then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    servers.flatten().map(|address| address.to_canonical()).filter(is_local).chain(usual).collect()
}

fn is_local(address: &IpAddr) -> bool {
    let is_of_the_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    is_of_the_link || address.is_loopback() || address.is_unspecified()
}

/// Whether an address is of the link alone, or what tells a virtual machine its credentials.
pub(crate) fn is_of_the_link(address: IpAddr) -> bool {
    let IpAddr::V6(v6) = address else { return is_local(&address) && !address.is_loopback() };
    let segments = v6.segments();
    let metadata = [METADATA_V6.0 >> 16, METADATA_V6.0 & 0xFFFF, METADATA_V6.1].map(|part| part as u16);
    v6.is_unicast_link_local() || ([segments[0], segments[1], segments[7]] == metadata && segments[2..7] == [0; 5])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_on_this_host_are_found() {
        for local in ["", "nameserver 127.0.0.53\noptions edns0", "nameserver 8.8.8.8\nnameserver fe80::1%eth0"] {
            assert!(!resolvers_in(local).is_empty(), "{local}");
        }
        assert!(resolvers_in("# nameserver 127.0.0.1\nnameserver 10.0.0.2\n").is_empty());
        assert_eq!(resolvers_in("nameserver 127.0.0.53\n"), [IpAddr::from([127, 0, 0, 53])]);
    }

    #[test]
    fn the_link_is_known() {
        let is = |text: &str| text.parse().is_ok_and(is_of_the_link);
        assert!(is("169.254.169.254") && is("fe80::1") && is("fd00:ec2::254"));
        assert!(!is("10.0.0.1") && !is("127.0.0.1") && !is("::1") && !is("fd00:ec2::253") && !is("2001:db8::254"));
    }
}
