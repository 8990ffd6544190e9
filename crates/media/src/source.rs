//! The bytes of an image as they come: no more of them are held than are allowed.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};

use crate::error::{Error, Result};
use crate::limits;

type Pieces = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, String>> + Send>>;

/// An image that is to be read.
pub struct Source {
    /// How many bytes it says that it has.
    length: Option<u64>,
    pieces: Pieces,
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Source {
        let length = Some(bytes.len() as u64);
        Source { length, pieces: Box::pin(futures_util::stream::iter([Ok(bytes)])) }
    }
}

impl Source {
    /// Bytes that come, `length` of them where that is known.
    pub fn stream<E: std::fmt::Display>(
        pieces: impl Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        length: Option<u64>,
    ) -> Source {
        Source { length, pieces: Box::pin(pieces.map(|piece| piece.map_err(|error| error.to_string()))) }
    }

    /// Bytes that it may have, at the most.
    ///
    /// # Errors
    /// When it says that it has too many.
    pub(crate) fn most(&self) -> Result<u64> {
        match self.length {
            Some(length) if length > limits::INPUT_BYTES_MAX => Err(too_long(&format!("has {length} bytes"))),
            Some(length) => Ok(length),
            None => Ok(limits::INPUT_BYTES_MAX),
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// When it does not come, or is longer than it may be.
    pub(crate) async fn collect(mut self) -> Result<Bytes> {
        let most = self.most()?;
        let mut all = BytesMut::new();
        while let Some(piece) = self.pieces.next().await.transpose().map_err(Error::Source)? {
            if all.len() as u64 + piece.len() as u64 > most {
                return Err(too_long("has more bytes than it may have"));
            }
            if all.is_empty() {
                // The only piece, mostly, which is not copied.
                all = piece.try_into_mut().unwrap_or_else(|piece| BytesMut::from(&*piece));
            } else {
                all.extend_from_slice(&piece);
            }
        }
        Ok(all.freeze())
    }
}

fn too_long(what: &str) -> Error {
    Error::TooLarge(format!("the image {what}; at most {} are read", limits::INPUT_BYTES_MAX))
}
