//! The first process of a function's pid namespace, without which the function itself would be it: a process that ignores
//! signals sent to itself and that inherits orphans. This one only waits, reports how the function ended, and ends, which
//! makes the kernel end everything that is left in the namespace.
//!
//! With a second argument it stays until it is killed, whatever has ended: other processes can come into its namespace then.
//!
//! It must not hold a copy of the server's memory, so it is a program of its own: some twenty instructions, made into an
//! executable in memory.

use std::io;
use std::os::fd::OwnedFd;

/// Where the program finds the pipe for its report.
pub(crate) const STATUS_FD: i32 = 3;

/// The function's number in its namespace: it is the first that init starts.
pub(crate) const FUNCTION_PID: i32 = 2;

// Waits for any child until the function has ended, writes its wait status (four bytes) to STATUS_FD, exits.
// With a second argument it waits for ever instead. It needs no memory but its stack, and runs wherever it is loaded.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .rodata.cloudlet_init, \"a\"",
    ".globl cloudlet_init_start",
    ".globl cloudlet_init_end",
    "cloudlet_init_start:",
    "mov rbx, [rsp]", // the number of arguments
    "sub rsp, 16",
    "2:",
    "mov eax, 61", // wait4(-1, rsp, 0, NULL)
    "mov rdi, -1",
    "mov rsi, rsp",
    "xor edx, edx",
    "xor r10d, r10d",
    "syscall",
    "cmp eax, {function}",
    "je 3f",
    "cmp eax, -10", // ECHILD: there is nobody to wait for
    "jne 2b",
    "jmp 4f",
    "3:",
    "mov eax, 1", // write(STATUS_FD, rsp, 4)
    "mov edi, {status}",
    "mov rsi, rsp",
    "mov edx, 4",
    "syscall",
    "cmp rbx, 2",
    "je 2b",
    "4:",
    "cmp rbx, 2",
    "jne 5f",
    "mov eax, 271", // ppoll(NULL, 0, NULL, NULL)
    "xor edi, edi",
    "xor esi, esi",
    "xor edx, edx",
    "xor r10d, r10d",
    "syscall",
    "jmp 4b",
    "5:",
    "mov eax, 231", // exit_group(0)
    "xor edi, edi",
    "syscall",
    "cloudlet_init_end:",
    ".popsection",
    function = const FUNCTION_PID,
    status = const STATUS_FD,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .rodata.cloudlet_init, \"a\"",
    ".balign 4",
    ".globl cloudlet_init_start",
    ".globl cloudlet_init_end",
    "cloudlet_init_start:",
    "ldr x19, [sp]", // the number of arguments
    "sub sp, sp, #16",
    "2:",
    "mov x8, #260", // wait4(-1, sp, 0, NULL)
    "mov x0, #-1",
    "mov x1, sp",
    "mov x2, #0",
    "mov x3, #0",
    "svc #0",
    "cmp w0, #{function}",
    "b.eq 3f",
    "cmn w0, #10", // ECHILD: there is nobody to wait for
    "b.ne 2b",
    "b 4f",
    "3:",
    "mov x8, #64", // write(STATUS_FD, sp, 4)
    "mov x0, #{status}",
    "mov x1, sp",
    "mov x2, #4",
    "svc #0",
    "cmp x19, #2",
    "b.eq 2b",
    "4:",
    "cmp x19, #2",
    "b.ne 5f",
    "mov x8, #73", // ppoll(NULL, 0, NULL, NULL)
    "mov x0, #0",
    "mov x1, #0",
    "mov x2, #0",
    "mov x3, #0",
    "svc #0",
    "b 4b",
    "5:",
    "mov x8, #94", // exit_group(0)
    "mov x0, #0",
    "svc #0",
    "cloudlet_init_end:",
    ".popsection",
    function = const FUNCTION_PID,
    status = const STATUS_FD,
);

unsafe extern "C" {
    static cloudlet_init_start: u8;
    static cloudlet_init_end: u8;
}

/// The program as a file in memory, for execveat(2).
pub(crate) fn program() -> io::Result<OwnedFd> {
    let (start, end) = (&raw const cloudlet_init_start, &raw const cloudlet_init_end);
    // SAFETY: the two labels enclose the instructions above, which are constant.
    crate::assembled::executable(unsafe { std::slice::from_raw_parts(start, end.offset_from_unsigned(start)) })
}
