//! The system calls that a function has no business with, as a classic BPF program for seccomp(2).
//!
//! Everything else is allowed: functions are programs that we do not know. What is refused either reaches into the kernel
//! (modules, BPF, tracing), changes what isolates the function, or speaks a protocol that no function needs.

use libc::{c_long, sock_filter};

use crate::notify::PARCEL_FLAGS;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// The first number that is not judged here: `listns`, after which Linux 6.19 has others. They, and the x32 interface of
/// x86, which has the same calls under higher numbers, are "not implemented", as on an older kernel. From 424 on all
/// architectures have the same numbers. Source: the kernel's scripts/syscall.tbl.
const UNKNOWN_CALLS: u32 = 470;

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
    libc::SYS_quotactl_fd,
    OPEN_TREE_ATTR,
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
    libc::SYS_process_madvise,
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
    LSM_SET_SELF_ATTR,
    // Keys, which are shared by all processes of a user.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

// Newer than the C library's list. What else is new reads what a process may read anyway (`statmount`, `listmount`,
// `file_getattr`, `lsm_get_self_attr`, `cachestat`), is about its own files (`file_setattr`, `setxattrat`) or about its
// own memory (`map_shadow_stack`, `mseal`).
const LSM_SET_SELF_ATTR: c_long = 460;
const OPEN_TREE_ATTR: c_long = 467;

/// Answered with "not implemented", upon which programs take another way. The flags of clone3 are in memory, where a
/// filter cannot look; io_uring makes system calls that no filter sees.
const ABSENT: &[c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// The protocols that a socket may name: the family's own, TCP and UDP. The network's guards know no others.
const PROTOCOLS: &[i32] = &[0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

/// The types that these two have. Others, without a protocol, are SCTP or DCCP.
const TYPES: &[i32] = &[libc::SOCK_STREAM, libc::SOCK_DGRAM];

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
const ARGUMENT_3: u32 = 40;
const ARGUMENT_4: u32 = 48;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_ANY: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
const IF_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;
const NOT_SUPPORTED: u32 = libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP as u32;
const NOT_IMPLEMENTED: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// The namespaces that a fork enters, one at a time.
const ENTERED: [i32; 4] = [libc::CLONE_NEWPID, libc::CLONE_NEWNS, libc::CLONE_NEWIPC, libc::CLONE_NEWUTS];

/// The filter of every isolated process. What `forks` may enter a few kinds of namespaces: its own ones only, as its
/// privileges end with its user namespace; and without privileges, it may not enter any.
pub(crate) fn filter(forks: bool) -> Vec<sock_filter> {
    let mut program = vec![
        step(LOAD, ARCH),
        jump(IF_EQUAL, ARCHITECTURE, 1, 0),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, NUMBER),
    ];
    program.extend([jump(IF_AT_LEAST, UNKNOWN_CALLS, 0, 1), step(RETURN, NOT_IMPLEMENTED)]);
    if forks {
        program.extend(when(libc::SYS_setns, &namespaces_of_forks()));
    }
    for call in REFUSED {
        program.extend([jump(IF_EQUAL, number(*call), 0, 1), step(RETURN, REFUSE)]);
    }
    for call in ABSENT {
        program.extend([jump(IF_EQUAL, number(*call), 0, 1), step(RETURN, NOT_IMPLEMENTED)]);
    }
    program.extend(when(libc::SYS_clone, &no_namespaces()));
    program.extend(when(libc::SYS_socket, &plain_sockets()));
    program.extend(when(libc::SYS_socketpair, &plain_sockets()));
    program.push(step(RETURN, ALLOW));
    program
}

/// All that a confined process may do: read and write what is open, keep its memory, look at the clock, and end.
const CONFINED: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The filter of a process that works on bytes: see [`confine`](crate::confine).
pub(crate) fn confined() -> Vec<sock_filter> {
    let mut program = vec![
        step(LOAD, ARCH),
        jump(IF_EQUAL, ARCHITECTURE, 1, 0),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, NUMBER),
    ];
    for call in CONFINED {
        program.extend([jump(IF_EQUAL, number(*call), 0, 1), step(RETURN, ALLOW)]);
    }
    // Memory whose contents are no instructions.
    let plain =
        [step(LOAD, ARGUMENT_2), jump(IF_ANY, libc::PROT_EXEC as u32, 0, 1), step(RETURN, REFUSE), step(RETURN, ALLOW)];
    program.extend(when(libc::SYS_mmap, &plain));
    program.extend(when(libc::SYS_mprotect, &plain));
    program.push(step(RETURN, REFUSE));
    program
}

/// What leaves the calls to the server by which a function reaches others over a network: those that name an address.
pub(crate) fn notices() -> Vec<sock_filter> {
    let mut program =
        vec![step(LOAD, ARCH), jump(IF_EQUAL, ARCHITECTURE, 1, 0), step(RETURN, ALLOW), step(LOAD, NUMBER)];
    program.extend(when(libc::SYS_connect, &[step(RETURN, NOTIFY)]));
    // The lower and the upper half of where the address is, which may be nowhere.
    let named = [
        step(LOAD, ARGUMENT_4),
        jump(IF_EQUAL, 0, 0, 2),
        step(LOAD, ARGUMENT_4 + 4),
        jump(IF_EQUAL, 0, 1, 0),
        step(RETURN, NOTIFY),
        step(RETURN, ALLOW),
    ];
    program.extend(when(libc::SYS_sendto, &[&connects_at_once(ARGUMENT_3)[..], &named].concat()));
    let parcel = [jump(IF_EQUAL, PARCEL_FLAGS as u32, 0, 1), step(RETURN, ALLOW), step(RETURN, NOTIFY)];
    program.extend(when(libc::SYS_sendmsg, &[&connects_at_once(ARGUMENT_2)[..], &parcel].concat()));
    program.extend(when(libc::SYS_sendmmsg, &[&connects_at_once(ARGUMENT_3)[..], &[step(RETURN, NOTIFY)]].concat()));
    program.push(step(RETURN, ALLOW));
    program
}

/// Loads flags, and refuses to connect and to send at once: TCP's own way around connect(2).
fn connects_at_once(flags: u32) -> [sock_filter; 3] {
    [step(LOAD, flags), jump(IF_ANY, libc::MSG_FASTOPEN as u32, 0, 1), step(RETURN, NOT_SUPPORTED)]
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

fn namespaces_of_forks() -> Vec<sock_filter> {
    let kinds = ENTERED.iter().flat_map(|kind| [jump(IF_EQUAL, *kind as u32, 0, 1), step(RETURN, ALLOW)]);
    std::iter::once(step(LOAD, ARGUMENT_1)).chain(kinds).chain([step(RETURN, REFUSE)]).collect()
}

/// Unix sockets; TCP and UDP; of netlink, which speaks to the kernel, what tells of interfaces and addresses.
fn plain_sockets() -> Vec<sock_filter> {
    let mut program = vec![step(LOAD, ARGUMENT_0), jump(IF_EQUAL, libc::AF_UNIX as u32, 0, 1), step(RETURN, ALLOW)];
    let routes = [step(LOAD, ARGUMENT_2), jump(IF_EQUAL, libc::NETLINK_ROUTE as u32, 0, 1), step(RETURN, ALLOW)];
    program.push(jump(IF_EQUAL, libc::AF_NETLINK as u32, 0, 4));
    program.extend(routes);
    program.extend([
        step(RETURN, REFUSE),
        jump(IF_EQUAL, libc::AF_INET as u32, 2, 0),
        jump(IF_EQUAL, libc::AF_INET6 as u32, 1, 0),
        step(RETURN, REFUSE),
        step(LOAD, ARGUMENT_1),
        step(AND, SOCKET_TYPE_MASK),
    ]);
    for (index, kind) in TYPES.iter().enumerate() {
        let to_the_protocol = u8::try_from(TYPES.len() - index).unwrap_or(u8::MAX);
        program.push(jump(IF_EQUAL, *kind as u32, to_the_protocol, 0));
    }
    program.extend([step(RETURN, REFUSE), step(LOAD, ARGUMENT_2)]);
    for protocol in PROTOCOLS {
        program.extend([jump(IF_EQUAL, *protocol as u32, 0, 1), step(RETURN, ALLOW)]);
    }
    program.push(step(RETURN, REFUSE));
    program
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

/// Has clone3 answer the calling thread, and what it starts, with an error.
#[cfg(test)]
pub(crate) fn refuse_clone3(error: i32) {
    let answer = libc::SECCOMP_RET_ERRNO | error as u32;
    let mut program = vec![step(LOAD, NUMBER)];
    program.extend(when(libc::SYS_clone3, &[step(RETURN, answer)]));
    program.push(step(RETURN, ALLOW));
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is as long as said, and the kernel only reads it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program), 0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// What the filter answers to a call.
    fn answer(call: c_long, arguments: [i32; 3]) -> u32 {
        answer_of(&filter(false), call, arguments)
    }

    fn answer_of(program: &[sock_filter], call: c_long, arguments: [i32; 3]) -> u32 {
        let words = |offset| match offset {
            NUMBER => call as u32,
            ARCH => ARCHITECTURE,
            ARGUMENT_0 => arguments[0] as u32,
            ARGUMENT_1 => arguments[1] as u32,
            ARGUMENT_2 => arguments[2] as u32,
            offset => panic!("{offset}"),
        };
        let (mut at, mut value) = (0, 0);
        loop {
            let step = &program[at];
            let branch = |taken: bool| usize::from(if taken { step.jt } else { step.jf });
            at += 1 + match u32::from(step.code) {
                LOAD => {
                    value = words(step.k);
                    0
                }
                AND => {
                    value &= step.k;
                    0
                }
                IF_EQUAL => branch(value == step.k),
                IF_AT_LEAST => branch(value >= step.k),
                RETURN => return step.k,
                code => panic!("{code}"),
            };
        }
    }

    #[test]
    fn calls_that_nobody_has_judged_are_not_there() {
        // `file_setattr`, then `listns`, then one of x32.
        for (call, expected) in [(469, ALLOW), (470, NOT_IMPLEMENTED), (0x4000_0027, NOT_IMPLEMENTED)] {
            assert_eq!(answer(call, [0; 3]), expected, "{call}");
        }
        for call in [libc::SYS_clone3, libc::SYS_io_uring_setup] {
            assert_eq!(answer(call, [0; 3]), NOT_IMPLEMENTED, "{call}");
        }
        for call in [libc::SYS_quotactl_fd, libc::SYS_mount_setattr, 460, 467, libc::SYS_bpf] {
            assert_eq!(answer(call, [0; 3]), REFUSE, "{call}");
        }
    }

    #[test]
    fn what_forks_enters_what_forks_live_in() {
        let forks = filter(true);
        for kind in ENTERED {
            assert_eq!(answer_of(&forks, libc::SYS_setns, [5, kind, 0]), ALLOW, "{kind}");
            assert_eq!(answer(libc::SYS_setns, [5, kind, 0]), REFUSE, "{kind}");
        }
        for kind in [0, libc::CLONE_NEWUSER, libc::CLONE_NEWNET, libc::CLONE_NEWPID | libc::CLONE_NEWNS] {
            assert_eq!(answer_of(&forks, libc::SYS_setns, [5, kind, 0]), REFUSE, "{kind}");
        }
        for call in [libc::SYS_unshare, libc::SYS_mount, libc::SYS_move_mount, libc::SYS_umount2, libc::SYS_chroot] {
            assert_eq!(answer_of(&forks, call, [0; 3]), REFUSE, "{call}");
        }
    }

    #[test]
    fn sockets_are_those_that_are_guarded() {
        let (stream, datagram) = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK);
        let (unix, v4, v6, netlink) = (libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK);
        let fine =
            [[unix, stream, 0], [unix, libc::SOCK_SEQPACKET, 0], [v4, stream, 0], [v4, datagram, 17], [v6, stream, 6]];
        let routes = [[netlink, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0], [netlink, datagram, libc::NETLINK_ROUTE]];
        let of_addresses = [
            [v4, libc::SOCK_RAW, 0],
            [v4, libc::SOCK_SEQPACKET, 0],
            [v6, 6, 0],
            [v4, stream, 132],
            [v6, stream, 262],
            [v4, datagram, 1],
        ];
        let of_others = [
            [netlink, libc::SOCK_RAW, 4],
            [netlink, datagram, 15],
            [30, stream, 0],
            [38, 5, 0],
            [40, stream, 0],
            [17, 3, 0],
        ];
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            fine.iter().chain(&routes).for_each(|socket| assert_eq!(answer(call, *socket), ALLOW, "{socket:?}"));
            of_addresses
                .iter()
                .chain(&of_others)
                .for_each(|socket| assert_eq!(answer(call, *socket), REFUSE, "{socket:?}"));
        }
    }
}
