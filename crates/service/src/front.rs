//! A door for traffic that is not an AWS call: a service answers plain HTTP on hosts or paths of its own.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::{Body, BoxFuture, Cx};

/// Who sent a request: an extension of its head, where the gateway knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Requests of a service's users (an API's callers, a function URL's), which carry no AWS operation.
pub trait Front: Send + Sync {
    /// Whether a request with this head belongs here. Asked for each request: it must be cheap.
    fn matches(&self, head: &http::request::Parts) -> bool;

    /// Answers it. `cx`'s caller is the server itself: who the user is, is for the front to find out.
    fn handle(&self, cx: Cx, request: http::Request<Bytes>) -> BoxFuture<http::Response<Body>>;
}
