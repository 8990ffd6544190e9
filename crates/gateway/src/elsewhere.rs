//! The port of plain HTTP beside one of HTTPS: it sends everybody there, and answers whoever checks a name for a certificate.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Response, StatusCode};

use crate::listener::Elsewhere;

/// Where such a check asks (RFC 8555, 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";
const HTTPS_PORT: u16 = 443;

impl Elsewhere {
    pub fn answer(&self, head: &Parts) -> Response<Bytes> {
        if let Some(token) = head.uri.path().strip_prefix(CHALLENGES)
            && let Some(answer) = self.certificates.answer(token)
        {
            let mut response = Response::new(Bytes::from(answer));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            return response;
        }
        match self.location(head) {
            Some(location) => {
                let mut response = Response::new(Bytes::new());
                // The method stays, and so does a body.
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
                response.headers_mut().insert(LOCATION, location);
                response
            }
            None => {
                let mut response = Response::new(Bytes::from_static(b"The request names no host.\n"));
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
            }
        }
    }

    fn location(&self, head: &Parts) -> Option<HeaderValue> {
        let named = head.uri.authority().cloned();
        let named = named.or_else(|| Authority::try_from(head.headers.get(HOST)?.as_bytes()).ok())?;
        // Without a user's name, which would hide the host from whoever reads it.
        let host = named.host();
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let port = if self.port == HTTPS_PORT { String::new() } else { format!(":{}", self.port) };
        let is_target = target.starts_with('/') && !host.is_empty();
        is_target.then(|| HeaderValue::from_str(&format!("https://{host}{port}{target}")).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use tls::Certificates;

    use super::*;

    fn asked(port: u16, uri: &str, host: &str) -> (StatusCode, Option<String>) {
        let request = http::Request::builder().uri(uri).header(HOST, host).body(()).unwrap();
        let elsewhere = Elsewhere { certificates: Certificates::default(), port };
        let response = elsewhere.answer(&request.into_parts().0);
        let location = response.headers().get(LOCATION).map(|location| location.to_str().unwrap().to_owned());
        (response.status(), location)
    }

    #[test]
    fn everybody_is_sent_to_the_same_place_over_tls() {
        for (port, uri, host, location) in [
            (443, "/a?b=c", "shop.example:80", "https://shop.example/a?b=c"),
            (8443, "/", "shop.example", "https://shop.example:8443/"),
            (443, "//evil.example/", "shop.example", "https://shop.example//evil.example/"),
            (443, "/", "[::1]:80", "https://[::1]/"),
            (443, "/", "user@evil.example", "https://evil.example/"),
            (443, "http://a.example/x", "b.example", "https://a.example/x"),
            (
                443,
                "/.well-known/acme-challenge/unknown",
                "a.example",
                "https://a.example/.well-known/acme-challenge/unknown",
            ),
        ] {
            let redirect = (StatusCode::PERMANENT_REDIRECT, Some(location.to_owned()));
            assert_eq!(asked(port, uri, host), redirect, "{uri} {host}");
        }
        for host in ["", "a b", "a/b", "a\u{e9}.example"] {
            let request =
                http::Request::builder().uri("/").header(HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
            let elsewhere = Elsewhere { certificates: Certificates::default(), port: 443 };
            let response = elsewhere.answer(&request.body(()).unwrap().into_parts().0);
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{host}");
        }
    }
}
