//! The protocol with our own bootstraps. A frame is the length of its body (four bytes, big-endian), its kind (one
//! byte) and the body. The server sends `I`: the length of a JSON object (four bytes), the object, the payload.
//! A process that was started ahead of need sends `W` first, and gets `L`: a JSON object with what it is to be. It says `T` when
//! it has that, and only then runs code of the function.
//! The function sends `R` when it is ready (with a text that tells why it is no zygote, when it was to be one), `Z` when it
//! is a zygote (see `zygote_wire`) or `F` when it failed to initialise, then for each `I` one of `S` (success), `E` (error)
//! and `X` (error, and the process ends). Before it is ready it may send any number of `K`: the parts of what its code was
//! compiled to, see `compiled`. A response that it streams precedes that: `B` with the content type, and any
//! number of `C` with bytes; `S` is empty then. A fork sends `W` when it is where it was sent, gets `E` when it has been
//! taken in, and becomes an instance upon `A` with a JSON object of environment variables, which it answers with `T`, too.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use bytes::Bytes;

use crate::channel::{Closed, Ready, Reply, Request};
use crate::limits::{COMPILED_BYTES_MAX, RESPONSE_BYTES_MAX};
use crate::sink::Sink;

pub(crate) struct Frames {
    stream: UnixStream,
    compiled: Vec<u8>,
    /// Whether the process has been told who it is, and has not said yet that it knows.
    is_unheard: bool,
}

/// A body over the limit is read and dropped: the function can go on.
enum Body {
    Whole(Vec<u8>),
    TooLarge,
}

impl Frames {
    pub fn new(stream: UnixStream) -> Frames {
        Frames { stream, compiled: Vec::new(), is_unheard: false }
    }

    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// Waits until a process that was started, or forked, ahead of need waits to be told who it is.
    pub async fn waits(&mut self) -> Result<(), Closed> {
        match self.receive().await? {
            (b'W', _) => Ok(()),
            _ => Err(Closed),
        }
    }

    /// Tells a process which function it is to load.
    pub async fn send_settings(&mut self, settings: &serde_json::Value) -> Result<(), Closed> {
        self.is_unheard = true;
        self.send_json(b'L', settings).await
    }

    /// Tells a fork that it is taken in.
    pub async fn admit(&mut self) -> Result<(), Closed> {
        self.send_frame(b'E', &[]).await
    }

    /// Tells a fork which instance it is.
    pub async fn adopt(&mut self, variables: &BTreeMap<String, String>) -> Result<(), Closed> {
        self.is_unheard = true;
        self.send_json(b'A', variables).await
    }

    /// Whether the process has been told who it is, and has not said yet that it knows.
    pub fn is_unheard(&self) -> bool {
        self.is_unheard
    }

    async fn send_json(&mut self, kind: u8, value: &impl Serialize) -> Result<(), Closed> {
        let body = serde_json::to_vec(value).map_err(|_| Closed)?;
        self.send_frame(kind, &body).await
    }

    async fn send_frame(&mut self, kind: u8, body: &[u8]) -> Result<(), Closed> {
        let mut frame = u32::try_from(body.len()).map_err(|_| Closed)?.to_be_bytes().to_vec();
        frame.push(kind);
        frame.extend_from_slice(body);
        self.stream.write_all(&frame).await.map_err(|_| Closed)
    }

    /// What the function's code was compiled to while it initialised; empty when that need not be kept.
    pub fn take_compiled(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.compiled)
    }

    pub async fn ready(&mut self) -> Result<Result<Ready, Bytes>, Closed> {
        let mut room = COMPILED_BYTES_MAX;
        let frame = loop {
            match self.receive().await? {
                (b'T', _) => self.is_unheard = false,
                (b'K', Body::Whole(part)) if part.len() <= room => {
                    room -= part.len();
                    self.compiled.extend(part);
                }
                // Too much to be kept, and the rest is of no use without it.
                (b'K', _) => (room, self.compiled) = (0, Vec::new()),
                frame => break frame,
            }
        };
        match frame {
            (b'R', Body::Whole(reason)) => {
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Ok(Ok(Ready::Invocations(Some(reason).filter(|reason| !reason.is_empty()))))
            }
            (b'Z', _) => Ok(Ok(Ready::Forks)),
            (b'F' | b'X', Body::Whole(error)) => Ok(Err(error.into())),
            _ => Err(Closed),
        }
    }

    pub async fn call(&mut self, request: Request<'_>, sink: &mut Sink) -> Result<Reply, Closed> {
        self.send(&request).await?;
        let mut streams = false;
        loop {
            return match self.receive().await? {
                (b'B', Body::Whole(content_type)) if !streams => {
                    streams = true;
                    let content_type = String::from_utf8_lossy(&content_type).into_owned();
                    sink.begin(Some(content_type).filter(|text| !text.is_empty())).await;
                    continue;
                }
                (b'C', Body::Whole(bytes)) if streams => {
                    sink.push(bytes.into()).await;
                    continue;
                }
                (b'S', Body::Whole(_)) if streams => Ok(Reply::Streamed),
                (_, Body::TooLarge) => Ok(Reply::TooLarge),
                (b'S', Body::Whole(payload)) => Ok(Reply::Success(payload.into())),
                (b'E', Body::Whole(error)) => Ok(Reply::Error(error.into())),
                (b'X', Body::Whole(error)) => Ok(Reply::Fatal(error.into())),
                _ => Err(Closed),
            };
        }
    }

    async fn send(&mut self, request: &Request<'_>) -> Result<(), Closed> {
        let invocation = request.invocation;
        let about = json!({
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.invoked_function_arn,
            "deadlineMs": request.deadline_ms,
            "traceId": invocation.trace_id,
            "clientContext": invocation.client_context,
            "identity": invocation.identity,
        });
        let (about, payload) = (about.to_string(), &invocation.payload);
        let about_length = u32::try_from(about.len()).map_err(|_| Closed)?;
        let length = u32::try_from(4 + about.len() + payload.len()).map_err(|_| Closed)?;
        let mut frame = Vec::with_capacity(9 + about.len() + payload.len());
        frame.extend_from_slice(&length.to_be_bytes());
        frame.push(b'I');
        frame.extend_from_slice(&about_length.to_be_bytes());
        frame.extend_from_slice(about.as_bytes());
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await.map_err(|_| Closed)
    }

    async fn receive(&mut self) -> Result<(u8, Body), Closed> {
        let length = self.stream.read_u32().await.map_err(|_| Closed)?;
        let kind = self.stream.read_u8().await.map_err(|_| Closed)?;
        let wanted = usize::try_from(length).map_err(|_| Closed)?;
        if wanted > RESPONSE_BYTES_MAX {
            let mut rest = (&mut self.stream).take(length.into());
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map_err(|_| Closed)?;
            return Ok((kind, Body::TooLarge));
        }
        let mut body = vec![0; wanted];
        self.stream.read_exact(&mut body).await.map_err(|_| Closed)?;
        Ok((kind, Body::Whole(body)))
    }
}
