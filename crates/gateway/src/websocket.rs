//! WebSockets (RFC 6455), for clients that ask for one: an answer of events sent as messages, or a conversation.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use service::{Body, Conversation, Event, Events, Farewell, Gone, Heard, Socket, Told};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::shares::Share;

/// Clients that are told events have nothing to say but that they are still there.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// What may wait to be taken by the client, in bytes: it also bounds the answers to pings of a client that takes none.
/// More than the largest message, a result of 1 MB in which JSON writes each byte as six.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// What of a conversation is read at once, in bytes. Each WebSocket keeps as much, so it is small.
const READ_BYTES: usize = 4 << 10;
/// What may wait beside one message of a conversation to be taken by the client: answers to pings.
const SIGNS_BYTES_MAX: usize = 64 << 10;
/// What of a client that is not listened to any more is read at once, in bytes.
const DISCARDED_BYTES: usize = 2 << 10;
/// How long the other side may take for its part of the end.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// The WebSockets of a server, as the connections that they come from know them.
#[derive(Clone)]
pub(crate) struct Sockets {
    pub tasks: TaskTracker,
    /// Ends them all without a word.
    pub end: CancellationToken,
    /// The connection's, of which a WebSocket takes over its share.
    pub place: Option<Arc<OwnedSemaphorePermit>>,
    /// The connection's of its address's, where that is counted: a WebSocket goes on having it, whichever place it takes.
    pub share: Option<Arc<Share<IpAddr>>>,
    /// Of those that last, which are no connections any more to whoever waits for one.
    pub places: Arc<Semaphore>,
}

/// A client's wish for a WebSocket.
pub(crate) struct Handshake {
    sockets: Sockets,
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// The wish that a request's head expresses, if it does.
    pub(crate) fn take(head: &mut Parts) -> Option<Handshake> {
        let headers = &head.headers;
        let wished = head.method == Method::GET
            && names(headers, &CONNECTION, "upgrade")
            && names(headers, &UPGRADE, "websocket")
            && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| wished)?;
        let accept = derive_accept_key(key.as_bytes()).parse().ok()?;
        Some(Handshake { sockets: head.extensions.remove()?, accept, upgrade: head.extensions.remove()? })
    }

    /// Takes a place among the WebSockets that last, instead of the connection's: `false` where none is free.
    pub(crate) fn reserve(&mut self) -> bool {
        let place = self.sockets.places.clone().try_acquire_owned();
        place.map(|place| self.sockets.place = Some(Arc::new(place))).is_ok()
    }

    /// Agrees, when the answer is one of events or a conversation; what is neither is the client's answer as it stands.
    pub(crate) fn answer(self, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let talk = body.into_events().map(Talk::Events);
        let talk = talk.or_else(|body| body.into_conversation().map(Talk::Conversation));
        let talk = match talk {
            Ok(talk) => talk,
            Err(body) => return Response::from_parts(head, body),
        };
        let Handshake { sockets: Sockets { tasks, end, place, share, .. }, accept, upgrade } = self;
        tasks.spawn(async move {
            let talked = async {
                let stream = upgrade.await.map(TokioIo::new);
                let stream = stream.inspect_err(|error| tracing::debug!(%error, "a client left before its WebSocket"));
                talk.over(stream.ok()).await;
            };
            end.run_until_cancelled(talked).await;
            drop((place, share));
        });
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        let protocol = head.headers.remove(SEC_WEBSOCKET_PROTOCOL);
        head.headers.clear();
        protocol.into_iter().for_each(|protocol| drop(head.headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol)));
        head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        head.headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        Response::from_parts(head, Body::from(Bytes::new()))
    }
}

/// What a WebSocket is for.
enum Talk {
    Events(Events),
    Conversation(Conversation),
}

impl Talk {
    async fn over(self, stream: Option<impl AsyncRead + AsyncWrite + Send + Unpin + 'static>) {
        match (self, stream) {
            (Talk::Events(events), Some(stream)) => Box::pin(tell(stream, events)).await,
            (Talk::Events(_), None) => {}
            (Talk::Conversation(conversation), Some(stream)) => {
                let (message, frame) = (conversation.message_bytes_max, conversation.frame_bytes_max);
                let socket = talking(stream, message, frame).await;
                conversation.begin(Some(socket)).await;
            }
            (Talk::Conversation(conversation), None) => conversation.begin(None).await,
        }
    }
}

/// A conversation whose client says so much at once at most, in bytes, and so much in a frame.
async fn talking(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    message_bytes_max: usize,
    frame_bytes_max: usize,
) -> Socket {
    let config = WebSocketConfig::default()
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(frame_bytes_max))
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(message_bytes_max + SIGNS_BYTES_MAX);
    let stream = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    Socket::new(Talking { stream, is_deaf: false })
}

/// A conversation's WebSocket.
struct Talking<S> {
    stream: WebSocketStream<S>,
    /// Nothing that comes is understood any more. It is read all the same: a connection that is closed with something
    /// unread takes what its client was told last with it.
    is_deaf: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Talking<S> {
    type Item = Heard;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Heard>> {
        if self.is_deaf {
            let mut bytes = [0; DISCARDED_BYTES];
            loop {
                let mut bytes = ReadBuf::new(&mut bytes);
                let read = ready!(Pin::new(self.stream.get_mut()).poll_read(context, &mut bytes));
                if read.is_err() || bytes.filled().is_empty() {
                    return Poll::Ready(None);
                }
            }
        }
        Poll::Ready(match ready!(self.stream.poll_next_unpin(context)) {
            None => None,
            Some(Ok(message)) => Some(heard(message)),
            Some(Err(error)) => {
                let wrong = wrong(&error);
                self.is_deaf = wrong.is_some();
                wrong.map(Heard::Wrong)
            }
        })
    }
}

fn heard(message: Message) -> Heard {
    match message {
        Message::Text(text) => Heard::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Heard::Binary(bytes),
        Message::Close(frame) => {
            Heard::Farewell(frame.map(|frame| Farewell::new(frame.code.into(), frame.reason.as_str())))
        }
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Heard::Sign,
    }
}

/// What a client is to be let go with; `None` where it has left.
fn wrong(error: &Error) -> Option<Farewell> {
    let (code, reason) = match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return None,
        Error::Capacity(_) => (CloseCode::Size, "Message too long"),
        Error::Utf8(_) => (CloseCode::Invalid, "Invalid UTF-8"),
        Error::Protocol(_) | Error::AttackAttempt => (CloseCode::Protocol, "Protocol error"),
        _ => return None,
    };
    Some(Farewell::new(code.into(), reason))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Told> for Talking<S> {
    type Error = Gone;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.stream.poll_ready_unpin(context).map_err(|_| Gone)
    }

    fn start_send(mut self: Pin<&mut Self>, told: Told) -> Result<(), Gone> {
        let message = match told {
            Told::Text(text) => Message::text(text),
            Told::Binary(bytes) => Message::Binary(bytes),
            Told::Farewell(Farewell { code, reason }) => {
                Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
            }
        };
        self.stream.start_send_unpin(message).map_err(|_| Gone)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.stream.poll_flush_unpin(context).map_err(|_| Gone)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.stream.poll_close_unpin(context).map_err(|_| Gone)
    }
}

/// Whether a header is a list with this word in it.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
}

/// Sends events until there are no more, or until the client goes.
async fn tell(stream: impl AsyncRead + AsyncWrite + Unpin, mut events: Events) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .max_write_buffer_size(WAITING_BYTES_MAX);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    // A pulse that nobody has answered when the next one is due was for a client that is gone.
    let mut answered = true;
    loop {
        let message = tokio::select! {
            event = events.next() => match event {
                Some(Event::Message(message)) => Message::text(message),
                Some(Event::Pulse) if std::mem::take(&mut answered) => Message::Ping(Bytes::new()),
                Some(Event::Pulse) => return,
                None => break,
            },
            // Reading also answers the client's pings and its goodbye.
            heard = socket.next() => match heard {
                Some(Ok(_)) => {
                    answered = true;
                    continue;
                }
                Some(Err(_)) | None => return,
            },
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
    let away = CloseFrame { code: CloseCode::Away, reason: "".into() };
    let farewell = async {
        socket.close(Some(away)).await?;
        while socket.next().await.transpose()?.is_some() {}
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    };
    // A client that has gone without a word has nothing left to be told.
    let _ = timeout(CLOSE_WAIT, farewell).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::sync::oneshot;

    use super::*;
    use crate::shares::Shares;

    /// A client's frame, masked with zeros.
    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[0x80 | kind, 0x80 | 126, length[0], length[1], 0, 0, 0, 0][..], payload].concat()
    }

    /// A conversation that a client has with a service which takes a hundred bytes at once.
    async fn spoken(frames: Vec<u8>) -> (Vec<Heard>, Vec<u8>) {
        let (mut client, server) = duplex(64 << 10);
        let mut socket = talking(server, 100, 60).await;
        let service = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(heard) = socket.hear().await {
                all.push(heard.clone());
                match heard {
                    Heard::Text(text) => socket.tell(Told::Text(text)).await.unwrap(),
                    Heard::Wrong(farewell) => {
                        socket.end(farewell).await;
                        break;
                    }
                    Heard::Binary(_) | Heard::Sign | Heard::Farewell(_) => {}
                }
            }
            all
        });
        client.write_all(&frames).await.unwrap();
        client.shutdown().await.unwrap();
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        (service.await.unwrap(), told)
    }

    #[tokio::test]
    async fn a_conversation_has_both_directions_and_an_end() {
        let close = [&1000_u16.to_be_bytes()[..], b"bye"].concat();
        let (heard, told) =
            spoken([frame(1, b"hi"), frame(2, b"\xff"), frame(9, b""), frame(8, &close)].concat()).await;
        let farewell = Farewell::new(1000, "bye");
        let binary = Heard::Binary(Bytes::from_static(b"\xff"));
        assert_eq!(heard, [Heard::Text("hi".into()), binary, Heard::Sign, Heard::Farewell(Some(farewell))]);
        assert!(told.starts_with(b"\x81\x02hi"), "{told:?}");
        assert!(told.ends_with(&[&[0x88, 5][..], &close].concat()), "its farewell is returned: {told:?}");
    }

    #[tokio::test]
    async fn who_says_too_much_is_told_so_before_the_end() {
        for (said, code) in [
            (frame(1, &[b'x'; 61]), 1009_u16),
            (
                [frame(1, b"ok"), [&[0x01, 0x80 | 60, 0, 0, 0, 0][..], &[b'x'; 60]].concat(), frame(0, &[b'x'; 60])]
                    .concat(),
                1009,
            ),
            (frame(1, b"\xff\xfe"), 1007),
            (frame(3, b""), 1002),
            (vec![0x81, 1, b'x'], 1002),
        ] {
            let (heard, told) = spoken([said.clone(), vec![7; 30_000]].concat()).await;
            let Some(Heard::Wrong(farewell)) = heard.last() else { panic!("{heard:?}") };
            assert_eq!(farewell.code, code);
            let close = [&[0x88, 2 + farewell.reason.len() as u8][..], &code.to_be_bytes(), farewell.reason.as_bytes()];
            assert!(told.ends_with(&close.concat()), "{code}: {told:?}");
        }
    }

    #[tokio::test]
    async fn a_websocket_counts_for_its_address_until_it_ends() {
        let shares = Shares::default();
        let address = IpAddr::from([10, 0, 0, 1]);
        let share = shares.take(&address, 1).map(Arc::new);
        let sockets = Sockets {
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
            place: None,
            share: share.clone(),
            places: Arc::new(Semaphore::new(1)),
        };
        let (tasks, end) = (sockets.tasks.clone(), sockets.end.clone());
        let upgrade = hyper::upgrade::on(http::Request::new(()));
        let mut handshake = Handshake { sockets, accept: HeaderValue::from_static("x"), upgrade };
        assert!(handshake.reserve());
        let conversation = Conversation::new(1, 1, |_| Box::pin(std::future::pending()));
        handshake.answer(Response::new(Body::conversation(conversation)));
        // The connection that it came by ends.
        drop(share);
        tokio::task::yield_now().await;
        assert!(shares.take(&address, 1).is_none());
        end.cancel();
        tasks.close();
        tasks.wait().await;
        assert!(shares.take(&address, 1).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_pings_and_takes_nothing_fills_no_memory() {
        let (mut client, server) = duplex(64 << 10);
        let (finish, finished) = oneshot::channel::<()>();
        let told = tokio::spawn(tell(server, stream::once(finished).filter_map(async |_| None).boxed()));
        // Masked, as a client's frames are, with zeros.
        let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[7; 125]].concat();
        let pong_bytes = 2 + 125;
        let pings = WAITING_BYTES_MAX / pong_bytes + 20_000;
        for _ in 0..pings / 100 {
            client.write_all(&ping.repeat(100)).await.unwrap();
        }
        finish.send(()).unwrap();
        let mut taken = Vec::new();
        client.read_to_end(&mut taken).await.unwrap();
        told.await.unwrap();
        assert!(taken.len() >= 2 * pong_bytes && taken.len() < WAITING_BYTES_MAX + (1 << 20), "{}", taken.len());
    }
}
