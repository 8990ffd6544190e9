//! Where the requests of an API's users go: an API, and `/{stage}/{path}` within it, or only the path where a stage needs no
//! name.

use http::request::Parts;
use service::FrontAddress;

/// The name of this front in hosts and paths.
const FRONT: &str = "execute-api";
/// The forms that LocalStack uses: `/restapis/{api}/{stage}/_user_request_/{path}`.
const LEGACY_PATH: &str = "/restapis/";
const USER_REQUEST: &str = "_user_request_";

/// The API's URL as answers give it, without a stage.
pub fn url(endpoint: &str, api: &str) -> String {
    FrontAddress::url(endpoint, FRONT, api)
}

/// The address of a request; `None` when it is for no API.
pub fn of(head: &Parts) -> Option<FrontAddress> {
    FrontAddress::of(head, FRONT).or_else(|| of_legacy_path(head.uri.path()))
}

fn of_legacy_path(path: &str) -> Option<FrontAddress> {
    let mut parts = path.strip_prefix(LEGACY_PATH)?.splitn(4, '/');
    let (api, stage, mark) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or_default();
    (mark == USER_REQUEST && !api.is_empty())
        .then(|| FrontAddress { id: api.to_owned(), path: format!("/{stage}/{rest}") })
}

/// The first part of an address's path, which may name a stage, and the path after it.
pub fn stage(address: &FrontAddress) -> (&str, String) {
    let path = address.path.strip_prefix('/').unwrap_or(&address.path);
    let (stage, rest) = path.split_once('/').unwrap_or((path, ""));
    (stage, format!("/{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_are_addressed_in_three_forms() {
        for (host, path, api, within) in [
            ("abc123.execute-api.us-east-1.amazonaws.com", "/dev/a", "abc123", "/dev/a"),
            ("localhost:4566", "/_aws/execute-api/abc/dev/a%2Fb/", "abc", "/dev/a%2Fb/"),
            ("localhost:4566", "/restapis/abc/dev/_user_request_/a/b", "abc", "/dev/a/b"),
            ("localhost:4566", "/restapis/abc/dev/_user_request_", "abc", "/dev/"),
        ] {
            assert_eq!(
                address(host, path),
                Some(FrontAddress { id: api.into(), path: within.into() }),
                "{host} {path}"
            );
        }
        for path in ["/", "/restapis/abc/stages/dev", "/restapis//dev/_user_request_/a"] {
            assert_eq!(address("localhost", path), None, "{path}");
        }
    }

    fn address(host: &str, path: &str) -> Option<FrontAddress> {
        let request = http::Request::builder().uri(path).header(http::header::HOST, host).body(()).unwrap();
        of(&request.into_parts().0)
    }

    #[test]
    fn the_stage_is_the_paths_first_part() {
        let stage = |path: &str| {
            let address = FrontAddress { id: "a".into(), path: path.into() };
            let (stage, rest) = stage(&address);
            (stage.to_owned(), rest)
        };
        assert_eq!(stage("/dev/a/b"), ("dev".into(), "/a/b".into()));
        assert_eq!(stage("/dev"), ("dev".into(), "/".into()));
        assert_eq!(stage("/"), (String::new(), "/".into()));
    }
}
