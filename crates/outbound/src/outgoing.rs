//! Exchanges whose bodies are not held in memory: both go through as they come.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Error, Outbound, parse};

/// A request whose body is sent while it is made.
pub struct Outgoing<'a, B> {
    pub method: Method,
    pub url: &'a str,
    pub headers: HeaderMap,
    pub body: Option<B>,
    /// How long the head of the answer may take, once the request is sent or while nothing of it is taken.
    pub timeout: Duration,
}

/// An answer whose body is still on its way.
pub struct Incoming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    answer: reqwest::Response,
}

impl Incoming {
    /// The next piece of the body, which may take `wait`; `None` at the end.
    ///
    /// # Errors
    /// When it does not come, or breaks off.
    pub async fn next(&mut self, wait: Duration) -> Result<Option<Bytes>, Error> {
        match timeout(wait, self.answer.chunk()).await {
            Ok(chunk) => chunk.map_err(Error::of),
            Err(_) => Err(Error::TimedOut),
        }
    }
}

impl Outbound {
    /// Sends a request with a body of any length, and returns the head of the answer.
    ///
    /// # Errors
    /// As of [`Outbound::send`].
    pub async fn open<B>(&self, request: Outgoing<'_, B>) -> Result<Incoming, Error>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let url = parse(request.url)?;
        self.0.reach.check(&url)?;
        let mut sent = self.client()?.request(request.method, url).headers(request.headers);
        let taken = Taken::default();
        if let Some(body) = request.body {
            sent = sent.body(reqwest::Body::wrap(Alone { body: Mutex::new(body), taken: taken.clone() }));
        }
        let answer = taken.awaited(request.timeout, sent.send()).await?.map_err(Error::of)?;
        Ok(Incoming { status: answer.status(), headers: answer.headers().clone(), answer })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When something of a body was taken last, or else when the wait for that began.
#[derive(Clone)]
struct Taken(Arc<Mutex<Instant>>);

impl Default for Taken {
    fn default() -> Taken {
        Taken(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Taken {
    fn note(&self) {
        *locked(&self.0) = Instant::now();
    }

    /// Waits for what comes once a body is sent: for `wait`, which begins again with all that is taken of the body.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    async fn awaited<T>(&self, wait: Duration, what: impl Future<Output = T>) -> Result<T, Error> {
        let mut what = pin!(what);
        loop {
            let since = *locked(&self.0);
            match timeout_at(since + wait, &mut what).await {
                Ok(done) => return Ok(done),
                Err(_) if *locked(&self.0) == since => return Err(Error::TimedOut),
                Err(_) => {}
            }
        }
    }
}

/// What only one thread at a time looks at: the client wants bodies that several could.
struct Alone<B> {
    body: Mutex<B>,
    taken: Taken,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Alone<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(Pin::new(body).poll_frame(context));
        // Its end, too: the wait for the answer begins.
        self.taken.note();
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        locked(&self.body).size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_begins_again_with_all_that_is_taken() {
        let (taken, second) = (Taken::default(), Duration::from_secs(1));
        let sent = async {
            for _ in 0..100 {
                sleep(second).await;
                taken.note();
            }
            sleep(2 * second).await;
        };
        assert_eq!(taken.awaited(3 * second, sent).await, Ok(()));
        assert_eq!(taken.awaited(3 * second, std::future::pending::<()>()).await, Err(Error::TimedOut));
    }
}
