//! A stream whose first bytes of each request are kept until the request is read: hyper tells names of headers in lower case, and
//! events of REST APIs have them as clients write them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use service::WrittenNames;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As many bytes as are kept of a request. Names behind them are not known as they were written.
const HEAD_BYTES_MAX: usize = 16 << 10;

pub(crate) struct Overheard<S> {
    stream: S,
    ear: Ear,
}

/// What was heard of a request so far.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// Whether a request is under way: what comes then is its body.
    is_busy: bool,
    head: Vec<u8>,
}

impl Ear {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, bytes: &[u8]) {
        let mut heard = self.heard();
        let room = HEAD_BYTES_MAX.saturating_sub(heard.head.len()).min(bytes.len());
        if !heard.is_busy
            && let Some(bytes) = bytes.get(..room)
        {
            heard.head.extend_from_slice(bytes);
        }
    }

    /// What was heard of the request that begins now. Until the next may come, nothing else is.
    pub fn take(&self) -> WrittenNames {
        let mut heard = self.heard();
        heard.is_busy = true;
        WrittenNames::new(std::mem::take(&mut heard.head))
    }

    /// The request is answered: the next may come. One that was sent before this one was answered is not heard.
    pub fn listen(&self) {
        self.heard().is_busy = false;
    }
}

impl<S> Overheard<S> {
    pub fn new(stream: S) -> (Overheard<S>, Ear) {
        let ear = Ear::default();
        (Overheard { stream, ear: ear.clone() }, ear)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        self.ear.hear(into.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn heads_are_heard_and_bodies_are_not() {
        let head = "GET / HTTP/1.1\r\nX-tEnant: a\r\n\r\n";
        let sent = format!("{head}{head}{}{head}", "x".repeat(HEAD_BYTES_MAX));
        let (mut stream, ear) = Overheard::new(sent.as_bytes());
        let mut read = async |bytes: usize| stream.read_exact(&mut vec![0; bytes]).await.unwrap();
        read(10).await;
        read(head.len() - 10).await;
        assert_eq!(ear.take().of("x-tenant"), Some("X-tEnant"));
        read(head.len()).await;
        ear.listen();
        assert_eq!(ear.take().of("x-tenant"), None, "what comes before the answer is a body, whatever it looks like");
        ear.listen();
        read(HEAD_BYTES_MAX + head.len()).await;
        assert_eq!(ear.take().of("x-tenant"), None, "not more is kept than there is room for");
    }
}
