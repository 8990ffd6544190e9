//! A user's request, and what events tell of it whatever their form.

use std::net::SocketAddr;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, HeaderMap, USER_AGENT};
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::percent_decode;
use serde_json::{Map, Value, json};
use service::{Cx, PeerAddr};

use crate::hops::HOP_BY_HOP;

/// Names and decoded values, in their order.
pub type Parameters = [(String, String)];

/// A request on its way to a function.
#[derive(Clone)]
pub struct Incoming {
    pub method: Method,
    pub version: Version,
    pub headers: HeaderMap,
    /// As it was sent.
    pub path: String,
    /// As it was sent, without the question mark.
    pub query: String,
    pub body: Bytes,
    pub source_ip: String,
    pub trace_id: String,
    pub request_id: String,
    /// API Gateway's second name for a request: `JKJaXmPLvHcESHA=`.
    pub extended_id: String,
    pub time: Timestamp,
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Incoming {
    pub fn new(cx: &Cx, head: Parts, body: Bytes) -> Incoming {
        let peer = head.extensions.get::<PeerAddr>().map(|peer| peer.0);
        Incoming {
            source_ip: source_ip(peer, &head.headers),
            trace_id: trace_id(cx, &head.headers),
            request_id: cx.request_id().to_owned(),
            extended_id: format!("{}=", cx.env().random_text(ALPHABET, 15)),
            time: cx.now(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            method: head.method,
            version: head.version,
            headers: head.headers,
            body,
        }
    }

    /// A header's first value.
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn user_agent(&self) -> &str {
        self.header(USER_AGENT).unwrap_or_default()
    }

    /// The host without its port.
    pub fn domain(&self) -> &str {
        let host = self.header(HOST).unwrap_or_default();
        host.rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(host, |(host, _)| host)
    }

    pub fn domain_prefix(&self) -> &str {
        self.domain().split('.').next().unwrap_or_default()
    }

    pub fn protocol(&self) -> &'static str {
        if self.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" }
    }

    /// `24/Nov/2026:18:30:00 +0000`.
    pub fn time_text(&self) -> String {
        self.time.utc().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    /// Headers as a function gets them: names in lower case, each with its values; what the gateway adds included.
    pub fn event_headers(&self) -> Vec<(String, Vec<String>)> {
        let mut all: Vec<(String, Vec<String>)> = Vec::new();
        for name in self.headers.keys().filter(|name| !HOP_BY_HOP.contains(&name.as_str())) {
            let values = self.headers.get_all(name).iter();
            let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
            all.push((name.as_str().to_owned(), values));
        }
        let forwarded_for = match self.header("x-forwarded-for") {
            Some(before) if !before.is_empty() => format!("{before}, {}", self.source_ip),
            _ => self.source_ip.clone(),
        };
        let proto = self.header("x-forwarded-proto").unwrap_or("http").to_owned();
        let default_port = if proto == "https" { "443" } else { "80" };
        let host = self.header(HOST).unwrap_or_default();
        let port = host.rsplit_once(':').map_or(default_port, |(_, port)| port).to_owned();
        let port = self.header("x-forwarded-port").map_or(port, str::to_owned);
        for (name, value) in [
            ("x-amzn-trace-id", self.trace_id.clone()),
            ("x-forwarded-for", forwarded_for),
            ("x-forwarded-port", port),
            ("x-forwarded-proto", proto),
        ] {
            all.retain(|(known, _)| known != name);
            all.push((name.to_owned(), vec![value]));
        }
        all.sort();
        all
    }

    /// The query's parameters, decoded, in their order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (form(name), form(value)))
            .collect()
    }

    /// The body as an event carries it, and whether that is base64. `None` without a body.
    pub fn event_body(&self, binary: bool) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        match std::str::from_utf8(&self.body) {
            Ok(text) if !binary => (Some(text.to_owned()), false),
            // What is not text can travel in no other way.
            _ => (Some(STANDARD.encode(&self.body)), true),
        }
    }
}

/// Who sent it. A proxy on the same machine is believed what it says.
fn source_ip(peer: Option<SocketAddr>, headers: &HeaderMap) -> String {
    let ip = peer.map(|peer| peer.ip().to_canonical());
    let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let last = forwarded.and_then(|all| all.rsplit(',').next()).map(str::trim).filter(|last| !last.is_empty());
    match (ip, last) {
        (Some(ip), Some(last)) if ip.is_loopback() && last.parse::<std::net::IpAddr>().is_ok() => last.to_owned(),
        (Some(ip), _) => ip.to_string(),
        (None, _) => "127.0.0.1".into(),
    }
}

/// The client's trace, or a new one: `Root=1-{time}-{random}`, both hexadecimal.
fn trace_id(cx: &Cx, headers: &HeaderMap) -> String {
    match headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok()) {
        Some(trace) if trace.contains("Root=") => trace.to_owned(),
        _ => format!("Root=1-{:08x}-{}", cx.now().as_secs(), cx.env().random_text(b"0123456789abcdef", 24)),
    }
}

fn form(text: &str) -> String {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

/// Pairs as an object, the last value of a name; `null` without any.
pub fn last_values(pairs: &Parameters) -> Value {
    let map: Map<String, Value> = pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// Pairs as an object of lists; `null` without any.
pub fn all_values(pairs: &Parameters) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        let list = map.entry(name.clone()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!(value));
        }
    }
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}
