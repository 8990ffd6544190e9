//! Where requests come from: the other side of the connection, or whom a proxy names that is trusted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use http::request::Parts;
use service::{Arrival, PeerAddr};

/// A network: its address, and how many of the first bits are the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a network: an address is expected, such as 10.0.0.7, or one with bits, such as 10.0.0.0/8")]
pub struct NoNetwork(String);

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Network, NoNetwork> {
        let wrong = || NoNetwork(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most { Err(wrong()) } else { Ok(Network { address, bits }) }
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Who tells whether the other end of a connection is a function's: its address, and this server's. Those of other machines are none.
#[derive(Clone, Default)]
pub struct Functions(Option<Arc<dyn Fn(SocketAddr, SocketAddr) -> bool + Send + Sync>>);

impl Functions {
    pub fn new(is_function: impl Fn(SocketAddr, SocketAddr) -> bool + Send + Sync + 'static) -> Functions {
        Functions(Some(Arc::new(is_function)))
    }

    fn have(&self, ends: &Ends) -> bool {
        self.0.as_ref().is_some_and(|is_function| *ends.is_function.get_or_init(|| is_function(ends.peer, ends.local)))
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Functions(known)" } else { "Functions(unknown)" })
    }
}

/// The two ends of a connection: an extension of the heads of its requests.
pub(crate) struct Ends {
    peer: SocketAddr,
    local: SocketAddr,
    /// Once somebody wanted to know.
    is_function: OnceLock<bool>,
}

impl Ends {
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Arc<Ends> {
        Arc::new(Ends { peer, local, is_function: OnceLock::new() })
    }
}

/// The proxies that are believed: those that were named.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<Network>,
    functions: Functions,
    /// Whether it was told that one on this machine is not believed.
    has_told: AtomicBool,
}

/// What proxies say.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"];

impl Proxies {
    pub fn new(trusted: Vec<Network>, functions: Functions) -> Proxies {
        Proxies { trusted, functions, has_told: AtomicBool::new(false) }
    }

    /// Whether an address is believed when it says where requests come from.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Whether whoever sent this is believed. Functions have addresses of this machine, too, and could say anything: they connect
    /// from any of its addresses, not from loopback ones alone.
    fn believes(&self, peer: IpAddr, head: &Parts) -> bool {
        if !FORWARDED.iter().any(|name| head.headers.contains_key(*name)) {
            // There is nothing to believe, and so nothing to find out.
            return self.trusts(peer);
        }
        if !self.trusts(peer) {
            if peer.to_canonical().is_loopback() && !self.has_told.swap(true, Ordering::Relaxed) {
                tracing::info!(
                    "whom a request on this machine says it is from (X-Forwarded-For) is not believed: a proxy here is to be named, --trusted-proxy 127.0.0.1"
                );
            }
            return false;
        }
        !head.extensions.get::<Arc<Ends>>().is_some_and(|ends| self.functions.have(ends))
    }

    /// Whether many may be behind an address, of whom none is to be held to what one may have.
    pub fn exempts(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() || self.trusts(address)
    }

    /// Notes in a request's head where it comes from, and how.
    pub fn note(&self, head: &mut Parts, tls: bool) {
        let mut arrival = Arrival { tls, port: None };
        if let Some(PeerAddr(peer)) = head.extensions.get::<PeerAddr>().copied()
            && self.believes(peer.ip(), head)
        {
            head.extensions.insert(PeerAddr(self.client(peer, &head.headers)));
            if let Some(scheme) = last(&head.headers, "x-forwarded-proto") {
                arrival.tls = scheme.eq_ignore_ascii_case("https");
            }
            arrival.port = last(&head.headers, "x-forwarded-port").and_then(|port| port.parse().ok());
        }
        head.extensions.insert(arrival);
    }

    /// The client that a chain of proxies names: the nearest that is not itself a proxy. What stands before it in the list,
    /// anybody can have written.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let lists = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
        let mut client = peer;
        for text in named.iter().rev() {
            let Some(address) = address(text) else { break };
            client = SocketAddr::new(address, 0);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.trim_start_matches('[').trim_end_matches(']');
    plain.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip())).map(|ip: IpAddr| ip.to_canonical())
}

/// What the nearest proxy has written.
fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|last| !last.is_empty())
}

/// What counts as one address: providers give each customer a network of 64 bits of IPv6.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(four) => IpAddr::V4(four),
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(proxies: &[&str], peer: &str, tls: bool, headers: &[(&str, &str)]) -> (String, Arrival) {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        head.extensions.insert(PeerAddr(SocketAddr::new(peer.parse().unwrap(), 9)));
        head.extensions
            .insert(Ends::new(SocketAddr::new(peer.parse().unwrap(), 9), SocketAddr::from(([127, 0, 0, 1], 80))));
        let trusted = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let functions =
            Functions::new(|peer, _| [[127, 0, 0, 9], [10, 0, 0, 9]].map(IpAddr::from).contains(&peer.ip()));
        let proxies = Proxies::new(trusted, functions);
        proxies.note(&mut head, tls);
        let peer = head.extensions.get::<PeerAddr>().unwrap().0;
        (peer.ip().to_string(), *head.extensions.get::<Arrival>().unwrap())
    }

    #[test]
    fn who_is_trusted_is_believed_and_nobody_else() {
        let told =
            [("x-forwarded-for", "6.6.6.6, 1.2.3.4"), ("x-forwarded-proto", "https"), ("x-forwarded-port", "8443")];
        let plain = Arrival { tls: false, port: None };
        let forwarded = Arrival { tls: true, port: Some(8443) };
        for (proxies, peer, client, arrival) in [
            (&[][..], "9.9.9.9", "9.9.9.9", plain),
            (&["10.0.0.0/8"], "10.1.2.3", "1.2.3.4", forwarded),
            (&["10.0.0.0/8"], "11.1.2.3", "11.1.2.3", plain),
            (&["10.0.0.0/8"], "::ffff:10.1.2.3", "1.2.3.4", forwarded),
            (&["10.0.0.0/8", "1.2.3.0/24"], "10.1.2.3", "6.6.6.6", forwarded),
            (&[], "127.0.0.1", "127.0.0.1", plain),
            // A function's, and one over another address of this machine.
            (&["127.0.0.0/8"], "127.0.0.9", "127.0.0.9", plain),
            (&["10.0.0.0/8"], "10.0.0.9", "10.0.0.9", plain),
            (&["10.0.0.0/8"], "127.0.0.1", "127.0.0.1", plain),
            (&["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", "1.2.3.4", forwarded),
            (&["fd00::/8"], "fd12::1", "1.2.3.4", forwarded),
        ] {
            assert_eq!(noted(proxies, peer, false, &told), (client.to_owned(), arrival), "{proxies:?} {peer}");
        }
        assert_eq!(noted(&[], "9.9.9.9", true, &told).1, Arrival { tls: true, port: None });
        let chain = [("x-forwarded-proto", "https, http")];
        assert_eq!(noted(&["127.0.0.1"], "127.0.0.1", true, &chain).1, plain);
        assert_eq!(noted(&[], "127.0.0.1", true, &chain).1, Arrival { tls: true, port: None });
    }

    #[test]
    fn this_machine_and_proxies_stand_for_many() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()], Functions::default());
        for (address, exempt) in [("127.0.0.1", true), ("::1", true), ("10.1.2.3", true), ("11.1.2.3", false)] {
            assert_eq!(proxies.exempts(address.parse().unwrap()), exempt, "{address}");
        }
    }

    #[test]
    fn what_names_nobody_ends_the_chain() {
        for (told, client) in [
            ("unknown", "10.0.0.1"),
            ("6.6.6.6, unknown", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("1.2.3.4:99", "1.2.3.4"),
            ("6.6.6.6,10.0.0.9", "6.6.6.6"),
        ] {
            let noted = noted(&["10.0.0.0/8"], "10.0.0.1", false, &[("x-forwarded-for", told)]);
            assert_eq!(noted.0, client, "{told}");
        }
    }

    #[test]
    fn networks_are_read_and_households_counted() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "example.com", "10.0.0.0/-1"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains([1, 2, 3, 4].into()));
        assert!(!"0.0.0.0/0".parse::<Network>().unwrap().contains(Ipv6Addr::LOCALHOST.into()));
        let household = |text: &str| household(text.parse().unwrap());
        assert_eq!(household("2001:db8:1:2::3"), household("2001:db8:1:2:ffff::4"));
        assert_ne!(household("2001:db8:1:2::3"), household("2001:db8:1:3::3"));
        assert_eq!(household("::ffff:1.2.3.4"), household("1.2.3.4"));
    }
}
