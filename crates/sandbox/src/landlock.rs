//! What the kernel refuses to a process by Landlock: the host's Unix sockets, and connections that the server makes in its place.
//!
//! Source: landlock(7).

use std::os::raw::c_int;

use crate::enter::{Outcome, check};

const NOTHING: *const libc::c_void = std::ptr::null();

/// The first version of Landlock that knows ports, and the first that keeps sockets apart.
pub(crate) const WITH_PORTS: u32 = 4;
pub(crate) const WITH_SCOPES: u32 = 6;

/// The version of Landlock's interface; zero without Landlock.
pub(crate) fn version() -> u32 {
    const VERSION: c_int = 1;
    // SAFETY: with this flag the call takes no other arguments.
    let number = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, NOTHING, 0, VERSION) };
    u32::try_from(number).unwrap_or(0)
}

/// Unix sockets without a place in the file system are not in the root either: Landlock keeps the host's out of reach, on
/// kernels from 6.12 on. A process that is `let_out` by the server connects no socket of TCP itself.
pub(crate) unsafe fn keep_to_own_sockets(let_out: bool) -> Outcome {
    const ACCESS_NET_CONNECT_TCP: u64 = 2;
    const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;
    let knows_scopes = version() >= WITH_SCOPES;
    if !knows_scopes && !let_out {
        // The kernel is older, or has none. `Capabilities` tells.
        return Ok(());
    }
    // The rights to files and to ports that are looked at, and the scopes, which an older kernel does not take.
    let ports = if let_out { ACCESS_NET_CONNECT_TCP } else { 0 };
    let (attributes, known): ([u64; 3], usize) =
        if knows_scopes { ([0, ports, SCOPE_ABSTRACT_UNIX_SOCKET], 3) } else { ([0, ports, 0], 2) };
    // SAFETY: the attributes are on the stack, and as long as said.
    unsafe {
        let size = known * size_of::<u64>();
        let rules = libc::syscall(libc::SYS_landlock_create_ruleset, attributes.as_ptr(), size, 0);
        check(rules)?;
        let outcome = check(libc::syscall(libc::SYS_landlock_restrict_self, rules, 0));
        libc::close(rules as c_int);
        outcome
    }
}
