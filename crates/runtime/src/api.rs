//! The HTTP listener of one instance, on a loopback address: the Runtime API, and what extensions have.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::extensions::Extensions;
use crate::limits::{RUNTIME_API_CONNECTIONS_MAX, UNREAD_BYTES_MAX, UNREAD_WAIT};
use crate::peer;
use crate::runtime_api;
use crate::telemetry;

const RUNTIME: &str = "/2018-06-01/runtime/";
const EXTENSION: &str = "/2020-01-01/extension/";
const LOGS: &str = "/2020-08-15/logs";
const TELEMETRY: &str = "/2022-07-01/telemetry";

pub(crate) type Answer = Response<Full<Bytes>>;

/// Dropping it closes the listener and its connections.
pub(crate) struct Api {
    address: SocketAddr,
    /// Until it is known whom to serve. The kernel keeps connections waiting.
    listener: Option<TcpListener>,
    serving: JoinSet<()>,
}

/// What answers.
pub(crate) struct Routes {
    /// `None` for the runtimes that come with the server, which do not speak HTTP.
    pub runtime: Option<Arc<runtime_api::Shared>>,
    pub extensions: Arc<Extensions>,
}

impl Api {
    pub async fn listen() -> io::Result<Api> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Api { address: listener.local_addr()?, listener: Some(listener), serving: JoinSet::new() })
    }

    /// Begins to serve the instance of process `pid`, and nobody else.
    pub fn serve(&mut self, pid: u32, routes: Routes) {
        if let Some(listener) = self.listener.take() {
            self.serving.spawn(serve(listener, pid, Arc::new(routes)));
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

/// Slow requests need no limit of time: they take nothing but the instance's own few connections, some of which may well be
/// idle for as long as an invocation takes.
async fn serve(listener: TcpListener, pid: u32, routes: Arc<Routes>) {
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(RUNTIME_API_CONNECTIONS_MAX));
    while let Ok(place) = room.clone().acquire_owned().await {
        while connections.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection to the Runtime API was lost before it was accepted");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        let routes = routes.clone();
        connections.spawn(async move {
            if let Err(error) = connection(stream, pid, routes).await {
                tracing::debug!(%error, "a connection to the Runtime API ended");
            }
            drop(place);
        });
    }
}

async fn connection(
    stream: TcpStream,
    pid: u32,
    routes: Arc<Routes>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (theirs, ours) = (stream.peer_addr()?, stream.local_addr()?);
    match tokio::task::spawn_blocking(move || peer::is_held_beside(pid, theirs, ours)).await? {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(pid, "refused a connection to the Runtime API of another function");
            return Ok(());
        }
        Err(error) => {
            tracing::warn!(pid, %error, "refused a connection to the Runtime API: it cannot be seen whose it is");
            return Ok(());
        }
    }
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(routes.clone(), pid, request));
    Ok(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?)
}

async fn answer(routes: Arc<Routes>, pid: u32, request: http::Request<Incoming>) -> Result<Answer, Infallible> {
    let (parts, mut body) = request.into_parts();
    let mut answer = routes.answer(pid, &parts, &mut body).await;
    // Many clients read an answer only after they have sent everything, and send their next request over the same connection.
    if !drained(&mut body).await {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

impl Routes {
    async fn answer(&self, pid: u32, parts: &http::request::Parts, body: &mut Incoming) -> Answer {
        let path = parts.uri.path();
        if let (Some(path), Some(runtime)) = (path.strip_prefix(RUNTIME), &self.runtime) {
            return runtime.answer(parts, path, body).await;
        }
        if let Some(path) = path.strip_prefix(EXTENSION) {
            return self.extensions.answer(parts, path, body).await;
        }
        let api = match path.strip_suffix('/').unwrap_or(path) {
            LOGS => telemetry::Api::Logs,
            TELEMETRY => telemetry::Api::Telemetry,
            _ => return unknown(path),
        };
        self.extensions.answer_subscribe(api, parts, body, pid).await.unwrap_or_else(|refused| refused)
    }
}

/// Reads what is left of a request, and drops it. Returns whether it came to its end: more than [`UNREAD_BYTES_MAX`] is not read, and of
/// what does not say how much it is, no end is waited for that does not come in [`UNREAD_WAIT`].
async fn drained(body: &mut Incoming) -> bool {
    let announced = body.size_hint().upper();
    if announced.is_some_and(|left| left > UNREAD_BYTES_MAX) {
        return false;
    }
    let read = async {
        let mut room = UNREAD_BYTES_MAX;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(left) = room.checked_sub(bytes) else { return false };
            room = left;
        }
        true
    };
    match announced {
        Some(_) => read.await,
        None => tokio::time::timeout(UNREAD_WAIT, read).await.unwrap_or(false),
    }
}

pub(crate) fn accepted() -> Answer {
    json_answer(StatusCode::ACCEPTED, json!({"status": "OK"}))
}

pub(crate) fn unknown(path: &str) -> Answer {
    let message = format!("{path} is not part of the Runtime API that this server implements.");
    refuse(StatusCode::NOT_FOUND, "NotImplemented", &message)
}

pub(crate) fn refuse(status: StatusCode, error_type: &str, message: &str) -> Answer {
    json_answer(status, json!({"errorType": error_type, "errorMessage": message}))
}

pub(crate) fn json_answer(status: StatusCode, body: serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
