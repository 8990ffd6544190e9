//! One client: a kept connection, and signed requests over it, one after the other.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as Task, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use auth::sigv4::{self, Credentials, Parts};
use base::{Env, Timestamp};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const REGION: &str = "us-east-1";
/// How long a request that is signed ahead may wait.
const PRESIGNED_LIFE: Duration = Duration::from_secs(3600);
/// The first call of a function may install what its runtime brings along.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(300);
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A server, and who talks to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub address: SocketAddr,
    pub credentials: Credentials,
}

/// A request, before it is signed.
pub struct Call<'a> {
    /// As in the credential scope: `sqs`.
    pub service: &'a str,
    pub method: Method,
    /// With its query, if it has one.
    pub path: &'a str,
    pub content_type: &'static str,
    /// The operation, for JSON protocols: `AmazonSQS.SendMessage`.
    pub target: Option<&'static str>,
    pub body: Bytes,
    /// How often the body is sent: one that comes more than once is not there as a whole, and its hash is not signed.
    pub times: usize,
}

/// A body that is the same bytes so many times.
pub struct Repeated {
    piece: Bytes,
    left: usize,
}

impl Body for Repeated {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 || self.piece.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.piece.len() * self.left) as u64)
    }
}

impl<'a> Call<'a> {
    /// A call in JSON 1.0, the protocol of SQS and DynamoDB.
    pub fn json(service: &'a str, target: &'static str, body: impl Into<Bytes>) -> Call<'a> {
        let content_type = "application/x-amz-json-1.0";
        Call {
            service,
            method: Method::POST,
            path: "/",
            content_type,
            target: Some(target),
            body: body.into(),
            times: 1,
        }
    }

    /// A call to a REST API.
    pub fn rest(service: &'a str, method: Method, path: &'a str, body: impl Into<Bytes>) -> Call<'a> {
        Call { service, method, path, content_type: "application/json", target: None, body: body.into(), times: 1 }
    }

    /// A call in the Query protocol: `form` is its body.
    pub fn query(service: &'a str, form: impl Into<Bytes>) -> Call<'a> {
        let content_type = "application/x-www-form-urlencoded";
        Call { service, method: Method::POST, path: "/", content_type, target: None, body: form.into(), times: 1 }
    }

    /// The same with its body sent so many times.
    pub fn repeated(self, times: usize) -> Call<'a> {
        Call { times, ..self }
    }

    fn sign(self, endpoint: &Endpoint, host: &HeaderValue, now: Timestamp) -> anyhow::Result<Request<Repeated>> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(HOST, host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(target) = self.target {
            headers.insert(TARGET, HeaderValue::from_static(target));
        }
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let parts = Parts { method: self.method.as_str(), path, query, headers: &headers };
        let (credentials, service) = (&endpoint.credentials, self.service);
        let uri = if self.times == 1 {
            for (name, value) in sigv4::sign(&parts, &self.body, credentials, REGION, service, now)? {
                headers.insert(name, value.parse()?);
            }
            self.path.to_owned()
        } else {
            let life = PRESIGNED_LIFE;
            format!("{path}?{}", sigv4::presign(&parts, &[], credentials, REGION, service, now, life)?)
        };
        let body = Repeated { piece: self.body, left: self.times };
        let mut request = Request::builder().method(self.method).uri(uri).body(body)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Connects when first used, and again when the server has closed the connection.
pub struct Client {
    endpoint: Endpoint,
    host: HeaderValue,
    env: Env,
    connection: Option<SendRequest<Repeated>>,
}

impl Client {
    pub fn new(endpoint: &Endpoint) -> anyhow::Result<Client> {
        let host = endpoint.address.to_string().parse()?;
        Ok(Client { endpoint: endpoint.clone(), host, env: Env::real(), connection: None })
    }

    /// The body of a successful answer.
    ///
    /// # Errors
    /// When there is no answer, or it is an error, also one of a function that was invoked.
    pub async fn call(&mut self, call: Call<'_>) -> anyhow::Result<Bytes> {
        let answer = async {
            let response = self.exchange(call).await?;
            anyhow::Ok(response.into_body().collect().await.context("the answer broke off")?.to_bytes())
        };
        timeout(ANSWER_WAIT_MAX, answer).await.context("no answer in time")?
    }

    /// The bytes of a successful answer, counted and not kept.
    ///
    /// # Errors
    /// As of [`Client::call`].
    pub async fn drain(&mut self, call: Call<'_>) -> anyhow::Result<usize> {
        let mut body = self.exchange(call).await?.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame.context("the answer broke off")?.data_ref().map_or(0, Bytes::len);
        }
        Ok(bytes)
    }

    async fn exchange(&mut self, call: Call<'_>) -> anyhow::Result<Response<Incoming>> {
        let request = call.sign(&self.endpoint, &self.host, self.env.now())?;
        let response = self.connection().await?.send_request(request).await.context("the connection broke")?;
        if response.status().is_success() && !response.headers().contains_key(FUNCTION_ERROR) {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        bail!("status {}: {:.500}", head.status, String::from_utf8_lossy(&body))
    }

    async fn connection(&mut self) -> anyhow::Result<&mut SendRequest<Repeated>> {
        let kept = match self.connection.take() {
            Some(mut kept) => kept.ready().await.is_ok().then_some(kept),
            None => None,
        };
        let connection = match kept {
            Some(kept) => kept,
            None => connect(self.endpoint.address).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Repeated>> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("nothing answers at {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its errors come out of the requests that meet them.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

/// How long it takes to make and sign a request of 1 KiB: the part of the load generator's work that is not HTTP.
pub fn signing_cost() -> anyhow::Result<Duration> {
    const TIMES: u32 = 5_000;
    let credentials = Credentials { access_key_id: "AKIAEXAMPLE".into(), secret: "secret".into(), session_token: None };
    let endpoint = Endpoint { address: SocketAddr::from(([127, 0, 0, 1], 4566)), credentials };
    let (host, now) = (HeaderValue::from_static("127.0.0.1:4566"), Env::real().now());
    let body = Bytes::from(vec![b'x'; 1024]);
    let began = Instant::now();
    for _ in 0..TIMES {
        let call = Call::json("dynamodb", "DynamoDB_20120810.PutItem", body.clone());
        std::hint::black_box(call.sign(&endpoint, &host, now)?);
    }
    Ok(began.elapsed() / TIMES)
}
