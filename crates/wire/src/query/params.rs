//! A Query request: form-encoded parameters, and the tree that their dotted names describe.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use crate::error::DecodeError;
use crate::value::Value;

/// How deep a parameter's name may nest, which bounds recursion.
const NAME_PARTS_MAX: usize = 32;

/// More than any operation can use: ten messages with ten attributes each have a few hundred.
const PARAMETERS_MAX: usize = 10_000;

/// Decoded parameters, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

/// Reads `application/x-www-form-urlencoded` bytes: a body, or a URI's query string.
///
/// # Errors
/// When the text is not UTF-8 once decoded, or has more parameters than any operation can use.
pub fn parse(form: &[u8]) -> Result<Params, DecodeError> {
    let form = str::from_utf8(form).map_err(|_| DecodeError::whole("The form is not UTF-8"))?;
    if form.bytes().filter(|byte| *byte == b'&').count() >= PARAMETERS_MAX {
        return Err(DecodeError::whole(format!("A request has at most {PARAMETERS_MAX} parameters")));
    }
    let pairs = form.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode_part(name)?, decode_part(value)?))
    });
    pairs.collect::<Result<_, _>>().map(Params)
}

fn decode_part(text: &str) -> Result<String, DecodeError> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| DecodeError::whole(format!("The parameter '{text}' is not UTF-8")))
}

impl Params {
    /// The first value of the parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// These parameters, with one more where it is not among them.
    pub fn or(&self, name: &str, value: &str) -> Cow<'_, Params> {
        if self.get(name).is_some() {
            return Cow::Borrowed(self);
        }
        let mut more = self.clone();
        more.0.push((name.to_owned(), value.to_owned()));
        Cow::Owned(more)
    }

    /// These parameters, and those of `others` that are not named by them.
    #[must_use]
    pub fn before(mut self, others: Params) -> Params {
        let named: BTreeSet<&str> = self.iter().map(|(name, _)| name).collect();
        let more: Vec<_> = others.0.into_iter().filter(|(name, _)| !named.contains(name.as_str())).collect();
        self.0.extend(more);
        self
    }

    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn tree(&self) -> Result<Value<'_>, DecodeError> {
        let mut root = Node::default();
        for (name, value) in self.iter() {
            if name.split('.').count() > NAME_PARTS_MAX {
                return Err(DecodeError::whole(format!("A parameter's name nests deeper than {NAME_PARTS_MAX} parts")));
            }
            let node = name.split('.').fold(&mut root, |node, part| node.children.entry(part).or_default());
            node.text = Some(value);
        }
        Ok(Value::Map(root.members()))
    }
}

/// While the tree grows, members are found by name.
#[derive(Default)]
struct Node<'a> {
    text: Option<&'a str>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn members(self) -> Vec<(Cow<'a, str>, Value<'a>)> {
        self.children.into_iter().map(|(name, node)| (Cow::Borrowed(name), node.value())).collect()
    }

    /// A name with members below it is a structure, even if it was given a text too.
    fn value(self) -> Value<'a> {
        match self.text {
            Some(text) if self.children.is_empty() => Value::Loose(Cow::Borrowed(text)),
            _ => Value::Map(self.members()),
        }
    }
}
