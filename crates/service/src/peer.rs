//! How a request came in, as policies may ask.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{REFERER, USER_AGENT};

/// The client at the other end of a connection, and what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    pub address: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub secure: bool,
    pub user_agent: Option<String>,
    pub referer: Option<String>,
}

impl Peer {
    pub fn new(address: Option<IpAddr>, secure: bool, headers: &HeaderMap) -> Peer {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Peer { address, secure, user_agent: text(USER_AGENT), referer: text(REFERER) }
    }

    /// The condition keys that it has values for.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    pub(crate) fn context(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        let values = [
            // An IPv4 client of a socket for both families is the IPv4 client that it is.
            ("aws:SourceIp", self.address.map(|address| address.to_canonical().to_string())),
            ("aws:SecureTransport", Some(self.secure.to_string())),
            ("aws:UserAgent", self.user_agent.clone()),
            ("aws:Referer", self.referer.clone()),
        ];
        values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), vec![value?])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_key() {
        let headers = HeaderMap::from_iter([(USER_AGENT, "curl".parse().unwrap())]);
        let peer = Peer::new(Some("::ffff:192.0.2.7".parse().unwrap()), false, &headers);
        let context: Vec<_> = peer.context().collect();
        let expected = [("aws:SourceIp", "192.0.2.7"), ("aws:SecureTransport", "false"), ("aws:UserAgent", "curl")];
        assert_eq!(context, expected.map(|(key, value)| (key.to_owned(), vec![value.to_owned()])));
    }
}
