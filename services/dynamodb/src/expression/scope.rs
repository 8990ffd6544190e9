//! What `#names` and `:values` stand for in a request's expressions, and which of them were used.

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, Path, Step, parser};
use crate::attribute::ValueInput;
use crate::expression::reserved::is_reserved;
use crate::validation::attribute_name;
use crate::value::Value;

/// `ExpressionAttributeNames` and `ExpressionAttributeValues`, shared by all expressions of one request.
#[derive(Default)]
pub struct Scope<'r> {
    names: Option<&'r BTreeMap<String, String>>,
    values: Option<&'r BTreeMap<String, ValueInput>>,
    used_names: BTreeSet<&'r str>,
    used_values: BTreeSet<&'r str>,
}

/// The longest `#name` or `:value`, its first character included.
const PLACEHOLDER_BYTES_MAX: usize = 255;

impl<'r> Scope<'r> {
    /// # Errors
    /// The whole message, when a map is empty, or a key, name or value in it is malformed.
    pub fn new(
        names: Option<&'r BTreeMap<String, String>>,
        values: Option<&'r BTreeMap<String, ValueInput>>,
    ) -> Result<Scope<'r>, String> {
        if let Some(names) = names {
            check_keys("ExpressionAttributeNames", '#', names.keys())?;
            for name in names.values() {
                attribute_name(name)
                    .map_err(|wrong| format!("ExpressionAttributeNames contains invalid value: {wrong}"))?;
            }
        }
        if let Some(values) = values {
            check_keys("ExpressionAttributeValues", ':', values.keys())?;
            if let Some((key, Err(invalid))) =
                values.iter().map(|(key, value)| (key, &value.0)).find(|(_, value)| value.is_err())
            {
                return Err(format!("ExpressionAttributeValues contains invalid value: {invalid} for key {key}"));
            }
        }
        Ok(Scope { names, values, ..Scope::default() })
    }

    fn name(&mut self, alias: &str) -> Result<&'r str, Error> {
        match self.names.and_then(|names| names.get_key_value(alias)) {
            Some((alias, name)) => {
                self.used_names.insert(alias);
                Ok(name)
            }
            None => Err(Error::UndefinedName(alias.to_string())),
        }
    }

    pub(super) fn value(&mut self, placeholder: &str) -> Result<&'r Value, Error> {
        match self.values.and_then(|values| values.get_key_value(placeholder)) {
            Some((placeholder, ValueInput(Ok(value)))) => {
                self.used_values.insert(placeholder);
                Ok(value)
            }
            // Malformed values were refused when the scope was made.
            Some((_, ValueInput(Err(_)))) | None => Err(Error::UndefinedValue(placeholder.to_string())),
        }
    }

    pub(super) fn path(&mut self, path: &parser::Path<'_>) -> Result<Path, Error> {
        let mut steps = path.iter();
        let attribute = match steps.next() {
            Some(parser::Step::Name(name)) => (*name).to_string(),
            Some(parser::Step::Alias(alias)) => self.name(alias)?.to_string(),
            Some(parser::Step::Index(_)) | None => String::new(),
        };
        let steps = steps.map(|step| {
            Ok(match step {
                parser::Step::Name(name) => Step::Key((*name).to_string()),
                parser::Step::Alias(alias) => Step::Key(self.name(alias)?.to_string()),
                parser::Step::Index(index) => Step::Index(*index),
            })
        });
        Ok(Path { attribute, steps: steps.collect::<Result<_, _>>()? })
    }

    /// To call when all expressions have been resolved.
    ///
    /// # Errors
    /// The whole message, when a name or value was not used.
    pub fn finish(self) -> Result<(), String> {
        let unused = |parameter: &str, keys: Vec<&str>| match keys.is_empty() {
            true => Ok(()),
            false => Err(format!("Value provided in {parameter} unused in expressions: keys: {{{}}}", keys.join(", "))),
        };
        let names = self.names.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        unused("ExpressionAttributeNames", names.filter(|name| !self.used_names.contains(name)).collect())?;
        let values = self.values.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        unused("ExpressionAttributeValues", values.filter(|value| !self.used_values.contains(value)).collect())
    }
}

/// The first name in `path` that only a `#name` may stand for.
pub(super) fn reserved_name(path: &parser::Path<'_>) -> Option<Error> {
    path.iter().find_map(|step| match step {
        parser::Step::Name(name) if is_reserved(name) => Some(Error::Reserved((*name).to_string())),
        _ => None,
    })
}

fn check_keys<'k>(parameter: &str, sigil: char, keys: impl Iterator<Item = &'k String>) -> Result<(), String> {
    let mut empty = true;
    for key in keys {
        empty = false;
        let word = key.strip_prefix(sigil).unwrap_or_default();
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(format!("{parameter} contains invalid key: Syntax error; key: \"{key}\""));
        }
        if key.len() > PLACEHOLDER_BYTES_MAX {
            return Err(format!(
                "{parameter} contains invalid key: The expression attribute map contains a key that is too long; key: \"{key}\""
            ));
        }
    }
    if empty { Err(format!("{parameter} must not be empty")) } else { Ok(()) }
}

/// Values of a request, for tests.
#[cfg(test)]
pub fn values<const N: usize>(values: [(&str, Value); N]) -> BTreeMap<String, ValueInput> {
    values.into_iter().map(|(name, value)| (name.to_string(), ValueInput(Ok(value)))).collect()
}
