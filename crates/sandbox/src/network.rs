//! What of the network a function reaches: everything but this host's loopback addresses and the link's own, of which it
//! reaches the ports that it is granted, and those that it serves itself.
//!
//! The kernel asks programs in the server's control group at each connect and each message with an address, after it has
//! copied the address: no other thread can change it, and no system call goes around it.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::bpf::{self, CURRENT_CGROUP, Kind, Label, MAP_LOOKUP, MAP_UPDATE, Map, Program, STACK};

/// Something that a group may reach. Address 0 is for all of them, 1 is IPv6's loopback address.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    /// The inode of the group's folder.
    group: u64,
    address: u32,
    port: u32,
}

/// Ports that groups are granted, and ports that they serve themselves.
#[derive(Debug)]
pub(crate) struct Guard {
    granted: Map,
    served: Map,
}

/// More than there can be: 1,000 instances with 16 ports each.
const GRANTED_MAX: u32 = 16_384;

const SERVED_MAX: u32 = 65_536;

// Kinds of programs, and the events they are for. Source: uapi/linux/bpf.h.
const SOCKET: u32 = 9;
const ADDRESS: u32 = 18;
const CONNECT_4: u32 = 10;
const CONNECT_6: u32 = 11;
const BOUND_4: u32 = 12;
const BOUND_6: u32 = 13;
const SEND_4: u32 = 14;
const SEND_6: u32 = 15;

// Offsets in `struct bpf_sock_addr`, in the order of the network.
const TO_ADDRESS_4: i16 = 4;
const TO_ADDRESS_6: i16 = 8;
const TO_PORT: i16 = 24;

// Offsets in `struct bpf_sock`. The port is in the machine's order.
const OWN_ADDRESS_4: i16 = 24;
const OWN_ADDRESS_6: i16 = 28;
const OWN_PORT: i16 = 44;

const ALLOW: Label = Label(0);
const IS_V4: Label = Label(1);
const LOCAL: Label = Label(2);
const SPECIFIC: Label = Label(3);
const ANY_V6: Label = Label(4);
const HIGH_V6: Label = Label(5);
const LINK_V6: Label = Label(6);
const RECORD: Label = Label(7);
const FOUND: Label = Label(8);

const LOOPBACK_V4: i32 = 0x7F00_0001;

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
        let granted = Map::new::<Key>(Kind::Hash, GRANTED_MAX)?;
        let served = Map::new::<Key>(Kind::LeastRecentlyUsed, SERVED_MAX)?;
        let guard = Guard { granted, served };
        let group = File::open(folder)?;
        let (to_4, to_6) = (guard.reaches_4(), guard.reaches_6());
        let (bound_4, bound_6) = (guard.serves_4(), guard.serves_6());
        let programs = [
            (&to_4, ADDRESS, CONNECT_4),
            (&to_4, ADDRESS, SEND_4),
            (&to_6, ADDRESS, CONNECT_6),
            (&to_6, ADDRESS, SEND_6),
            (&bound_4, SOCKET, BOUND_4),
            (&bound_6, SOCKET, BOUND_6),
        ];
        for (program, kind, event) in programs {
            bpf::attach(&group, &program.load_into_kernel(kind, event)?, event)?;
        }
        Ok(guard)
    }

    /// Lets a group reach these ports of the loopback addresses.
    pub fn grant(&self, folder: &Path, ports: &[u16]) -> io::Result<()> {
        let group = std::fs::metadata(folder)?.ino();
        ports.iter().try_for_each(|port| self.granted.insert(Key { group, address: 0, port: u32::from(*port) }))
    }

    /// Forgets what a group was granted and has served.
    pub fn forget(&self, folder: &Path) {
        let Ok(group) = std::fs::metadata(folder).map(|folder| folder.ino()) else { return };
        for (map, entries_max) in [(&self.granted, GRANTED_MAX), (&self.served, SERVED_MAX)] {
            let keys = map.keys::<Key>(entries_max as usize);
            keys.into_iter().filter(|key| key.group == group).for_each(|key| map.remove(key));
        }
    }

    /// Register 6 has what the program is about, 7 the address, 8 the port.
    fn reaches_4(&self) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).load(7, 6, TO_ADDRESS_4).host_order(7, 32).load(8, 6, TO_PORT).host_order(8, 16);
        self.decide_4(&mut program);
        program
    }

    fn reaches_6(&self) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).load(8, 6, TO_PORT).host_order(8, 16);
        for (register, offset) in [(1, 0), (2, 4), (3, 8), (7, 12)] {
            program.load(register, 6, TO_ADDRESS_6 + offset).host_order(register, 32);
        }
        program.if_not_equal(1, 0, HIGH_V6).if_not_equal(2, 0, ALLOW);
        // ::ffff:a.b.c.d; then :: and ::1.
        program.if_equal(3, 0xFFFF, IS_V4).if_not_equal(3, 0, ALLOW);
        program.if_equal(7, 0, ANY_V6).if_equal(7, 1, LOCAL).go(ALLOW);
        program.place(ANY_V6).set(7, 1).go(LOCAL);
        program.place(HIGH_V6).if_not_equal(1, METADATA_V6.0, LINK_V6);
        program.if_not_equal(2, 0, ALLOW).if_not_equal(3, 0, ALLOW).if_equal(7, METADATA_V6.1, LOCAL).go(ALLOW);
        program.place(LINK_V6).shift_right(1, 22).if_equal(1, LINK_V6_PREFIX, LOCAL).go(ALLOW);
        program.place(IS_V4);
        self.decide_4(&mut program);
        program
    }

    fn decide_4(&self, program: &mut Program) {
        program.if_not_equal(7, 0, SPECIFIC).set(7, LOOPBACK_V4).go(LOCAL).place(SPECIFIC);
        program.copy(1, 7).shift_right(1, 24).if_equal(1, 127, LOCAL);
        program.copy(1, 7).shift_right(1, 16).if_equal(1, LINK_V4, LOCAL);
        program.place(ALLOW).exit(1);
        program.place(LOCAL);
        key(program);
        find(program, &self.served);
        program.store_constant(STACK, -8, 0);
        find(program, &self.served);
        find(program, &self.granted);
        program.exit(0);
        program.place(FOUND).exit(1);
    }

    fn serves_4(&self) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).load(7, 6, OWN_ADDRESS_4).host_order(7, 32).load(8, 6, OWN_PORT);
        self.record(&mut program);
        program
    }

    /// Of IPv6, the addresses that have a number in [`Key`].
    fn serves_6(&self) -> Program {
        let mut program = Program::default();
        program.copy(6, 1).load(8, 6, OWN_PORT);
        for (register, offset) in [(1, 0), (2, 4), (3, 8), (7, 12)] {
            program.load(register, 6, OWN_ADDRESS_6 + offset).host_order(register, 32);
        }
        program.if_not_equal(1, 0, ALLOW).if_not_equal(2, 0, ALLOW).if_equal(3, 0xFFFF, RECORD);
        program.if_not_equal(3, 0, ALLOW).if_equal(7, 0, RECORD).if_equal(7, 1, RECORD).go(ALLOW).place(RECORD);
        self.record(&mut program);
        program.place(ALLOW).exit(1);
        program
    }

    fn record(&self, program: &mut Program) {
        key(program);
        program.store_constant(STACK, -20, 1);
        program.map(1, &self.served).copy(2, STACK).add(2, -16).copy(3, STACK).add(3, -20).set(4, 0);
        program.call(MAP_UPDATE).exit(1);
    }
}

/// The port of name servers, where one of them is on the host's loopback addresses or on the link.
/// Source: resolv.conf(5), RFC 1035.
pub(crate) fn resolver_port() -> Option<u16> {
    let settings = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    has_local_resolver(&settings).then_some(53)
}

fn has_local_resolver(settings: &str) -> bool {
    let servers = settings.lines().filter_map(|line| line.strip_prefix("nameserver")).map(str::trim);
    // Without any, the resolver is asked that is on this host.
    let mut servers = servers.peekable();
    servers.peek().is_none() || servers.any(is_local)
}

fn is_local(server: &str) -> bool {
    let address = server.split('%').next().unwrap_or_default().parse::<IpAddr>();
    address.is_ok_and(|address| match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local() || address.is_unspecified(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified(),
    })
}

/// Puts a [`Key`] on the stack.
fn key(program: &mut Program) {
    program.call(CURRENT_CGROUP).store_wide(STACK, -16, 0).store(STACK, -8, 7).store(STACK, -4, 8);
}

/// Goes to the last exit when the key on the stack is in a map.
fn find(program: &mut Program, map: &Map) {
    program.map(1, map).copy(2, STACK).add(2, -16).call(MAP_LOOKUP).if_not_null(0, FOUND);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_on_this_host_are_found() {
        for local in ["", "nameserver 127.0.0.53\noptions edns0", "nameserver 8.8.8.8\nnameserver fe80::1%eth0"] {
            assert!(has_local_resolver(local), "{local}");
        }
        assert!(!has_local_resolver("# nameserver 127.0.0.1\nnameserver 10.0.0.2\n"));
    }
}
