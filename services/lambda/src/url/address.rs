//! Where requests to function URLs go: to a host of the URL's own, or to a path that names it.

use http::header::HOST;
use http::request::Parts;

/// This server's own form, which needs no name resolution: `/_aws/lambda-url/{id}/{path}`.
const PATH: &str = "/_aws/lambda-url/";

/// A function URL, and the path within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub id: String,
    /// Percent-encoded; begins with a slash.
    pub path: String,
}

/// The URL as answers give it.
pub fn url(endpoint: &str, id: &str) -> String {
    format!("{endpoint}{PATH}{id}/")
}

/// The address of a request; `None` when it is for no function URL.
pub fn of(head: &Parts) -> Option<Address> {
    let path = head.uri.path();
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Some(id) = of_host(host) {
        return Some(Address { id: id.to_ascii_lowercase(), path: path.to_owned() });
    }
    let rest = path.strip_prefix(PATH)?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    is_id(id).then(|| Address { id: id.to_owned(), path: format!("/{rest}") })
}

/// `{id}.lambda-url.` and whatever follows.
fn of_host(host: &str) -> Option<&str> {
    let (id, rest) = host.split_once('.')?;
    let (service, _) = rest.split_once('.')?;
    (service.eq_ignore_ascii_case("lambda-url") && is_id(id)).then_some(id)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, path: &str) -> Option<Address> {
        let request = http::Request::builder().uri(path).header(HOST, host).body(()).unwrap();
        of(&request.into_parts().0)
    }

    #[test]
    fn urls_are_addressed_by_host_and_by_path() {
        for (host, path, id, within) in [
            ("abc.lambda-url.us-east-1.localhost:4566", "/a?x=1", "abc", "/a"),
            ("ABC.Lambda-Url.us-east-1.on.aws", "/", "abc", "/"),
            ("localhost:4566", "/_aws/lambda-url/abc/a%2Fb/", "abc", "/a%2Fb/"),
            ("localhost:4566", "/_aws/lambda-url/abc", "abc", "/"),
        ] {
            assert_eq!(address(host, path), Some(Address { id: id.into(), path: within.into() }), "{host} {path}");
        }
        for (host, path) in [
            ("localhost", "/"),
            ("lambda-url.localhost", "/"),
            (".lambda-url.localhost", "/"),
            ("abc.execute-api.localhost", "/"),
            ("localhost", "/_aws/lambda-url/"),
            ("localhost", "/_aws/lambda-url/a-b/"),
        ] {
            assert_eq!(address(host, path), None, "{host} {path}");
        }
    }
}
