//! A process that gives up everything but its own memory and the descriptors it has open: for work on bytes that anybody may
//! have made. It takes no privileges and nothing of the host but seccomp(2), so it is the same for every server.

use std::io;
use std::os::unix::net::UnixStream;

use libc::sock_filter;
use rustix::process::{Resource, Rlimit};

use crate::command::{FIRST_DESCRIPTOR, high};
use crate::seccomp;

/// The first of the descriptors that this process was started with, as a socket.
///
/// # Errors
/// When it was started without.
pub fn inherited() -> io::Result<UnixStream> {
    // SAFETY: the number is looked at, and only if it is open is it borrowed, for this one line.
    let descriptor = unsafe {
        if libc::fcntl(FIRST_DESCRIPTOR, libc::F_GETFD) < 0 {
            return Err(io::Error::last_os_error());
        }
        std::os::fd::BorrowedFd::borrow_raw(FIRST_DESCRIPTOR).try_clone_to_owned()
    };
    Ok(high(descriptor?)?.into())
}

/// Gives up, for good: opening anything, networks, other processes, and more than this many bytes of memory over what the process has now. It
/// cannot even ask for what it is not to do: such calls are answered with "operation not permitted".
///
/// # Errors
/// When the host does not let it, in which case the process must not go on.
pub fn confine(memory_bytes: u64) -> io::Result<()> {
    let most = address_space()?.saturating_add(memory_bytes);
    rustix::process::setrlimit(Resource::As, Rlimit { current: Some(most), maximum: Some(most) })?;
    rustix::thread::set_no_new_privs(true)?;
    install(&seccomp::confined())
}

/// Bytes of addresses that the process has taken. Source: proc_pid_statm(5).
fn address_space() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| io::Error::other("the process's size is not told"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Has the filter judge every call of all threads from now on.
fn install(filter: &[sock_filter]) -> io::Result<()> {
    let length = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program is as long as said, and the kernel only reads it.
    let answer = unsafe {
        let flags = libc::SECCOMP_FILTER_FLAG_TSYNC;
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    match answer {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        thread => Err(io::Error::other(format!("thread {thread} has a filter of its own"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::fd::AsRawFd as _;

    use rustix::process::{WaitOptions, waitpid};

    use super::*;
    use crate::clone::{Clone, clone};

    /// What a confined copy of this process says of what it tried: the error of each attempt, zero where there was none.
    fn tried(attempts: fn(&mut dyn FnMut(libc::c_long))) -> Vec<i32> {
        let filter = seccomp::confined();
        let (mut reader, writer) = io::pipe().unwrap();
        match clone(0, None).unwrap() {
            Clone::Copy { .. } => {
                let is_confined = rustix::thread::set_no_new_privs(true).is_ok() && install(&filter).is_ok();
                let mut tell = |answer: libc::c_long| {
                    let error = if answer < 0 { io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 };
                    let bytes = error.to_ne_bytes();
                    // SAFETY: four bytes are written from where they are.
                    unsafe { libc::write(writer.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
                };
                attempts(&mut tell);
                // SAFETY: the process ends.
                unsafe { libc::_exit(i32::from(!is_confined)) }
            }
            Clone::Original(copy) => {
                drop(writer);
                let mut told = Vec::new();
                io::Read::read_to_end(&mut reader, &mut told).unwrap();
                let status = waitpid(Some(copy), WaitOptions::empty()).unwrap().unwrap().1;
                assert_eq!(status.exit_status(), Some(0), "{status:?}");
                told.chunks_exact(4).map(|error| i32::from_ne_bytes(error.try_into().unwrap())).collect()
            }
        }
    }

    #[test]
    fn nothing_of_the_host_is_in_reach() {
        let told = tried(|tell| {
            let path = c"/etc/passwd".as_ptr();
            // SAFETY: plain calls, which are refused before they look at anything.
            unsafe {
                tell(libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, libc::O_RDONLY));
                tell(libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0));
                tell(libc::syscall(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_STREAM, 0, 0));
                tell(libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0));
                tell(libc::syscall(libc::SYS_clone3, 0, 0));
                tell(libc::syscall(libc::SYS_execveat, -1, path, 0, 0, 0));
                tell(libc::syscall(libc::SYS_kill, libc::getppid(), 0));
                tell(libc::syscall(libc::SYS_tgkill, libc::getppid(), libc::getppid(), 0));
                tell(libc::syscall(libc::SYS_ptrace, 0, 0, 0, 0));
                tell(libc::syscall(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 1, 0, 0, 0));
                tell(libc::syscall(libc::SYS_setrlimit, libc::RLIMIT_AS, 0));
                tell(libc::syscall(libc::SYS_ioctl, 0, libc::FIONREAD, 0));
                tell(libc::syscall(libc::SYS_bpf, 0, 0, 0));
                tell(libc::syscall(libc::SYS_io_uring_setup, 1, 0));
                let wanted = libc::PROT_READ | libc::PROT_EXEC;
                tell(libc::syscall(libc::SYS_mmap, 0, 4096, wanted, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0));
                // A number that is none of this architecture's.
                tell(libc::syscall(0x4000_0000 | libc::SYS_openat, libc::AT_FDCWD, path, libc::O_RDONLY));
            }
        });
        assert_eq!(told, vec![libc::EPERM; 16]);
    }

    #[test]
    fn what_works_on_bytes_goes_on() {
        let told = tried(|tell| {
            // SAFETY: memory that this copy alone has is taken and given back.
            unsafe {
                let wanted = libc::PROT_READ | libc::PROT_WRITE;
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                let taken = libc::syscall(libc::SYS_mmap, 0, 8192, wanted, flags, -1, 0);
                tell(taken);
                tell(libc::syscall(libc::SYS_mprotect, taken, 4096, libc::PROT_READ));
                tell(libc::syscall(libc::SYS_munmap, taken, 8192));
                let mut bytes = [0_u8; 8];
                tell(libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), bytes.len(), 0));
            }
        });
        assert_eq!(told, [0; 4]);
    }

    #[test]
    fn a_process_knows_how_much_it_has() {
        assert!(address_space().unwrap() > 1 << 20);
    }
}
