//! Where the requests of an API's users go: to a host of the API's own, or to a path that names it.

use http::header::HOST;
use http::request::Parts;

/// An API, and the path within it: `/{stage}/{path}`, or only the path where a stage needs no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub api: String,
    /// Percent-encoded; begins with a slash.
    pub path: String,
}

/// This server's own form, which needs no name resolution: `/_aws/execute-api/{api}/{stage}/{path}`.
const PATH: &str = "/_aws/execute-api/";
/// The forms that LocalStack uses: `/restapis/{api}/{stage}/_user_request_/{path}`.
const LEGACY_PATH: &str = "/restapis/";
const USER_REQUEST: &str = "_user_request_";

/// The address of a request; `None` when it is for no API.
pub fn of(head: &Parts) -> Option<Address> {
    let path = head.uri.path();
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Some(api) = of_host(host) {
        return Some(Address { api: api.to_ascii_lowercase(), path: path.to_owned() });
    }
    if let Some(rest) = path.strip_prefix(PATH) {
        let (api, rest) = rest.split_once('/').unwrap_or((rest, ""));
        return is_id(api).then(|| Address { api: api.to_owned(), path: format!("/{rest}") });
    }
    let mut parts = path.strip_prefix(LEGACY_PATH)?.splitn(4, '/');
    let (api, stage, mark) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or_default();
    (mark == USER_REQUEST && is_id(api)).then(|| Address { api: api.to_owned(), path: format!("/{stage}/{rest}") })
}

/// `{api}.execute-api.` and whatever follows.
fn of_host(host: &str) -> Option<&str> {
    let (api, rest) = host.split_once('.')?;
    let (service, _) = rest.split_once('.')?;
    (service.eq_ignore_ascii_case("execute-api") && is_id(api)).then_some(api)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Address {
    /// The first part of the path, which may name a stage, and the path after it.
    pub fn stage(&self) -> (&str, String) {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        let (stage, rest) = path.split_once('/').unwrap_or((path, ""));
        (stage, format!("/{rest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, path: &str) -> Option<Address> {
        let request = http::Request::builder().uri(path).header(HOST, host).body(()).unwrap();
        of(&request.into_parts().0)
    }

    #[test]
    fn apis_are_addressed_by_host_and_by_path() {
        for (host, path, api, within) in [
            ("abc123.execute-api.us-east-1.amazonaws.com", "/dev/a", "abc123", "/dev/a"),
            ("abc123.execute-api.localhost:4566", "/", "abc123", "/"),
            ("ABC.EXECUTE-API.localhost.localstack.cloud:4566", "/x", "abc", "/x"),
            ("localhost:4566", "/_aws/execute-api/abc/dev/a%2Fb/", "abc", "/dev/a%2Fb/"),
            ("localhost:4566", "/_aws/execute-api/abc", "abc", "/"),
            ("localhost:4566", "/restapis/abc/dev/_user_request_/a/b", "abc", "/dev/a/b"),
            ("localhost:4566", "/restapis/abc/dev/_user_request_", "abc", "/dev/"),
        ] {
            assert_eq!(address(host, path), Some(Address { api: api.into(), path: within.into() }), "{host} {path}");
        }
        for (host, path) in [
            ("localhost:4566", "/"),
            ("execute-api.localhost", "/"),
            (".execute-api.localhost", "/"),
            ("abc.lambda-url.localhost", "/"),
            ("localhost", "/restapis/abc/stages/dev"),
            ("localhost", "/_aws/execute-api/"),
        ] {
            assert_eq!(address(host, path), None, "{host} {path}");
        }
    }

    #[test]
    fn the_stage_is_the_paths_first_part() {
        let stage = |path: &str| {
            let address = Address { api: "a".into(), path: path.into() };
            let (stage, rest) = address.stage();
            (stage.to_owned(), rest)
        };
        assert_eq!(stage("/dev/a/b"), ("dev".into(), "/a/b".into()));
        assert_eq!(stage("/dev"), ("dev".into(), "/".into()));
        assert_eq!(stage("/"), (String::new(), "/".into()));
    }
}
