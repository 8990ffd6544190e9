//! The bytes of a batch: in a log, in an archive, in a backup.
//!
//! `ranges u32, writes u32`, then for each range `start, end`, then for each write `key, value`. A byte string is its length
//! (u32) and its bytes; the length [`NONE`] stands for an open end, or a deleted key. Numbers are little-endian.

use crate::{Batch, KeyRange};
use bytes::Bytes;

const NONE: u32 = u32::MAX;

impl Batch {
    /// Appends the batch's bytes to `out`.
    ///
    /// The store's limits keep every length far below [`NONE`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        number(out, self.deleted().count());
        number(out, self.writes().count());
        for range in self.deleted() {
            string(out, Some(range.start()));
            string(out, range.end());
        }
        for (key, value) in self.writes() {
            string(out, Some(key));
            string(out, value);
        }
    }

    /// The batch of which `bytes` are, which it keeps; `None` when they are of none.
    pub fn decode(bytes: Bytes) -> Option<Batch> {
        let mut reader = Reader(bytes);
        let (ranges, writes) = (reader.number()?, reader.number()?);
        let mut batch = Batch::new();
        for _ in 0..ranges {
            let start = reader.string()??;
            let end = reader.string()?;
            batch.delete_range(KeyRange::half_open(start, end));
        }
        for _ in 0..writes {
            let key = reader.string()??;
            match reader.string()? {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        reader.0.is_empty().then_some(batch)
    }
}

fn number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(NONE).to_le_bytes());
}

fn string(out: &mut Vec<u8>, bytes: Option<&Bytes>) {
    number(out, bytes.map_or(usize::MAX, Bytes::len));
    if let Some(bytes) = bytes {
        out.extend_from_slice(bytes);
    }
}

struct Reader(Bytes);

impl Reader {
    fn number(&mut self) -> Option<u32> {
        let number = self.0.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
        drop(self.0.split_to(size_of::<u32>()));
        Some(number)
    }

    /// `Some(None)`: it says that there is none.
    fn string(&mut self) -> Option<Option<Bytes>> {
        match self.number()? {
            NONE => Some(None),
            length => {
                let length = usize::try_from(length).ok().filter(|length| *length <= self.0.len())?;
                Some(Some(self.0.split_to(length)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written_and_not_if_cut() {
        let mut batch = Batch::new();
        batch.delete_range(KeyRange::half_open(&b"a"[..], Some(Bytes::from_static(b"c"))));
        batch.delete_range(KeyRange::half_open(&b"x"[..], None));
        batch.put(Bytes::from_static(b"b"), Bytes::new());
        batch.delete(Bytes::from_static(b"d"));
        let mut bytes = Vec::new();
        batch.encode(&mut bytes);
        let again = Batch::decode(bytes.clone().into()).unwrap();
        assert_eq!(again.deleted().collect::<Vec<_>>(), batch.deleted().collect::<Vec<_>>());
        assert_eq!(again.writes().collect::<Vec<_>>(), batch.writes().collect::<Vec<_>>());
        for length in 0..bytes.len() {
            assert!(Batch::decode(Bytes::copy_from_slice(&bytes[..length])).is_none(), "{length} bytes");
        }
        assert_eq!(
            bytes,
            b"\x02\0\0\0\x02\0\0\0\x01\0\0\0a\x01\0\0\0c\x01\0\0\0x\xff\xff\xff\xff\x01\0\0\0b\0\0\0\0\x01\0\0\0d\xff\xff\xff\xff",
            "golden bytes of format 2"
        );
    }
}
