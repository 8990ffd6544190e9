//! Programs of ours that run in an instance: some instructions, made into an executable in memory. So they hold no copy of the
//! server's memory, and nothing has to be installed.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;

#[cfg(target_arch = "x86_64")]
const ELF_MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const ELF_MACHINE: u16 = 183;

/// Permissions of the program.
const EXECUTE_ONLY: u32 = 0o111;

const LOAD_ADDRESS: u64 = 0x40_0000;
const FILE_HEADER_BYTES: u16 = 64;
const PROGRAM_HEADER_BYTES: u16 = 56;

/// The largest page of the architectures above.
const ALIGNMENT: u64 = 0x1_0000;

/// Makes a file in memory of instructions, for execveat(2). They run wherever they are loaded, and need no memory but their stack.
pub(crate) fn executable(code: &[u8]) -> io::Result<OwnedFd> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_EXEC;
    let file = memory_file(flags).or_else(|error| match error.raw_os_error() {
        // Kernels before 6.3 do not know the second flag, and do what it asks for anyway.
        Some(libc::EINVAL) => memory_file(libc::MFD_CLOEXEC),
        _ => Err(error),
    })?;
    let mut file = std::fs::File::from(file);
    file.write_all(&image(code))?;
    // An executable that is open for writing cannot be run: this opens it again, for reading.
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let program = std::fs::File::open(path)?;
    // Nobody may look into a process whose program they may not read, nor take its descriptors: the function, which can
    // have the same user, least of all. Source: "dumpable" in proc(5) and ptrace(2).
    program.set_permissions(Permissions::from_mode(EXECUTE_ONLY))?;
    Ok(program.into())
}

fn memory_file(flags: libc::c_uint) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; nothing else is passed by address.
    let descriptor = unsafe { libc::memfd_create(c"cloudlet".as_ptr(), flags) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// An ELF file with one segment: the headers and the code. Source: elf(5).
fn image(code: &[u8]) -> Vec<u8> {
    let headers = u64::from(FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES);
    let size = headers + code.len() as u64;
    let mut file = vec![0x7F, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
    let long = |file: &mut Vec<u8>, value: u64| file.extend(value.to_le_bytes());
    // The file header: an executable, its entry, where the program header is.
    half(&mut file, 2);
    half(&mut file, ELF_MACHINE);
    word(&mut file, 1);
    long(&mut file, LOAD_ADDRESS + headers);
    long(&mut file, u64::from(FILE_HEADER_BYTES));
    long(&mut file, 0);
    word(&mut file, 0);
    [FILE_HEADER_BYTES, PROGRAM_HEADER_BYTES, 1, 0, 0, 0].into_iter().for_each(|value| half(&mut file, value));
    // The program header: load all of the file, to be read and executed.
    word(&mut file, 1);
    word(&mut file, 5);
    [0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, ALIGNMENT].into_iter().for_each(|value| long(&mut file, value));
    file.extend_from_slice(code);
    file
}
