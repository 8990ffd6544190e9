//! A process in isolation that only connects to a port: whether functions get out of the networks of their own is known when one has.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

// Makes a socket, connects it to the address that follows the instructions, and exits with the number of the error, or zero.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .rodata.cloudlet_probe, \"a\"",
    ".globl cloudlet_probe_start",
    ".globl cloudlet_probe_end",
    "cloudlet_probe_start:",
    "mov eax, 41", // socket(AF_INET, SOCK_STREAM, 0)
    "mov edi, 2",
    "mov esi, 1",
    "xor edx, edx",
    "syscall",
    "mov edi, eax",
    "mov eax, 42", // connect(socket, address, its length)
    "lea rsi, [rip + 9f]",
    "mov edx, {bytes}",
    "syscall",
    "mov edi, eax",
    "neg edi",
    "mov eax, 231", // exit_group(error)
    "syscall",
    "9:",
    "cloudlet_probe_end:",
    ".popsection",
    bytes = const ADDRESS_BYTES,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .rodata.cloudlet_probe, \"a\"",
    ".balign 4",
    ".globl cloudlet_probe_start",
    ".globl cloudlet_probe_end",
    "cloudlet_probe_start:",
    "mov x8, #198", // socket(AF_INET, SOCK_STREAM, 0)
    "mov x0, #2",
    "mov x1, #1",
    "mov x2, #0",
    "svc #0",
    "mov x8, #203", // connect(socket, address, its length)
    "adr x1, 9f",
    "mov x2, #{bytes}",
    "svc #0",
    "neg w0, w0",
    "mov x8, #94", // exit_group(error)
    "svc #0",
    "9:",
    "cloudlet_probe_end:",
    ".popsection",
    bytes = const ADDRESS_BYTES,
);

unsafe extern "C" {
    static cloudlet_probe_start: u8;
    static cloudlet_probe_end: u8;
}

/// Of a `struct sockaddr_in`.
const ADDRESS_BYTES: usize = 16;

/// The program as a file in memory, for execveat(2): it connects to this port of 127.0.0.1.
pub(crate) fn program(port: u16) -> io::Result<OwnedFd> {
    let (start, end) = (&raw const cloudlet_probe_start, &raw const cloudlet_probe_end);
    // SAFETY: the two labels enclose the instructions above, which are constant.
    let instructions = unsafe { std::slice::from_raw_parts(start, end.offset_from_unsigned(start)) };
    crate::assembled::executable(&[instructions, &address(port)].concat())
}

fn address(port: u16) -> [u8; ADDRESS_BYTES] {
    let [family, port, ip] =
        [&(libc::AF_INET as u16).to_ne_bytes()[..], &port.to_be_bytes(), &Ipv4Addr::LOCALHOST.octets()];
    let mut address = [0; ADDRESS_BYTES];
    address.iter_mut().zip([family, port, ip].concat()).for_each(|(place, byte)| *place = byte);
    address
}
