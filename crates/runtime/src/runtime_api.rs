//! The Runtime API, for functions that bring their own runtime: requests, answers and errors.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;

use crate::api::{Answer, accepted, refuse, unknown};
use crate::channel::{Closed, Reply, Request};
use crate::limits::RESPONSE_BYTES_MAX;
use crate::sink::{Part, Sink};

/// The server's side.
pub(crate) struct RuntimeApi {
    shared: Arc<Shared>,
    invocations: mpsc::Sender<Answer>,
    init: mpsc::Receiver<Result<(), Bytes>>,
}

/// What the connections of one instance share.
pub(crate) struct Shared {
    /// The next invocation, ready to be sent. One `next` waits at a time, as on Lambda.
    invocations: tokio::sync::Mutex<mpsc::Receiver<Answer>>,
    current: Mutex<Option<Current>>,
    init: mpsc::Sender<Result<(), Bytes>>,
}

/// What a runtime sends of its answer to an invocation.
enum Message {
    Part(Part),
    End(Reply),
}

struct Current {
    request_id: String,
    answer: mpsc::Sender<Message>,
}

impl RuntimeApi {
    /// Both sides: the server's, and that of the runtime's connections.
    pub fn new() -> (RuntimeApi, Arc<Shared>) {
        let (invocations, next) = mpsc::channel(1);
        let (init_sender, init) = mpsc::channel(1);
        let invocations_receiver = tokio::sync::Mutex::new(next);
        let shared = Shared { invocations: invocations_receiver, current: Mutex::new(None), init: init_sender };
        let shared = Arc::new(shared);
        (RuntimeApi { shared: shared.clone(), invocations, init }, shared)
    }

    /// A runtime is ready when it asks for its first invocation.
    pub async fn ready(&mut self) -> Result<Result<(), Bytes>, Closed> {
        self.init.recv().await.ok_or(Closed)
    }

    pub async fn call(&mut self, request: Request<'_>, sink: &mut Sink) -> Result<Reply, Closed> {
        let invocation = match invocation(&request) {
            Ok(invocation) => invocation,
            Err(name) => return Ok(Reply::Error(unusable(name))),
        };
        let (answer, mut messages) = mpsc::channel(1);
        let current = Current { request_id: request.invocation.request_id.clone(), answer };
        *self.shared.current() = Some(current);
        self.invocations.send(invocation).await.map_err(|_| Closed)?;
        loop {
            match messages.recv().await.ok_or(Closed)? {
                Message::Part(Part::Begin(content_type)) => sink.begin(content_type).await,
                Message::Part(Part::Bytes(bytes)) => sink.push(bytes).await,
                Message::End(reply) => return Ok(reply),
            }
        }
    }
}

/// An invocation as a runtime gets it; or else the header that does not take what was sent along.
fn invocation(request: &Request<'_>) -> Result<Answer, &'static str> {
    let invocation = request.invocation;
    let deadline = request.deadline_ms.to_string();
    let headers = [
        ("content-type", Some("application/json")),
        ("lambda-runtime-aws-request-id", Some(invocation.request_id.as_str())),
        ("lambda-runtime-deadline-ms", Some(deadline.as_str())),
        ("lambda-runtime-invoked-function-arn", Some(invocation.invoked_function_arn.as_str())),
        ("lambda-runtime-trace-id", invocation.trace_id.as_deref()),
        ("lambda-runtime-client-context", invocation.client_context.as_deref()),
        ("lambda-runtime-cognito-identity", invocation.identity.as_deref()),
    ];
    let mut response = Response::new(Full::new(invocation.payload.clone()));
    for (name, value) in headers {
        if let Some(value) = value {
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| name)?;
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

fn unusable(header: &str) -> Bytes {
    let message = format!("The value of {header} has characters that a header cannot carry.");
    json!({"errorType": "Runtime.InvalidHeader", "errorMessage": message}).to_string().into()
}

impl Shared {
    /// `path` is what follows the version of the API.
    pub async fn answer(&self, parts: &http::request::Parts, path: &str, body: &mut Incoming) -> Answer {
        let steps: Vec<&str> = path.split('/').collect();
        match (&parts.method, steps.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", request_id, "response"]) => match is_streamed(&parts.headers) {
                true => self.stream(request_id, &parts.headers, body).await,
                false => self.response(request_id, body).await,
            },
            (&Method::POST, ["invocation", request_id, "error"]) => self.error(request_id, &parts.headers, body).await,
            (&Method::POST, ["init", "error"]) => self.init_error(&parts.headers, body).await,
            _ => unknown(parts.uri.path()),
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Answer {
        // Only the first one is waited for; later ones find the channel full and change nothing.
        let _ = self.init.try_send(Ok(()));
        match self.invocations.lock().await.recv().await {
            Some(invocation) => invocation,
            None => refuse(StatusCode::INTERNAL_SERVER_ERROR, "Container.Stopping", "The instance is ending."),
        }
    }

    async fn response(&self, request_id: &str, body: &mut Incoming) -> Answer {
        let Some(current) = self.take(request_id) else { return invalid_request_id() };
        match Limited::new(&mut *body, RESPONSE_BYTES_MAX).collect().await {
            Ok(body) => current.end(Reply::Success(body.to_bytes())).await,
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                // Many runtimes read an answer only after they have sent everything, and would see a broken connection.
                // The function's timeout bounds this.
                while let Some(Ok(_)) = body.frame().await {}
                current.end(Reply::TooLarge).await;
                let message = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
                refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
            }
            Err(error) => {
                self.give_back(current);
                refuse(StatusCode::BAD_REQUEST, "InvalidRequest", &error.to_string())
            }
        }
    }

    async fn error(&self, request_id: &str, headers: &HeaderMap, body: &mut Incoming) -> Answer {
        let Some(current) = self.take(request_id) else { return invalid_request_id() };
        match error(headers, body).await {
            Ok(error) => current.end(Reply::Error(error)).await,
            Err(refused) => {
                self.give_back(current);
                refused
            }
        }
    }

    async fn init_error(&self, headers: &HeaderMap, body: &mut Incoming) -> Answer {
        // When the function has already said that it is ready, or why it is not, nobody waits for this any more.
        let Ok(place) = self.init.try_reserve() else { return accepted() };
        match error(headers, body).await {
            Ok(error) => {
                place.send(Err(error));
                accepted()
            }
            Err(refused) => refused,
        }
    }

    /// Passes the parts of a response on as they come. What went wrong on the way is in its trailers.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>
    async fn stream(&self, request_id: &str, headers: &HeaderMap, body: &mut Incoming) -> Answer {
        let Some(current) = self.take(request_id) else { return invalid_request_id() };
        let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // That a part cannot be sent means that time was up: the process is ended then.
        let _ = current.answer.send(Message::Part(Part::Begin(content_type.map(str::to_owned)))).await;
        let reply = loop {
            match body.frame().await.map(|frame| frame.map(hyper::body::Frame::into_data)) {
                None => break Reply::Streamed,
                Some(Ok(Ok(bytes))) => drop(current.answer.send(Message::Part(Part::Bytes(bytes))).await),
                Some(Ok(Err(frame))) => match frame.into_trailers().ok().as_ref().and_then(error_in_trailers) {
                    Some(error) => break Reply::Error(error),
                    None => continue,
                },
                Some(Err(error)) => {
                    let message = format!("The response was not sent to its end: {error}");
                    let error = json!({"errorType": "Runtime.TruncatedResponse", "errorMessage": message});
                    break Reply::Error(error.to_string().into());
                }
            }
        };
        current.end(reply).await
    }

    /// The invocation under way, if it is that one: it is answered once, and no other body is read meanwhile.
    fn take(&self, request_id: &str) -> Option<Current> {
        self.current().take_if(|current| current.request_id == request_id)
    }

    /// Lets an invocation be answered after all, whose answer did not arrive.
    fn give_back(&self, current: Current) {
        self.current().get_or_insert(current);
    }
}

impl Current {
    async fn end(self, reply: Reply) -> Answer {
        // The caller is gone when time was up; the process is ended then.
        let _ = self.answer.send(Message::End(reply)).await;
        accepted()
    }
}

/// The JSON of an error: the body, or what the header says when there is none.
async fn error(headers: &HeaderMap, body: &mut Incoming) -> Result<Bytes, Answer> {
    let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
    let body = body.map_err(|error| refuse(StatusCode::BAD_REQUEST, "InvalidRequest", &error.to_string()))?.to_bytes();
    if !body.is_empty() {
        return Ok(body);
    }
    let kind = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    Ok(json!({"errorType": kind.unwrap_or("Runtime.Unknown"), "errorMessage": ""}).to_string().into())
}

fn is_streamed(headers: &HeaderMap) -> bool {
    headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming")
}

/// The JSON of an error that a response came to after it had begun.
fn error_in_trailers(trailers: &HeaderMap) -> Option<Bytes> {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    let kind = text("lambda-runtime-function-error-type")?;
    let body = text("lambda-runtime-function-error-body").and_then(|body| STANDARD.decode(body).ok());
    let unnamed = || json!({"errorType": kind, "errorMessage": ""}).to_string().into_bytes();
    Some(body.filter(|body| !body.is_empty()).unwrap_or_else(unnamed).into())
}

fn invalid_request_id() -> Answer {
    refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}
