//! What is known of a request, by condition key.

use std::collections::BTreeMap;

/// Condition keys (`aws:SourceIp`, `dynamodb:LeadingKeys`) and their values. Names are without case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    pub fn new() -> Context {
        Context::default()
    }

    /// Adds a value to a key; most keys have one.
    pub fn insert(&mut self, key: &str, value: impl Into<String>) {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(&key.to_ascii_lowercase())
    }

    /// The values of a key, whose name is in lower case already. Empty when the request has none.
    pub(super) fn get(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

impl<'a, V: Into<String>> FromIterator<(&'a str, V)> for Context {
    fn from_iter<I: IntoIterator<Item = (&'a str, V)>>(values: I) -> Context {
        let mut context = Context::new();
        for (key, value) in values {
            context.insert(key, value);
        }
        context
    }
}
