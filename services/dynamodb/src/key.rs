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
    /// What the partition key of a global index has beside the first attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_partition: Vec<KeyAttribute>,
    /// The same of its sort key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_sort: Vec<KeyAttribute>,
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

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
        KeySchema::new(KeyAttribute { name: partition.into(), kind: Kind::S }, None)
    }
}

impl KeySchema {
    pub fn new(partition: KeyAttribute, sort: Option<KeyAttribute>) -> KeySchema {
        KeySchema { partition, sort, more_partition: Vec::new(), more_sort: Vec::new() }
    }

    /// Whether its partition key or its sort key has several attributes.
    pub fn is_composite(&self) -> bool {
        !self.more_partition.is_empty() || !self.more_sort.is_empty()
    }

    pub fn partitions(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.more_partition)
    }

    pub fn sorts(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.sort.iter().chain(&self.more_sort)
    }

    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partitions().chain(self.sorts())
    }

    /// The hash of a partition key, of the value of each of its attributes; `None` where one is missing.
    pub fn partition_of<'v>(&self, value: impl Fn(&KeyAttribute) -> Option<ValueRef<'v>>) -> Option<Digest> {
        if self.more_partition.is_empty() {
            return value(&self.partition).map(partition_digest);
        }
        let mut bytes = Vec::new();
        self.partitions().try_for_each(|attribute| value(attribute).map(|value| push(&mut bytes, value.bytes())))?;
        Some(digest(&[&bytes]))
    }

    /// A sort key in its sorting form: bytes that order as the first attribute does, then as the second.
    fn sort_of<'v>(&self, value: impl Fn(&KeyAttribute) -> Option<ValueRef<'v>>) -> Option<Vec<u8>> {
        if self.more_sort.is_empty() {
            return self.sort.as_ref().map_or(Some(Vec::new()), |sort| Some(value(sort)?.bytes().to_vec()));
        }
        let mut bytes = Vec::new();
        self.sorts().try_for_each(|attribute| value(attribute).map(|value| push(&mut bytes, value.bytes())))?;
        Some(bytes)
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// Where `item` is; `None` when it lacks an attribute of the key.
    pub fn locate(&self, item: ItemRef<'_>) -> Option<ItemKey> {
        let value = |attribute: &KeyAttribute| item.get(&attribute.name).filter(|value| value.kind() == attribute.kind);
        Some(ItemKey { partition: self.partition_of(value)?, sort: self.sort_of(value)? })
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
        if self.partitions().map(length).sum::<usize>() > PARTITION_KEY_BYTES_MAX {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of{PARTITION_KEY_BYTES_MAX} bytes"
            )));
        }
        if self.sorts().map(length).sum::<usize>() > SORT_KEY_BYTES_MAX {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of {SORT_KEY_BYTES_MAX} bytes"
            )));
        }
        Ok(())
    }
}

/// Adds a value of several to a key: what follows it does not change how it orders.
pub fn push(key: &mut Vec<u8>, value: &[u8]) {
    push_open(key, value);
    key.push(END);
}

/// Adds the beginning of a value.
pub fn push_open(key: &mut Vec<u8>, value: &[u8]) {
    for &byte in value {
        match byte {
            END | ESCAPE => key.extend([ESCAPE, byte + 1]),
            _ => key.push(byte),
        }
    }
}

/// Ends a value, and so comes before everything that one may go on with.
const END: u8 = 0;
/// Before what stands for an [`END`] or an [`ESCAPE`] of the value itself.
const ESCAPE: u8 = 1;

/// What an empty value is called; `None` for values that are not empty.
pub fn empty_kind(value: ValueRef<'_>) -> Option<&'static str> {
    match value.kind() {
        Kind::S if value.bytes().is_empty() => Some("string"),
        Kind::B if value.bytes().is_empty() => Some("binary"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Keys of several values order as the values do, one after the other.
        #[test]
        fn keys_of_several_values_keep_their_order(
            one in prop::collection::vec(prop::collection::vec(0u8..4, 0..4), 2),
            other in prop::collection::vec(prop::collection::vec(0u8..4, 0..4), 2),
        ) {
            let key = |values: &[Vec<u8>]| {
                let mut key = Vec::new();
                values.iter().for_each(|value| push(&mut key, value));
                key
            };
            prop_assert_eq!(key(&one).cmp(&key(&other)), one.cmp(&other));
        }
    }
}
