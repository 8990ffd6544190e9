//! A viewer's request, as far as it is looked at.

use std::net::SocketAddr;

use base::Timestamp;
use http::header::{HOST, HeaderMap, RANGE};
use http::request::Parts;
use http::{Method, Version};
use service::PeerAddr;

use super::address;
use super::headers::text;
use super::signed;

pub struct Viewer {
    pub method: Method,
    /// Still encoded; within the distribution.
    pub path: String,
    /// Without what signs the URL.
    pub query: String,
    /// With it.
    pub full_query: String,
    pub headers: HeaderMap,
    pub address: Option<SocketAddr>,
    /// Whether it came by HTTPS, as whoever ended that says; what came to this server itself counts so, too.
    pub is_secure: bool,
    pub version: Version,
    pub request_id: String,
    pub now: Timestamp,
}

impl Viewer {
    pub fn new(head: &Parts, path: String, request_id: &str, now: Timestamp) -> Viewer {
        let full_query = head.uri.query().unwrap_or_default().to_owned();
        let scheme = text(&head.headers, "x-forwarded-proto");
        Viewer {
            method: head.method.clone(),
            path,
            query: signed::unsigned_query(&full_query),
            full_query,
            address: head.extensions.get::<PeerAddr>().map(|peer| peer.0),
            is_secure: !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")),
            headers: head.headers.clone(),
            version: head.version,
            request_id: request_id.to_owned(),
            now,
        }
    }

    pub fn host(&self) -> &str {
        text(&self.headers, HOST).unwrap_or_default()
    }

    pub fn http_version(&self) -> &'static str {
        if self.version == Version::HTTP_2 { "2.0" } else { "1.1" }
    }

    /// Path and query.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The same viewer's request for another path of the distribution.
    pub fn elsewhere(&self, path: &str) -> Viewer {
        let mut headers = self.headers.clone();
        for name in ["range", "if-range", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since"] {
            headers.remove(name);
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Viewer {
            method: if self.method == Method::HEAD { Method::HEAD } else { Method::GET },
            path: path.to_owned(),
            query: query.to_owned(),
            full_query: query.to_owned(),
            headers,
            request_id: self.request_id.clone(),
            ..*self
        }
    }

    pub fn asks_for_range(&self) -> bool {
        self.method == Method::GET && self.headers.contains_key(RANGE)
    }

    /// The forms in which its URL may have been signed: a proxy before this server may have another scheme and port.
    pub fn urls(&self, distribution: &str, endpoint: &str, original_path: &str) -> Vec<String> {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        let host = self.host();
        let bare = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(host, |(name, _)| name);
        let own = address::domain(endpoint, distribution);
        let mut urls = Vec::new();
        for scheme in ["http", "https"] {
            for (host, path) in [(host, original_path), (bare, original_path), (&*own, &*self.path)] {
                urls.push(format!("{scheme}://{host}{path}{query}"));
            }
        }
        urls
    }
}
