//! Bodies as they are kept: in chunks, each sealed, so that some bytes in the middle open alone.
//!
//! ```text
//! chunk 0                       chunk 1                       the last chunk
//! 64 KiB sealed, 16 bytes tag | 64 KiB sealed, 16 bytes tag | 0 to 64 KiB sealed, 16 bytes tag
//! ```
//!
//! A body without bytes is one empty chunk. What a chunk's number and its being the last do, [`vault::BodyKey`] tells.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use vault::{BodyKey, CHUNK_OVERHEAD, Error};

use crate::limits;
use crate::range::Span;

/// Bytes of a chunk before it is sealed, but for the last.
const CHUNK: usize = limits::SEALED_CHUNK_BYTES;

/// Seals a body while it passes by.
pub struct Sealer {
    key: BodyKey,
    index: u64,
    chunk: Vec<u8>,
}

impl Sealer {
    pub fn new(key: BodyKey) -> Sealer {
        Sealer { key, index: 0, chunk: Vec::new() }
    }

    /// Takes of `rest` what there is room for; gives a chunk that is full, once more than that has come.
    ///
    /// # Errors
    /// None that comes from outside.
    pub fn update(&mut self, rest: &mut &[u8]) -> Result<Option<Vec<u8>>, Error> {
        while !rest.is_empty() {
            if self.chunk.len() == CHUNK {
                return self.seal(false).map(Some);
            }
            let (now, later) = rest.split_at(rest.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            *rest = later;
        }
        Ok(None)
    }

    /// The last chunk.
    ///
    /// # Errors
    /// As above.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.seal(true)
    }

    fn seal(&mut self, last: bool) -> Result<Vec<u8>, Error> {
        let mut chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK + CHUNK_OVERHEAD));
        self.key.seal_chunk(self.index, last, &mut chunk)?;
        self.index += 1;
        Ok(chunk)
    }
}

/// Seals a body that is there as a whole, of at most one chunk.
///
/// # Errors
/// None that comes from outside.
pub fn seal(key: BodyKey, body: &[u8]) -> Result<Bytes, Error> {
    let mut sealer = Sealer::new(key);
    sealer.chunk = body.to_vec();
    sealer.finish().map(Bytes::from)
}

/// Opens a body of at most one chunk.
///
/// # Errors
/// [`Error::Unopened`].
pub fn open(key: &BodyKey, sealed: &[u8]) -> Result<Bytes, Error> {
    let mut chunk = sealed.to_vec();
    key.open_chunk(0, true, &mut chunk)?;
    Ok(chunk.into())
}

/// How many bytes a body of `size` bytes has when it is sealed.
pub fn sealed_size(size: u64) -> u64 {
    size + chunks(size) * CHUNK_OVERHEAD as u64
}

fn chunks(size: u64) -> u64 {
    size.div_ceil(CHUNK as u64).max(1)
}

/// Opens some bytes of a body in a file, chunk by chunk.
pub struct Opener {
    file: File,
    key: BodyKey,
    /// Of the whole body.
    size: u64,
    rest: Span,
}

impl Opener {
    /// # Errors
    /// When the file cannot be read.
    pub fn new(mut file: File, key: BodyKey, size: u64, span: Span) -> io::Result<Opener> {
        let first = span.from / CHUNK as u64;
        file.seek(SeekFrom::Start(first * (CHUNK + CHUNK_OVERHEAD) as u64))?;
        Ok(Opener { file, key, size, rest: span })
    }

    /// The next bytes, of one chunk; `None` once all have come. Waits for the disk.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] where what is there does not open: nothing of that is given.
    pub fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.rest.length == 0 {
            return Ok(None);
        }
        let index = self.rest.from / CHUNK as u64;
        let begin = index * CHUNK as u64;
        let (length, last) = ((self.size - begin).min(CHUNK as u64), index + 1 == chunks(self.size));
        let mut chunk = vec![0; length as usize + CHUNK_OVERHEAD];
        self.file.read_exact(&mut chunk)?;
        let opened = self.key.open_chunk(index, last, &mut chunk);
        opened.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let end = self.rest.end().min(begin + length);
        let bytes = Bytes::from(chunk).slice((self.rest.from - begin) as usize..(end - begin) as usize);
        self.rest = Span { from: end, length: self.rest.end() - end };
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base::{Env, Timestamp};
    use vault::Key;

    use super::*;

    fn key() -> BodyKey {
        BodyKey::new(&Key::random(&Env::simulated(1, Timestamp(0))), b"body").unwrap()
    }

    /// Sealed as it comes in pieces of `piece` bytes.
    fn sealed(body: &[u8], piece: usize) -> Vec<u8> {
        let (mut sealer, mut all) = (Sealer::new(key()), Vec::new());
        for mut rest in body.chunks(piece) {
            while let Some(chunk) = sealer.update(&mut rest).unwrap() {
                all.extend(chunk);
            }
        }
        all.extend(sealer.finish().unwrap());
        all
    }

    fn opened(sealed: &[u8], size: usize, span: Span) -> io::Result<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(sealed).unwrap();
        let (mut opener, mut all) = (Opener::new(file, key(), size as u64, span)?, Vec::new());
        while let Some(bytes) = opener.next()? {
            all.extend(bytes);
        }
        Ok(all)
    }

    #[test]
    fn any_bytes_of_any_size_come_back() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let body: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let kept = sealed(&body, 10_007);
            assert_eq!((kept.len() as u64, sealed(&body, CHUNK) == kept), (sealed_size(size as u64), true), "{size}");
            assert_eq!(opened(&kept, size, Span::whole(size as u64)).unwrap(), body, "{size}");
            for (from, end) in [(0, 1), (1, size), (CHUNK - 1, CHUNK + 1), (CHUNK, 2 * CHUNK), (size / 2, size)] {
                if from < end && end <= size {
                    let span = Span { from: from as u64, length: (end - from) as u64 };
                    assert_eq!(opened(&kept, size, span).unwrap(), body[from..end], "{size} {from} {end}");
                }
            }
        }
    }

    #[test]
    fn chunks_are_not_left_out_exchanged_repeated_or_cut_off() {
        let (chunk, size) = (CHUNK + CHUNK_OVERHEAD, 2 * CHUNK + 5);
        let kept = sealed(&vec![7; size], size);
        let (one, two, last) = (&kept[..chunk], &kept[chunk..2 * chunk], &kept[2 * chunk..]);
        let whole = |parts: &[&[u8]], size| opened(&parts.concat(), size, Span::whole(size as u64));
        assert!(whole(&[one, two, last], size).is_ok());
        for parts in [[two, one, last], [one, one, last], [one, last, two]] {
            assert!(whole(&parts, size).is_err());
        }
        // Even where the row says that it is as long as what is left.
        assert!(whole(&[one, two], 2 * CHUNK).is_err() && whole(&[one, last], CHUNK + 5).is_err());
        let mut changed = kept.clone();
        changed[CHUNK + 3] ^= 1;
        assert!(opened(&changed, size, Span::whole(size as u64)).is_err());
        // A range meets its own chunks alone.
        assert_eq!(opened(&changed, size, Span { from: CHUNK as u64, length: 3 }).unwrap(), [7; 3]);
    }

    #[test]
    fn small_bodies_are_one_chunk() {
        for body in [&b""[..], b"abc"] {
            let kept = seal(key(), body).unwrap();
            assert_eq!((kept.as_ref(), open(&key(), &kept).unwrap().as_ref()), (&sealed(body, 1)[..], body));
            assert!(open(&key(), &kept[1..]).is_err());
        }
    }
}
