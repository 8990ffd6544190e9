//! The bytes of a copy: frames, each with a checksum that covers its place too, up to one that says it is the last.
//!
//! Frame: `kind u8, length u32, CRC-32 u32 of place (u64), kind and content, content`. Numbers are little-endian.

use std::io::{self, Read};

use base::Timestamp;
use bytes::Bytes;
use kv::Entry;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Raised when older releases could no longer read what this one writes.
pub const FORMAT_VERSION: u32 = 1;

const HEAD_BYTES: usize = 9;
/// Longer than any batch, and than any part of a blob.
const FRAME_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What comes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    /// Of the store that was copied, in hexadecimal.
    pub history: String,
    /// The last batch in it; of a part of the log, the last batch before it.
    pub sequence: u64,
    /// When it was made.
    pub time: Timestamp,
}

/// A part of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Header(Header),
    /// A small file of the data folder.
    File {
        name: String,
        content: Bytes,
    },
    /// A batch that puts rows.
    Rows(Bytes),
    Entry(Entry),
    /// A blob begins, whose content comes in the frames after.
    Blob {
        folder: String,
        id: String,
    },
    Part(Bytes),
    /// Instead of more parts: the blob is damaged where the copy was made, for this reason.
    Broken(String),
    End,
}

/// Makes frames.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    place: u64,
}

impl Writer {
    pub fn write(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let (kind, content) = encode(frame)?;
        let length = u32::try_from(content.len()).ok().filter(|length| *length <= FRAME_BYTES_MAX);
        let length = length.ok_or_else(|| Error::damaged("a copy", format!("a part has {} bytes", content.len())))?;
        out.push(kind);
        out.extend(length.to_le_bytes());
        out.extend(checksum(self.place, kind, &content).to_le_bytes());
        out.extend(content);
        self.place += 1;
        Ok(())
    }
}

fn encode(frame: &Frame) -> Result<(u8, Vec<u8>)> {
    Ok(match frame {
        Frame::Header(header) => {
            (b'H', serde_json::to_vec(header).map_err(|error| Error::io("encoding a header")(error.into()))?)
        }
        Frame::File { name, content } => (b'F', named(name, content)),
        Frame::Rows(batch) => (b'R', batch.to_vec()),
        Frame::Entry(Entry { sequence, time, batch }) => {
            (b'E', [&sequence.to_le_bytes()[..], &time.as_millis().to_le_bytes(), batch].concat())
        }
        Frame::Blob { folder, id } => (b'B', named(folder, id.as_bytes())),
        Frame::Part(content) => (b'P', content.to_vec()),
        Frame::Broken(reason) => (b'X', reason.clone().into_bytes()),
        Frame::End => (b'Z', Vec::new()),
    })
}

/// A name and a zero byte before the content.
fn named(name: &str, content: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"\0", content].concat()
}

fn decode(kind: u8, mut content: Bytes) -> Option<Frame> {
    let number = |content: &mut Bytes| {
        let number = content.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
        drop(content.split_to(size_of::<u64>()));
        Some(number)
    };
    let name = |content: &mut Bytes| {
        let end = content.iter().position(|byte| *byte == 0)?;
        let name = String::from_utf8(content.split_to(end).to_vec()).ok()?;
        drop(content.split_to(1));
        Some(name)
    };
    Some(match kind {
        b'H' => Frame::Header(serde_json::from_slice(&content).ok()?),
        b'F' => Frame::File { name: name(&mut content)?, content },
        b'R' => Frame::Rows(content),
        b'E' => {
            let (sequence, time) = (number(&mut content)?, Timestamp(number(&mut content)?));
            Frame::Entry(Entry { sequence, time, batch: content })
        }
        b'B' => Frame::Blob { folder: name(&mut content)?, id: String::from_utf8(content.to_vec()).ok()? },
        b'P' => Frame::Part(content),
        b'X' => Frame::Broken(String::from_utf8(content.to_vec()).ok()?),
        b'Z' => Frame::End,
        _ => return None,
    })
}

fn checksum(place: u64, kind: u8, content: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&place.to_le_bytes());
    checksum.update(&[kind]);
    checksum.update(content);
    checksum.finalize()
}

/// Reads frames.
pub struct Reader<R> {
    source: R,
    /// What is read, for errors.
    what: String,
    place: u64,
}

impl<R: Read> Reader<R> {
    pub fn new(source: R, what: impl Into<String>) -> Reader<R> {
        Reader { source, what: what.into(), place: 0 }
    }

    /// The next frame. What ends without saying so is damaged. After a frame whose content was, the next may be read: should
    /// the length have been wrong too, it is damaged as well.
    pub fn read(&mut self) -> Result<Frame> {
        let mut head = [0; HEAD_BYTES];
        self.source.read_exact(&mut head).map_err(|error| self.failed(error))?;
        let [kind, a, b, c, d, e, f, g, h] = head;
        let (length, expected) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if length > FRAME_BYTES_MAX {
            return Err(self.damaged("its length cannot be right"));
        }
        let mut content = Vec::new();
        // Grows with what is there, not with what the head says.
        let read = (&mut self.source).take(length.into()).read_to_end(&mut content);
        read.map_err(|error| self.failed(error))?;
        if content.len() != length as usize {
            return Err(self.failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let frame = match checksum(self.place, kind, &content) == expected {
            true => decode(kind, content.into()).ok_or_else(|| self.damaged("it is of an unknown kind")),
            false => Err(self.damaged("its checksum is wrong")),
        };
        self.place += 1;
        frame
    }

    /// The frame that must come first.
    pub fn header(&mut self) -> Result<Header> {
        match self.read()? {
            Frame::Header(header) if header.format > FORMAT_VERSION => {
                Err(Error::Newer { what: self.what.clone(), found: header.format })
            }
            Frame::Header(header) => Ok(header),
            _ => Err(self.damaged("it does not begin with a header")),
        }
    }

    pub fn damaged(&self, reason: &str) -> Error {
        Error::damaged(&self.what, format!("part {}: {reason}", self.place))
    }

    fn failed(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => Error::Io { what: format!("{} cannot be read", self.what), source: error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let header = Header { format: FORMAT_VERSION, history: "1f".into(), sequence: 7, time: Timestamp(5) };
        let entry = Entry { sequence: 8, time: Timestamp(6), batch: Bytes::from_static(b"batch") };
        vec![
            Frame::Header(header),
            Frame::File { name: "f".into(), content: Bytes::from_static(b"\0x") },
            Frame::Rows(Bytes::from_static(b"rows")),
            Frame::Entry(entry),
            Frame::Blob { folder: "code".into(), id: "id".into() },
            Frame::Part(Bytes::new()),
            Frame::Broken("why".into()),
            Frame::End,
        ]
    }

    fn bytes() -> Vec<u8> {
        let (mut writer, mut bytes) = (Writer::default(), Vec::new());
        frames().iter().for_each(|frame| writer.write(frame, &mut bytes).unwrap());
        bytes
    }

    /// Every frame up to the end.
    fn read(bytes: &[u8]) -> Result<Vec<Frame>> {
        let (mut reader, mut frames) = (Reader::new(bytes, "it"), Vec::new());
        while frames.last() != Some(&Frame::End) {
            frames.push(reader.read()?);
        }
        Ok(frames)
    }

    #[test]
    fn frames_are_read_as_they_were_written() {
        assert_eq!(read(&bytes()).unwrap(), frames());
    }

    #[test]
    fn what_is_cut_changed_or_swapped_is_refused() {
        let bytes = bytes();
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
        }
        let (mut one, mut writer) = (Vec::new(), Writer::default());
        writer.write(&Frame::Rows(Bytes::new()), &mut one).unwrap();
        assert!(read(&[one.clone(), one].concat()).is_err(), "the same part twice");
    }
}
