//! Records as they are stored: those that one request brings for a shard are one block, so that many small records cost
//! as little as one large one, to write and to read.
//!
//! A block is `1, flags u8, arrival u64, records u32`, and for each record `key length u16, key, data length u32, data`.
//! Numbers are little-endian. The bit 1 of the flags says that the stream was encrypted; a record without a partition
//! key has the length [`NO_KEY`]. A block is stored in pieces where it is large because one record is.

use base::Timestamp;
use bytes::{Buf, BufMut, Bytes, BytesMut};

const VERSION: u8 = 1;
const ENCRYPTED: u8 = 1;
const NO_KEY: u16 = u16::MAX;
/// What comes before the first record.
const HEADER_BYTES: usize = 14;
/// What a record takes beside its key and its data.
const RECORD_BYTES: usize = 6;

/// What was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: Option<String>,
    pub data: Bytes,
}

impl Record {
    /// What counts against limits.
    pub fn size(&self) -> usize {
        self.data.len() + self.key.as_ref().map_or(0, String::len)
    }

    /// What it takes in a block.
    pub fn stored_size(&self) -> usize {
        RECORD_BYTES + self.size()
    }
}

/// What can be told of a block without its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub at: Timestamp,
    pub records: u32,
    pub encrypted: bool,
}

/// Records that arrived together.
pub fn encode<'r>(
    at: Timestamp,
    encrypted: bool,
    records: impl ExactSizeIterator<Item = &'r Record> + Clone,
) -> Result<Bytes, kv::Error> {
    let too_large = || kv::Error::corrupt("a record", "it is too large for a block");
    let mut block = BytesMut::with_capacity(HEADER_BYTES + records.clone().map(Record::stored_size).sum::<usize>());
    block.put_u8(VERSION);
    block.put_u8(if encrypted { ENCRYPTED } else { 0 });
    block.put_u64_le(at.as_millis());
    block.put_u32_le(u32::try_from(records.len()).map_err(|_| too_large())?);
    for record in records {
        match &record.key {
            Some(key) => {
                block.put_u16_le(u16::try_from(key.len()).map_err(|_| too_large())?);
                block.put_slice(key.as_bytes());
            }
            None => block.put_u16_le(NO_KEY),
        }
        block.put_u32_le(u32::try_from(record.data.len()).map_err(|_| too_large())?);
        block.put_slice(&record.data);
    }
    Ok(block.freeze())
}

fn corrupt() -> kv::Error {
    kv::Error::corrupt("a block of records", "it is cut off or of another version")
}

/// Of a block, or of its first piece.
pub fn header(block: &Bytes) -> Result<Header, kv::Error> {
    let mut block = block.clone();
    if block.len() < HEADER_BYTES || block.get_u8() != VERSION {
        return Err(corrupt());
    }
    let encrypted = block.get_u8() & ENCRYPTED != 0;
    Ok(Header { at: Timestamp(block.get_u64_le()), records: block.get_u32_le(), encrypted })
}

/// The records of a block. Their data are parts of it, not copies.
pub fn decode(block: &Bytes) -> Result<Vec<Record>, kv::Error> {
    let header = header(block)?;
    let mut rest = block.slice(HEADER_BYTES..);
    let mut records = Vec::new();
    for _ in 0..header.records {
        let key = match rest.try_get_u16_le().map_err(|_| corrupt())? {
            NO_KEY => None,
            length => {
                let key = take(&mut rest, usize::from(length))?;
                Some(String::from_utf8(key.to_vec()).map_err(|_| corrupt())?)
            }
        };
        let length = rest.try_get_u32_le().map_err(|_| corrupt())?;
        records.push(Record { key, data: take(&mut rest, length as usize)? });
    }
    if rest.is_empty() { Ok(records) } else { Err(corrupt()) }
}

fn take(rest: &mut Bytes, length: usize) -> Result<Bytes, kv::Error> {
    if length > rest.len() { Err(corrupt()) } else { Ok(rest.split_to(length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are in users' files: a change needs a new version and a way to read the old one.
    #[test]
    fn golden_bytes() {
        let records = [
            Record { key: Some("k".into()), data: Bytes::from_static(b"ab") },
            Record { key: None, data: Bytes::new() },
        ];
        let block = encode(Timestamp(258), true, records.iter()).unwrap();
        let golden = b"\x01\x01\x02\x01\0\0\0\0\0\0\x02\0\0\0\x01\0k\x02\0\0\0ab\xff\xff\0\0\0\0";
        assert_eq!(block, golden.as_slice());
        assert_eq!(header(&block).unwrap(), Header { at: Timestamp(258), records: 2, encrypted: true });
        assert_eq!(decode(&block).unwrap(), records);
        for length in 0..block.len() {
            assert!(decode(&block.slice(..length)).is_err(), "{length}");
        }
    }
}
