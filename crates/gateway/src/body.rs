//! Reads a request's body into memory, within limits of size, time and total memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge {
        limit: usize,
    },
    Slow,
    Broken,
    NoMemory,
    /// It is not compressed as the request says.
    Undecodable,
}

/// What one body may take.
pub(crate) struct Allowance<'a> {
    /// Its size in bytes.
    pub(crate) limit: usize,
    /// For all of it, beyond what its size needs at [`BYTES_PER_SECOND_MIN`]; and for the next of it, however much has come.
    pub(crate) wait: Duration,
    pub(crate) memory: &'a Arc<Semaphore>,
    /// The client sends nothing before it is told to go on (`Expect: 100-continue`), so there is nothing to discard.
    pub(crate) asks_first: bool,
}

/// A whole body, and its share of the memory for bodies, which is given back when this is dropped.
pub(crate) struct Buffered {
    pub(crate) bytes: Bytes,
    /// Given back when the body is dropped.
    pub(crate) _share: Share,
}

impl From<Bytes> for Buffered {
    /// Bytes that somebody else holds, too.
    fn from(bytes: Bytes) -> Buffered {
        Buffered { bytes, _share: Share::default() }
    }
}

/// A share of the memory for bodies; a byte is a permit.
#[derive(Default)]
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

impl Share {
    /// # Errors
    /// [`BodyError::NoMemory`].
    pub(crate) fn grow(&mut self, memory: &Arc<Semaphore>, bytes: usize) -> Result<(), BodyError> {
        let bytes = u32::try_from(bytes).map_err(|_| BodyError::NoMemory)?;
        let more = memory.clone().try_acquire_many_owned(bytes).map_err(|_| BodyError::NoMemory)?;
        match &mut self.0 {
            Some(share) => share.merge(more),
            None => self.0 = Some(more),
        }
        Ok(())
    }
}

/// A client that is slower is let go: a body that trickles in holds its memory for as long as it lasts.
pub(crate) const BYTES_PER_SECOND_MIN: usize = 32 << 10;

/// How much of a body that is too large is read and forgotten, in bytes: many clients read an answer only after
/// they have sent everything, and would see a broken connection instead of the refusal.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// Reads the body, of which nothing is kept when it is too large.
pub(crate) async fn read<B: Body<Data = Bytes>>(body: B, allowance: &Allowance<'_>) -> Result<Buffered, BodyError> {
    let Allowance { limit, wait, memory, asks_first } = *allowance;
    let too_large = BodyError::TooLarge { limit };
    let mut body = std::pin::pin!(body);
    if body.size_hint().lower() > limit as u64 {
        if !asks_first {
            discard(body, wait).await;
        }
        return Err(too_large);
    }
    let mut buffer = Joined::default();
    let mut share = Share::default();
    let began = Instant::now();
    loop {
        let needed = Duration::from_secs((buffer.len() / BYTES_PER_SECOND_MIN) as u64);
        let until = (began + wait + needed).min(Instant::now() + wait);
        let frame = match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(None) => break,
            Err(_) => return Err(BodyError::Slow),
        };
        // Trailers carry nothing that a service reads.
        let Ok(data) = frame.into_data() else { continue };
        if buffer.len() + data.len() > limit {
            drop((buffer, share));
            discard(body, wait).await;
            return Err(too_large);
        }
        share.grow(memory, data.len())?;
        buffer.push(data);
    }
    Ok(Buffered { bytes: buffer.finish(), _share: share })
}

/// Reads what the client still sends, for a bounded time.
pub(crate) async fn discard<B: Body<Data = Bytes>>(mut body: Pin<&mut B>, wait: Duration) {
    let all = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > DISCARDED_BYTES_MAX {
                return;
            }
        }
    };
    // The refusal is sent either way.
    let _ = timeout(wait, all).await;
}

/// Pieces joined to one. A body that comes in one piece is not copied.
#[derive(Default)]
struct Joined {
    first: Bytes,
    rest: BytesMut,
}

impl Joined {
    fn len(&self) -> usize {
        if self.rest.is_empty() { self.first.len() } else { self.rest.len() }
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&self.first);
        }
        self.rest.extend_from_slice(&data);
    }

    fn finish(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    /// A body of `pieces`, of `size` bytes each, a second apart.
    fn body(pieces: usize, size: usize) -> impl Body<Data = Bytes> {
        StreamBody::new(stream::unfold(0, move |sent| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            (sent < pieces).then(|| (Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; size]))), sent + 1))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_trickle_in_are_given_up() {
        let memory = Arc::new(Semaphore::new(64 << 20));
        let wait = Duration::from_secs(10);
        let allowance = Allowance { limit: 32 << 20, wait, memory: &memory, asks_first: false };
        assert_eq!(read(body(100, 1), &allowance).await.err(), Some(BodyError::Slow));
        let whole = read(body(100, BYTES_PER_SECOND_MIN), &allowance).await;
        assert_eq!(whole.map(|body| body.bytes.len()).ok(), Some(100 * BYTES_PER_SECOND_MIN));
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; 16 << 20])))]);
        let (stalled, began) = (StreamBody::new(first.chain(stream::pending())), Instant::now());
        assert_eq!(read(stalled, &allowance).await.err(), Some(BodyError::Slow));
        assert_eq!(began.elapsed().as_secs(), wait.as_secs(), "what has come buys no time in which nothing does");
        assert_eq!(memory.available_permits(), 64 << 20, "memory is given back");
    }
}
