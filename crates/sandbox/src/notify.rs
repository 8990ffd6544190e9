//! System calls of an isolated process that the kernel leaves to the server: hearing of them, looking at what they are about,
//! and answering. Source: seccomp_unotify(2).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::raw::{c_int, c_long, c_ulong, c_void};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use tokio::io::unix::AsyncFd;

use crate::command::high;
use crate::enter::{Outcome, check, errno};

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    id: u64,
    /// The thread, as the server numbers it.
    pub thread: u32,
    pub number: c_long,
    pub arguments: [u64; 6],
}

/// What the thread gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The kernel carries it out after all.
    Goes,
    Done,
    /// An error number.
    Fails(c_int),
}

/// Where calls arrive.
#[derive(Debug)]
pub(crate) struct Listener(AsyncFd<OwnedFd>);

impl Listener {
    /// Takes what seccomp(2) gives for `SECCOMP_FILTER_FLAG_NEW_LISTENER`. Must be called within a tokio runtime.
    pub fn new(listener: OwnedFd) -> io::Result<Listener> {
        // SAFETY: an `OwnedFd` keeps its one descriptor open for as long as it lives, and the `AsyncFd` owns it.
        let watched = unsafe { AsyncFd::register(listener) };
        Ok(Listener(watched?))
    }

    /// Waits for a call. `None` when nobody is left who could make one.
    pub async fn next(&self) -> io::Result<Option<Call>> {
        loop {
            let mut ready = self.0.readable().await?;
            // Asking when there is none would wait for one.
            let mut watched = [PollFd::new(self.0.get_ref(), PollFlags::IN)];
            poll(&mut watched, Some(&Timespec::default()))?;
            let found = watched.first().map_or(PollFlags::empty(), PollFd::revents);
            if found.contains(PollFlags::IN) {
                match self.receive() {
                    // Its thread has ended meanwhile, or was interrupted.
                    Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                    call => return call.map(Some),
                }
            } else if found.contains(PollFlags::HUP) {
                return Ok(None);
            } else {
                ready.clear_ready();
            }
        }
    }

    fn receive(&self) -> io::Result<Call> {
        // SAFETY: all members are numbers, which the kernel wants to be zero.
        let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        self.control(libc::SECCOMP_IOCTL_NOTIF_RECV, (&raw mut call).cast())?;
        let libc::seccomp_notif { id, pid: thread, data, .. } = call;
        Ok(Call { id, thread, number: data.nr.into(), arguments: data.args })
    }

    /// Whether the call still waits: what was read of its thread before was that thread's.
    pub fn is_waiting(&self, call: &Call) -> bool {
        let mut id = call.id;
        self.control(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, (&raw mut id).cast()).is_ok()
    }

    pub fn answer(&self, call: &Call, answer: Answer) {
        let (error, flags) = match answer {
            Answer::Goes => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Done => (0, 0),
            Answer::Fails(error) => (-error, 0),
        };
        let mut answer = libc::seccomp_notif_resp { id: call.id, val: 0, error, flags };
        // An error means that the thread has ended.
        let _ = self.control(libc::SECCOMP_IOCTL_NOTIF_SEND, (&raw mut answer).cast());
    }

    /// Puts a descriptor of ours in the place of one that the thread has.
    pub fn replace(&self, call: &Call, number: RawFd, by: &OwnedFd, closes_on_exec: bool) -> io::Result<()> {
        let mut given = libc::seccomp_notif_addfd {
            id: call.id,
            flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
            srcfd: by.as_raw_fd().cast_unsigned(),
            newfd: number.cast_unsigned(),
            newfd_flags: if closes_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
        };
        self.control(libc::SECCOMP_IOCTL_NOTIF_ADDFD, (&raw mut given).cast())
    }

    fn control(&self, request: libc::Ioctl, about: *mut c_void) -> io::Result<()> {
        // SAFETY: each request is passed the structure that it is about, which outlives the call.
        match unsafe { libc::ioctl(self.0.get_ref().as_raw_fd(), request, about) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

impl Call {
    /// Copies from the memory of the caller; fewer bytes than asked for where its memory ends.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let ours = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let theirs = libc::iovec { iov_base: address as *mut c_void, iov_len: bytes.len() };
        let thread = self.thread.cast_signed();
        // SAFETY: what is written to is as long as said; what is read from is another process's.
        let length = unsafe { libc::process_vm_readv(thread, &raw const ours, 1, &raw const theirs, 1, 0) };
        usize::try_from(length).map_err(|_| io::Error::last_os_error())
    }

    /// The same file as one that the caller has open.
    pub fn descriptor(&self, number: RawFd) -> io::Result<OwnedFd> {
        let process = Pid::from_raw(self.process()?).ok_or(io::ErrorKind::NotFound)?;
        Ok(pidfd_getfd(pidfd_open(process, PidfdFlags::empty())?, number, PidfdGetfdFlags::empty())?)
    }

    /// Whether a descriptor of the caller closes when it runs another program.
    pub fn closes_on_exec(&self, number: RawFd) -> bool {
        let about = std::fs::read_to_string(format!("/proc/{}/fdinfo/{number}", self.thread)).unwrap_or_default();
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| c_int::from_str_radix(flags.trim(), 8).ok()).unwrap_or(0);
        flags & libc::O_CLOEXEC != 0
    }

    fn process(&self) -> io::Result<c_int> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.thread))?;
        let number = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
        number.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Filters this thread's calls, and gives where those arrive that are left to another process.
///
/// # Safety
/// As [`crate::enter::enter`].
pub(crate) unsafe fn listen(filter: &[libc::sock_filter]) -> Result<c_int, c_int> {
    let length = u16::try_from(filter.len()).map_err(|_| libc::E2BIG)?;
    // The kernel only reads it.
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    let mut listener = -1;
    // A thread that waits is not to be interrupted by its signals. Kernels before 5.19 do not know that.
    for flags in [libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0] {
        let flags: c_ulong = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | flags;
        // SAFETY: the program is as long as said.
        listener =
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
        if listener >= 0 {
            break;
        }
    }
    c_int::try_from(listener).ok().filter(|listener| *listener >= 0).ok_or_else(errno)
}

/// A way for descriptors from a new process to the server.
#[derive(Debug)]
pub(crate) struct Parcel {
    ours: OwnedFd,
    theirs: OwnedFd,
}

/// By which a filter tells a parcel, which nobody could look at yet, from other messages. It has no meaning here.
pub(crate) const PARCEL_FLAGS: c_int = libc::MSG_CONFIRM;

impl Parcel {
    pub fn new() -> io::Result<Parcel> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        Ok(Parcel { ours: ours.into(), theirs: high(theirs.into())? })
    }

    pub fn sender(&self) -> RawFd {
        self.theirs.as_raw_fd()
    }

    /// What was sent, when the sender has run its program.
    pub fn open(self) -> io::Result<OwnedFd> {
        drop(self.theirs);
        next(&self.ours)
    }

    /// All that was sent, when the sender has ended; it is an error if that is nothing.
    pub fn open_all(self) -> io::Result<Vec<OwnedFd>> {
        drop(self.theirs);
        let mut all = vec![next(&self.ours)?];
        all.extend(std::iter::from_fn(|| next(&self.ours).ok()));
        Ok(all)
    }
}

/// What was sent next.
fn next(ours: &OwnedFd) -> io::Result<OwnedFd> {
    let (mut byte, mut control) = (0_u8, Control::default());
    let mut piece = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut message = control.message(&mut piece);
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
    // SAFETY: the message refers to memory that outlives the call, as long as said.
    match unsafe { libc::recvmsg(ours.as_raw_fd(), &raw mut message, flags) } {
        -1 => return Err(io::Error::last_os_error()),
        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
        _ => {}
    }
    // SAFETY: the kernel has filled in the message; the descriptor is new, and ours alone.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if message.msg_flags & libc::MSG_CTRUNC != 0 {
            // This process has no room for it.
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<c_int>().read_unaligned()))
    }
}

/// Sends a descriptor.
///
/// # Safety
/// As [`crate::enter::enter`].
pub(crate) unsafe fn send(to: RawFd, descriptor: RawFd) -> Outcome {
    let (mut byte, mut control) = (1_u8, Control::default());
    let mut piece = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let message = control.message(&mut piece);
    // SAFETY: there is room for one descriptor.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(DESCRIPTOR_BYTES) as _;
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(descriptor);
        check(libc::sendmsg(to, &raw const message, PARCEL_FLAGS) as c_long)
    }
}

const DESCRIPTOR_BYTES: u32 = size_of::<c_int>() as u32;

/// Room for a header and a descriptor, aligned as they need it.
#[derive(Default)]
struct Control([u64; 4]);

impl Control {
    fn message(&mut self, piece: &mut libc::iovec) -> libc::msghdr {
        // SAFETY: all members are numbers or pointers, for which zero is "nothing".
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (piece, 1);
        message.msg_control = self.0.as_mut_ptr().cast();
        // SAFETY: this only computes.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(DESCRIPTOR_BYTES) } as _;
        message
    }
}
