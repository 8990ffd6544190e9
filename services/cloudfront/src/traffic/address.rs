//! How viewers reach a distribution: `{label}.cloudfront.` before this server's name, or `/_aws/cloudfront/{label}/`.

use http::request::Parts;
use service::FrontAddress;

/// The name of this front in hosts and paths.
const FRONT: &str = "cloudfront";

/// The label of a distribution in hosts: its id as hosts can have it, after the letter that AWS puts there.
pub fn label(id: &str) -> String {
    format!("d{}", id.get(1..).unwrap_or_default().to_ascii_lowercase())
}

/// The distribution that a label stands for. Its id does, too.
fn id_of(label: &str) -> Option<String> {
    let rest = label.strip_prefix(['d', 'e', 'D', 'E'])?;
    Some(format!("E{}", rest.to_ascii_uppercase()))
}

/// The host's name of a distribution, with its port, for clients of the server at `endpoint`.
pub fn domain(endpoint: &str, id: &str) -> String {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).trim_end_matches('/');
    let (name, port) =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or((host, ""));
    // Nothing can stand before an address.
    let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let name = if is_address { "localhost" } else { name };
    let colon = if port.is_empty() { "" } else { ":" };
    format!("{}.{FRONT}.{name}{colon}{port}", label(id))
}

/// The distribution that a request's host or path names, and the path within it.
pub fn of(head: &Parts) -> Option<(String, String)> {
    let FrontAddress { id, path } = FrontAddress::of(head, FRONT)?;
    Some((id_of(&id)?, path))
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;

    #[test]
    fn distributions_have_hosts_and_paths() {
        assert_eq!(domain("http://127.0.0.1:4566", "E1AB"), "d1ab.cloudfront.localhost:4566");
        assert_eq!(domain("https://cloud.example.com", "E1AB"), "d1ab.cloudfront.cloud.example.com");
        assert_eq!(domain("http://[::1]:80", "E1AB"), "d1ab.cloudfront.localhost:80");
        for (host, path, within) in [
            ("d1ab.cloudfront.localhost:4566", "/a?x", "/a"),
            ("e1ab.cloudfront.net", "/", "/"),
            ("localhost", "/_aws/cloudfront/d1ab/x/y", "/x/y"),
        ] {
            let request = http::Request::builder().uri(path).header(HOST, host).body(()).unwrap();
            assert_eq!(of(&request.into_parts().0), Some(("E1AB".into(), within.into())), "{host}{path}");
        }
    }
}
