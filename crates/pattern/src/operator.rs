//! What one value of an event is asked.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Number, Value};

use crate::wildcard::Wildcard;

#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// An address, however it is written.
    Address(IpAddr),
    /// Lower case, as all that ignore it.
    TextIgnoreCase(String),
    Prefix(String),
    PrefixIgnoreCase(String),
    Suffix(String),
    SuffixIgnoreCase(String),
    Wildcard(Wildcard),
    Numeric(Bounds),
    Cidr(Network),
    /// Any value that none of these match.
    AnythingBut(Vec<Operator>),
    Exists,
    /// No value matches this one: that there is none, is what it asks.
    Absent,
}

/// A bound, and whether it is itself within.
pub type Bound = (f64, bool);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub low: Option<Bound>,
    pub high: Option<Bound>,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub bits: u32,
}

impl Operator {
    /// Whether it matches a value that is neither an object nor a list.
    pub fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Operator::Exists, _) => true,
            (Operator::AnythingBut(none), value) => !none.iter().any(|operator| operator.matches(value)),
            (Operator::Null, value) => value.is_null(),
            (Operator::Bool(wanted), Value::Bool(value)) => wanted == value,
            (Operator::Number(wanted), Value::Number(number)) => equal(wanted, number),
            (Operator::Numeric(bounds), Value::Number(number)) => {
                number.as_f64().is_some_and(|number| bounds.contain(number))
            }
            (operator, Value::String(text)) => operator.matches_text(text),
            _ => false,
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        match self {
            Operator::Text(wanted) => wanted == text,
            Operator::Address(wanted) => address(text) == Some(*wanted),
            Operator::TextIgnoreCase(wanted) => text.to_lowercase() == *wanted,
            Operator::Prefix(prefix) => text.starts_with(prefix),
            Operator::PrefixIgnoreCase(prefix) => text.to_lowercase().starts_with(prefix),
            Operator::Suffix(suffix) => text.ends_with(suffix),
            Operator::SuffixIgnoreCase(suffix) => text.to_lowercase().ends_with(suffix),
            Operator::Wildcard(wildcard) => wildcard.matches(text),
            Operator::Cidr(network) => address(text).is_some_and(|address| network.contains(address)),
            _ => false,
        }
    }
}

impl Bounds {
    fn contain(&self, number: f64) -> bool {
        let above = self.low.is_none_or(|(low, within)| number > low || (within && number == low));
        above && self.high.is_none_or(|(high, within)| number < high || (within && number == high))
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.bits
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

/// Whole numbers as they are, others as doubles: 3 is 3.0, and a large number is not the one next to it.
fn equal(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        _ => one.as_f64() == other.as_f64(),
    }
}

/// The address that a text is, in no other forms than AWS reads: an IPv4 address that is written as IPv6 is the
/// IPv4 address.
pub fn address(text: &str) -> Option<IpAddr> {
    let looks_like_one = text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    if !looks_like_one {
        return None;
    }
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().filter(|_| !text.contains('.')).map(|v6| IpAddr::V6(v6).to_canonical());
    }
    text.parse().ok()
}
