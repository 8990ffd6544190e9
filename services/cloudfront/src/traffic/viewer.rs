//! A viewer's request, as far as it is looked at.

use std::net::SocketAddr;

use base::Timestamp;
use http::header::{HOST, HeaderMap, RANGE};
use http::request::Parts;
use http::{Method, Version};
use service::{Arrival, PeerAddr};

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
    /// Whether it came by HTTPS; what comes from this machine itself counts so, unless it says otherwise.
    pub is_secure: bool,
    pub version: Version,
    pub request_id: String,
    pub now: Timestamp,
}

fn is_secure(head: &Parts) -> bool {
    let is_here = head.extensions.get::<PeerAddr>().is_none_or(|peer| peer.0.ip().to_canonical().is_loopback());
    let scheme = text(&head.headers, "x-forwarded-proto");
    Arrival::of(head).tls || is_here && !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
}

impl Viewer {
    pub fn new(head: &Parts, path: String, request_id: &str, now: Timestamp) -> Viewer {
        let full_query = head.uri.query().unwrap_or_default().to_owned();
        Viewer {
            method: head.method.clone(),
            path,
            query: signed::unsigned_query(&full_query),
            full_query,
            address: head.extensions.get::<PeerAddr>().map(|peer| peer.0),
            is_secure: is_secure(head),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_over_tls_or_from_this_machine_is_secure() {
        let secure = |tls, peer: [u8; 4], scheme: &str| {
            let (mut head, ()) =
                http::Request::builder().header("x-forwarded-proto", scheme).body(()).unwrap().into_parts();
            head.extensions.insert(PeerAddr(SocketAddr::from((peer, 9))));
            head.extensions.insert(Arrival { tls, port: None });
            is_secure(&head)
        };
        // Of proxies that are believed, the gateway has noted what they say.
        for (tls, peer, scheme, expected) in [
            (true, [9, 9, 9, 9], "http", true),
            (false, [9, 9, 9, 9], "https", false),
            (false, [9, 9, 9, 9], "", false),
            (false, [127, 0, 0, 1], "", true),
            (false, [127, 0, 0, 1], "HTTP", false),
        ] {
            assert_eq!(secure(tls, peer, scheme), expected, "{tls} {peer:?} {scheme}");
        }
    }
}
