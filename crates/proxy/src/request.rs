//! A user's request, and what events tell of it whatever their form.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderMap, USER_AGENT};
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::percent_decode;
use serde_json::{Map, Value, json};
use service::{Arrival, Cx, PeerAddr, WrittenNames};

use crate::hops::HOP_BY_HOP;

/// Names and decoded values, in their order.
pub type Parameters = [(String, String)];

/// A request on its way to a function.
#[derive(Clone)]
pub struct Incoming {
    pub method: Method,
    pub version: Version,
    pub headers: HeaderMap,
    /// How the client has written the names of its headers.
    pub written: WrittenNames,
    /// As it was sent.
    pub path: String,
    /// As it was sent, without the question mark.
    pub query: String,
    pub body: Bytes,
    pub source_ip: String,
    pub arrival: Arrival,
    pub trace_id: String,
    pub request_id: String,
    /// API Gateway's second name for a request: `JKJaXmPLvHcESHA=`.
    pub extended_id: String,
    pub time: Timestamp,
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Incoming {
    pub fn new(cx: &Cx, head: Parts, body: Bytes) -> Incoming {
        let peer = head.extensions.get::<PeerAddr>().map(|peer| peer.0.ip().to_canonical());
        Incoming {
            source_ip: peer.map_or_else(|| "127.0.0.1".to_owned(), |peer| peer.to_string()),
            arrival: Arrival::of(&head),
            written: head.extensions.get().cloned().unwrap_or_default(),
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
        for (name, value) in self.forwarded().into_iter().chain([("x-amzn-trace-id", self.trace_id.clone())]) {
            all.retain(|(known, _)| known != name);
            all.push((name.to_owned(), vec![value]));
        }
        all.sort();
        all
    }

    /// What the gateway tells whoever is behind it of the way that the request came, in place of what the client said. Addresses
    /// are behind those that were told before.
    pub fn forwarded(&self) -> [(&'static str, String); 3] {
        let forwarded_for = match self.header("x-forwarded-for") {
            Some(before) if !before.is_empty() => format!("{before}, {}", self.source_ip),
            _ => self.source_ip.clone(),
        };
        let default_port = if self.arrival.tls { "443" } else { "80" };
        let host = self.header(HOST).unwrap_or_default();
        let of_host = host.rsplit_once(':').map_or(default_port, |(_, port)| port);
        let port = self.arrival.port.map_or_else(|| of_host.to_owned(), |port| port.to_string());
        [
            ("x-forwarded-for", forwarded_for),
            ("x-forwarded-port", port),
            ("x-forwarded-proto", self.arrival.scheme().to_owned()),
        ]
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

/// The client's trace, or a new one: `Root=1-{time}-{random}`, both hexadecimal.
fn trace_id(cx: &Cx, headers: &HeaderMap) -> String {
    match headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok()) {
        Some(trace) if trace.contains("Root=") => trace.to_owned(),
        _ => format!("Root=1-{:08x}-{}", cx.now().as_secs(), cx.env().random_text(b"0123456789abcdef", 24)),
    }
}

/// The headers that are not about one connection, nor named by it: what a proxy hands on (RFC 9110, 7.6.1).
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(&name.as_str()) && !named.iter().any(|other| other == name.as_str()) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

/// Part of a path, without its percent encoding.
pub fn decoded(text: &str) -> String {
    percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_about_a_connection_is_not_handed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Own"),
            ("x-own", "1"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "secret"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-other", "2"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let passed: Vec<(String, &[u8])> = end_to_end(&headers)
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec().leak() as &[u8]))
            .collect();
        let expected: [(String, &[u8]); 3] =
            [("cookie".into(), b"a=1"), ("cookie".into(), b"b=2"), ("x-other".into(), b"2")];
        assert_eq!(passed, expected);
        assert_eq!(decoded("a%2Fb+c"), "a/b+c");
    }
}
