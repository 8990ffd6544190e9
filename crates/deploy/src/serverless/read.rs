//! Reading values out of a configuration, with a diagnostic at the place of what cannot be read.

use serde_json::{Map, Value as Json};

use super::keys::{Key, Usage};
use crate::diagnostic::{At, Diagnostic, Diagnostics, Severity};
use crate::suggest;
use crate::yaml::{Entry, Node, Scalar};

/// Reads values and notes what is wrong with them.
pub struct Reader<'a> {
    pub diagnostics: &'a mut Diagnostics,
    /// What an unknown key is (`configValidationMode`): an error, a warning, or nothing.
    pub unknown_keys: Option<Severity>,
}

impl Reader<'_> {
    pub fn error(&mut self, at: &At, message: impl Into<String>) {
        self.diagnostics.error(at, message);
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Checks a mapping's keys against the ones there are. `what` names the mapping: "a function".
    pub fn keys(&mut self, node: &Node, what: &str, keys: &[Key]) {
        let Some(entries) = node.as_mapping() else {
            if !node.is_null() {
                self.error(&node.at, format!("{what} is a mapping, not {}", node.kind()));
            }
            return;
        };
        for entry in entries {
            match keys.iter().find(|key| key.name == entry.key).map(|key| key.usage) {
                Some(Usage::Read | Usage::Silent) => {}
                Some(Usage::Ignored(why)) => {
                    let message = format!("`{}` of {what} changes nothing here: {why}", entry.key);
                    self.report(Diagnostic::warning(message).at(&entry.at));
                }
                Some(Usage::Refused(why)) => {
                    let message = format!("`{}` of {what} is not supported yet", entry.key);
                    self.report(Diagnostic::error(message).at(&entry.at).help(why));
                }
                None => self.unknown_key(entry, what, keys),
            }
        }
    }

    fn unknown_key(&mut self, entry: &Entry, what: &str, keys: &[Key]) {
        let Some(severity) = self.unknown_keys else { return };
        let supported = || keys.iter().filter(|key| matches!(key.usage, Usage::Read)).map(|key| key.name);
        let help = match suggest::nearest(&entry.key, keys.iter().map(|key| key.name)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("supported: {}", supported().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("`{}` is not a key of {what}", entry.key);
        self.report(Diagnostic { severity, message, at: Some(entry.at.clone()), help: Some(help) });
    }

    fn expected(&mut self, node: &Node, key: &str, expected: &str) {
        self.error(&node.at, format!("`{key}` is {expected}, not {}", node.kind()));
    }

    fn scalar<'n>(&mut self, node: &'n Node, key: &str, expected: &str) -> Option<&'n Scalar> {
        if node.as_scalar().is_none() {
            self.expected(node, key, expected);
        }
        node.as_scalar()
    }

    pub fn text(&mut self, parent: &Node, key: &str) -> Option<String> {
        let node = parent.get(key)?;
        self.scalar(node, key, "a text").map(|scalar| scalar.text.clone())
    }

    /// A text without white space or other characters that a name, a path or a route cannot have.
    pub fn word(&mut self, parent: &Node, key: &str) -> Option<String> {
        let text = self.text(parent, key)?;
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            self.error(&parent.get(key)?.at, format!("`{key}` cannot be empty or have spaces in it"));
            return None;
        }
        Some(text)
    }

    /// A whole number from `least` to `most`.
    pub fn integer(&mut self, parent: &Node, key: &str, least: i64, most: i64) -> Option<i64> {
        let node = parent.get(key)?;
        let expected = format!("a whole number from {least} to {most}");
        let text = &self.scalar(node, key, &expected)?.text;
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                self.error(&node.at, format!("`{key}` is {expected}, not `{text}`"));
                None
            }
        }
    }

    pub fn boolean(&mut self, parent: &Node, key: &str) -> Option<bool> {
        let node = parent.get(key)?;
        match self.scalar(node, key, "true or false")?.text.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            text => {
                self.error(&node.at, format!("`{key}` is true or false, not `{text}`"));
                None
            }
        }
    }

    pub fn list<'n>(&mut self, parent: &'n Node, key: &str) -> Option<&'n [Node]> {
        let node = parent.get(key)?;
        if node.as_sequence().is_none() {
            self.expected(node, key, "a list");
        }
        node.as_sequence()
    }

    pub fn texts(&mut self, parent: &Node, key: &str) -> Option<Vec<String>> {
        let items = self.list(parent, key)?;
        let mut texts = Vec::new();
        for item in items {
            texts.extend(self.scalar(item, key, "a list of texts").map(|scalar| scalar.text.clone()));
        }
        Some(texts)
    }

    pub fn mapping<'n>(&mut self, parent: &'n Node, key: &str) -> Option<&'n [Entry]> {
        let node = parent.get(key)?;
        if node.as_mapping().is_none() {
            self.expected(node, key, "a mapping");
        }
        node.as_mapping()
    }

    /// A mapping of texts; values may be intrinsic functions. Numbers and booleans keep the text they were written with.
    pub fn text_map(&mut self, parent: &Node, key: &str) -> Map<String, Json> {
        let mut map = Map::new();
        for entry in self.mapping(parent, key).unwrap_or_default() {
            map.extend(self.text_value(&entry.value, &entry.key).map(|value| (entry.key.clone(), value)));
        }
        map
    }

    /// Where each entry of a mapping was written.
    pub fn places(parent: &Node, key: &str) -> Vec<(String, At)> {
        let entries = parent.get(key).and_then(Node::as_mapping).unwrap_or_default();
        entries.iter().map(|entry| (entry.key.clone(), entry.value.at.clone())).collect()
    }

    /// A text as it was written, or an intrinsic function.
    pub fn text_value(&mut self, node: &Node, key: &str) -> Option<Json> {
        match node.as_scalar() {
            Some(scalar) if scalar.is_null() => None,
            Some(scalar) => Some(Json::String(scalar.text.clone())),
            None if is_function(node) => Some(node.json()),
            None => {
                self.expected(node, key, "a text or an intrinsic function");
                None
            }
        }
    }

    /// An ARN: a text or an intrinsic function.
    pub fn arn(&mut self, parent: &Node, key: &str) -> Option<Json> {
        let node = parent.get(key)?;
        self.arn_value(node, key)
    }

    pub fn arn_value(&mut self, node: &Node, key: &str) -> Option<Json> {
        let value = self.text_value(node, key)?;
        if value.as_str().is_some_and(|text| !text.starts_with("arn:")) {
            let message = format!("`{key}` is an ARN (`arn:…`) or an intrinsic function such as `!GetAtt Name.Arn`");
            self.error(&node.at, message);
            return None;
        }
        Some(value)
    }
}

/// Whether a mapping is one intrinsic function: `{Ref: …}`, `{Fn::…: …}`.
fn is_function(node: &Node) -> bool {
    matches!(node.as_mapping(), Some([only]) if only.key == "Ref" || only.key.starts_with("Fn::"))
}
