//! What a value must be like for a condition to come into question: conditions by the values that they want.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use serde_json::Value;

use crate::operator::{Operator, address};

/// What to find a condition by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    Null,
    Bool(bool),
    /// The bits of a double.
    Number(u64),
    Text(String),
    Address(IpAddr),
    /// Lower case.
    TextIgnoreCase(String),
    Prefix(String),
    Suffix(String),
    /// Any value at all.
    Present,
}

impl Anchor {
    /// What a value must have for the operator to match it; `None` where it matches without one.
    pub fn of(operator: &Operator) -> Option<Anchor> {
        Some(match operator {
            Operator::Absent => return None,
            Operator::Null => Anchor::Null,
            Operator::Bool(value) => Anchor::Bool(*value),
            Operator::Number(number) => number.as_f64().map_or(Anchor::Present, |number| Anchor::Number(bits(number))),
            Operator::Text(text) => Anchor::Text(text.clone()),
            Operator::Address(address) => Anchor::Address(*address),
            Operator::TextIgnoreCase(text) => Anchor::TextIgnoreCase(text.clone()),
            Operator::Prefix(prefix) => Anchor::Prefix(prefix.clone()),
            Operator::Suffix(suffix) => Anchor::Suffix(suffix.clone()),
            Operator::Wildcard(wildcard) => Anchor::Prefix(wildcard.head().to_owned()),
            Operator::Numeric(bounds) => match (bounds.low, bounds.high) {
                (Some((low, _)), Some((high, _))) if low == high => Anchor::Number(bits(low)),
                _ => Anchor::Present,
            },
            Operator::PrefixIgnoreCase(_)
            | Operator::SuffixIgnoreCase(_)
            | Operator::Cidr(_)
            | Operator::AnythingBut(_)
            | Operator::Exists => Anchor::Present,
        })
    }
}

/// Zero has two signs, and is one number.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// The conditions that are anchored at one path.
#[derive(Debug, Default)]
pub struct Anchors {
    by_anchor: HashMap<Anchor, Vec<usize>>,
    /// Lengths of the prefixes and suffixes there are, in bytes.
    prefixes: BTreeSet<usize>,
    suffixes: BTreeSet<usize>,
    addresses: bool,
    ignore_case: bool,
}

impl Anchors {
    pub fn add(&mut self, anchor: Anchor, condition: usize) {
        match &anchor {
            Anchor::Prefix(prefix) => _ = self.prefixes.insert(prefix.len()),
            Anchor::Suffix(suffix) => _ = self.suffixes.insert(suffix.len()),
            Anchor::Address(_) => self.addresses = true,
            Anchor::TextIgnoreCase(_) => self.ignore_case = true,
            _ => {}
        }
        self.by_anchor.entry(anchor).or_default().push(condition);
    }

    /// Adds the conditions that come into question by this value; some may come twice.
    pub fn find(&self, value: &Value, conditions: &mut Vec<usize>) {
        let mut look = |anchor: Anchor| conditions.extend(self.by_anchor.get(&anchor).into_iter().flatten());
        look(Anchor::Present);
        match value {
            Value::Null => look(Anchor::Null),
            Value::Bool(value) => look(Anchor::Bool(*value)),
            Value::Number(number) => number.as_f64().into_iter().for_each(|number| look(Anchor::Number(bits(number)))),
            Value::String(text) => {
                look(Anchor::Text(text.clone()));
                if self.ignore_case {
                    look(Anchor::TextIgnoreCase(text.to_lowercase()));
                }
                if let Some(address) = self.addresses.then(|| address(text)).flatten() {
                    look(Anchor::Address(address));
                }
                let prefixes = self.prefixes.range(..=text.len()).filter_map(|length| text.get(..*length));
                prefixes.for_each(|prefix| look(Anchor::Prefix(prefix.to_owned())));
                let start = |length: &usize| text.len().checked_sub(*length);
                let suffixes = self.suffixes.iter().map_while(start).filter_map(|start| text.get(start..));
                suffixes.for_each(|suffix| look(Anchor::Suffix(suffix.to_owned())));
            }
            Value::Array(_) | Value::Object(_) => {}
        }
    }
}
