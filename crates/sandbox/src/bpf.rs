//! Programs for the kernel's virtual machine: a small assembler, and the calls that load, attach and feed them.
//!
//! Source: bpf(2), the kernel's Documentation/bpf/standardization/instruction-set.rst and uapi/linux/bpf.h.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// One of the eleven registers. 0 holds results, 1 to 5 arguments, 6 to 9 survive calls, 10 points to the stack's end.
pub(crate) type Register = u8;

/// The register that points to the end of the stack, which grows downwards.
pub(crate) const STACK: Register = 10;

/// A place in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(pub usize);

/// An instruction as the kernel reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    code: u8,
    /// The destination in the lower half, the source in the upper.
    registers: u8,
    offset: i16,
    constant: i32,
}

/// A program that is being written.
#[derive(Debug, Default)]
pub(crate) struct Program {
    instructions: Vec<Instruction>,
    /// Jumps, and where they go.
    jumps: Vec<(usize, Label)>,
    places: Vec<(Label, usize)>,
}

/// A table shared by programs and this process.
#[derive(Debug)]
pub(crate) struct Map(OwnedFd);

// Kinds of maps.
const HASH: u32 = 1;
const OF_SOCKETS: u32 = 24;

// The kernel's functions that programs call.
pub(crate) const MAP_LOOKUP: i32 = 1;
pub(crate) const CURRENT_CGROUP: i32 = 80;
/// These two find the socket that would get a packet; it has to be let go.
pub(crate) const LOOKUP_TCP: i32 = 84;
pub(crate) const LOOKUP_UDP: i32 = 85;
pub(crate) const RELEASE: i32 = 86;
/// Gives what a map of sockets has for one.
pub(crate) const STORAGE: i32 = 107;

/// Descriptions of the types `u32`, number 1, and `u64`, number 2, without which there is no map of sockets.
/// Source: the kernel's Documentation/bpf/btf.rst.
#[rustfmt::skip]
static TYPES: [u32; 17] = [
    0x1_EB9F, 24, 0, 32, 32, 9, // The header: types are the first 32 bytes that follow, names the next 9.
    1, 1 << 24, 4, 32, // Each type: its name, its kind (an integer), its bytes and bits.
    5, 1 << 24, 8, 64,
    u32::from_ne_bytes(*b"\0u32"), u32::from_ne_bytes(*b"\0u64"), 0,
];
const TYPES_BYTES: u32 = 24 + 32 + 9;

impl Program {
    fn push(&mut self, code: u8, destination: Register, source: Register, offset: i16, constant: i32) -> &mut Self {
        self.instructions.push(Instruction { code, registers: source << 4 | destination, offset, constant });
        self
    }

    /// Loads four bytes.
    pub fn load(&mut self, destination: Register, from: Register, offset: i16) -> &mut Self {
        self.push(0x61, destination, from, offset, 0)
    }

    /// Loads eight bytes.
    pub fn load_wide(&mut self, destination: Register, from: Register, offset: i16) -> &mut Self {
        self.push(0x79, destination, from, offset, 0)
    }

    /// Stores the lower two bytes of a register.
    pub fn store_half(&mut self, to: Register, offset: i16, source: Register) -> &mut Self {
        self.push(0x6B, to, source, offset, 0)
    }

    /// Stores the lower four bytes of a register.
    pub fn store(&mut self, to: Register, offset: i16, source: Register) -> &mut Self {
        self.push(0x63, to, source, offset, 0)
    }

    /// Stores all eight bytes of a register.
    pub fn store_wide(&mut self, to: Register, offset: i16, source: Register) -> &mut Self {
        self.push(0x7B, to, source, offset, 0)
    }

    /// Stores a constant of four bytes.
    pub fn store_constant(&mut self, to: Register, offset: i16, constant: i32) -> &mut Self {
        self.push(0x62, to, 0, offset, constant)
    }

    pub fn copy(&mut self, destination: Register, source: Register) -> &mut Self {
        self.push(0xBF, destination, source, 0, 0)
    }

    pub fn set(&mut self, destination: Register, constant: i32) -> &mut Self {
        self.push(0xB7, destination, 0, 0, constant)
    }

    pub fn add(&mut self, destination: Register, constant: i32) -> &mut Self {
        self.push(0x07, destination, 0, 0, constant)
    }

    pub fn shift_right(&mut self, destination: Register, bits: i32) -> &mut Self {
        self.push(0x77, destination, 0, 0, bits)
    }

    /// Turns a number of so many bits from the order of the network into this machine's, or the other way round.
    pub fn swap(&mut self, destination: Register, bits: i32) -> &mut Self {
        self.push(0xDC, destination, 0, 0, bits)
    }

    /// Loads a map's address.
    pub fn map(&mut self, destination: Register, map: &Map) -> &mut Self {
        // The source register says that the constant is a descriptor; the second half is an instruction of its own.
        self.push(0x18, destination, 1, 0, map.0.as_raw_fd()).push(0, 0, 0, 0, 0)
    }

    pub fn call(&mut self, function: i32) -> &mut Self {
        self.push(0x85, 0, 0, 0, function)
    }

    pub fn exit(&mut self, answer: i32) -> &mut Self {
        self.set(0, answer).push(0x95, 0, 0, 0, 0)
    }

    fn jump(&mut self, code: u8, register: Register, other: Register, constant: i32, to: Label) -> &mut Self {
        self.jumps.push((self.instructions.len(), to));
        self.push(code, register, other, 0, constant)
    }

    /// Compares the lower four bytes.
    pub fn if_equal(&mut self, register: Register, constant: u32, to: Label) -> &mut Self {
        self.jump(0x16, register, 0, constant.cast_signed(), to)
    }

    /// Compares the lower four bytes.
    pub fn if_not_equal(&mut self, register: Register, constant: u32, to: Label) -> &mut Self {
        self.jump(0x56, register, 0, constant.cast_signed(), to)
    }

    /// Compares all eight bytes.
    pub fn if_equal_wide(&mut self, register: Register, constant: i32, to: Label) -> &mut Self {
        self.jump(0x15, register, 0, constant, to)
    }

    /// Compares all eight bytes of two registers.
    pub fn if_same(&mut self, register: Register, other: Register, to: Label) -> &mut Self {
        self.jump(0x1D, register, other, 0, to)
    }

    pub fn go(&mut self, to: Label) -> &mut Self {
        self.jump(0x05, 0, 0, 0, to)
    }

    pub fn place(&mut self, label: Label) -> &mut Self {
        self.places.push((label, self.instructions.len()));
        self
    }

    /// The instructions, with their jumps filled in. A label that was not placed leaves its jumps at zero, going on.
    fn finish(&self) -> Vec<Instruction> {
        let mut instructions = self.instructions.clone();
        for (from, label) in &self.jumps {
            let place = self.places.iter().find(|(placed, _)| placed == label).map(|(_, place)| *place);
            let distance = place.and_then(|place| i16::try_from(place.cast_signed() - from.cast_signed() - 1).ok());
            if let (Some(instruction), Some(distance)) = (instructions.get_mut(*from), distance) {
                instruction.offset = distance;
            }
        }
        instructions
    }

    /// Hands the program, of a kind and for an event, to the kernel, which checks that it ends and stays in its bounds.
    pub fn load_into_kernel(&self, kind: u32, event: u32) -> io::Result<OwnedFd> {
        #[repr(C)]
        struct Load {
            kind: u32,
            length: u32,
            instructions: u64,
            license: u64,
            log: [u32; 4],
            version: u32,
            flags: u32,
            name: [u8; 16],
            interface: u32,
            event: u32,
        }
        let instructions = self.finish();
        let load = Load {
            kind,
            length: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
            instructions: instructions.as_ptr() as u64,
            license: c"Apache-2.0".as_ptr() as u64,
            log: [0; 4],
            version: 0,
            flags: 0,
            name: *b"cloudlet\0\0\0\0\0\0\0\0",
            interface: 0,
            event,
        };
        descriptor(call(5, &load)?)
    }
}

/// Has a program run for an event in a control group and those below it, besides those that are attached already.
pub(crate) fn attach(group: &impl AsRawFd, program: &OwnedFd, event: u32) -> io::Result<()> {
    const ALLOW_MULTI: u32 = 2;
    #[repr(C)]
    struct Attach {
        target: i32,
        program: i32,
        event: u32,
        flags: u32,
    }
    let attach = Attach { target: group.as_raw_fd(), program: program.as_raw_fd(), event, flags: ALLOW_MULTI };
    call(8, &attach).map(drop)
}

/// Arguments for what is done to one entry of a map.
#[repr(C)]
struct Entry {
    map: i32,
    _padding: u32,
    key: u64,
    /// Or the next key.
    value: u64,
    flags: u64,
}

impl Map {
    /// A map from `K`, a plain structure without padding, to four bytes. When it is full, it takes nothing more.
    pub fn new<K>(entries_max: u32) -> io::Result<Map> {
        let key_bytes = u32::try_from(size_of::<K>()).unwrap_or(u32::MAX);
        descriptor(call(0, &[HASH, key_bytes, 4, entries_max, 0])?).map(Map)
    }

    /// A map from sockets to eight bytes. What it has of a socket is kept at the socket, and goes with it.
    pub fn of_sockets() -> io::Result<Map> {
        const NOT_ALLOCATED_AHEAD: u32 = 1;
        #[repr(C)]
        struct Types {
            types: u64,
            log: u64,
            bytes: u32,
            log_settings: [u32; 2],
            unused: u32,
        }
        let arguments =
            Types { types: TYPES.as_ptr() as u64, log: 0, bytes: TYPES_BYTES, log_settings: [0; 2], unused: 0 };
        let types = descriptor(call(18, &arguments)?)?;
        let number = types.as_raw_fd().cast_unsigned();
        let arguments = [OF_SOCKETS, 4, 8, 0, NOT_ALLOCATED_AHEAD, 0, 0, 0, 0, 0, 0, 0, number, 1, 2];
        descriptor(call(0, &arguments)?).map(Map)
    }

    pub fn insert<K: Copy>(&self, key: K) -> io::Result<()> {
        let value = 1_u32;
        self.call(2, &raw const key as u64, &raw const value as u64).map(drop)
    }

    pub fn remove<K: Copy>(&self, key: K) {
        // An error means that it was not there.
        let _ = self.call(3, &raw const key as u64, 0);
    }

    fn call(&self, command: u32, key: u64, value: u64) -> io::Result<i64> {
        call(command, &Entry { map: self.0.as_raw_fd(), _padding: 0, key, value, flags: 0 })
    }
}

fn call<A>(command: u32, arguments: &A) -> io::Result<i64> {
    // SAFETY: the arguments are as long as said. The addresses in them are of values that live until the call returns, and
    // that are as large as the kernel takes them to be: instructions are counted, keys have the size their map has.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(arguments), size_of::<A>()) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

fn descriptor(answer: i64) -> io::Result<OwnedFd> {
    let number = i32::try_from(answer).map_err(io::Error::other)?;
    // SAFETY: the call has just given this descriptor, which closes on exec, to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_find_their_places() {
        let mut program = Program::default();
        program.if_equal(1, 5, Label(0)).set(1, 2).go(Label(1)).place(Label(0)).set(1, 3).place(Label(1)).exit(1);
        let offsets: Vec<i16> = program.finish().iter().map(|instruction| instruction.offset).collect();
        assert_eq!(offsets, [2, 0, 1, 0, 0, 0]);
        let mut program = Program::default();
        program.place(Label(0)).set(1, 2).if_equal(1, 5, Label(0)).exit(1);
        assert_eq!(program.finish()[1].offset, -2);
    }
}
