//! Primary keys: what a table or index is keyed by, and where that puts an item.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoding::{ItemRef, ValueRef};
use crate::error::Error;
use crate::keys::Digest;
use crate::limits::{PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX};
use crate::value::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    pub partition: KeyAttribute,
    pub sort: Option<KeyAttribute>,
}

/// `kind` is a string, number or binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    pub name: String,
    pub kind: Kind,
}

/// Where an item is, within its table or index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemKey {
    pub partition: Digest,
    /// In its sorting form; empty where there is no sort key.
    pub sort: Vec<u8>,
}

impl ItemKey {
    /// One hash of all of it.
    pub fn digest(&self) -> Digest {
        if self.sort.is_empty() { self.partition } else { digest(&[&self.partition, &self.sort]) }
    }
}

/// The hash of a partition key value.
pub fn partition_digest(value: ValueRef<'_>) -> Digest {
    digest(&[value.kind().name().as_bytes(), value.bytes()])
}

pub fn digest(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let mut digest = Digest::default();
    digest.iter_mut().zip(hash.finalize()).for_each(|(byte, hashed)| *byte = hashed);
    digest
}

#[cfg(test)]
impl KeySchema {
    /// A key of one text, for tests.
    pub fn sample(partition: &str) -> KeySchema {
        KeySchema { partition: KeyAttribute { name: partition.into(), kind: Kind::S }, sort: None }
    }
}

impl KeySchema {
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// Where `item` is; `None` when it lacks an attribute of the key.
    pub fn locate(&self, item: ItemRef<'_>) -> Option<ItemKey> {
        let value = |attribute: &KeyAttribute| item.get(&attribute.name).filter(|value| value.kind() == attribute.kind);
        Some(ItemKey {
            partition: partition_digest(value(&self.partition)?),
            sort: match &self.sort {
                Some(sort) => value(sort)?.bytes().to_vec(),
                None => Vec::new(),
            },
        })
    }

    /// Where the item is whose key a request gives.
    ///
    /// # Errors
    /// When `key` has not exactly this schema's attributes, or a value is empty or too long.
    pub fn locate_key(&self, key: ItemRef<'_>) -> Result<ItemKey, Error> {
        let mismatch = || Error::validation("The provided key element does not match the schema");
        if key.iter().count() != self.attributes().count() {
            return Err(mismatch());
        }
        let located = self.locate(key).ok_or_else(mismatch)?;
        self.check_values(key, "One or more parameter values were invalid: ")?;
        Ok(located)
    }

    /// Where an item that a request writes goes.
    ///
    /// # Errors
    /// When it lacks an attribute of the key, or a value is of the wrong type, empty or too long.
    pub fn locate_item(&self, item: ItemRef<'_>) -> Result<ItemKey, Error> {
        let invalid = |text: String| Error::Validation(format!("One or more parameter values were invalid: {text}"));
        for KeyAttribute { name, kind } in self.attributes() {
            let value = item.get(name).ok_or_else(|| invalid(format!("Missing the key {name} in the item")))?;
            if value.kind() != *kind {
                let actual = value.kind();
                return Err(invalid(format!("Type mismatch for key {name} expected: {kind} actual: {actual}")));
            }
        }
        self.check_values(item, "One or more parameter values are not valid. ")?;
        self.locate(item).ok_or_else(|| Error::validation("The provided key element does not match the schema"))
    }

    fn check_values(&self, item: ItemRef<'_>, complaint: &str) -> Result<(), Error> {
        for attribute in self.attributes() {
            let value = item.get(&attribute.name);
            if let Some(empty) = value.and_then(empty_kind) {
                let name = &attribute.name;
                return Err(Error::Validation(format!(
                    "{complaint}The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {name}"
                )));
            }
        }
        self.check_lengths(item)
    }

    /// Whether the values that `item` has can be those of a key.
    pub fn allows(&self, item: ItemRef<'_>) -> bool {
        let mut values = self.attributes().filter_map(|attribute| item.get(&attribute.name));
        self.check_lengths(item).is_ok() && values.all(|value| empty_kind(value).is_none())
    }

    /// # Errors
    /// When a value of the key is too long; those that are absent do not matter.
    pub fn check_lengths(&self, item: ItemRef<'_>) -> Result<(), Error> {
        let length = |attribute: &KeyAttribute| match item.get(&attribute.name) {
            // Numbers always fit.
            Some(value) if matches!(value.kind(), Kind::S | Kind::B) => value.bytes().len(),
            _ => 0,
        };
        if length(&self.partition) > PARTITION_KEY_BYTES_MAX {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of{PARTITION_KEY_BYTES_MAX} bytes"
            )));
        }
        if self.sort.as_ref().map_or(0, length) > SORT_KEY_BYTES_MAX {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of {SORT_KEY_BYTES_MAX} bytes"
            )));
        }
        Ok(())
    }
}

/// What an empty value is called; `None` for values that are not empty.
pub fn empty_kind(value: ValueRef<'_>) -> Option<&'static str> {
    match value.kind() {
        Kind::S if value.bytes().is_empty() => Some("string"),
        Kind::B if value.bytes().is_empty() => Some("binary"),
        _ => None,
    }
}
