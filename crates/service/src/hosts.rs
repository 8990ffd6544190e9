//! Names of hosts that owners choose for what is theirs: aliases of distributions, custom domains of APIs.

use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::Cx;

/// Labels of hosts that are services' of this server, whatever names somebody gives a distribution or an API.
const OURS: [&str; 5] = ["s3", "execute-api", "lambda-url", "cloudfront", "migrate"];

/// Names that lead to this machine wherever somebody looks them up, and so to this server's own pages and calls.
const LOCAL: [&str; 2] = ["localhost", "localhost.localstack.cloud"];

/// Whether a host is one that this server gives its own services.
pub fn is_ours(host: &str) -> bool {
    host.split('.').any(|label| OURS.iter().any(|ours| label.eq_ignore_ascii_case(ours)))
}

/// Whether a name may be chosen, as far as this server's own are concerned: as the caller sees it, who may call it anything, as
/// clients on this machine do, and as others do.
pub fn may_choose(cx: &Cx, name: &str) -> bool {
    Own::new([cx.endpoint(), cx.cloud().endpoint(), cx.cloud().public_url()]).leaves(name)
}

/// What a server is called, by whom it may be.
#[derive(Clone, Debug, Default)]
pub struct Own(Vec<String>);

impl Own {
    pub fn new<'u>(urls: impl IntoIterator<Item = &'u str>) -> Own {
        Own(urls.into_iter().map(str::to_owned).collect())
    }

    /// Whether a name is for others to have.
    pub fn leaves(&self, name: &str) -> bool {
        self.0.iter().all(|url| may_be_chosen(name, url))
    }

    /// The same of a name that somebody has, from when the server was called otherwise: `what` it leads to. Its requests are the
    /// server's now, and the log tells.
    pub fn still_leaves(&self, name: &str, what: &str) -> bool {
        let leaves = self.leaves(name);
        if !leaves {
            tracing::warn!(
                name,
                "{what} has a name that is this server's own by now: requests to it do not lead there"
            );
        }
        leaves
    }
}

/// Whether a name may be chosen on a server of which `endpoint` is one of the names. One with a star must
/// not stand for any of them either, at whatever depth: requests that nobody signs, such as those to sign in, would go there.
fn may_be_chosen(name: &str, endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let own = plain(host.split('/').next().unwrap_or_default());
    let name = name.to_ascii_lowercase();
    let chosen = name.trim_start_matches("*.");
    // `*.0.0.1` stands for addresses, too; no name ends in a number.
    let last = chosen.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = is_number || chosen.parse::<std::net::IpAddr>().is_ok();
    let mut owns = LOCAL.into_iter().chain([own.as_str()]);
    !is_address && !is_ours(&name) && chosen != "localhost" && !owns.any(|own| name == own || covers(&name, own))
}

/// Whether a name with a star stands for a host, as any of those below it.
fn covers(name: &str, host: &str) -> bool {
    let below = name.strip_prefix('*').filter(|below| below.starts_with('.'));
    below.is_some_and(|below| host.ends_with(below))
}

/// A host in lower case, without a port, and without a dot at its end.
pub fn plain(host: &str) -> String {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    name.map_or(host, |(name, _)| name).trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a request is signed as AWS's are: a call of AWS's is one, whatever host it is addressed to. `but` is a service whose
/// users sign their requests, too.
pub fn is_signed(head: &Parts, but: Option<&str>) -> bool {
    let header = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let of_users = |text: &str| {
        but.is_some_and(|name| {
            text.contains(&format!("/{name}/aws4_request")) || text.contains(&format!("%2F{name}%2Faws4_request"))
        })
    };
    (header.starts_with("AWS") && !of_users(header)) || (query.contains("X-Amz-Signature=") && !of_users(query))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_server_are_not_chosen() {
        for name in ["api.example.com", "*.apps.example.com", "*.cloud.example.com", "*.ample.com", "example.localhost"]
        {
            assert!(may_be_chosen(name, "http://cloud.example.com:4566"), "{name}");
        }
        let local = ["localhost", "*.localhost", "localhost.localstack.cloud", "*.localstack.cloud", "*.cloud"];
        let addresses = ["127.0.0.1", "*.0.0.1", "*.1", "::1"];
        let own = ["cloud.example.com", "Cloud.Example.com", "*.example.com", "*.Example.COM", "*.com"];
        for name in [&local[..], &addresses, &own, &["a.execute-api.b", "s3.example.com", "a.migrate.b"]].concat() {
            assert!(!may_be_chosen(name, "http://cloud.example.com:4566"), "{name}");
        }
        assert!(!may_be_chosen("*.example.com", "https://cloud.example.com:443/"));
        assert!(may_be_chosen("*.example.com", "http://localhost:4566"));
        assert_eq!(plain("A.b.:80"), "a.b");
        let own = Own::new(["http://127.0.0.1:4566", "https://cloud.example.com"]);
        assert!(own.leaves("shop.example.com") && own.still_leaves("shop.example.com", "a thing"));
        assert!(!own.leaves("cloud.example.com") && !own.still_leaves("*.example.com", "a thing"));
    }

    #[test]
    fn calls_are_told_from_users_requests() {
        let signed = |uri: &str, authorization: &str| {
            let request = http::Request::builder().uri(uri).header(AUTHORIZATION, authorization).body(()).unwrap();
            is_signed(&request.into_parts().0, Some("execute-api"))
        };
        assert!(signed("/", "AWS4-HMAC-SHA256 Credential=A/20270115/us-east-1/sqs/aws4_request, Signature=x"));
        assert!(!signed("/", "AWS4-HMAC-SHA256 Credential=A/20270115/us-east-1/execute-api/aws4_request, Signature=x"));
        assert!(signed("/?X-Amz-Credential=A%2F20270115%2Fr%2Fs3%2Faws4_request&X-Amz-Signature=x", ""));
        assert!(!signed("/?X-Amz-Credential=A%2F20270115%2Fr%2Fexecute-api%2Faws4_request&X-Amz-Signature=x", ""));
        assert!(!signed("/", "Bearer AWS"));
    }
}
