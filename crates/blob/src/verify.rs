//! A blob's content, checked while it is read.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::BlobId;

/// Reads what `source` has, and ends with an error instead of the end when that is not the content of the blob.
pub struct Verified<R> {
    source: R,
    id: BlobId,
    sha256: Sha256,
    failure: Option<Failure>,
}

/// Why a blob's content could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// [`io::ErrorKind::InvalidData`]: it was read, and is not the blob's.
    pub kind: io::ErrorKind,
    pub reason: String,
}

impl<R> Verified<R> {
    pub fn new(source: R, id: BlobId) -> Verified<R> {
        Verified { source, id, sha256: Sha256::new(), failure: None }
    }

    /// Why the content could not be read, or what is wrong with it: whoever passes the reader on tells the reader's failures
    /// from others by it.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let mut read = self.source.read(out);
        match &read {
            Ok(0) if BlobId(self.sha256.clone().finalize().into()) != self.id => {
                read = Err(io::Error::new(io::ErrorKind::InvalidData, "its content is not what its name says"));
            }
            Ok(length) => self.sha256.update(out.get(..*length).unwrap_or_default()),
            Err(_) => {}
        }
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failure = Some(Failure { kind: error.kind(), reason: error.to_string() });
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_blob_does_not_end() {
        let id = BlobId::of(b"abc");
        let mut right = Verified::new(&b"abc"[..], id);
        assert_eq!(io::read_to_string(&mut right).unwrap(), "abc");
        assert_eq!(right.failure(), None);
        for wrong in [&b"abd"[..], b"ab", b""] {
            let mut wrong = Verified::new(wrong, id);
            assert!(io::read_to_string(&mut wrong).is_err());
            assert_eq!(wrong.failure().map(|failure| failure.kind), Some(io::ErrorKind::InvalidData));
        }
    }
}
