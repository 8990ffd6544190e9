//! The way into isolation: what the new process does between clone and exec.
//!
//! It is a copy of a server with many threads, of which only this one exists in it, or works in that server's memory: locks
//! may be held for ever. So it makes plain system calls on what was prepared before the clone: it allocates nothing and
//! takes no lock.

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::os::raw::{c_char, c_int, c_long, c_ulong};

use crate::clone::{Stack, lend_on};
use crate::command::FIRST_DESCRIPTOR;
use crate::isolation::{Identity, Step};
use crate::landlock::keep_to_own_sockets;
use crate::outlet::{self, OwnNetwork};
use crate::{forks, init};

/// Everything the new process needs, prepared.
pub(crate) struct Entry {
    pub steps: Vec<Step>,
    pub root: std::ffi::CString,
    pub cwd: std::ffi::CString,
    pub program: std::ffi::CString,
    /// A program of ours that runs instead.
    pub instead: Option<RawFd>,
    /// For that, where memory is lent.
    pub lent: Option<Stack>,
    /// Ends with a null pointer, as does the next.
    pub arguments: Pointers,
    pub variables: Pointers,
    pub identity: Identity,
    /// What to write to uid_map and gid_map of the process in a user namespace of its own; `None` without one.
    pub maps: Option<(String, String)>,
    pub filter: Vec<libc::sock_filter>,
    pub open_files: u64,
    pub processes: u64,
    /// What to write to /proc/self/oom_score_adj.
    pub oom_score: String,
    /// What the program finds open, from [`FIRST_DESCRIPTOR`] on; here they have numbers above those.
    pub descriptors: Vec<RawFd>,
    pub output: RawFd,
    /// The server's end of the status pipe, of which no copy may stay here.
    pub status_reader: RawFd,
    pub status: RawFd,
    pub report: RawFd,
    pub init: RawFd,
    /// What it needs for a network of its own, if it has one.
    pub network: Option<OwnNetwork>,
    /// Whether the program forks instances: it gets a user namespace for that, in which it may enter others.
    pub forks: bool,
}

/// Texts for execve(2).
pub(crate) struct Pointers {
    _texts: Vec<std::ffi::CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers are to `_texts`, which nobody changes and which live as long.
unsafe impl Send for Pointers {}

impl Pointers {
    pub fn new(texts: Vec<std::ffi::CString>) -> Pointers {
        let pointers = texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Pointers { _texts: texts, pointers }
    }
}

/// How far it came, in the words of the report.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Identity = 1,
    Mounts,
    Root,
    Privileges,
    Filter,
    Fork,
    Init,
    Exec,
    Server,
    Group,
    Cell,
    Network,
}

/// The number of the report that tells the function's process id.
pub(crate) const STARTED: u32 = 0;

/// Bytes of a report: a number of [`Stage`] or [`STARTED`], and an error number or the process id.
pub(crate) const REPORT_BYTES: usize = 8;

impl Stage {
    pub fn describe(number: u32) -> &'static str {
        const NAMES: [&str; 12] = [
            "taking a user namespace",
            "putting its root together",
            "entering its root",
            "giving up privileges",
            "filtering system calls",
            "forking",
            "starting its first process",
            "executing it",
            "looking for the server",
            "joining its control group",
            "making namespaces for a fork",
            "giving it a network of its own",
        ];
        NAMES.get((number as usize).wrapping_sub(1)).copied().unwrap_or("isolating it")
    }

    pub fn is_exec(number: u32) -> bool {
        number == Stage::Exec as u32
    }
}

pub(crate) type Outcome = Result<(), c_int>;

/// The new process, which is the first of its pid namespace. `joins` is the folder of a control group in which it was not
/// born, but is to be. Does not return.
///
/// # Safety
/// Only in a process that was just cloned from a thread of the server.
pub(crate) unsafe fn enter(entry: &Entry, joins: Option<RawFd>) -> ! {
    // SAFETY: as the caller promises; all that is passed on is in `entry`.
    unsafe {
        if let Err((stage, error)) = go(entry, joins) {
            report(entry.report, stage as u32, error);
        }
        libc::_exit(127)
    }
}

/// # Safety
/// As [`enter`].
unsafe fn go(entry: &Entry, joins: Option<RawFd>) -> Result<(), (Stage, c_int)> {
    let at = |stage: Stage| move |error| (stage, error);
    // SAFETY: system calls on prepared arguments.
    unsafe {
        let processes = become_own(entry.status_reader, &entry.oom_score, joins)?;
        take_identity(entry).map_err(at(Stage::Identity))?;
        leave_the_hosts_mounts().map_err(at(Stage::Mounts))?;
        entry.steps.iter().try_for_each(|step| take(step)).map_err(at(Stage::Mounts))?;
        change_root(entry).map_err(at(Stage::Root))?;
        libc::sethostname(c"localhost".as_ptr(), 9);
        if entry.forks {
            return forks::enter(entry, processes);
        }
        if let Some(network) = &entry.network {
            outlet::enter(network).map_err(at(Stage::Network))?;
        }
        confine(entry, &[])?;
        die_with_the_server(entry.status).map_err(at(Stage::Server))?;
        if let Some(stack) = &entry.lent {
            // The waiter is ours: it may run before init does.
            lend_on(0, stack, wait, &Waiter { entry, processes }).map_err(at(Stage::Fork))?;
            return Err((Stage::Init, become_init(entry.init, entry.status, false)));
        }
        let running = Waiting::new().map_err(at(Stage::Fork))?;
        match libc::syscall(libc::SYS_clone, c_long::from(libc::SIGCHLD), 0, 0, 0, 0) {
            -1 => Err((Stage::Fork, errno())),
            0 => {
                running.wait();
                tell_number(entry.report, processes);
                Err((Stage::Exec, execute(entry)))
            }
            _ => Err((Stage::Init, become_init(entry.init, entry.status, false))),
        }
    }
}

struct Waiter<'a> {
    entry: &'a Entry,
    processes: c_int,
}

/// The process that waits to be told of a program.
unsafe fn wait(waiter: &Waiter<'_>, _: Option<RawFd>) -> ! {
    // SAFETY: as in `enter`.
    unsafe {
        tell_number(waiter.entry.report, waiter.processes);
        let error = execute(waiter.entry);
        report(waiter.entry.report, Stage::Exec as u32, error);
        libc::_exit(127)
    }
}

/// Makes a copy of the server a process of its own. Gives the host's process table, which knows this process by the number
/// that the server knows.
///
/// # Safety
/// As [`enter`].
pub(crate) unsafe fn become_own(
    status_reader: RawFd,
    oom_score: &str,
    joins: Option<RawFd>,
) -> Result<c_int, (Stage, c_int)> {
    // SAFETY: system calls on descriptors of this process and C strings.
    unsafe {
        libc::close(status_reader);
        libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as c_int);
        if let Some(group) = joins {
            join(group).map_err(|error| (Stage::Group, error))?;
        }
        reset_signals();
        // The root is made with the permissions that are said, whatever the server's own are.
        libc::umask(0o022);
        libc::setsid();
        let processes = libc::open(c"/proc".as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC);
        // Where the host does not let it be set, the server ends no later than its functions.
        let _ = write_file(c"/proc/self/oom_score_adj", oom_score.as_bytes(), libc::O_WRONLY);
        Ok(processes)
    }
}

/// Gives up everything but the capabilities `kept`.
pub(crate) unsafe fn confine(entry: &Entry, kept: &[c_ulong]) -> Result<(), (Stage, c_int)> {
    let at = |stage: Stage| move |error| (stage, error);
    // SAFETY: system calls on prepared arguments.
    unsafe {
        let identity = (entry.maps.is_none() || entry.forks).then_some(&entry.identity);
        give_up_privileges(identity, entry.processes, kept).map_err(at(Stage::Privileges))?;
        keep_to_own_sockets(entry.network.is_some()).map_err(at(Stage::Filter))?;
        filter_calls(&entry.filter).map_err(at(Stage::Filter))
    }
}

/// A pipe that ends when another process has come to some point: when init runs, for example. Until then init is a copy of the
/// server, and the function would be beside it.
pub(crate) struct Waiting {
    reader: c_int,
    writer: c_int,
}

impl Waiting {
    /// Made in the new process: of a pipe made in the server, processes that it starts at the same time would hold copies,
    /// and wait for each other.
    pub unsafe fn new() -> Result<Waiting, c_int> {
        let mut ends = [0; 2];
        // SAFETY: two descriptors fit into the array.
        unsafe {
            check(c_long::from(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC)))?;
            let [reader, low] = ends;
            // Where init's own descriptor goes would end it too early.
            let writer = libc::fcntl(low, libc::F_DUPFD_CLOEXEC, init::STATUS_FD + 1);
            check(c_long::from(writer))?;
            libc::close(low);
            Ok(Waiting { reader, writer })
        }
    }

    /// In the process that is waited for, which otherwise tells by exec.
    pub unsafe fn tell(&self) {
        // SAFETY: both are this process's own.
        unsafe {
            libc::close(self.reader);
            libc::close(self.writer);
        }
    }

    /// In the process that waits. It ends with one that fails, too.
    pub unsafe fn wait(&self) {
        let mut nothing = 0_u8;
        // SAFETY: one byte fits.
        unsafe {
            libc::close(self.writer);
            libc::read(self.reader, (&raw mut nothing).cast(), 1);
        }
    }
}

pub(crate) fn errno() -> c_int {
    // SAFETY: the address of this thread's error number is always valid.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn check(answer: c_long) -> Outcome {
    if answer < 0 { Err(errno()) } else { Ok(()) }
}

pub(crate) unsafe fn report(to: RawFd, number: u32, value: c_int) {
    let mut message = [0; REPORT_BYTES];
    let (first, second) = message.split_at_mut(REPORT_BYTES / 2);
    first.copy_from_slice(&number.to_ne_bytes());
    second.copy_from_slice(&value.to_ne_bytes());
    // SAFETY: the message is on the stack, and as long as said.
    unsafe { libc::write(to, message.as_ptr().cast(), REPORT_BYTES) };
}

/// Moves this process, which is alone yet, into a control group. Zero is the process that writes.
unsafe fn join(group: RawFd) -> Outcome {
    // SAFETY: the path is a C string, the text is as long as said.
    unsafe {
        let file = libc::openat(group, c"cgroup.procs".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(c_long::from(file))?;
        let written = libc::write(file, c"0".as_ptr().cast(), 1);
        let outcome = check(written as c_long);
        libc::close(file);
        outcome
    }
}

/// The numbers of signals are below this, on all architectures that there are.
const SIGNALS_END: c_int = 65;

/// Signals that the server ignores, handles or blocks do what they do by default.
///
/// # Safety
/// Only in a process that was just forked, and is about to execute another program.
pub(crate) unsafe fn reset_signals() {
    // What the kernel takes for an action, and the bytes of its sets. Zero is the default, without flags.
    const DEFAULT: [u64; 4] = [0; 4];
    const SET_BYTES: usize = 8;
    // SAFETY: an empty set is made before it is used; the action is as large as the kernel takes it to be.
    unsafe {
        for signal in 1..SIGNALS_END {
            // Not the C library's function, which keeps two signals to itself. Two others cannot be changed.
            libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), NO_DATA, SET_BYTES);
        }
        let mut none = std::mem::MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// In a user namespace of its own, says who is who.
unsafe fn take_identity(entry: &Entry) -> Outcome {
    let Some((users, groups)) = entry.maps.as_ref().filter(|_| !entry.forks) else { return Ok(()) };
    // SAFETY: the paths are C strings.
    unsafe {
        write_file(c"/proc/self/setgroups", b"deny", libc::O_WRONLY)?;
        write_file(c"/proc/self/uid_map", users.as_bytes(), libc::O_WRONLY)?;
        write_file(c"/proc/self/gid_map", groups.as_bytes(), libc::O_WRONLY)
    }
}

pub(crate) unsafe fn write_file(path: &CStr, content: &[u8], flags: c_int) -> Outcome {
    // SAFETY: the path is a C string; the content is as long as said.
    unsafe {
        let file = libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o644);
        check(c_long::from(file))?;
        let written = libc::write(file, content.as_ptr().cast(), content.len());
        let outcome = check(written as c_long);
        libc::close(file);
        outcome
    }
}

/// What is mounted from here on is not seen outside, nor the other way round.
unsafe fn leave_the_hosts_mounts() -> Outcome {
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the paths are C strings.
    check(c_long::from(unsafe { libc::mount(NO_TEXT, c"/".as_ptr(), NO_TEXT, flags, NO_DATA) }))
}

/// For arguments that have to be zero in their whole width.
const NONE: c_ulong = 0;

const NO_TEXT: *const c_char = std::ptr::null();
const NO_DATA: *const libc::c_void = std::ptr::null();

pub(crate) unsafe fn take(step: &Step) -> Outcome {
    const IN_MEMORY: c_ulong = libc::MS_NOSUID | libc::MS_NODEV;
    // SAFETY: all paths and options are C strings that outlive the calls.
    unsafe {
        check(c_long::from(match step {
            Step::Folder(path) => match libc::mkdir(path.as_ptr(), 0o755) {
                -1 if errno() == libc::EEXIST => 0,
                answer => answer,
            },
            Step::File(path, content) => {
                return write_file(path, content, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL);
            }
            Step::Link(target, path) => libc::symlink(target.as_ptr(), path.as_ptr()),
            Step::Bind(source, path) => {
                libc::mount(source.as_ptr(), path.as_ptr(), NO_TEXT, libc::MS_BIND | libc::MS_REC, NO_DATA)
            }
            Step::Merge(folders, path) => {
                let kind = c"overlay".as_ptr();
                libc::mount(kind, path.as_ptr(), kind, IN_MEMORY | libc::MS_RDONLY, folders.as_ptr().cast())
            }
            Step::Memory(path, options) => {
                let kind = c"tmpfs".as_ptr();
                libc::mount(kind, path.as_ptr(), kind, IN_MEMORY, options.as_ptr().cast())
            }
            Step::Processes(path) => {
                let kind = c"proc".as_ptr();
                libc::mount(kind, path.as_ptr(), kind, IN_MEMORY | libc::MS_NOEXEC, NO_DATA)
            }
            Step::ReadOnly(path) => return read_only(path),
        }))
    }
}

unsafe fn read_only(path: &CStr) -> Outcome {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let (flags, size) = (libc::AT_RECURSIVE, size_of::<libc::mount_attr>());
    // SAFETY: the attributes are on the stack, and as long as said.
    check(unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &raw const attributes, size)
    })
}

/// Source: pivot_root(2), "pivot_root(".", ".")".
unsafe fn change_root(entry: &Entry) -> Outcome {
    // SAFETY: the paths are C strings.
    unsafe {
        let here = c".".as_ptr();
        check(c_long::from(libc::chdir(entry.root.as_ptr())))?;
        check(libc::syscall(libc::SYS_pivot_root, here, here))?;
        check(c_long::from(libc::umount2(here, libc::MNT_DETACH)))?;
        check(c_long::from(libc::chdir(c"/".as_ptr())))
    }
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

/// `_LINUX_CAPABILITY_VERSION_3`, whose sets have three words each, twice.
const CAPABILITIES_V3: u32 = 0x2008_0522;

/// Becomes a user, or stays the one that it is; has at most so many processes, and no capabilities but `kept`.
pub(crate) unsafe fn give_up_privileges(identity: Option<&Identity>, processes: u64, kept: &[c_ulong]) -> Outcome {
    // SAFETY: what is passed by address is on the stack, and as large as the calls expect.
    unsafe {
        for capability in (0..CAPABILITIES_MAX).filter(|capability| !kept.contains(capability)) {
            // The kernel refuses those that it does not have.
            if libc::prctl(libc::PR_CAPBSET_DROP, capability, NONE, NONE, NONE) != 0 && errno() != libc::EINVAL {
                return Err(errno());
            }
        }
        check(c_long::from(libc::prctl(
            libc::PR_CAP_AMBIENT,
            c_ulong::from(libc::PR_CAP_AMBIENT_CLEAR_ALL.cast_unsigned()),
            NONE,
            NONE,
            NONE,
        )))?;
        // Not the C library's functions, which change all threads of a process, as they remember them.
        if let Some(&Identity { uid, gid }) = identity {
            check(libc::syscall(libc::SYS_setgroups, 0, NO_DATA))?;
            check(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
            check(libc::syscall(libc::SYS_setresuid, uid, uid, uid))?;
        }
        let header = CapabilityHeader { version: CAPABILITIES_V3, pid: 0 };
        // All of them are among the first 32: the lower words of the effective, permitted and inheritable ones.
        let set = kept.iter().fold(0_u32, |set, capability| set | 1 << capability);
        let sets: [u32; 6] = [set, set, set, 0, 0, 0];
        check(libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()))?;
        for capability in kept {
            let raise = c_ulong::from(libc::PR_CAP_AMBIENT_RAISE.cast_unsigned());
            check(c_long::from(libc::prctl(libc::PR_CAP_AMBIENT, raise, *capability, NONE, NONE)))?;
        }
        limit(libc::RLIMIT_CORE, 0)?;
        limit(libc::RLIMIT_NPROC, processes)?;
        check(c_long::from(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, NONE, NONE, NONE)))?;
        // This memory is the server's, and in a user namespace the function has the same user: nobody is to look into it.
        // Exec, which replaces it, allows it again.
        check(c_long::from(libc::prctl(libc::PR_SET_DUMPABLE, NONE, NONE, NONE, NONE)))
    }
}

/// More than there are: the kernel's sets have so many bits.
const CAPABILITIES_MAX: c_ulong = 64;

/// Sets a limit, or leaves the server's own where that is lower.
unsafe fn limit(resource: libc::__rlimit_resource_t, value: u64) -> Outcome {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits are on the stack.
    unsafe {
        check(c_long::from(libc::getrlimit(resource, &raw mut limits)))?;
        limits.rlim_max = limits.rlim_max.min(value);
        limits.rlim_cur = limits.rlim_max;
        check(c_long::from(libc::setrlimit(resource, &raw const limits)))
    }
}

pub(crate) unsafe fn filter_calls(filter: &[libc::sock_filter]) -> Outcome {
    let length = u16::try_from(filter.len()).map_err(|_| libc::E2BIG)?;
    // The kernel only reads it.
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program is as long as said.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) })
}

/// Asked for last: a change of user clears it.
pub(crate) unsafe fn die_with_the_server(status: RawFd) -> Outcome {
    // SAFETY: one poll entry is on the stack.
    unsafe {
        check(c_long::from(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, NONE, NONE, NONE)))?;
        // A server that died before the line above sends no signal. Then nobody holds the other end of the pipe.
        let mut status = libc::pollfd { fd: status, events: 0, revents: 0 };
        check(c_long::from(libc::poll(&raw mut status, 1, 0)))?;
        if status.revents & libc::POLLERR != 0 { Err(libc::EPIPE) } else { Ok(()) }
    }
}

/// Tells the server the number of this process as the server's process table has it.
pub(crate) unsafe fn tell_number(to: RawFd, processes: c_int) {
    let mut number = [0_u8; 16];
    // SAFETY: at most as many bytes are written as there are.
    let length = unsafe { libc::readlinkat(processes, c"self".as_ptr(), number.as_mut_ptr().cast(), number.len()) };
    let digits = number.iter().take(usize::try_from(length).unwrap_or(0));
    let number =
        digits.fold(0_i32, |number, digit| number.wrapping_mul(10).wrapping_add(i32::from(digit.wrapping_sub(b'0'))));
    // SAFETY: as `report` asks.
    unsafe { report(to, STARTED, number) };
}

/// Runs the program. Returns only when that is impossible, with the reason.
pub(crate) unsafe fn execute(entry: &Entry) -> c_int {
    // SAFETY: paths are C strings; the lists end with a null pointer.
    unsafe {
        let input = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let own = entry.descriptors.iter().copied().zip(FIRST_DESCRIPTOR..);
        for (descriptor, number) in [(input, 0), (entry.output, 1), (entry.output, 2)].into_iter().chain(own) {
            if libc::dup2(descriptor, number) < 0 {
                return errno();
            }
        }
        if libc::chdir(entry.cwd.as_ptr()) < 0 {
            return errno();
        }
        // Not before: copies of the server's descriptors are open, which may be more.
        if let Err(error) = limit(libc::RLIMIT_NOFILE, entry.open_files) {
            return error;
        }
        match entry.instead {
            Some(own) => run(own, &[c"cloudlet".as_ptr(), NO_TEXT]),
            None => {
                let (arguments, variables) = (&entry.arguments.pointers, &entry.variables.pointers);
                libc::execve(entry.program.as_ptr(), arguments.as_ptr(), variables.as_ptr());
                errno()
            }
        }
    }
}

/// Runs a program of ours, without any variables.
unsafe fn run(program: RawFd, arguments: &[*const c_char]) -> c_int {
    let nothing: [*const c_char; 1] = [NO_TEXT];
    let flags = libc::AT_EMPTY_PATH;
    // SAFETY: the path is a C string; the lists end with a null pointer.
    unsafe {
        libc::syscall(libc::SYS_execveat, program, c"".as_ptr(), arguments.as_ptr(), nothing.as_ptr(), flags);
    }
    errno()
}

/// Becomes the program in `init.rs`, which keeps nothing but the status pipe. It `stays` when the function has ended.
pub(crate) unsafe fn become_init(program: RawFd, status: RawFd, stays: bool) -> c_int {
    // SAFETY: the path is a C string; the lists end with a null pointer.
    unsafe {
        libc::close_range(0, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as c_int);
        if libc::dup2(status, init::STATUS_FD) < 0 {
            return errno();
        }
        let argument = if stays { c"stays".as_ptr() } else { NO_TEXT };
        run(program, &[c"init".as_ptr(), argument, NO_TEXT])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// What of [`go`] runs with the function's user, in a user namespace, until the programs run.
    #[test]
    fn the_copy_of_the_server_is_not_readable() {
        // SAFETY: the new process makes system calls on what is prepared, and exits.
        let status = unsafe {
            let flags = c_long::from(libc::CLONE_NEWUSER | libc::SIGCHLD);
            let child = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
            if child == 0 {
                let dumpable = give_up_privileges(None, 64, &[]).map(|()| libc::prctl(libc::PR_GET_DUMPABLE));
                libc::_exit(dumpable.unwrap_or(100));
            }
            let mut status = 0;
            assert_eq!(c_long::from(libc::waitpid(child.try_into().unwrap(), &raw mut status, 0)), child);
            status
        };
        assert!(libc::WIFEXITED(status));
        assert_eq!(libc::WEXITSTATUS(status), 0);
    }
}
