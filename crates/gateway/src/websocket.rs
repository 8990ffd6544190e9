//! WebSockets (RFC 6455): an answer of events, sent as messages to a client that asked for that.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use service::{Body, Event, Events};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Clients have nothing to say here but that they are still there.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// What may wait to be taken by the client, in bytes: it also bounds the answers to pings of a client that takes none.
/// More than the largest message, a result of 1 MB in which JSON writes each byte as six.
const WAITING_BYTES_MAX: usize = 16 << 20;
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

    /// Agrees, when the answer is one of events; what is not is the client's answer as it stands.
    pub(crate) fn answer(self, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let events = match body.into_events() {
            Ok(events) => events,
            Err(body) => return Response::from_parts(head, body),
        };
        let Handshake { sockets: Sockets { tasks, end, place }, accept, upgrade } = self;
        tasks.spawn(async move {
            let told = async {
                match upgrade.await {
                    Ok(stream) => tell(TokioIo::new(stream), events).await,
                    Err(error) => tracing::debug!(%error, "a client went away before its WebSocket began"),
                }
            };
            end.run_until_cancelled(told).await;
            drop(place);
        });
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        head.headers.clear();
        head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        head.headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        Response::from_parts(head, Body::from(Bytes::new()))
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
