//! What operations answer with: a value that is written as a whole, a head that a stream of events follows, or news.

use futures_util::Stream;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use wire::Protocol;

use crate::codec::Codec;
use crate::{Body, Broken, Error, Event, WireRequest};

/// The outcome of an operation, on its way to the wire.
pub trait Output {
    /// The answer to a client.
    #[doc(hidden)]
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error>;

    /// The answer to a caller inside the server.
    #[doc(hidden)]
    fn into_json(self) -> Result<Value, Error>;
}

impl<O: Serialize> Output for O {
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error> {
        codec.encode(request, &self, request_id).map(|response| response.map(Body::from))
    }

    fn into_json(self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(Error::internal)
    }
}

/// Members that travel in headers, and events that follow while they come to be.
pub struct Streamed<H> {
    pub head: H,
    /// Each already encoded (`wire::event_stream`).
    pub events: Body,
}

impl<H: Serialize> Streamed<H> {
    pub fn new(head: H, events: impl Stream<Item = Result<bytes::Bytes, Broken>> + Send + 'static) -> Streamed<H> {
        Streamed { head, events: Body::stream(events) }
    }
}

impl<H: Serialize> Output for Streamed<H> {
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error> {
        if request.protocol != Protocol::RestJson {
            return Err(Error::not_implemented("an event stream in this protocol"));
        }
        let mut response = codec.encode(request, &self.head, request_id)?.map(|_| self.events);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(wire::event_stream::CONTENT_TYPE));
        Ok(response)
    }

    fn into_json(self) -> Result<Value, Error> {
        Err(Error::not_implemented("an event stream for a caller inside the server"))
    }
}

/// What is told for as long as the client listens: see [`Body::events`].
pub struct News(Body);

impl News {
    pub fn new(events: impl Stream<Item = Event> + Send + 'static) -> News {
        News(Body::events(events))
    }
}

impl Output for News {
    fn encode(self, _: &Codec, _: &WireRequest, _: &str) -> Result<Response<Body>, Error> {
        let mut response = Response::new(self.0);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    fn into_json(self) -> Result<Value, Error> {
        Err(Error::not_implemented("news for a caller inside the server"))
    }
}
