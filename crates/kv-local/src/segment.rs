//! One file of the log: a header, then records end to end, up to the first that is not whole.
//!
//! Header: `magic 8, format u32, 0 u32, number u64, first sequence number u64, salt u64, CRC-32 of all this u32`.
//! Record: `CRC-32 u32, length u32, sequence number u64, bytes`, its start a multiple of 8. The CRC covers the salt too, which
//! is new with each use of the file: what is left of an earlier use, and what users store, can never pass for a record.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::DiskFile;

/// Where records begin: no write to them touches the header's sector.
pub(crate) const RECORDS_AT: u64 = 4096;

pub(crate) const RECORD_HEADER_BYTES: usize = 16;
const HEADER_BYTES: usize = 44;
const MAGIC: &[u8; 8] = b"cloudlog";
const LOG_FORMAT: u32 = 1;
const ALIGN: u64 = 8;

/// What makes one use of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Counts uses of files: where this one comes in the log.
    pub number: u64,
    /// The sequence number of its first record.
    pub first: u64,
    pub salt: u64,
}

/// What a file says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Segment(Header),
    /// Never used: nothing but zeros.
    Blank,
    /// Written by a newer release, in this format.
    Newer(u32),
    Damaged,
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(LOG_FORMAT.to_le_bytes());
        bytes.extend([0; 4]);
        for number in [self.number, self.first, self.salt] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub fn read(file: &dyn DiskFile) -> io::Result<Found> {
        let mut bytes = [0; HEADER_BYTES];
        if file.len()? < RECORDS_AT {
            return Ok(Found::Blank);
        }
        file.read(0, &mut bytes)?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Found::Blank);
        }
        let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let half = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let header = || Some(Header { number: number(16)?, first: number(24)?, salt: number(32)? });
        let checked = half(40) == Some(crc32fast::hash(&bytes[..HEADER_BYTES - 4]));
        Ok(match (half(8), header()) {
            (Some(format), _) if checked && format > LOG_FORMAT => Found::Newer(format),
            (Some(LOG_FORMAT), Some(header)) if checked && bytes.starts_with(MAGIC) => Found::Segment(header),
            _ => Found::Damaged,
        })
    }

    fn checksum(&self, length: u32, sequence: u64, bytes: &[u8]) -> u32 {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&self.salt.to_le_bytes());
        checksum.update(&length.to_le_bytes());
        checksum.update(&sequence.to_le_bytes());
        checksum.update(bytes);
        checksum.finalize()
    }

    /// The bytes of record `sequence`, if it is at `offset` of `file`.
    pub fn read_record(&self, file: &dyn DiskFile, offset: u64, sequence: u64) -> io::Result<Option<Bytes>> {
        let mut head = [0; RECORD_HEADER_BYTES];
        let Some(room) = file.len()?.checked_sub(offset + RECORD_HEADER_BYTES as u64) else { return Ok(None) };
        file.read(offset, &mut head)?;
        let (checksum, length, found) = fields(&head);
        if found != sequence || u64::from(length) > room {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        file.read(offset + RECORD_HEADER_BYTES as u64, &mut bytes)?;
        let whole = self.checksum(length, sequence, &bytes) == checksum;
        Ok(whole.then(|| bytes.into()))
    }

    /// Fills in the header of a record whose bytes come after [`RECORD_HEADER_BYTES`] of room for it.
    pub fn seal(&self, record: &mut [u8], sequence: u64) -> Option<()> {
        let (head, bytes) = record.split_first_chunk_mut::<RECORD_HEADER_BYTES>()?;
        let length = u32::try_from(bytes.len()).ok()?;
        let checksum = self.checksum(length, sequence, bytes);
        let (head, rest) = head.split_first_chunk_mut::<4>()?;
        *head = checksum.to_le_bytes();
        let (head, rest) = rest.split_first_chunk_mut::<4>()?;
        *head = length.to_le_bytes();
        *rest.first_chunk_mut::<8>()? = sequence.to_le_bytes();
        Some(())
    }
}

/// A record's checksum, length and sequence number.
fn fields(head: &[u8; RECORD_HEADER_BYTES]) -> (u32, u32, u64) {
    let [a, b, c, d, e, f, g, h, sequence @ ..] = *head;
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), u64::from_le_bytes(sequence))
}

/// Where the record after one of `length` bytes at `offset` begins.
pub(crate) fn after(offset: u64, length: usize) -> u64 {
    (offset + (RECORD_HEADER_BYTES + length) as u64).next_multiple_of(ALIGN)
}

/// The bytes of a segment, being read.
pub(crate) struct Reader {
    header: Header,
    bytes: Bytes,
    /// Where the next record should be, counted from [`RECORDS_AT`].
    at: usize,
    /// Its sequence number.
    pub next: u64,
}

impl Reader {
    pub fn new(header: Header, file: &Arc<dyn DiskFile>) -> io::Result<Reader> {
        let length = file.len()?.saturating_sub(RECORDS_AT);
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read(RECORDS_AT, &mut bytes)?;
        Ok(Reader { header, bytes: bytes.into(), at: 0, next: header.first })
    }

    /// Where the next record begins or would begin, in the file.
    pub fn offset(&self) -> u64 {
        RECORDS_AT + self.at as u64
    }

    /// The next record, if it is whole.
    pub fn record(&mut self) -> Option<(u64, Bytes)> {
        let (sequence, bytes) = self.record_at(self.at).filter(|(sequence, _)| *sequence == self.next)?;
        self.at = usize::try_from(after(self.at as u64, bytes.len())).ok()?;
        self.next += 1;
        Some((sequence, bytes))
    }

    /// The next record that is whole, wherever it is, and whatever its number: for what is damaged.
    pub fn next_readable(&mut self) -> Option<(u64, Bytes)> {
        while self.at < self.bytes.len() {
            if let Some((sequence, bytes)) = self.record_at(self.at) {
                self.at = usize::try_from(after(self.at as u64, bytes.len())).ok()?;
                return Some((sequence, bytes));
            }
            self.at += ALIGN as usize;
        }
        None
    }

    fn record_at(&self, at: usize) -> Option<(u64, Bytes)> {
        let (checksum, length, sequence) = fields(self.bytes.get(at..)?.first_chunk()?);
        // Few candidates have a plausible number: only for those is the checksum worth its time.
        if sequence < self.header.first || sequence - self.header.first > self.bytes.len() as u64 {
            return None;
        }
        let start = at + RECORD_HEADER_BYTES;
        let end = start.checked_add(usize::try_from(length).ok()?).filter(|end| *end <= self.bytes.len())?;
        let whole = self.header.checksum(length, sequence, self.bytes.get(start..end)?) == checksum;
        whole.then(|| (sequence, self.bytes.slice(start..end)))
    }

    /// The first whole record after one that is not, and after batch `flushed`; the log is damaged then, not torn: a record
    /// is written only when those before it are durable. Flushed ones may be half overwritten: their file is used again.
    pub fn beyond(&self, flushed: u64) -> Option<(u64, u64)> {
        let known = self.next.max(flushed);
        let mut at = self.at;
        while at < self.bytes.len() {
            if let Some((sequence, _)) = self.record_at(at).filter(|(sequence, _)| *sequence > known) {
                return Some((RECORDS_AT + at as u64, sequence));
            }
            at += ALIGN as usize;
        }
        None
    }
}
