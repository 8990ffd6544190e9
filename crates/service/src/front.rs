//! A door for traffic that is not an AWS call: a service answers plain HTTP on hosts or paths of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;

use crate::{Body, BoxFuture, Cx};

/// Who sent a request: an extension of its head, where the gateway knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// How a request came to this server, or to a proxy in front of it that is trusted: an extension of its head, where the gateway
/// knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Whether over TLS, so that nobody on the way has read it.
    pub tls: bool,
    /// The port that the client connected to, where a proxy tells.
    pub port: Option<u16>,
}

impl Arrival {
    /// Of the request with this head; plain, where nothing is known.
    pub fn of(head: &Parts) -> Arrival {
        head.extensions.get::<Arrival>().copied().unwrap_or_default()
    }

    pub fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// Requests of a service's users (an API's callers, a function URL's), which carry no AWS operation. Their bodies are there as a
/// whole, or with [`Upload`](crate::Upload) as `B` still on their way.
pub trait Front<B = Bytes>: Send + Sync {
    /// Whether a request with this head belongs here. Asked for each request: it must be cheap.
    fn matches(&self, head: &Parts) -> bool;

    /// Answers it. `cx`'s caller is the server itself: who the user is, is for the front to find out.
    fn handle(&self, cx: Cx, request: http::Request<B>) -> BoxFuture<http::Response<Body>>;
}

/// What a request to a [`Front`] is for: a thing of the service's (an API, a function URL), and the path within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontAddress {
    pub id: String,
    /// Percent-encoded; begins with a slash.
    pub path: String,
}

impl FrontAddress {
    /// The address of a request; `None` when it is not for the front called `name`. It has one as its host,
    /// `{id}.{name}.` and whatever follows, or in its path, `/_aws/{name}/{id}/{path}`: this server's own form, which needs
    /// no name resolution.
    pub fn of(head: &Parts, name: &str) -> Option<FrontAddress> {
        let path = head.uri.path();
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if let Some(id) = of_host(host, name) {
            return Some(FrontAddress { id: id.to_ascii_lowercase(), path: path.to_owned() });
        }
        let rest = path.strip_prefix("/_aws/")?.strip_prefix(name)?.strip_prefix('/')?;
        let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
        is_id(id).then(|| FrontAddress { id: id.to_owned(), path: format!("/{rest}") })
    }

    /// The URL to give to clients of the server at `endpoint`. It ends without a slash.
    pub fn url(endpoint: &str, name: &str, id: &str) -> String {
        format!("{endpoint}/_aws/{name}/{id}")
    }
}

fn of_host<'a>(host: &'a str, name: &str) -> Option<&'a str> {
    let (id, rest) = host.split_once('.')?;
    let (front, _) = rest.split_once('.')?;
    (front.eq_ignore_ascii_case(name) && is_id(id)).then_some(id)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, path: &str) -> Option<FrontAddress> {
        let request = http::Request::builder().uri(path).header(HOST, host).body(()).unwrap();
        FrontAddress::of(&request.into_parts().0, "lambda-url")
    }

    #[test]
    fn a_front_is_addressed_by_host_and_by_path() {
        for (host, path, id, within) in [
            ("abc.lambda-url.us-east-1.localhost:4566", "/a?x=1", "abc", "/a"),
            ("ABC.Lambda-Url.us-east-1.on.aws", "/", "abc", "/"),
            ("localhost:4566", "/_aws/lambda-url/abc/a%2Fb/", "abc", "/a%2Fb/"),
            ("localhost:4566", "/_aws/lambda-url/abc", "abc", "/"),
        ] {
            assert_eq!(address(host, path), Some(FrontAddress { id: id.into(), path: within.into() }), "{host} {path}");
        }
        for (host, path) in [
            ("localhost", "/"),
            ("lambda-url.localhost", "/"),
            (".lambda-url.localhost", "/"),
            ("abc.execute-api.localhost", "/"),
            ("localhost", "/_aws/lambda-url/"),
            ("localhost", "/_aws/lambda-urls/abc"),
            ("localhost", "/_aws/lambda-url/a-b/"),
        ] {
            assert_eq!(address(host, path), None, "{host} {path}");
        }
    }

    #[test]
    fn a_url_leads_to_its_address() {
        let url = FrontAddress::url("", "lambda-url", "abc");
        assert_eq!(address("localhost", &url), Some(FrontAddress { id: "abc".into(), path: "/".into() }));
    }
}
