//! Bodies of any length, sealed in chunks, so that a part in the middle opens alone.

use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use crate::Error;
use crate::key::{BODY, Key, TAG_BYTES, cipher};

/// What sealing adds to each chunk, in bytes.
pub const CHUNK_OVERHEAD: usize = TAG_BYTES;

/// The key of one body. It is derived from the body's name, so that its chunks do not open as another's.
///
/// Chunks are numbered, and the last one is told apart: none can be left out, repeated, or cut off unseen. A chunk's number is
/// its nonce, so a body is sealed once: another body under the same name needs another [`Key`].
///
/// Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", STREAM.
pub struct BodyKey(LessSafeKey);

impl BodyKey {
    /// # Errors
    /// None that comes from outside.
    pub fn new(key: &Key, body: &[u8]) -> Result<BodyKey, Error> {
        Ok(BodyKey(cipher(&key.derive(BODY, body))?))
    }

    /// Seals a chunk where it is, and adds [`CHUNK_OVERHEAD`] bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] for many gigabytes.
    pub fn seal_chunk(&self, index: u64, last: bool, chunk: &mut Vec<u8>) -> Result<(), Error> {
        let sealed = self.0.seal_in_place_append_tag(nonce(index, last), Aad::empty(), chunk);
        sealed.map_err(|_| Error::TooLong)
    }

    /// Opens a chunk where it is, and takes off [`CHUNK_OVERHEAD`] bytes.
    ///
    /// # Errors
    /// [`Error::Unopened`], after which `chunk` has nothing of use.
    pub fn open_chunk(&self, index: u64, last: bool, chunk: &mut Vec<u8>) -> Result<(), Error> {
        let length = self.0.open_in_place(nonce(index, last), Aad::empty(), chunk).map_err(|_| Error::Unopened)?.len();
        chunk.truncate(length);
        Ok(())
    }
}

fn nonce(index: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    let parts = index.to_be_bytes().into_iter().chain([u8::from(last)]);
    nonce.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use base::{Env, Timestamp};

    use super::*;
    use crate::KEY_BYTES;

    #[test]
    fn chunks_open_in_their_place_alone() {
        let env = Env::simulated(1, Timestamp(0));
        let key = Key::random(&env);
        let (body, other) = (BodyKey::new(&key, b"a").unwrap(), BodyKey::new(&key, b"b").unwrap());
        let mut chunk = b"chunk".to_vec();
        body.seal_chunk(1, false, &mut chunk).unwrap();
        assert_eq!(chunk.len(), 5 + CHUNK_OVERHEAD);
        for (key, index, last) in [(&other, 1, false), (&body, 0, false), (&body, 1, true)] {
            assert!(key.open_chunk(index, last, &mut chunk.clone()).is_err());
        }
        body.open_chunk(1, false, &mut chunk).unwrap();
        assert_eq!(chunk, b"chunk");
        assert!(body.open_chunk(0, true, &mut b"short".to_vec()).is_err());
        // What is on disk opens for ever.
        let key = Key::from_bytes(&[7; KEY_BYTES]).unwrap();
        let mut golden = hex::decode("d484f2bc925b1a5bcba34d3f86c6295390db316247").unwrap();
        BodyKey::new(&key, b"a").unwrap().open_chunk(1, false, &mut golden).unwrap();
        assert_eq!(golden, b"chunk");
        let mut empty = Vec::new();
        body.seal_chunk(0, true, &mut empty).unwrap();
        body.open_chunk(0, true, &mut empty).unwrap();
        assert!(empty.is_empty());
    }
}
