//! Where the requests of an API's users go: an API, a stage of it, and a path within it.

use http::request::Parts;
use service::FrontAddress;

use crate::domains::{Domains, Mapped};

/// The name of this front in hosts and paths.
const FRONT: &str = "execute-api";
/// The forms that LocalStack uses: `/restapis/{api}/{stage}/_user_request_/{path}`.
const LEGACY_PATH: &str = "/restapis/";
const USER_REQUEST: &str = "_user_request_";

/// The API's URL as answers give it, without a stage.
pub fn url(endpoint: &str, api: &str) -> String {
    FrontAddress::url(endpoint, FRONT, api)
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub api: String,
    /// Within the API: with the stage's name, unless a custom domain has said it.
    path: String,
    /// The stage that a custom domain says.
    stage: Option<String>,
    /// All of the path, where the request came by a custom domain.
    of_domain: Option<String>,
}

/// What the head of a request tells.
pub enum Told {
    Api(Address),
    /// It is for a custom domain none of whose mappings takes it.
    Unmapped,
}

/// The address of a request; `None` when it is for no API.
pub fn of(head: &Parts, domains: &Domains) -> Option<Told> {
    if let Some(FrontAddress { id: api, path }) = of_api(head) {
        return Some(Told::Api(Address { api, path, stage: None, of_domain: None }));
    }
    Some(match domains.find(head)? {
        Some(Mapped { api, stage, path }) => {
            Told::Api(Address { api, path, stage, of_domain: Some(head.uri.path().to_owned()) })
        }
        None => Told::Unmapped,
    })
}

/// Whether a request is for an API, as far as it names one, or a custom domain.
pub fn is_one(head: &Parts, domains: &Domains) -> bool {
    of_api(head).is_some() || domains.has(head)
}

fn of_api(head: &Parts) -> Option<FrontAddress> {
    FrontAddress::of(head, FRONT).or_else(|| of_legacy_path(head.uri.path()))
}

impl Address {
    /// The name of the stage, and the path below it. Without a custom domain's word that is the path's first part, which may be
    /// none.
    pub fn stage(&self) -> (&str, String) {
        if let Some(stage) = &self.stage {
            return (stage, self.path.clone());
        }
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        let (stage, rest) = path.split_once('/').unwrap_or((path, ""));
        (stage, format!("/{rest}"))
    }

    /// The address as REST APIs read it, to whom slashes before the stage are one.
    pub fn of_rest(&self) -> Address {
        Address { path: one_slash(&self.path).to_owned(), ..self.clone() }
    }

    /// The path within the API: with the stage's name, unless a custom domain has said it.
    pub fn within(&self) -> &str {
        &self.path
    }

    /// The path without the name of a stage, where the API's stage needs none: `None` where a custom domain has said the stage.
    pub fn unstaged(&self) -> Option<&str> {
        self.stage.is_none().then_some(&self.path)
    }

    /// The path as events and policies of authorizers have it: with the stage, or all of it where it is a custom domain's.
    pub fn full(&self) -> &str {
        self.of_domain.as_deref().unwrap_or(&self.path)
    }

    /// The path as events have it that tell of no stage: `below` it, or all of it where it is a custom domain's.
    pub fn told<'a>(&'a self, below: &'a str) -> &'a str {
        self.of_domain.as_deref().unwrap_or(below)
    }

    /// Whether the API's own endpoint was asked, which may be disabled.
    pub fn is_own_endpoint(&self) -> bool {
        self.of_domain.is_none()
    }
}

/// A path whose slashes at its beginning are one.
pub fn one_slash(mut path: &str) -> &str {
    while let Some(rest) = path.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
        path = rest;
    }
    path
}

fn of_legacy_path(path: &str) -> Option<FrontAddress> {
    let mut parts = path.strip_prefix(LEGACY_PATH)?.splitn(4, '/');
    let (api, stage, mark) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or_default();
    (mark == USER_REQUEST && !api.is_empty())
        .then(|| FrontAddress { id: api.to_owned(), path: format!("/{stage}/{rest}") })
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
            assert_eq!(address(host, path), Some(Address::new(api, within)), "{host} {path}");
        }
        for path in ["/", "/restapis/abc/stages/dev", "/restapis//dev/_user_request_/a"] {
            assert_eq!(address("localhost", path), None, "{path}");
        }
    }

    impl Address {
        fn new(api: &str, path: &str) -> Address {
            Address { api: api.into(), path: path.into(), stage: None, of_domain: None }
        }
    }

    fn address(host: &str, path: &str) -> Option<Address> {
        let request = http::Request::builder().uri(path).header(http::header::HOST, host).body(()).unwrap();
        match of(&request.into_parts().0, &Domains::default())? {
            Told::Api(address) => Some(address),
            Told::Unmapped => None,
        }
    }

    #[test]
    fn the_stage_is_the_paths_first_part() {
        let stage = |path: &str| {
            let address = Address::new("a", path);
            let (stage, rest) = address.stage();
            (stage.to_owned(), rest)
        };
        assert_eq!(stage("/dev/a/b"), ("dev".into(), "/a/b".into()));
        assert_eq!(stage("/dev"), ("dev".into(), "/".into()));
        assert_eq!(stage("/"), (String::new(), "/".into()));
        assert_eq!(Address::new("a", "//dev//a").of_rest().full(), "/dev//a");
        assert_eq!(["//a//b", "/", "a"].map(one_slash), ["/a//b", "/", "a"]);
    }
}
