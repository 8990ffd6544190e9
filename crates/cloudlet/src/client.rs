//! A signed client of a running server: the way of every command that is not the server itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use auth::sigv4::{self, Credentials, Parts};
use base::Env;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Value, json};

use crate::cli::Connection;
use crate::control;
use crate::root;

/// Where a server writes its address, and the region in use, inside its data folder: a line each.
const ENDPOINT_FILE: &str = "endpoint";
const USUAL_REGION: &str = "us-east-1";
/// Where `cloudlet dev` keeps a project's cloud.
pub const PROJECT_DATA: &str = ".cloudlet";
const USUAL_ENDPOINT: &str = "http://127.0.0.1:4566";
/// A function may run for fifteen minutes, and whoever invokes it waits.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(16 * 60);

/// An answer that is an error, in AWS's terms.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub status: u16,
}

/// A server, and who talks to it. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    /// For endpoints of HTTPS.
    https: Outbound,
    pub endpoint: String,
    pub region: String,
    pub credentials: Credentials,
}

impl Client {
    pub fn new(endpoint: String, region: String, credentials: Credentials) -> Client {
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        let https = Outbound::trusting(Reach { loopback: Loopback::All }, trusted_authorities());
        Client { http, https, endpoint: endpoint.trim_end_matches('/').to_owned(), region, credentials }
    }

    /// The server that the options, the environment, or a project's folder name.
    ///
    /// # Errors
    /// When a named data folder holds no server's files, or the credentials in the environment are half there.
    pub fn connect(connection: &Connection) -> anyhow::Result<Client> {
        let data = connection.data.clone().or_else(|| running_here(connection));
        if let Some(data) = &connection.data
            && root::load(data)?.is_none()
        {
            bail!(
                "{} is not a server's data folder: it holds no root credentials. Start one there with: cloudlet serve --data {0}",
                data.display()
            );
        }
        let announced = data.as_deref().and_then(announced);
        let (endpoint, region) = announced.unwrap_or_else(|| (USUAL_ENDPOINT.to_owned(), USUAL_REGION.to_owned()));
        let endpoint = connection.endpoint.clone().unwrap_or(endpoint);
        let region = connection
            .region
            .clone()
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .unwrap_or(region);
        let kept = data.as_deref().map(root::load).transpose()?.flatten();
        let from_environment = credentials_from_environment()?;
        // A data folder named on the command line is a clearer wish than variables set for something else.
        let credentials = if connection.data.is_some() { kept.or(from_environment) } else { from_environment.or(kept) };
        Ok(Client::new(endpoint, region, credentials.unwrap_or_else(test_credentials)))
    }

    /// Calls an operation of any service by its members as JSON.
    pub async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, anyhow::Error> {
        if service == "cloudlet" {
            return self.send(operation, input).await;
        }
        self.send("Call", json!({"Service": service, "Operation": operation, "Input": input})).await
    }

    /// The same for operations that take a body.
    pub async fn call_with(&self, service: &str, operation: &str, input: Value, body: &[u8]) -> anyhow::Result<Value> {
        let body = STANDARD.encode(body);
        self.send("Call", json!({"Service": service, "Operation": operation, "Input": input, "Body": body})).await
    }

    async fn send(&self, operation: &str, input: Value) -> anyhow::Result<Value> {
        let body = Bytes::from(input.to_string());
        let request = self.sign(operation, body).context("the request cannot be signed")?;
        let unreachable = || {
            format!(
                "no server answers at {}. Start one with `cloudlet dev` or `cloudlet serve`, or name it with --endpoint",
                self.endpoint
            )
        };
        let (status, body) = tokio::time::timeout(ANSWER_WAIT_MAX, self.exchange(request))
            .await
            .context("the server did not answer")?
            .with_context(unreachable)?;
        let document: Value = serde_json::from_slice(&body).with_context(|| {
            format!(
                "{} answered status {status} with something that is not JSON: is it a Cloudlet server?",
                self.endpoint
            )
        })?;
        if status.is_success() {
            return Ok(document);
        }
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        let code = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
        Err(Refusal { code, message: text("message"), status: status.as_u16() }.into())
    }

    /// Sends a request, and reads all of the answer.
    async fn exchange(&self, request: Request<Bytes>) -> anyhow::Result<(StatusCode, Bytes)> {
        if request.uri().scheme_str() == Some("https") {
            let (head, body) = request.into_parts();
            let url = head.uri.to_string();
            let (method, headers, timeout) = (head.method, head.headers, ANSWER_WAIT_MAX);
            let request = outbound::Request { method, url: &url, headers, body, timeout };
            let (answer, body) = self.https.fetch(request, usize::MAX).await?;
            return Ok((answer.status, body));
        }
        let response = self.http.request(request.map(Full::new)).await?;
        let status = response.status();
        let body = response.into_body().collect().await.context("the server's answer broke off")?.to_bytes();
        Ok((status, body))
    }

    fn sign(&self, operation: &str, body: Bytes) -> anyhow::Result<Request<Bytes>> {
        let uri: Uri =
            format!("{}/", self.endpoint).parse().with_context(|| format!("{} is not a URL", self.endpoint))?;
        let authority = uri.authority().with_context(|| format!("{} names no host", self.endpoint))?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, authority.as_str().parse()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", format!("{}.{operation}", control::TARGET).parse()?);
        let parts = Parts { method: "POST", path: "/", query: "", headers: &headers };
        for (name, value) in sigv4::sign(&parts, &body, &self.credentials, &self.region, "cloudlet", Env::real().now())?
        {
            headers.insert(name, value.parse()?);
        }
        let mut request = Request::post(uri).body(body)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// What `cloudlet dev` lets any caller on the machine use.
pub fn test_credentials() -> Credentials {
    Credentials { access_key_id: "test".into(), secret: "test".into(), session_token: None }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Those in the file that `AWS_CA_BUNDLE` names, as for other clients of AWS's. One that cannot be read vouches for nobody.
fn trusted_authorities() -> Vec<u8> {
    variable("AWS_CA_BUNDLE").and_then(|file| std::fs::read(file).ok()).unwrap_or_default()
}

fn credentials_from_environment() -> anyhow::Result<Option<Credentials>> {
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret)) => {
            Ok(Some(Credentials { access_key_id, secret, session_token: variable("AWS_SESSION_TOKEN") }))
        }
        (None, None) => Ok(None),
        _ => bail!("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither"),
    }
}

/// The data folder of a project's own server, in this folder or above it.
fn running_here(connection: &Connection) -> Option<PathBuf> {
    if connection.endpoint.is_some() {
        return None;
    }
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(PROJECT_DATA)).find(|data| data.join(ENDPOINT_FILE).is_file())
}

/// Leaves word in a data folder of how the server is reached. Readers see the old word or the new one, never half.
pub fn announce(data: &Path, endpoint: &str, region: &str) -> anyhow::Result<()> {
    let (path, fresh) = (data.join(ENDPOINT_FILE), data.join(format!("{ENDPOINT_FILE}.new")));
    std::fs::write(&fresh, format!("{endpoint}\n{region}\n"))
        .and_then(|()| std::fs::rename(&fresh, &path))
        .context("the server's address cannot be written to its data folder")
}

/// Takes the word back: the server has ended.
pub fn withdraw(data: &Path) {
    // A file that stays behind misleads only until the next start.
    let _ = std::fs::remove_file(data.join(ENDPOINT_FILE));
}

/// The address and region of the server that runs on a data folder.
fn announced(data: &Path) -> Option<(String, String)> {
    let text = std::fs::read_to_string(data.join(ENDPOINT_FILE)).ok()?;
    let mut lines = text.lines().map(str::to_owned);
    Some((lines.next()?, lines.next()?))
}
