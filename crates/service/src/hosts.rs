//! Names of hosts that owners choose for what is theirs: aliases of distributions, custom domains of APIs.

use http::header::AUTHORIZATION;
use http::request::Parts;

/// Labels of hosts that are services' of this server, whatever names somebody gives a distribution or an API.
const OURS: [&str; 4] = ["s3", "execute-api", "lambda-url", "cloudfront"];

/// Whether a host is one that this server gives its own services.
pub fn is_ours(host: &str) -> bool {
    host.split('.').any(|label| OURS.iter().any(|ours| label.eq_ignore_ascii_case(ours)))
}

/// Whether a name may be chosen, as far as this server's own names are concerned: of which `endpoint` is one.
pub fn may_be_chosen(name: &str, endpoint: &str) -> bool {
    let own = plain(endpoint.split_once("://").map_or(endpoint, |(_, host)| host));
    let chosen = name.trim_start_matches("*.");
    let is_address = chosen.parse::<std::net::IpAddr>().is_ok();
    !is_address && !is_ours(name) && !chosen.eq_ignore_ascii_case("localhost") && !name.eq_ignore_ascii_case(&own)
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
        for name in ["api.example.com", "*.example.com", "example.localhost"] {
            assert!(may_be_chosen(name, "http://cloud.example.com:4566"), "{name}");
        }
        for name in
            ["cloud.example.com", "Cloud.Example.com", "localhost", "127.0.0.1", "a.execute-api.b", "s3.example.com"]
        {
            assert!(!may_be_chosen(name, "http://cloud.example.com:4566"), "{name}");
        }
        assert_eq!(plain("A.b.:80"), "a.b");
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
