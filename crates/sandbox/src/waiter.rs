//! A process that was isolated ahead of need, and waits to be told which program to run.
//!
//! Until then it is a program of some thirty instructions. What it is told is laid out as it is to be in its memory: addresses
//! are those that it has there.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::FIRST_DESCRIPTOR;

/// Where what it is told is in its memory, and how much there may be: more than execve(2) takes of a function, whose environment
/// has four kilobytes.
const PLACE: u64 = 0x1000_0000;
const BYTES_MAX: u64 = 0x10_0000;

/// Five numbers come first: the length of all, and the addresses of the folder to be in, the program, its arguments and its
/// variables.
const HEAD: usize = 5;

// Has its descriptor closed by exec; takes memory at PLACE; reads until it has all, and says so by four bytes of it; goes to the
// folder and runs the program. Writes the number of an error to the descriptor.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .rodata.cloudlet_waiter, \"a\"",
    ".globl cloudlet_waiter_start",
    ".globl cloudlet_waiter_end",
    "cloudlet_waiter_start:",
    "mov eax, 72", // fcntl(DESCRIPTOR, F_SETFD, FD_CLOEXEC)
    "mov edi, {descriptor}",
    "mov esi, 2",
    "mov edx, 1",
    "syscall",
    "mov eax, 9", // mmap(PLACE, BYTES_MAX, READ | WRITE, PRIVATE | ANONYMOUS | FIXED, -1, 0)
    "mov edi, {place}",
    "mov esi, {bytes}",
    "mov edx, 3",
    "mov r10d, 0x32",
    "mov r8, -1",
    "xor r9d, r9d",
    "syscall",
    "mov ebx, {place}",
    "cmp rax, rbx",
    "jne 4f",
    "mov r12, rbx",
    "2:",
    "xor eax, eax", // read(DESCRIPTOR, what is free)
    "mov edi, {descriptor}",
    "mov rsi, r12",
    "mov edx, {place} + {bytes}",
    "sub rdx, r12",
    "syscall",
    "test rax, rax",
    "jle 4f",
    "add r12, rax",
    "mov rax, r12",
    "sub rax, rbx",
    "cmp rax, 8",
    "jb 2b",
    "cmp rax, [rbx]",
    "jb 2b",
    "mov eax, 1", // write(DESCRIPTOR, what it has, 4)
    "mov edi, {descriptor}",
    "mov rsi, rbx",
    "mov edx, 4",
    "syscall",
    "mov eax, 80", // chdir(folder)
    "mov rdi, [rbx + 8]",
    "syscall",
    "test eax, eax",
    "js 3f",
    "mov eax, 59", // execve(program, arguments, variables)
    "mov rdi, [rbx + 16]",
    "mov rsi, [rbx + 24]",
    "mov rdx, [rbx + 32]",
    "syscall",
    "3:",
    "neg eax",
    "mov [rbx], eax",
    "mov eax, 1", // write(DESCRIPTOR, error, 4)
    "mov edi, {descriptor}",
    "mov rsi, rbx",
    "mov edx, 4",
    "syscall",
    "4:",
    "mov eax, 231", // exit_group(127)
    "mov edi, 127",
    "syscall",
    "cloudlet_waiter_end:",
    ".popsection",
    descriptor = const FIRST_DESCRIPTOR,
    place = const PLACE,
    bytes = const BYTES_MAX,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .rodata.cloudlet_waiter, \"a\"",
    ".balign 4",
    ".globl cloudlet_waiter_start",
    ".globl cloudlet_waiter_end",
    "cloudlet_waiter_start:",
    "mov x8, #25", // fcntl(DESCRIPTOR, F_SETFD, FD_CLOEXEC)
    "mov x0, #{descriptor}",
    "mov x1, #2",
    "mov x2, #1",
    "svc #0",
    "mov x8, #222", // mmap(PLACE, BYTES_MAX, READ | WRITE, PRIVATE | ANONYMOUS | FIXED, -1, 0)
    "movz x19, #({place} >> 16), lsl #16",
    "movz x21, #({bytes} >> 16), lsl #16",
    "mov x0, x19",
    "mov x1, x21",
    "mov x2, #3",
    "mov x3, #0x32",
    "mov x4, #-1",
    "mov x5, #0",
    "svc #0",
    "cmp x0, x19",
    "b.ne 4f",
    "mov x20, x19",
    "add x21, x21, x19",
    "2:",
    "mov x8, #63", // read(DESCRIPTOR, what is free)
    "mov x0, #{descriptor}",
    "mov x1, x20",
    "sub x2, x21, x20",
    "svc #0",
    "cmp x0, #0",
    "b.le 4f",
    "add x20, x20, x0",
    "sub x1, x20, x19",
    "cmp x1, #8",
    "b.lo 2b",
    "ldr x2, [x19]",
    "cmp x1, x2",
    "b.lo 2b",
    "mov x8, #64", // write(DESCRIPTOR, what it has, 4)
    "mov x0, #{descriptor}",
    "mov x1, x19",
    "mov x2, #4",
    "svc #0",
    "mov x8, #49", // chdir(folder)
    "ldr x0, [x19, #8]",
    "svc #0",
    "cmp w0, #0",
    "b.lt 3f",
    "mov x8, #221", // execve(program, arguments, variables)
    "ldr x0, [x19, #16]",
    "ldr x1, [x19, #24]",
    "ldr x2, [x19, #32]",
    "svc #0",
    "3:",
    "neg w0, w0",
    "str w0, [x19]",
    "mov x8, #64", // write(DESCRIPTOR, error, 4)
    "mov x0, #{descriptor}",
    "mov x1, x19",
    "mov x2, #4",
    "svc #0",
    "4:",
    "mov x8, #94", // exit_group(127)
    "mov x0, #127",
    "svc #0",
    "cloudlet_waiter_end:",
    ".popsection",
    descriptor = const FIRST_DESCRIPTOR,
    place = const PLACE,
    bytes = const BYTES_MAX,
);

unsafe extern "C" {
    static cloudlet_waiter_start: u8;
    static cloudlet_waiter_end: u8;
}

/// The program as a file in memory, for execveat(2).
pub(crate) fn program() -> io::Result<OwnedFd> {
    let (start, end) = (&raw const cloudlet_waiter_start, &raw const cloudlet_waiter_end);
    // SAFETY: the two labels enclose the instructions above, which are constant.
    crate::assembled::executable(unsafe { std::slice::from_raw_parts(start, end.offset_from_unsigned(start)) })
}

/// What a process is to run that was started by [`Command::spawn_waiting`](crate::Command::spawn_waiting). Paths are those that it sees.
#[derive(Clone, Debug)]
pub struct Errand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
}

/// Why a process that waited does not run what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// The kernel's own reason, or that it is too much to tell.
    #[error("it cannot be run: {0}")]
    Refused(io::Error),
    #[error("the process had ended")]
    Lost,
    #[error("the process does not answer")]
    Silent,
}

/// How long a process may take until it runs its program: to load that is no part of it.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes by which it says that it knows its errand, and by which it says that it cannot do it.
const WORD_BYTES: usize = 4;

impl Errand {
    /// Has the process at the other end run it, as which it finds open what it has been started with, but for the descriptor over
    /// which it was told. It has five seconds for that.
    ///
    /// # Errors
    /// [`ErrandError::Refused`] when the program cannot be executed. The program has not begun with any of them.
    pub async fn send(&self, to: UnixStream) -> Result<(), ErrandError> {
        let image = self.image().map_err(ErrandError::Refused)?;
        let told = tokio::time::timeout(SEND_TIMEOUT, tell(to, &image)).await.map_err(|_| ErrandError::Silent)?;
        // Only a process that has ended closes its end before it has said that it knows.
        let answer = told.ok().filter(|answer| answer.len() >= WORD_BYTES).ok_or(ErrandError::Lost)?;
        match answer.get(WORD_BYTES..).and_then(<[u8]>::first_chunk) {
            None => Ok(()),
            Some(error) => Err(ErrandError::Refused(io::Error::from_raw_os_error(i32::from_ne_bytes(*error)))),
        }
    }

    fn image(&self) -> io::Result<Vec<u8>> {
        let variable = |(name, value): &(OsString, OsString)| [name.as_bytes(), b"=", value.as_bytes()].concat();
        let (folder, program) = (self.cwd.as_os_str().as_bytes(), self.program.as_os_str().as_bytes());
        let arguments: Vec<&[u8]> = std::iter::once(program).chain(self.args.iter().map(|it| it.as_bytes())).collect();
        let variables: Vec<Vec<u8>> = self.env.iter().map(variable).collect();
        // After the head: the two lists, which a zero ends, and the texts.
        let lists = (arguments.len() + 1 + variables.len() + 1) * size_of::<u64>();
        let mut texts = Texts { start: PLACE + (HEAD * size_of::<u64>() + lists) as u64, bytes: Vec::new() };
        let mut words = vec![0, texts.add(folder)?, texts.add(program)?];
        let first_list = PLACE + (HEAD * size_of::<u64>()) as u64;
        words.extend([first_list, first_list + ((arguments.len() + 1) * size_of::<u64>()) as u64]);
        for list in [arguments, variables.iter().map(Vec::as_slice).collect()] {
            for text in list {
                words.push(texts.add(text)?);
            }
            words.push(0);
        }
        let length = (words.len() * size_of::<u64>() + texts.bytes.len()) as u64;
        if length > BYTES_MAX {
            return Err(io::Error::from_raw_os_error(libc::E2BIG));
        }
        if let Some(first) = words.first_mut() {
            *first = length;
        }
        let mut image: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
        image.extend(texts.bytes);
        Ok(image)
    }
}

/// Gives all that is answered.
async fn tell(mut to: UnixStream, image: &[u8]) -> io::Result<Vec<u8>> {
    to.write_all(image).await?;
    let mut answer = Vec::new();
    // The other end closes when the program runs.
    to.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Texts, one behind the other, and the address of the first.
struct Texts {
    start: u64,
    bytes: Vec<u8>,
}

impl Texts {
    /// Gives the address of the text.
    fn add(&mut self, text: &[u8]) -> io::Result<u64> {
        if text.contains(&0) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let address = self.start + self.bytes.len() as u64;
        self.bytes.extend(text);
        self.bytes.push(0);
        Ok(address)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn errand() -> Errand {
        Errand { program: "/bin/true".into(), args: Vec::new(), env: Vec::new(), cwd: "/".into() }
    }

    /// What is made of a process that reads what it is told, answers with these bytes, and ends.
    async fn made_of(answer: &[u8]) -> Result<(), ErrandError> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let answering = async {
            let mut told = vec![0; errand().image().unwrap().len()];
            theirs.read_exact(&mut told).await.unwrap();
            theirs.write_all(answer).await.unwrap();
            drop(theirs);
        };
        let errand = errand();
        tokio::join!(errand.send(ours), answering).0
    }

    #[tokio::test]
    async fn who_has_ended_is_told_from_who_cannot() {
        assert!(made_of(&[1; 4]).await.is_ok());
        let not_found = [[1; 4], libc::ENOENT.to_ne_bytes()].concat();
        assert!(
            matches!(made_of(&not_found).await, Err(ErrandError::Refused(error)) if error.raw_os_error() == Some(libc::ENOENT))
        );
        assert!(matches!(made_of(&[]).await, Err(ErrandError::Lost)));
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert!(matches!(errand().send(ours).await, Err(ErrandError::Lost)));
        let much = Errand { args: vec!["x".repeat(2 << 20).into()], ..errand() };
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert!(
            matches!(much.send(ours).await, Err(ErrandError::Refused(error)) if error.raw_os_error() == Some(libc::E2BIG))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_not_waited_for_for_long() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let began = tokio::time::Instant::now();
        assert!(matches!(errand().send(ours).await, Err(ErrandError::Silent)));
        assert_eq!(began.elapsed(), SEND_TIMEOUT);
    }
}
