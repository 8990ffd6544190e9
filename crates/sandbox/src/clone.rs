//! New processes: copies of the server, or processes that borrow its memory until they run a program of their own.
//!
//! To copy a server is to copy its page tables, and to have it copy each page that it writes to soon after. One that
//! borrows costs neither, as with vfork(2); meanwhile the thread that lends waits. It must be a server run by root: a
//! process that changes its user takes from the memory that it has the permission to be looked into, which it is the
//! server's own here, and which only root does not need.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::raw::{c_int, c_long};

use rustix::process::Pid;

/// Source: clone(2).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// How a new process comes by its memory.
const BORROWS: c_int = libc::CLONE_VM | libc::CLONE_VFORK;

/// For what a new process does until it runs a program.
const STACK_BYTES: usize = 128 * 1024;

/// Below each stack, so that one that is too small ends its process rather than anything else.
const GUARD_BYTES: usize = 64 * 1024;

/// After a clone that copies.
pub(crate) enum Clone {
    /// In the copy. `joins` is the folder of a control group in which it was not born, but is to be.
    Copy { joins: Option<RawFd> },
    /// The copy's number.
    Original(Pid),
}

/// Makes a copy of this process, with this thread alone, in new namespaces and in a control group.
pub(crate) fn clone(flags: c_int, place: Option<&OwnedFd>) -> io::Result<Clone> {
    let arguments = arguments(flags, place);
    // SAFETY: without CLONE_VM and without a stack of its own the new process is a copy, as with fork.
    let mut answer = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    let mut joins = None;
    if answer == -1 && is_unknown(&io::Error::last_os_error()) {
        // Then the new process moves into its group by itself, before anything else; that takes longer.
        joins = place.map(AsRawFd::as_raw_fd);
        // SAFETY: as above.
        answer = unsafe { libc::syscall(libc::SYS_clone, c_long::from(flags | libc::SIGCHLD), 0, 0, 0, 0) };
    }
    match answer {
        0 => Ok(Clone::Copy { joins }),
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Clone::Original(i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?)),
    }
}

/// What a process does that borrows memory, with what the thread has prepared that lends it. It is given the folder of a
/// control group in which it was not born, but is to be. It ends by running a program, or at all.
pub(crate) type Work<T> = unsafe fn(&T, Option<RawFd>) -> !;

/// Starts a process that borrows this one's memory, in new namespaces and in a control group. Returns when it runs a program
/// or has ended.
///
/// # Safety
/// `work` makes plain system calls on what was prepared, as [`crate::enter`] says. What it changes in memory, it changes for
/// the server.
pub(crate) unsafe fn lend<T>(
    flags: c_int,
    place: Option<&OwnedFd>,
    stack: &Stack,
    work: Work<T>,
    prepared: &T,
) -> io::Result<Pid> {
    let mut arguments = arguments(flags | BORROWS, place);
    (arguments.stack, arguments.stack_size) = (stack.base() as u64, STACK_BYTES as u64);
    let mut start = Start { work, prepared, joins: None };
    let _quiet = Quiet::new();
    // SAFETY: the new process has a stack of its own, on which it never comes back from `begin::<T>`; `start` and what it
    // refers to live until this thread goes on, which is when the new process has let go of them.
    let answer = unsafe {
        let about = [(&raw const arguments) as usize, size_of::<libc::clone_args>(), 0, 0, 0];
        call(libc::SYS_clone3, about, begin::<T>, (&raw const start).cast())
    };
    let error = io::Error::from_raw_os_error(i32::try_from(-answer).unwrap_or(0));
    if answer > 0 || !is_unknown(&error) {
        return born(answer);
    }
    start.joins = place.map(AsRawFd::as_raw_fd);
    // SAFETY: as above.
    born(unsafe { clone_onto(flags, stack, begin::<T>, (&raw const start).cast()) })
}

/// The same in a process that borrows itself, from which the new one borrows on: without a control group, in which it
/// is born.
///
/// # Safety
/// As [`lend`].
pub(crate) unsafe fn lend_on<T>(flags: c_int, stack: &Stack, work: Work<T>, prepared: &T) -> Result<Pid, c_int> {
    let start = Start { work, prepared, joins: None };
    // SAFETY: as in `lend`.
    let answer = unsafe { clone_onto(flags, stack, begin::<T>, (&raw const start).cast()) };
    born(answer).map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
}

fn born(answer: isize) -> io::Result<Pid> {
    if answer < 0 {
        return Err(io::Error::from_raw_os_error(i32::try_from(-answer).unwrap_or(libc::EINVAL)));
    }
    i32::try_from(answer).ok().and_then(Pid::from_raw).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

struct Start<'a, T> {
    work: Work<T>,
    prepared: &'a T,
    joins: Option<RawFd>,
}

/// Where a new process begins.
unsafe extern "C" fn begin<T>(start: *const c_void) -> ! {
    // SAFETY: this is what `lend` and `lend_on` pass.
    unsafe {
        let Start { work, prepared, joins } = &*start.cast::<Start<'_, T>>();
        work(prepared, *joins)
    }
}

fn arguments(flags: c_int, place: Option<&OwnedFd>) -> libc::clone_args {
    // SAFETY: all members are numbers, for which zero is "nothing".
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    arguments.flags = u64::from(flags.cast_unsigned());
    if let Some(place) = place {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::try_from(place.as_raw_fd()).unwrap_or_default();
    }
    arguments
}

/// Whether clone3 is not there: container engines refuse it, into whose arguments their filters cannot look, and older
/// kernels do not know all of them.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM | libc::EINVAL))
}

/// The older call. Its last two arguments, which differ in their order by architecture, are both nothing.
unsafe fn clone_onto(flags: c_int, stack: &Stack, on_it: Begin, about: *const c_void) -> isize {
    let flags = (flags | BORROWS | libc::SIGCHLD).cast_unsigned() as usize;
    // SAFETY: as the caller's.
    unsafe { call(libc::SYS_clone, [flags, stack.base() + STACK_BYTES, 0, 0, 0], on_it, about) }
}

type Begin = unsafe extern "C" fn(*const c_void) -> !;

/// A system call that makes a process on a stack of its own, where it calls `on_it`. Gives the answer to the caller of it: a
/// number, or an error's below zero. The C library's function for this cannot pass what clone3 is to know.
#[cfg(target_arch = "x86_64")]
unsafe fn call(number: c_long, [a, b, c, d, e]: [usize; 5], on_it: Begin, about: *const c_void) -> isize {
    let answer: isize;
    // SAFETY: as the caller's. A stack's end is aligned as calls need it.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") number => answer,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            in("r12") about, in("r13") on_it,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    answer
}

#[cfg(target_arch = "aarch64")]
unsafe fn call(number: c_long, [a, b, c, d, e]: [usize; 5], on_it: Begin, about: *const c_void) -> isize {
    let answer: isize;
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x20",
            "blr x21",
            "brk #1",
            "2:",
            inlateout("x0") a => answer,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x8") number,
            in("x20") about, in("x21") on_it,
            lateout("x30") _,
        );
    }
    answer
}

/// Memory for the stack of a process that borrows all other.
pub(crate) struct Stack(*mut c_void);

impl Stack {
    pub fn new() -> io::Result<Stack> {
        let (bytes, nothing) = (GUARD_BYTES + STACK_BYTES, std::ptr::null_mut());
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: new memory, at no particular place.
        let memory = unsafe { libc::mmap(nothing, bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Stack(memory);
        // SAFETY: the beginning of what has just been made.
        match unsafe { libc::mprotect(memory, GUARD_BYTES, libc::PROT_NONE) } {
            0 => Ok(stack),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn base(&self) -> usize {
        self.0 as usize + GUARD_BYTES
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: it is this mapping, and nobody runs on it: who lends waits until it is let go.
        unsafe { libc::munmap(self.0, GUARD_BYTES + STACK_BYTES) };
    }
}

/// While this exists, this thread takes no signal: the handlers of the server are not for a process that borrows its memory, which has
/// them until it has put them back to what they do by default.
struct Quiet(libc::sigset_t);

impl Quiet {
    fn new() -> Quiet {
        let (mut all, mut before) = (std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::uninit());
        // SAFETY: both sets are written before they are read.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::sigemptyset(before.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
            Quiet(before.assume_init())
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: the set is what the thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use rustix::process::{WaitOptions, waitpid};

    use super::*;

    struct Notes {
        inner: Stack,
        seen: [std::sync::atomic::AtomicU32; 2],
    }

    unsafe fn outer(notes: &Notes, _: Option<RawFd>) -> ! {
        use std::sync::atomic::Ordering::SeqCst;
        // SAFETY: the new process makes system calls only.
        unsafe {
            notes.seen[0].store(libc::getpid().cast_unsigned(), SeqCst);
            let inner = lend_on(0, &notes.inner, inner, notes).unwrap();
            let mut status = 0;
            libc::waitpid(inner.as_raw_nonzero().get(), &raw mut status, 0);
            libc::_exit(libc::WEXITSTATUS(status) + 1)
        }
    }

    unsafe fn inner(notes: &Notes, _: Option<RawFd>) -> ! {
        // SAFETY: as above.
        unsafe {
            notes.seen[1].store(libc::getppid().cast_unsigned(), std::sync::atomic::Ordering::SeqCst);
            libc::_exit(40)
        }
    }

    /// The seen numbers of both processes, that of the outer one, and how it ended.
    fn lend_twice(refused: Option<i32>) -> ([u32; 2], u32, Option<i32>) {
        // Filters stay, so this is a thread's last work.
        refused.into_iter().for_each(crate::seccomp::refuse_clone3);
        let (notes, stack) = (Notes { inner: Stack::new().unwrap(), seen: Default::default() }, Stack::new().unwrap());
        // SAFETY: what it does is above.
        let pid = unsafe { lend(0, None, &stack, outer, &notes) }.unwrap();
        let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
        let seen = notes.seen.map(|seen| seen.into_inner());
        (seen, pid.as_raw_nonzero().get().unsigned_abs(), status.exit_status())
    }

    #[test]
    fn what_borrows_works_in_the_same_memory_until_it_ends() {
        for refused in [None, Some(libc::ENOSYS)] {
            let (seen, pid, status) = std::thread::spawn(move || lend_twice(refused)).join().unwrap();
            assert_eq!((seen, status), ([pid; 2], Some(41)));
        }
    }
}
