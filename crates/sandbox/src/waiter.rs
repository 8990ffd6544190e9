//! A process that was isolated ahead of need, and waits to be told which program to run.
//!
//! Until then it is a program of some thirty instructions. What it is told is laid out as it is to be in its memory: addresses
//! are those that it has there.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

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

// Has its descriptor closed by exec; takes memory at PLACE; reads until it has all; goes to the folder and runs the program. Writes the
// number of an error to the descriptor.
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

impl Errand {
    /// Has the process at the other end run it, as which it finds open what it has been started with, but for the descriptor over
    /// which it was told.
    ///
    /// # Errors
    /// The kernel's own when the program cannot be executed; another one when the process has ended, or it is too much to tell.
    pub async fn send(&self, mut to: UnixStream) -> io::Result<()> {
        to.write_all(&self.image()?).await?;
        let mut answer = Vec::new();
        // The other end closes when the program runs.
        to.read_to_end(&mut answer).await?;
        match answer.first_chunk() {
            None => Ok(()),
            Some(error) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(*error))),
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
