//! What operations answer with: a value that is written as a whole, a head that a stream of events follows, or news.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use wire::Protocol;

use crate::codec::Codec;
use crate::{Body, Broken, Error, Event, WireRequest};

/// The outcome of an operation, on its way to the wire.
pub trait Output {
    /// The answer to a client.
    #[doc(hidden)]
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error>;

    /// The answer to a caller inside the server: its members, and the body behind them, which is empty for most.
    #[doc(hidden)]
    fn into_parts(self) -> Result<(Value, Body), Error>;
}

impl<O: Serialize> Output for O {
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error> {
        codec.encode(request, &self, request_id).map(|response| response.map(Body::from))
    }

    fn into_parts(self) -> Result<(Value, Body), Error> {
        Ok((serde_json::to_value(self).map_err(Error::internal)?, Body::from(Bytes::new())))
    }
}

/// The answer of an operation that has no output in its model: in JSON not even an empty object, as DynamoDB answers it.
pub struct Nothing;

impl Output for Nothing {
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error> {
        let mut response = Map::new().encode(codec, request, request_id)?;
        if matches!(request.protocol, Protocol::Json10 | Protocol::Json11) {
            *response.body_mut() = Body::from(Bytes::new());
        }
        Ok(response)
    }

    fn into_parts(self) -> Result<(Value, Body), Error> {
        Map::new().into_parts()
    }
}

/// Members that come first, and events that follow while they come to be. In REST protocols the members travel in
/// headers, in others as the first event.
pub struct Streamed<H> {
    pub head: H,
    events: Box<Encoded>,
}

/// Events, each already encoded (`wire::event_stream`) for a protocol, after one that is there.
type Encoded = dyn FnOnce(Protocol, Option<Bytes>) -> Body + Send;

/// The event that has the members which come first.
/// Source: <https://smithy.io/2.0/spec/streaming.html#initial-response>
const INITIAL_RESPONSE: &str = "initial-response";

impl<H: Serialize> Streamed<H> {
    /// Events that are the same in every protocol.
    pub fn new(head: H, events: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static) -> Streamed<H> {
        Streamed::by_protocol(head, |_| events)
    }

    pub fn by_protocol<S>(head: H, events: impl FnOnce(Protocol) -> S + Send + 'static) -> Streamed<H>
    where
        S: Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    {
        let all = |protocol, first: Option<Bytes>| {
            Body::stream(futures_util::stream::iter(first.map(Ok)).chain(events(protocol)))
        };
        Streamed { head, events: Box::new(all) }
    }
}

impl<H: Serialize> Output for Streamed<H> {
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error> {
        let protocol = request.protocol;
        let mut response = match protocol {
            Protocol::RestJson => codec.encode(request, &self.head, request_id)?.map(|_| (self.events)(protocol, None)),
            Protocol::Query | Protocol::RestXml | Protocol::S3 => {
                return Err(Error::not_implemented("an event stream in this protocol"));
            }
            _ => {
                let first = wire::event_stream::document(protocol, INITIAL_RESPONSE, &self.head);
                let first = first.map_err(Error::internal)?;
                wire::respond(protocol, StatusCode::OK, Bytes::new(), request_id)
                    .map(|_| (self.events)(protocol, Some(first)))
            }
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(wire::event_stream::CONTENT_TYPE));
        Ok(response)
    }

    fn into_parts(self) -> Result<(Value, Body), Error> {
        Err(Error::not_implemented("an event stream for a caller inside the server"))
    }
}

/// Members that travel in headers, and a body of bytes that is sent as it is read.
pub struct Download<H> {
    pub head: H,
    pub body: Body,
}

impl<H: Serialize> Output for Download<H> {
    fn encode(self, codec: &Codec, request: &WireRequest, request_id: &str) -> Result<Response<Body>, Error> {
        Ok(codec.encode(request, &self.head, request_id)?.map(|_| self.body))
    }

    fn into_parts(self) -> Result<(Value, Body), Error> {
        Ok((serde_json::to_value(self.head).map_err(Error::internal)?, self.body))
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

    fn into_parts(self) -> Result<(Value, Body), Error> {
        Err(Error::not_implemented("news for a caller inside the server"))
    }
}
