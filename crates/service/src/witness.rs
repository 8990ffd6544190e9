//! What a service learns of a request to it once that is answered: what it needs to keep a log of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use wire::rest_xml::Target;

use crate::{Body, Caller, Cloud};

/// Called once, when the last byte of an answer has left, or when nobody takes the rest of it.
pub type Witness = Box<dyn FnOnce(Answered) + Send + Sync>;

/// Whether a service wants to know what becomes of a request to one of its buckets, or to what is in it.
pub(crate) type Watch = Arc<dyn Fn(&Cloud, &Parts, &Target<'_>) -> Option<Witness> + Send + Sync>;

/// The code of the error that a response is: an extension of its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCode(pub Cow<'static, str>);

/// A request that has been answered.
#[derive(Clone, Debug)]
pub struct Answered {
    pub request: Asked,
    pub status: StatusCode,
    /// Of the answer.
    pub headers: HeaderMap,
    pub error: Option<Cow<'static, str>>,
    /// Bytes of the answer's body that left.
    pub sent: u64,
    /// Until the answer began, and until it ended.
    pub begun: Duration,
    pub ended: Duration,
}

/// What is known of a request by the time that its answer begins.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: String,
    /// Where it named one that is here.
    pub operation: Option<&'static str>,
    /// Where it was found out who asked.
    pub caller: Option<Caller>,
    /// When it came.
    pub came: Instant,
}

/// The same response, of whose end the witness is told.
pub fn witnessed(witness: Witness, request: Asked, response: Response<Body>) -> Response<Body> {
    let begun = request.came.elapsed();
    let (status, headers) = (response.status(), response.headers().clone());
    let error = response.extensions().get::<ErrorCode>().map(|code| code.0.clone());
    response.map(|body| {
        body.counted(move |sent| {
            let ended = request.came.elapsed();
            witness(Answered { request, status, headers, error, sent, begun, ended });
        })
    })
}
