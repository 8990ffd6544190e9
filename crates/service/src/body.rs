//! The body of an answer: there as a whole, made while it is sent, or the beginning of a conversation.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body::{Frame, SizeHint};

use crate::Conversation;

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;
/// See [`Body::events`].
pub type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// What is sent after an answer's head. Dropping it before its end tells whoever makes it that the client is gone.
pub struct Body(Form);

enum Form {
    Whole(Bytes),
    /// With its length in bytes, where that is known.
    Stream(Pieces, Option<usize>),
    Events(Events),
    Conversation(Conversation),
}

/// One piece of an answer that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is told: JSON, on one line.
    Message(String),
    /// Nothing, which shows whether the client is still there.
    Pulse,
}

impl Event {
    /// As a server-sent event.
    /// Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>
    fn text(&self) -> Bytes {
        match self {
            Event::Message(message) => format!("data: {message}\n\n").into(),
            Event::Pulse => Bytes::from_static(b":\n\n"),
        }
    }
}

/// Bytes that were taken, and who is told of them in the end.
struct Count {
    bytes: u64,
    told: Option<Box<dyn FnOnce(u64) + Send>>,
}

impl Count {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            told(self.bytes);
        }
    }
}

/// The rest of a body that was begun cannot be made. The connection ends, so that the client can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer that was begun could not be finished")]
pub struct Broken;

impl Body {
    pub fn stream(pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static) -> Body {
        Body(Form::Stream(Box::pin(pieces), None))
    }

    /// Pieces that have `size` bytes together.
    pub fn sized(pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static, size: usize) -> Body {
        Body(Form::Stream(Box::pin(pieces), Some(size)))
    }

    /// What is told as it happens: server-sent events, or messages where the client asked for a WebSocket.
    pub fn events(events: impl Stream<Item = Event> + Send + 'static) -> Body {
        Body(Form::Events(Box::pin(events)))
    }

    /// # Errors
    /// The body itself, when it is not one of events.
    pub fn into_events(self) -> Result<Events, Body> {
        match self.0 {
            Form::Events(events) => Ok(events),
            form => Err(Body(form)),
        }
    }

    /// A WebSocket, for a client that asked for one: see [`SocketWish`](crate::SocketWish). For others it is empty.
    pub fn conversation(conversation: Conversation) -> Body {
        Body(Form::Conversation(conversation))
    }

    /// # Errors
    /// The body itself, when it is none of a conversation.
    pub fn into_conversation(self) -> Result<Conversation, Body> {
        match self.0 {
            Form::Conversation(conversation) => Ok(conversation),
            form => Err(Body(form)),
        }
    }

    /// Keeps `what` for as long as the answer is being made: not for one that is there as a whole, or a conversation.
    #[must_use]
    pub fn keeping(self, what: impl Send + 'static) -> Body {
        match self.0 {
            whole @ (Form::Whole(_) | Form::Conversation(_)) => Body(whole),
            Form::Stream(pieces, size) => Body(Form::Stream(Box::pin(pieces.inspect(move |_| _ = &what)), size)),
            Form::Events(events) => Body::events(events.inspect(move |_| _ = &what)),
        }
    }

    /// Tells how many bytes of it were taken, once it has ended or nobody takes the rest.
    #[must_use]
    pub fn counted(self, told: impl FnOnce(u64) + Send + 'static) -> Body {
        let mut count = Count { bytes: 0, told: Some(Box::new(told)) };
        let size = self.size();
        let pieces: Pieces = match self.0 {
            // What is empty may never be asked for.
            Form::Whole(bytes) if bytes.is_empty() => return Body(Form::Whole(bytes)),
            Form::Whole(bytes) => Box::pin(futures_util::stream::iter([Ok(bytes)])),
            Form::Stream(pieces, _) => pieces,
            Form::Events(events) => {
                return Body::events(events.inspect(move |event| count.add(event.text().len())));
            }
            // What is said in a conversation is no body.
            conversation @ Form::Conversation(_) => return Body(conversation),
        };
        let pieces = pieces.inspect(move |piece| count.add(piece.as_ref().map_or(0, Bytes::len)));
        Body(Form::Stream(Box::pin(pieces), size))
    }

    /// All of it, where it is there as a whole.
    pub fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Form::Whole(bytes) => Some(bytes),
            Form::Stream(..) | Form::Events(_) | Form::Conversation(_) => None,
        }
    }

    /// Its length in bytes, where that is known before it is sent.
    pub fn size(&self) -> Option<usize> {
        match &self.0 {
            Form::Whole(bytes) => Some(bytes.len()),
            Form::Stream(_, size) => *size,
            Form::Events(_) => None,
            Form::Conversation(_) => Some(0),
        }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        match &mut self.0 {
            Form::Whole(bytes) if bytes.is_empty() => None,
            Form::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Form::Stream(pieces, _) => pieces.next().await,
            Form::Events(events) => events.next().await.map(|event| Ok(event.text())),
            Form::Conversation(_) => None,
        }
    }

    /// Waits for all of it, however much that is: for tests, and for bodies whose size is bounded elsewhere.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn collect(self) -> Result<Bytes, Broken> {
        let mut pieces = match self.0 {
            Form::Whole(bytes) => return Ok(bytes),
            Form::Stream(pieces, _) => pieces,
            Form::Events(events) => Box::pin(events.map(|event| Ok(event.text()))),
            Form::Conversation(_) => return Ok(Bytes::new()),
        };
        let mut all = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all.freeze())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body(Form::Whole(bytes))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Form::Whole(bytes) => bytes.fmt(f),
            Form::Stream(..) => f.write_str("Stream"),
            Form::Events(_) => f.write_str("Events"),
            Form::Conversation(_) => f.write_str("Conversation"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Form::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Form::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Form::Stream(pieces, size) => {
                let polled = pieces.as_mut().poll_next(context);
                if let (Poll::Ready(Some(Ok(piece))), Some(left)) = (&polled, size) {
                    *left = left.saturating_sub(piece.len());
                }
                polled.map_ok(Frame::data)
            }
            Form::Events(events) => {
                events.as_mut().poll_next(context).map(|event| Some(Ok(Frame::data(event?.text()))))
            }
            Form::Conversation(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.size().map_or_else(SizeHint::new, |size| SizeHint::with_exact(size as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn bodies_are_whole_or_come_in_pieces() {
        let pieces = |last| futures_util::stream::iter([Ok(Bytes::from_static(b"a")), last]);
        let whole = Body::from(Bytes::from_static(b"ab"));
        assert_eq!((whole.size(), whole.collect().await), (Some(2), Ok("ab".into())));
        let stream = Body::stream(pieces(Ok("b".into())));
        assert_eq!((stream.size(), stream.collect().await), (None, Ok("ab".into())));
        assert_eq!(Body::stream(pieces(Err(Broken))).collect().await, Err(Broken));
    }

    #[tokio::test]
    async fn what_an_answer_keeps_ends_with_its_making() {
        let nothing = || futures_util::stream::pending::<Result<Bytes, Broken>>();
        let kept = Arc::new(());
        let stream = Body::stream(nothing()).keeping(kept.clone());
        let events = Body::events(futures_util::stream::pending()).keeping(kept.clone()).into_events().unwrap();
        assert_eq!(Arc::strong_count(&kept), 3);
        drop((stream, events));
        let _whole = Body::from(Bytes::new()).keeping(kept.clone());
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[tokio::test]
    async fn what_was_taken_is_counted_to_the_end_or_until_nobody_takes_more() {
        let (send, told) = std::sync::mpsc::channel();
        let counted = |body: Body| {
            let send = send.clone();
            body.counted(move |bytes| send.send(bytes).unwrap())
        };
        let pieces = || futures_util::stream::iter([Ok(Bytes::from_static(b"ab")), Ok(Bytes::from_static(b"c"))]);
        let whole = counted(Body::from(Bytes::from_static(b"abc")));
        assert_eq!((whole.size(), whole.collect().await, told.try_recv()), (Some(3), Ok("abc".into()), Ok(3)));
        let sized = counted(Body::sized(pieces(), 3));
        assert_eq!((sized.size(), sized.collect().await, told.try_recv()), (Some(3), Ok("abc".into()), Ok(3)));
        let mut left = counted(Body::stream(pieces()));
        assert_eq!((left.next().await, told.try_recv().is_err()), (Some(Ok("ab".into())), true));
        drop(left);
        assert_eq!(told.try_recv(), Ok(2));
        assert_eq!((counted(Body::from(Bytes::new())).size(), told.try_recv()), (Some(0), Ok(0)));
    }

    #[tokio::test]
    async fn events_are_told_one_by_one() {
        let told = || Body::events(futures_util::stream::iter([Event::Message("{}".into()), Event::Pulse]));
        assert_eq!(told().collect().await, Ok("data: {}\n\n:\n\n".into()));
        assert_eq!(told().into_events().unwrap().collect::<Vec<_>>().await.len(), 2);
        assert!(Body::from(Bytes::new()).into_events().is_err());
    }
}
