//! Bodies that an operation takes as they come: held to what was signed of them, without being held in memory.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use auth::sigv4::{self, Broken, Chunks, Family, Payload, check_payload};
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use hyper::body::Body;
use service::{Error, Trailers, Upload};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::admission::Proof;
use crate::body::{BYTES_PER_SECOND_MIN, discard};

/// What is left of a body that an operation did not take to its end.
pub(crate) struct Leftover<B> {
    body: oneshot::Receiver<Pin<Box<B>>>,
    asks_first: bool,
    wait: Duration,
}

impl<B: Body<Data = Bytes>> Leftover<B> {
    /// Reads what the client still sends, for a bounded time: many read an answer only after they have sent everything. Says
    /// whether something is left even so, with which the connection cannot go on.
    pub async fn discard(mut self) -> bool {
        let Ok(mut body) = self.body.try_recv() else { return false };
        if !self.asks_first {
            discard(body.as_mut(), self.wait).await;
        }
        !body.is_end_stream()
    }
}

/// A body, which comes back to whoever answers when its reader does not want the rest.
struct Source<B> {
    body: Option<Pin<Box<B>>>,
    give_back: Option<oneshot::Sender<Pin<Box<B>>>>,
}

impl<B> Drop for Source<B> {
    fn drop(&mut self) {
        if let (Some(body), Some(give_back)) = (self.body.take(), self.give_back.take()) {
            // Whoever answers may be gone, too.
            let _ = give_back.send(body);
        }
    }
}

/// What a body is held to.
enum Check {
    Nothing,
    Hash(Box<(Sha256, sigv4::Signature)>),
    Chunks(Box<Chunks>),
}

struct Reading<B> {
    source: Source<B>,
    check: Option<Check>,
    /// Of the content, in bytes: what the request says, and what came.
    stated: Option<u64>,
    came: u64,
    pending: VecDeque<Bytes>,
    trailers: Trailers,
    began: Instant,
    wait: Duration,
}

/// The body of a request that `proof` was found in. `wait` is as of [`crate::Limits::body_wait`].
///
/// # Errors
/// When the request does not say how long its content is, or says of it what is not known.
pub(crate) fn receive<B>(
    headers: &HeaderMap,
    body: B,
    proof: Option<Proof>,
    wait: Duration,
) -> Result<(Upload, Leftover<B>), Error>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let check = match proof {
        Some(Proof { signature, key }) => match &signature.payload {
            Payload::Streaming(kind) => {
                let chunks = Chunks::new(kind, &signature, &key);
                let unknown = || refused(&sigv4::Error::StreamingPayload(kind.clone()));
                Check::Chunks(Box::new(chunks.ok_or_else(unknown)?))
            }
            Payload::Hash(_) => Check::Hash(Box::new((Sha256::new(), signature))),
            Payload::Undeclared | Payload::Unsigned => Check::Nothing,
        },
        None => Check::Nothing,
    };
    let stated = match check {
        Check::Chunks(_) => number("x-amz-decoded-content-length"),
        _ => number(CONTENT_LENGTH.as_str()),
    };
    if stated.is_none() {
        return Err(Error::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header."));
    }
    Ok(reading(headers, body, check, stated, wait))
}

/// The body of a request that nobody signed: it may also end where it ends.
pub(crate) fn pass<B>(headers: &HeaderMap, body: B, wait: Duration) -> (Upload, Leftover<B>)
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let stated = body.size_hint().exact();
    reading(headers, body, Check::Nothing, stated, wait)
}

fn reading<B>(headers: &HeaderMap, body: B, check: Check, stated: Option<u64>, wait: Duration) -> (Upload, Leftover<B>)
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let (give_back, rest) = oneshot::channel();
    let trailers = Trailers::default();
    let reading = Reading {
        source: Source { body: Some(Box::pin(body)), give_back: Some(give_back) },
        check: Some(check),
        stated,
        came: 0,
        pending: VecDeque::new(),
        trailers: trailers.clone(),
        began: Instant::now(),
        wait,
    };
    let pieces =
        stream::try_unfold(
            reading,
            |mut reading| async move { Ok(reading.next().await?.map(|piece| (piece, reading))) },
        );
    let leftover = Leftover { body: rest, asks_first: headers.contains_key(EXPECT), wait };
    (Upload::new(pieces, stated, trailers), leftover)
}

impl<B: Body<Data = Bytes>> Reading<B> {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(piece) = self.pending.pop_front() {
                return Ok(Some(piece));
            }
            let Some(body) = &mut self.source.body else { return Ok(None) };
            let needed = Duration::from_secs(self.came / BYTES_PER_SECOND_MIN as u64);
            // What has come buys no time in which nothing does.
            let until = (self.began + self.wait + needed).min(Instant::now() + self.wait);
            match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    // Trailers of HTTP's own carry nothing that a service reads.
                    if let Ok(data) = frame.into_data() {
                        self.take(data)?;
                    }
                }
                Ok(Some(Err(_))) => return Err(incomplete()),
                Ok(None) => {
                    self.source.body = None;
                    self.end()?;
                }
                Err(_) => {
                    let reason = "Your socket connection to the server was not read from or written to within the timeout period.";
                    return Err(Error::new(400, "RequestTimeout", reason));
                }
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<(), Error> {
        match &mut self.check {
            Some(Check::Chunks(chunks)) => {
                let ranges = chunks.push(&data).map_err(|broken| of_chunks(&broken))?;
                self.came = chunks.content;
                self.pending.extend(ranges.into_iter().map(|range| data.slice(range)));
            }
            check => {
                if let Some(Check::Hash(hash)) = check {
                    hash.0.update(&data);
                }
                self.came += data.len() as u64;
                self.pending.push_back(data);
            }
        }
        self.pending.retain(|piece| !piece.is_empty());
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        match self.check.take() {
            Some(Check::Hash(hash)) => {
                let (sha256, signature) = *hash;
                let sha256 = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                check_payload(&signature, &sha256).map_err(|error| refused(&error))?;
            }
            Some(Check::Chunks(chunks)) => {
                let trailers = chunks.finish().map_err(|broken| of_chunks(&broken))?;
                // Nobody else sets them.
                let _ = self.trailers.set(trailers);
            }
            Some(Check::Nothing) | None => {}
        }
        if self.stated.is_none_or(|stated| stated == self.came) { Ok(()) } else { Err(incomplete()) }
    }
}

fn incomplete() -> Error {
    let reason = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Error::new(400, "IncompleteBody", reason)
}

fn of_chunks(broken: &Broken) -> Error {
    match broken {
        Broken::Signature(error) => refused(error),
        Broken::Form(reason) => {
            Error::new(400, "IncompleteBody", format!("The request body is not in chunks: {reason}."))
        }
    }
}

fn refused(error: &sigv4::Error) -> Error {
    let family = Family::RestXml;
    Error::new(error.status(family), error.code(family), error.message(family))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::StreamExt;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn headers(length: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_LENGTH, length.parse().unwrap())])
    }

    const WAIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn bodies_are_as_long_as_they_say() {
        let receive = |length: &str| {
            let body = Full::new(Bytes::from_static(b"abc"));
            receive(&headers(length), body, None, WAIT).map(|(upload, _)| upload)
        };
        assert_eq!(receive("3").unwrap().collect(9).await, Ok(Some("abc".into())));
        for wrong in ["2", "4"] {
            assert_eq!(receive(wrong).unwrap().collect(9).await.unwrap_err().code, "IncompleteBody");
        }
        assert_eq!(receive("many").unwrap_err().status, 411);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_trickle_in_are_given_up_and_what_is_left_comes_back() {
        let slow = StreamBody::new(stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), sent + 1))
        }));
        let (upload, mut leftover) = receive(&headers("1000"), slow, None, WAIT).unwrap();
        assert_eq!(upload.collect(5_000).await.unwrap_err().code, "RequestTimeout");
        assert!(leftover.body.try_recv().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_in_the_middle_is_not_waited_for() {
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; 16 << 20])))]);
        let stalled = StreamBody::new(first.chain(stream::pending()));
        let (mut upload, _leftover) = receive(&headers("20000000"), stalled, None, WAIT).unwrap();
        let began = Instant::now();
        assert_eq!(upload.next().await.unwrap().map(|piece| piece.len()), Some(16 << 20));
        let error = upload.next().await.unwrap_err();
        assert_eq!((error.status, &*error.code, began.elapsed()), (400, "RequestTimeout", WAIT));
    }
}
