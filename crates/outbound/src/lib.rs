//! Requests to addresses that users name (webhooks): never to what only the server itself may reach.
//!
//! Whoever can subscribe a URL makes the server send requests to it. Link-local addresses, where clouds keep the
//! credentials of their machines, are never sent to; this machine's loopback addresses only on ports that its owner gave
//! free. Addresses of a private network are reachable: that is where many endpoints are. Redirects are not followed.

mod outgoing;
mod pace;
mod reach;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;
use reqwest::redirect::Policy;

pub use outgoing::{Incoming, Outgoing};
pub use pace::Pace;
pub use reach::{Loopback, Reach};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections to one host that stay open for the next request.
const IDLE_PER_HOST: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0} is not an http or https URL")]
    Url(String),
    #[error("{0} is not reachable from here: {1}")]
    Forbidden(String, &'static str),
    #[error("the endpoint did not answer in time")]
    TimedOut,
    #[error("the endpoint could not be reached: {0}")]
    Unreachable(String),
}

impl Error {
    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Error::TimedOut | Error::Unreachable(_))
    }

    #[allow(clippy::needless_pass_by_value, reason = "for map_err")]
    fn of(error: reqwest::Error) -> Error {
        if error.is_timeout() { Error::TimedOut } else { Error::Unreachable(causes(&error)) }
    }
}

pub struct Request<'a> {
    pub method: Method,
    pub url: &'a str,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the first byte to the head of the answer.
    pub timeout: Duration,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

/// Sends requests. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    /// Made when the first request is sent: it reads the system's certificates, which takes a while.
    client: OnceLock<reqwest::Client>,
    reach: Reach,
    /// Authorities that are trusted besides the system's, in PEM.
    authorities: Vec<u8>,
}

impl Outbound {
    pub fn new(reach: Reach) -> Outbound {
        Outbound::trusting(reach, Vec::new())
    }

    /// One that also trusts these authorities, in PEM.
    pub fn trusting(reach: Reach, authorities: Vec<u8>) -> Outbound {
        Outbound(Arc::new(Inner { client: OnceLock::new(), reach, authorities }))
    }

    /// Checks that a text is a URL to send to from here, as far as it tells: its name may yet lead to where nothing is sent.
    ///
    /// # Errors
    /// Why not.
    pub fn admits(&self, url: &str) -> Result<(), Error> {
        self.0.reach.check(&parse(url)?)
    }

    fn client(&self) -> Result<&reqwest::Client, Error> {
        if let Some(client) = self.0.client.get() {
            return Ok(client);
        }
        // The process may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let unreachable = |error: reqwest::Error| Error::Unreachable(causes(&error));
        let authorities = reqwest::Certificate::from_pem_bundle(&self.0.authorities).map_err(unreachable)?;
        let client = reqwest::Client::builder()
            .tls_certs_merge(authorities)
            .redirect(Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .dns_resolver(Arc::new(self.0.reach.clone()))
            .build()
            .map_err(unreachable)?;
        Ok(self.0.client.get_or_init(|| client))
    }

    /// Sends a request, and returns the head of the answer; its body is of no interest.
    ///
    /// # Errors
    /// When the address is none to send to, or nobody answers there in time.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, Error> {
        let answer = self.exchange(request).await?;
        Ok(Answer { status: answer.status(), headers: answer.headers().clone() })
    }

    /// The same with the body, of which at most `bytes_max` are read; `timeout` is until its last byte.
    ///
    /// # Errors
    /// As of [`Outbound::send`].
    pub async fn fetch(&self, request: Request<'_>, bytes_max: usize) -> Result<(Answer, Bytes), Error> {
        let mut answer = self.exchange(request).await?;
        let mut body = Vec::new();
        while body.len() < bytes_max
            && let Some(chunk) = answer.chunk().await.map_err(Error::of)?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(bytes_max);
        Ok((Answer { status: answer.status(), headers: answer.headers().clone() }, body.into()))
    }

    async fn exchange(&self, request: Request<'_>) -> Result<reqwest::Response, Error> {
        let url = parse(request.url)?;
        self.0.reach.check(&url)?;
        let sent = self.client()?.request(request.method, url).headers(request.headers).body(request.body);
        sent.timeout(request.timeout).send().await.map_err(Error::of)
    }
}

/// Checks that a text is a URL to send to, as far as its form tells.
///
/// # Errors
/// When it is none.
pub fn check(url: &str) -> Result<(), Error> {
    parse(url).map(drop)
}

fn parse(url: &str) -> Result<Url, Error> {
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    parsed.ok_or_else(|| Error::Url(url.to_owned()))
}

/// What an error says, down to its cause, without the URL: it may hold a password.
fn causes(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
