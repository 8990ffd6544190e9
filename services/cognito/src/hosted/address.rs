//! Where a pool's pages and endpoints are: on a host of Cognito's form, `{domain}.auth.{region}.…`, on a host of the pool's own, or
//! below a path of this server's, `/_aws/auth/{domain}`, which needs no name resolution.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use http::header::HOST;
use http::request::Parts;
use service::{Cx, hosts as names};
use tokio_util::sync::CancellationToken;

use crate::Cognito;
use crate::model::domain;

const PATH: &str = "/_aws/auth/";

/// Hosts that pools have of their own. They are known without a look into the store: each request of the server is asked for its host.
#[derive(Default)]
pub struct Hosts(RwLock<HashSet<String>>);

impl Hosts {
    pub fn add(&self, host: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
    }

    pub fn remove(&self, host: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    pub fn all(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn has(&self, host: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(host)
    }
}

/// Learns, when the server starts, which hosts pools have. The server may be called by one of these names by now: it stays its own.
pub async fn learn_hosts(cognito: Arc<Cognito>, cx: Cx, _: CancellationToken) {
    let read = || domain::hosts(&cx.db().read()?);
    match read() {
        Ok(hosts) => {
            let others = hosts.iter().filter(|host| names::may_choose(&cx, host));
            others.for_each(|host| cognito.hosts.add(host));
        }
        Err(error) => tracing::error!(%error, "the hosts of user pools cannot be read: they are not answered"),
    }
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub domain: String,
    /// What the paths of the domain begin with: nothing on a host.
    pub root: String,
    /// The path within the domain.
    pub path: String,
}

/// The address of a request; `None` where it is for no pool.
pub fn of(head: &Parts, hosts: &Hosts) -> Option<Address> {
    let (path, host) = (head.uri.path(), host(head));
    // Calls and hosts of services are this server's, whatever name a pool was given.
    let is_own = || hosts.has(&host) && !names::is_ours(&host) && !names::is_signed(head, None);
    if let Some(domain) = of_host(&host).or_else(|| is_own().then_some(host.as_str())) {
        return Some(Address { domain: domain.to_owned(), root: String::new(), path: path.to_owned() });
    }
    let (domain, rest) = path.strip_prefix(PATH)?.split_once('/')?;
    is_label(domain).then(|| Address {
        domain: domain.to_owned(),
        root: format!("{PATH}{domain}"),
        path: format!("/{rest}"),
    })
}

/// Where others find a domain, below the server's own address.
pub fn url(base: &str, domain: &str) -> String {
    format!("{base}{PATH}{domain}")
}

/// A host without its port, as names are compared.
fn host(head: &Parts) -> String {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    name.map_or(host, |(name, _)| name).trim_end_matches('.').to_ascii_lowercase()
}

/// `{domain}.auth.{region}.` and whatever follows.
fn of_host(host: &str) -> Option<&str> {
    let mut labels = host.splitn(4, '.');
    let (domain, front, region) = (labels.next()?, labels.next()?, labels.next()?);
    let is_whole = labels.next().is_some_and(|rest| !rest.is_empty());
    (front == "auth" && is_region(region) && is_whole && is_label(domain)).then_some(domain)
}

/// `us-east-1`: hosts that are somebody's own have no such label.
fn is_region(label: &str) -> bool {
    let mut parts = label.split('-');
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next_back().is_some_and(is_number)
        && parts.next().is_some_and(is_word)
        && parts.next().is_some_and(is_word)
        && parts.all(is_word)
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, path: &str) -> Option<(String, String, String)> {
        let hosts = Hosts::default();
        hosts.add("login.example.com");
        let request = http::Request::builder().uri(path).header(HOST, host).body(()).unwrap();
        of(&request.into_parts().0, &hosts).map(|address| (address.domain, address.root, address.path))
    }

    #[test]
    fn domains_are_addressed_by_host_and_by_path() {
        for (host, path, domain, root, within) in [
            ("my-app.auth.us-east-1.amazoncognito.com", "/login", "my-app", "", "/login"),
            ("MY-APP.auth.us-east-1.localhost:4566", "/", "my-app", "", "/"),
            ("login.example.com:443", "/oauth2/token", "login.example.com", "", "/oauth2/token"),
            ("Login.Example.Com.", "/logout", "login.example.com", "", "/logout"),
            ("localhost:4566", "/_aws/auth/my-app/oauth2/token", "my-app", "/_aws/auth/my-app", "/oauth2/token"),
        ] {
            assert_eq!(address(host, path), Some((domain.into(), root.into(), within.into())), "{host} {path}");
        }
        for (host, path) in [
            ("cloud.auth.example.com", "/"),
            ("a.auth.us-east-1", "/"),
            ("auth.us-east-1.amazoncognito.com", "/"),
            ("login.example.com.evil.example", "/login"),
            ("localhost", "/_aws/auth/"),
            ("localhost", "/_aws/auth/my-app"),
            ("localhost", "/_aws/auth//login"),
            ("localhost", "/_aws/auths/my-app/login"),
        ] {
            assert_eq!(address(host, path), None, "{host} {path}");
        }
    }

    #[test]
    fn calls_are_the_servers_on_a_pools_host_too() {
        let hosts = Hosts::default();
        ["login.example.com", "s3.example.com"].iter().for_each(|host| hosts.add(host));
        let is_pools = |host: &str, path: &str, authorization: &str| {
            let request = http::Request::builder().uri(path).header(HOST, host);
            let request = request.header(http::header::AUTHORIZATION, authorization).body(()).unwrap();
            of(&request.into_parts().0, &hosts).is_some()
        };
        assert!(is_pools("login.example.com", "/oauth2/token", "Basic YTpi"));
        assert!(!is_pools("login.example.com", "/", "AWS4-HMAC-SHA256 Credential=A"));
        assert!(!is_pools("login.example.com", "/?X-Amz-Signature=x", ""));
        assert!(!is_pools("s3.example.com", "/login", ""));
    }
}
