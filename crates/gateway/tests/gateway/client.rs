//! A client that shows every byte: requests are text, and so are answers.

use std::net::SocketAddr;
use std::time::Duration;

use auth::sigv4::{Credentials, Parts, sign};
use base::Env;
use http::{HeaderMap, HeaderName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub struct Client {
    pub address: SocketAddr,
    pub env: Env,
}

/// A request to be signed, and sent on a connection of its own.
#[derive(Clone)]
pub struct Signed<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a str,
    pub service: &'a str,
    pub key: &'a str,
    pub secret: &'a str,
}

impl Default for Signed<'_> {
    fn default() -> Self {
        Signed {
            method: "POST",
            uri: "/",
            headers: Vec::new(),
            body: "",
            service: "echo",
            key: "ROOT",
            secret: "secret",
        }
    }
}

/// A JSON call to the echo service.
pub fn json<'a>(target: &'a str, body: &'a str) -> Signed<'a> {
    let headers = vec![("x-amz-target", target), ("content-type", "application/x-amz-json-1.0")];
    Signed { headers, body, ..Signed::default() }
}

/// A Query call to the echo service.
pub fn form(body: &str) -> Signed<'_> {
    Signed { headers: vec![("content-type", "application/x-www-form-urlencoded")], body, ..Signed::default() }
}

/// A REST call to the books service.
pub fn rest<'a>(method: &'a str, uri: &'a str, body: &'a str) -> Signed<'a> {
    Signed { method, uri, body, service: "books", ..Signed::default() }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    fn parse(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, head: head.to_ascii_lowercase(), body: body.into() }
    }

    pub fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header.to_ascii_lowercase())
    }
}

impl Client {
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the bytes and reads until the server closes.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await
    }

    pub async fn unsigned(&self, request: &str) -> Answer {
        Answer::parse(&self.raw(request).await)
    }

    pub async fn send(&self, request: Signed<'_>) -> Answer {
        Answer::parse(&self.raw(&self.text(&request, "connection: close\r\n")).await)
    }

    /// The request's bytes, signed.
    pub fn text(&self, request: &Signed<'_>, more: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        for (name, value) in &request.headers {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let path = request.uri.strip_prefix("http://localhost").unwrap_or(request.uri);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts = Parts { method: request.method, path, query, headers: &headers };
        let credentials =
            Credentials { access_key_id: request.key.into(), secret: request.secret.into(), session_token: None };
        let body = request.body.as_bytes();
        let added = sign(&parts, body, &credentials, "eu-west-1", request.service, self.env.now()).unwrap();
        let mut text = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n{more}", request.method, request.uri);
        for (name, value) in &request.headers {
            text += &format!("{name}: {value}\r\n");
        }
        for (name, value) in added {
            text += &format!("{name}: {value}\r\n");
        }
        text + &format!("content-length: {}\r\n\r\n{}", request.body.len(), request.body)
    }
}

pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A server that refuses a body unread may reset the connection after its answer.
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await.expect("the server never closed");
    String::from_utf8_lossy(&bytes).into_owned()
}
