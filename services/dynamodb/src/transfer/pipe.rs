//! Bytes on their way between threads that wait and those that do not.

use std::io;

use bytes::{Buf, Bytes};
use futures_util::stream;
use service::{Error, Trailers, Upload};
use tokio::sync::mpsc;

/// Pieces that are in between at once.
const PIECES_MAX: usize = 4;

pub type Sender = mpsc::Sender<Result<Bytes, Error>>;

/// The body of an object that is made meanwhile: it ends when the sender is dropped.
pub fn upload() -> (Sender, Upload) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let pieces = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    (sender, Upload::new(pieces, None, Trailers::default()))
}

/// Bytes for a thread that may wait.
pub struct Reader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

pub fn reader() -> (mpsc::Sender<io::Result<Bytes>>, Reader) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    (sender, Reader { receiver, piece: Bytes::new() })
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}
