//! Which addresses requests may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Error;

/// What of this machine's loopback addresses is free to send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// Everything: for a server that only this machine can reach.
    All,
    Ports(Vec<u16>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    pub loopback: Loopback,
}

impl Reach {
    /// Checks a URL as far as it tells its address; names are looked at again when they are resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Error> {
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let forbidden = |reason| Err(Error::Forbidden(host.to_owned(), reason));
        if let Some(reason) = literal.and_then(never) {
            return forbidden(reason);
        }
        let local = literal.map_or_else(|| is_localhost(host), is_loopback);
        let port = url.port_or_known_default().unwrap_or_default();
        match &self.loopback {
            Loopback::Ports(ports) if local && !ports.contains(&port) => {
                forbidden("its port of this machine's loopback address is not given free (--allow-loopback)")
            }
            _ => Ok(()),
        }
    }

    /// Whether a name may stand for this address. A name of somebody else's that leads to this machine's loopback address
    /// is a trap: the port was not checked for it.
    fn allows(&self, name: &str, address: IpAddr) -> bool {
        let local = !is_loopback(address) || self.loopback == Loopback::All || is_localhost(name);
        never(address).is_none() && local
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::new(self.clone());
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| reach.allows(&host, address.ip())).collect();
            if allowed.is_empty() {
                return Err(Error::Forbidden(host, "its name leads to no address that is free to send to").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// An IPv4 address may be written as an IPv6 one.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The unspecified address leads to the loopback address.
fn is_loopback(address: IpAddr) -> bool {
    let address = plain(address);
    address.is_loopback() || address.is_unspecified()
}

/// Why an address is never sent to, if it is not.
fn never(address: IpAddr) -> Option<&'static str> {
    let link_local = match plain(address) {
        IpAddr::V4(four) => four.is_link_local(),
        // AWS's metadata service has a unique local address too.
        IpAddr::V6(six) => six.is_unicast_link_local() || six == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    };
    if link_local {
        return Some("link-local addresses hold the secrets of machines");
    }
    match plain(address) {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("it is everybody's address"),
        address if address.is_multicast() => Some("it is everybody's address"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(loopback: Loopback, url: &str) -> bool {
        Reach { loopback }.check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn what_only_the_server_may_reach_is_not_sent_to() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://255.255.255.255/",
            "http://224.0.0.1/",
            "http://2852039166/", // 169.254.169.254 as one number.
        ] {
            assert!(!check(Loopback::All, url), "{url}");
        }
        for url in [
            "http://127.0.0.1:22/",
            "http://localhost:22/",
            "http://[::1]:22/",
            "http://0.0.0.0:22/",
            "http://a.localhost./",
        ] {
            assert!(!check(Loopback::Ports(vec![4566]), url), "{url}");
            assert!(check(Loopback::All, url), "{url}");
        }
        for url in ["http://127.0.0.1:4566/", "http://localhost:4566/", "https://example.com/", "http://10.0.0.7:22/"] {
            assert!(check(Loopback::Ports(vec![4566]), url), "{url}");
        }
    }

    #[test]
    fn names_of_others_do_not_lead_to_this_machine() {
        let reach = Reach { loopback: Loopback::Ports(vec![4566]) };
        let (loopback, outside) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from([93, 184, 215, 14]));
        assert!(!reach.allows("rebound.example", loopback));
        assert!(reach.allows("localhost", loopback));
        assert!(reach.allows("rebound.example", outside));
        assert!(!Reach { loopback: Loopback::All }.allows("rebound.example", [169, 254, 169, 254].into()));
    }
}
