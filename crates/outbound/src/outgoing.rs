//! Exchanges whose bodies are not held in memory: both go through as they come.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::time::timeout;

use crate::{Error, Outbound, parse};

/// A request whose body is sent while it is made.
pub struct Outgoing<'a, B> {
    pub method: Method,
    pub url: &'a str,
    pub headers: HeaderMap,
    pub body: Option<B>,
    /// How long the head of the answer may take, once the request is sent or while nothing of it is.
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
        if let Some(body) = request.body {
            sent = sent.body(reqwest::Body::wrap(Alone(Mutex::new(body))));
        }
        match timeout(request.timeout, sent.send()).await {
            Ok(answer) => {
                let answer = answer.map_err(Error::of)?;
                Ok(Incoming { status: answer.status(), headers: answer.headers().clone(), answer })
            }
            Err(_) => Err(Error::TimedOut),
        }
    }
}

/// What only one thread at a time looks at: the client wants bodies that several could.
struct Alone<B>(Mutex<B>);

impl<B: Body<Data = Bytes> + Unpin> Body for Alone<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let body = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        Pin::new(body).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).size_hint()
    }
}
