//! The checksums of bodies: made while these pass by, and for the parts of a whole put together.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use std::hash::Hasher as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Digest as _;
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64};

/// An algorithm that a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
    Sha512,
    Md5,
    Xxhash64,
    Xxhash3,
    Xxhash128,
}

impl Algorithm {
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::Md5,
        Algorithm::Xxhash64,
        Algorithm::Xxhash3,
        Algorithm::Xxhash128,
    ];

    /// As APIs write it: `CRC32C`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
            Algorithm::Md5 => "MD5",
            Algorithm::Xxhash64 => "XXHASH64",
            Algorithm::Xxhash3 => "XXHASH3",
            Algorithm::Xxhash128 => "XXHASH128",
        }
    }

    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The header, or trailer, that carries one: `x-amz-checksum-crc32c`.
    pub fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    /// Bytes of a checksum.
    pub const fn size(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme | Algorithm::Xxhash64 | Algorithm::Xxhash3 => 8,
            Algorithm::Md5 | Algorithm::Xxhash128 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    const fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Algorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            _ => None,
        }
    }

    /// Whether the checksum of a whole can be had from those of its parts.
    pub const fn is_linear(self) -> bool {
        self.crc().is_some()
    }

    /// Whether `text` could be a checksum: base64 of the right length.
    pub fn is_form_of(self, text: &str) -> bool {
        STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == self.size())
    }

    fn encode_crc(self, crc: u64) -> String {
        let bytes = crc.to_be_bytes();
        STANDARD.encode(bytes.get(bytes.len() - self.size().min(8)..).unwrap_or_default())
    }
}

/// A checksum in the making.
pub struct Checksum {
    pub algorithm: Algorithm,
    state: State,
}

enum State {
    Crc(crc_fast::Digest),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Md5(md5::Md5),
    Xxhash64(XxHash64),
    Xxhash3(Box<XxHash3_64>),
    Xxhash128(Box<XxHash3_128>),
}

impl Checksum {
    pub fn new(algorithm: Algorithm) -> Checksum {
        let state = match algorithm {
            Algorithm::Crc32 => State::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc)),
            Algorithm::Crc32c => State::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi)),
            Algorithm::Crc64Nvme => State::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme)),
            Algorithm::Sha1 => State::Sha1(sha1::Sha1::default()),
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::default()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::default()),
            Algorithm::Md5 => State::Md5(md5::Md5::default()),
            Algorithm::Xxhash64 => State::Xxhash64(XxHash64::with_seed(0)),
            Algorithm::Xxhash3 => State::Xxhash3(Box::default()),
            Algorithm::Xxhash128 => State::Xxhash128(Box::default()),
        };
        Checksum { algorithm, state }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(crc) => crc.update(bytes),
            State::Sha1(sha) => sha.update(bytes),
            State::Sha256(sha) => sha.update(bytes),
            State::Sha512(sha) => sha.update(bytes),
            State::Md5(md5) => md5.update(bytes),
            State::Xxhash64(hash) => hash.write(bytes),
            State::Xxhash3(hash) => hash.write(bytes),
            State::Xxhash128(hash) => hash.write(bytes),
        }
    }

    /// In base64, as headers have it: numbers with their highest byte first.
    pub fn finish(self) -> String {
        match self.state {
            State::Crc(crc) => self.algorithm.encode_crc(crc.finalize()),
            State::Sha1(sha) => STANDARD.encode(sha.finalize()),
            State::Sha256(sha) => STANDARD.encode(sha.finalize()),
            State::Sha512(sha) => STANDARD.encode(sha.finalize()),
            State::Md5(md5) => STANDARD.encode(md5.finalize()),
            State::Xxhash64(hash) => STANDARD.encode(hash.finish().to_be_bytes()),
            State::Xxhash3(hash) => STANDARD.encode(hash.finish().to_be_bytes()),
            State::Xxhash128(hash) => STANDARD.encode(hash.finish_128().to_be_bytes()),
        }
    }
}

/// The bytes of a checksum; `None` where it is none.
pub fn decode_checksum(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The checksum of a whole from those of its parts, each with its length in bytes; `None` where the algorithm does not allow it
/// or a checksum is not one.
pub fn combine<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = (&'a str, u64)>) -> Option<String> {
    let crc = algorithm.crc()?;
    let mut whole = None;
    for (checksum, length) in parts {
        let part = STANDARD.decode(checksum).ok().filter(|bytes| bytes.len() == algorithm.size())?;
        let part = part.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        whole = Some(whole.map_or(part, |before| crc_fast::checksum_combine(crc, before, part, length)));
    }
    whole.map(|whole| algorithm.encode_crc(whole))
}

/// The MD5 of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Md5(pub [u8; 16]);

impl Md5 {
    pub fn of(bytes: &[u8]) -> Md5 {
        Md5(md5::Md5::digest(bytes).into())
    }

    /// Reads a `Content-MD5`: base64.
    pub fn parse(text: &str) -> Option<Md5> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Md5)
    }
}
