//! The system calls that a function has no business with, as a classic BPF program for seccomp(2).
//!
//! Everything else is allowed: functions are programs that we do not know. What is refused either reaches into the kernel
//! (modules, BPF, tracing), changes what isolates the function, or speaks a protocol that no function needs.

use libc::{c_long, sock_filter};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// Numbers from here on are the x32 interface of x86: the same calls under other numbers.
#[cfg(target_arch = "x86_64")]
const X32_CALLS: u32 = 0x4000_0000;

/// Answered with "operation not permitted".
const REFUSED: &[c_long] = &[
    // What is mounted, and where the root is.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces. The flags of clone are looked at below.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // The kernel and the machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    // Keys, which are shared by all processes of a user.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Answered with "not implemented", upon which programs take another way. The flags of clone3 are in memory, where a
/// filter cannot look; io_uring makes system calls that no filter sees.
const ABSENT: &[c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// The address families that a socket may have.
const FAMILIES: &[i32] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// The protocols that a socket may name: the family's own, TCP and UDP. The network's guards know no others.
const PROTOCOLS: &[i32] = &[0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

const NEW_NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// The type of a socket without the flags that are passed along with it. Source: `SOCK_TYPE_MASK` in linux/net.h.
const SOCKET_TYPE_MASK: u32 = 0xF;

// Offsets into `struct seccomp_data`. Arguments have 64 bits; the lower half comes first on the architectures above.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENT_0: u32 = 16;
const ARGUMENT_1: u32 = 24;
const ARGUMENT_2: u32 = 32;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
#[cfg(target_arch = "x86_64")]
const IF_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
/// Answered as if it had been done.
const DONE: u32 = libc::SECCOMP_RET_ERRNO;
const NOT_IMPLEMENTED: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// The filter of every isolated process.
pub(crate) fn filter() -> Vec<sock_filter> {
    let mut program = vec![
        step(LOAD, ARCH),
        jump(IF_EQUAL, ARCHITECTURE, 1, 0),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, NUMBER),
    ];
    #[cfg(target_arch = "x86_64")]
    program.extend([jump(IF_AT_LEAST, X32_CALLS, 0, 1), step(RETURN, NOT_IMPLEMENTED)]);
    for call in REFUSED {
        program.extend([jump(IF_EQUAL, number(*call), 0, 1), step(RETURN, REFUSE)]);
    }
    for call in ABSENT {
        program.extend([jump(IF_EQUAL, number(*call), 0, 1), step(RETURN, NOT_IMPLEMENTED)]);
    }
    program.extend(when(libc::SYS_clone, &no_namespaces()));
    program.extend(when(libc::SYS_socket, &plain_sockets()));
    program.extend(when(libc::SYS_setsockopt, &both_versions()));
    program.push(step(RETURN, ALLOW));
    program
}

/// `checks` for one system call. They end in an answer.
fn when(call: c_long, checks: &[sock_filter]) -> Vec<sock_filter> {
    let length = u8::try_from(checks.len()).unwrap_or(u8::MAX);
    let mut program = vec![jump(IF_EQUAL, number(call), 0, length)];
    program.extend_from_slice(checks);
    program
}

fn no_namespaces() -> [sock_filter; 5] {
    [
        step(LOAD, ARGUMENT_0),
        step(AND, NEW_NAMESPACES as u32),
        jump(IF_EQUAL, 0, 0, 1),
        step(RETURN, ALLOW),
        step(RETURN, REFUSE),
    ]
}

/// The families above, and of those no raw sockets. (Netlink's are raw by name only.)
fn plain_sockets() -> Vec<sock_filter> {
    let mut program = vec![step(LOAD, ARGUMENT_0), jump(IF_EQUAL, libc::AF_NETLINK as u32, 0, 1), step(RETURN, ALLOW)];
    for (index, family) in FAMILIES.iter().enumerate() {
        let to_the_type = u8::try_from(FAMILIES.len() - index).unwrap_or(u8::MAX);
        program.push(jump(IF_EQUAL, *family as u32, to_the_type, 0));
    }
    program.extend([
        step(RETURN, REFUSE),
        step(LOAD, ARGUMENT_1),
        step(AND, SOCKET_TYPE_MASK),
        jump(IF_EQUAL, libc::SOCK_RAW as u32, 0, 1),
        step(RETURN, REFUSE),
        step(LOAD, ARGUMENT_2),
    ]);
    for protocol in PROTOCOLS {
        program.extend([jump(IF_EQUAL, *protocol as u32, 0, 1), step(RETURN, ALLOW)]);
    }
    program.push(step(RETURN, REFUSE));
    program
}

/// A socket that serves IPv6 serves IPv4 too, unless it asks not to: then it could have the port of a service of the host,
/// which would count as its own. It is told that it was heard.
fn both_versions() -> [sock_filter; 6] {
    [
        step(LOAD, ARGUMENT_1),
        jump(IF_EQUAL, libc::IPPROTO_IPV6 as u32, 0, 3),
        step(LOAD, ARGUMENT_2),
        jump(IF_EQUAL, libc::IPV6_V6ONLY as u32, 0, 1),
        step(RETURN, DONE),
        step(RETURN, ALLOW),
    ]
}

fn number(call: c_long) -> u32 {
    // System call numbers are small and positive.
    call as u32
}

fn step(code: u32, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}
