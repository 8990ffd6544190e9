//! A file of cached bytes, sealed with a key that is in memory alone: what an end of the process leaves on the disk opens for nobody.
//!
//! Whole chunks are in the file, each sealed by itself; what has come of the next one is in memory, where readers find it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use vault::{BodyKey, CHUNK_OVERHEAD};

use crate::limits::PIECE_BYTES;

/// Bytes of a chunk before it is sealed.
const CHUNK: usize = PIECE_BYTES;
const CHUNK_BYTES: u64 = CHUNK as u64;

/// Where a file is to be, and what seals it: its own key, below that of the process.
pub struct Place {
    pub path: PathBuf,
    pub key: Arc<BodyKey>,
}

/// What is in a file, as far as it has come. Cheap to clone.
#[derive(Clone)]
pub struct Sealed {
    pub path: PathBuf,
    key: Arc<BodyKey>,
    file: Arc<File>,
    /// Bytes in the file, before they were sealed: whole chunks, and at the end a shorter one.
    length: u64,
    /// What follows them.
    tail: Bytes,
}

impl Sealed {
    /// # Errors
    /// When the file cannot be made.
    pub fn create(place: Place) -> io::Result<Sealed> {
        let Place { path, key } = place;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Sealed { path, key, file: Arc::new(file), length: 0, tail: Bytes::new() })
    }

    /// The same with more behind it. Waits for the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(mut self, bytes: &[u8]) -> io::Result<Sealed> {
        let mut rest = BytesMut::from(&*self.tail);
        rest.extend_from_slice(bytes);
        while rest.len() >= CHUNK {
            let chunk = rest.split_to(CHUNK);
            self.write(chunk.to_vec())?;
        }
        self.tail = rest.freeze();
        Ok(self)
    }

    /// The same, to which nothing more comes. Waits for the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<Sealed> {
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.write(tail.to_vec())?;
        }
        Ok(self)
    }

    fn write(&mut self, mut chunk: Vec<u8>) -> io::Result<()> {
        let (index, length) = (self.length / CHUNK_BYTES, chunk.len() as u64);
        self.key.seal_chunk(index, false, &mut chunk).map_err(io::Error::other)?;
        self.file.write_all_at(&chunk, index * (CHUNK + CHUNK_OVERHEAD) as u64)?;
        self.length += length;
        Ok(())
    }

    /// At most `most` bytes from `at`, if they are in memory.
    pub fn in_memory(&self, at: u64, most: usize) -> Option<Bytes> {
        let from = usize::try_from(at.checked_sub(self.length)?).ok()?;
        let to = self.tail.len().min(from.saturating_add(most));
        (from < to).then(|| self.tail.slice(from..to))
    }

    /// At most `most` bytes from `at`, out of the file. Waits for the disk.
    ///
    /// # Errors
    /// When they are not there, or are not what was written.
    pub fn read(&self, at: u64, most: usize) -> io::Result<Bytes> {
        let index = at / CHUNK_BYTES;
        let begin = index * CHUNK_BYTES;
        let length = self.length.saturating_sub(begin).min(CHUNK_BYTES);
        let from = usize::try_from(at - begin).map_err(io::Error::other)?;
        let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)? + CHUNK_OVERHEAD];
        self.file.read_exact_at(&mut chunk, index * (CHUNK + CHUNK_OVERHEAD) as u64)?;
        self.key.open_chunk(index, false, &mut chunk).map_err(io::Error::other)?;
        let to = chunk.len().min(from.saturating_add(most));
        if from >= to {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Bytes::from(chunk).slice(from..to))
    }
}

#[cfg(test)]
mod tests {
    use base::{Env, Timestamp};
    use vault::Key;

    use super::*;

    fn place(folder: &tempfile::TempDir) -> Place {
        let key = BodyKey::new(&Key::random(&Env::simulated(1, Timestamp(0))), b"1").unwrap();
        Place { path: folder.path().join("1"), key: Arc::new(key) }
    }

    #[test]
    fn any_bytes_come_back_and_none_stand_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let body: Vec<u8> = b"what nobody reads off the disk ".iter().copied().cycle().take(3 * CHUNK + 5).collect();
        let mut sealed = Sealed::create(place(&folder)).unwrap();
        for piece in body.chunks(100_000) {
            sealed = sealed.push(piece).unwrap();
        }
        let tail = 3 * CHUNK_BYTES;
        assert_eq!(
            (sealed.in_memory(tail + 1, 9).as_deref(), sealed.in_memory(1, 9)),
            (Some(&body[3 * CHUNK + 1..]), None)
        );
        sealed = sealed.finish().unwrap();
        assert_eq!(sealed.in_memory(tail, 9), None);
        let mut at = 0;
        while at < body.len() {
            let piece = sealed.read(at as u64, 70_000).unwrap();
            assert_eq!(piece, body[at..at + piece.len()]);
            at += piece.len();
        }
        assert!(sealed.read(body.len() as u64, 1).is_err());
        let mut kept = std::fs::read(folder.path().join("1")).unwrap();
        assert!(!kept.windows(12).any(|window| window == b"nobody reads"));
        kept[7] ^= 1;
        std::fs::write(folder.path().join("1"), &kept).unwrap();
        assert!(sealed.read(0, 1).is_err());
    }
}
