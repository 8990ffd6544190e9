//! WebSockets as services have them: what a client says, what it is told, and how the two part.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::timeout;

use crate::BoxFuture;

/// How long the other side may take for its part of the end.
const PARTING_WAIT: Duration = Duration::from_secs(5);

/// The gateway's word, among a request's extensions, that its client asks for a WebSocket and may be given one.
#[derive(Clone, Copy, Debug)]
pub struct SocketWish;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Text(String),
    Binary(Bytes),
    /// A ping or a pong, which the gateway answers where an answer is due.
    Sign,
    /// It ends the conversation.
    Farewell(Option<Farewell>),
    /// Something that it may not say, and with what it is to be let go for that.
    Wrong(Farewell),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Text(String),
    Binary(Bytes),
    Farewell(Farewell),
}

/// Why a conversation ends, as RFC 6455 numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    pub code: u16,
    pub reason: String,
}

impl Farewell {
    pub fn new(code: u16, reason: &str) -> Farewell {
        Farewell { code, reason: reason.to_owned() }
    }
}

/// The client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client of a WebSocket is gone")]
pub struct Gone;

/// Both directions of a WebSocket.
pub trait Duplex: Stream<Item = Heard> + Sink<Told, Error = Gone> + Send + Unpin {}

impl<T: Stream<Item = Heard> + Sink<Told, Error = Gone> + Send + Unpin> Duplex for T {}

/// A WebSocket that a client and a service have agreed on.
pub struct Socket(Box<dyn Duplex>);

impl Socket {
    pub fn new(duplex: impl Duplex + 'static) -> Socket {
        Socket(Box::new(duplex))
    }

    /// What the client says next; `None` when it is gone. Nothing is lost when nobody waits for it any more.
    pub async fn hear(&mut self) -> Option<Heard> {
        self.0.next().await
    }

    /// Tells the client something, and waits until it is handed on.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn tell(&mut self, told: Told) -> Result<(), Gone> {
        self.0.send(told).await
    }

    /// Ends the conversation with these words.
    pub async fn end(mut self, farewell: Farewell) {
        let parting = async {
            if self.tell(Told::Farewell(farewell)).await.is_ok() {
                while self.hear().await.is_some() {}
            }
        };
        // A client that has gone without a word has nothing left to be told.
        let _ = timeout(PARTING_WAIT, parting).await;
    }

    /// Lets a client go that has ended the conversation: its words are returned meanwhile.
    pub async fn leave(mut self) {
        let _ = timeout(PARTING_WAIT, async { while self.hear().await.is_some() {} }).await;
    }
}

type Run = Box<dyn FnOnce(Option<Socket>) -> BoxFuture<()> + Send>;

/// What a service does with a WebSocket once there is one.
pub struct Conversation {
    /// The most that a client may say at once, in bytes, and how much of it in one frame.
    pub message_bytes_max: usize,
    pub frame_bytes_max: usize,
    run: Run,
}

impl Conversation {
    /// `run` gets `None` where the client went away before its WebSocket began.
    pub fn new(
        message_bytes_max: usize,
        frame_bytes_max: usize,
        run: impl FnOnce(Option<Socket>) -> BoxFuture<()> + Send + 'static,
    ) -> Conversation {
        Conversation { message_bytes_max, frame_bytes_max, run: Box::new(run) }
    }

    pub fn begin(self, socket: Option<Socket>) -> BoxFuture<()> {
        (self.run)(socket)
    }
}
