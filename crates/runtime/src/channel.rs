//! How an instance is spoken to: frames over a socket pair for our own bootstraps, the Runtime API for `provided`.

use crate::frames::Frames;
use crate::function::Invocation;
use crate::report::Failure;
use crate::runtime_api::RuntimeApi;
use crate::sink::Sink;
use bytes::Bytes;

pub(crate) enum Channel {
    Frames(Frames),
    RuntimeApi(RuntimeApi),
}

/// What a function answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Success(Bytes),
    /// The end of a response whose parts the sink has.
    Streamed,
    /// The JSON of an error; the instance can go on.
    Error(Bytes),
    /// The JSON of an error after which the process ends.
    Fatal(Bytes),
    /// A response over the limit; it was read and dropped.
    TooLarge,
    /// An extension could not go on.
    Extension(Failure),
}

/// What a process can be used for once it has initialised itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Invocations; and why it is not a zygote, when it was to be one.
    Invocations(Option<String>),
    /// Requests to fork: it is a zygote.
    Forks,
}

/// The process at the other end is gone, or does not keep to the protocol.
#[derive(Debug)]
pub(crate) struct Closed;

/// What an instance is told about a request besides the payload.
pub(crate) struct Request<'a> {
    pub invocation: &'a Invocation,
    /// Milliseconds since the Unix epoch.
    pub deadline_ms: u64,
}

impl Channel {
    /// Waits until the function has initialised itself; the error is the JSON that tells why it could not.
    pub async fn ready(&mut self) -> Result<Result<Ready, Bytes>, Closed> {
        match self {
            Channel::Frames(frames) => frames.ready().await,
            Channel::RuntimeApi(api) => Ok(api.ready().await?.map(|()| Ready::Invocations(None))),
        }
    }

    /// Whether it is a process that has been told who it is, and has not said yet that it knows.
    pub fn is_unheard(&self) -> bool {
        matches!(self, Channel::Frames(frames) if frames.is_unheard())
    }

    /// What the function's code was compiled to while it initialised; empty when that need not be kept.
    pub fn take_compiled(&mut self) -> Vec<u8> {
        match self {
            Channel::Frames(frames) => frames.take_compiled(),
            Channel::RuntimeApi(_) => Vec::new(),
        }
    }

    /// Sends a request. The parts of a response that is streamed go to `sink` as they come.
    pub async fn call(&mut self, request: Request<'_>, sink: &mut Sink) -> Result<Reply, Closed> {
        match self {
            Channel::Frames(frames) => frames.call(request, sink).await,
            Channel::RuntimeApi(api) => api.call(request, sink).await,
        }
    }
}
