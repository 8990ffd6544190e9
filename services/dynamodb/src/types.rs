//! What DynamoDB stores beside items. Numbers that name tables and indexes are never given twice.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::key::KeySchema;
use crate::value::Kind;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Under which its items are kept.
    pub id: u64,
    /// `TableId` of the API.
    pub uuid: String,
    pub name: String,
    pub arn: Arn,
    pub created: Timestamp,
    pub key: KeySchema,
    /// `AttributeDefinitions`: the types of all attributes that are part of a key.
    pub definitions: Vec<(String, Kind)>,
    pub billing: Billing,
    pub throughput: Throughput,
    /// `OnDemandThroughput`, as set.
    pub on_demand: Option<OnDemandThroughput>,
    pub class: Option<String>,
    pub deletion_protected: bool,
    pub local_indexes: Vec<Index>,
    pub global_indexes: Vec<Index>,
    pub stream: Option<Stream>,
    pub encryption: Option<Encryption>,
    pub tags: BTreeMap<String, String>,
    pub expiry: Option<Expiry>,
}
kv::stored!(Table, version = 1);

impl Table {
    pub fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.local_indexes.iter().chain(&self.global_indexes)
    }

    /// An index by name, and whether it is local.
    pub fn index(&self, name: &str) -> Option<(&Index, bool)> {
        let local = self.local_indexes.iter().find(|index| index.name == name).map(|index| (index, true));
        local.or_else(|| self.global_indexes.iter().find(|index| index.name == name).map(|index| (index, false)))
    }
}

/// A table as it is read: decoded once a thread for the same stored bytes, since every request on an item needs one.
#[derive(Clone, Debug)]
pub struct SharedTable(Arc<Table>);

/// Tables that a thread keeps decoded.
const DECODED_MAX: usize = 256;

thread_local! {
    static DECODED: RefCell<HashMap<Bytes, Arc<Table>>> = RefCell::default();
}

impl SharedTable {
    pub fn new(table: Table) -> SharedTable {
        SharedTable(Arc::new(table))
    }
}

impl Deref for SharedTable {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.0
    }
}

impl kv::Stored for SharedTable {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        self.0.to_bytes()
    }

    fn from_bytes(bytes: &Bytes) -> Result<SharedTable, kv::Error> {
        if let Some(table) = DECODED.with_borrow(|decoded| decoded.get(bytes).cloned()) {
            return Ok(SharedTable(table));
        }
        let table = Arc::new(Table::from_bytes(bytes)?);
        DECODED.with_borrow_mut(|decoded| {
            if decoded.len() >= DECODED_MAX {
                decoded.clear();
            }
            decoded.insert(bytes.clone(), Arc::clone(&table));
        });
        Ok(SharedTable(table))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Billing {
    pub on_demand: bool,
    /// When it last became on-demand.
    pub since: Option<Timestamp>,
    /// Whether `BillingModeSummary` is shown: not for tables that have only ever been provisioned.
    pub shown: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    pub read: i64,
    pub write: i64,
    pub increased: Option<Timestamp>,
    pub decreased: Option<Timestamp>,
    pub decreases_today: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OnDemandThroughput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_read_request_units: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_write_request_units: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Under which its entries are kept.
    pub id: u64,
    pub name: String,
    pub key: KeySchema,
    pub projection: Projected,
    pub throughput: Throughput,
    pub on_demand: Option<OnDemandThroughput>,
    /// Whether the items that were there before it are still being added.
    pub backfilling: bool,
}

/// Which attributes an index holds beside the keys of the table and its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Projected {
    All,
    KeysOnly,
    Include(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    pub enabled: bool,
    pub view: Option<String>,
    /// When it was enabled: its label.
    pub label: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encryption {
    pub kms_key: Option<String>,
}

/// Time to live: the attribute that says when an item expires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expiry {
    pub attribute: String,
    pub enabled: bool,
    /// When it was last enabled or disabled.
    pub since: Timestamp,
}

/// How many items a table or index holds, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    pub items: u64,
    pub bytes: u64,
}

/// Two numbers of eight bytes, big-endian.
impl kv::Stored for Volume {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        let both = [self.items.to_be_bytes(), self.bytes.to_be_bytes()];
        Ok(Bytes::copy_from_slice(both.as_flattened()))
    }

    fn from_bytes(bytes: &Bytes) -> Result<Volume, kv::Error> {
        let (items, bytes) = bytes
            .split_first_chunk::<8>()
            .and_then(|(items, rest)| Some((items, rest.try_into().ok()?)))
            .ok_or_else(|| kv::Error::corrupt("a table's volume", "it does not have sixteen bytes"))?;
        Ok(Volume { items: u64::from_be_bytes(*items), bytes: u64::from_be_bytes(bytes) })
    }
}

/// A transaction that was done, by the token that its client gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// A digest of the request.
    pub request: [u8; 16],
    pub expires: Timestamp,
}
kv::stored!(Token, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;
    use crate::key::KeyAttribute;

    #[test]
    fn golden_bytes() {
        let volume = Volume { items: 1, bytes: 258 };
        assert_eq!(volume.to_bytes().unwrap(), b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02".as_slice());
        assert_eq!(Volume::from_bytes(&volume.to_bytes().unwrap()), Ok(volume));

        let token = Token { request: [7; 16], expires: Timestamp(5) };
        assert_eq!(token.to_bytes().unwrap(), b"\x01\x82\xa7request\xdc\x00\x10\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\xa7expires\x05".as_slice());
        assert_eq!(Token::from_bytes(&token.to_bytes().unwrap()), Ok(token));

        let table = Table {
            id: 3,
            uuid: "u".into(),
            name: "t".into(),
            arn: "arn:aws:dynamodb:us-east-1:000000000000:table/t".parse().unwrap(),
            created: Timestamp(9),
            key: KeySchema { partition: KeyAttribute { name: "pk".into(), kind: Kind::S }, sort: None },
            definitions: vec![("pk".into(), Kind::S)],
            billing: Billing { on_demand: true, since: None, shown: true },
            throughput: Throughput::default(),
            on_demand: None,
            class: None,
            deletion_protected: false,
            local_indexes: vec![],
            global_indexes: vec![],
            stream: None,
            encryption: None,
            tags: BTreeMap::new(),
            expiry: None,
        };
        let bytes = table.to_bytes().unwrap();
        assert_eq!(Table::from_bytes(&bytes), Ok(table));
        let golden = b"\x01\xde\x00\x12\xa2id\x03\xa4uuid\xa1u\xa4name\xa1t\
            \xa3arn\xd9/arn:aws:dynamodb:us-east-1:000000000000:table/t\xa7created\t\
            \xa3key\x82\xa9partition\x82\xa4name\xa2pk\xa4kind\xa1S\xa4sort\xc0\
            \xabdefinitions\x91\x92\xa2pk\xa1S\xa7billing\x83\xa9on_demand\xc3\xa5since\xc0\xa5shown\xc3\
            \xaathroughput\x85\xa4read\x00\xa5write\x00\xa9increased\xc0\xa9decreased\xc0\xafdecreases_today\x00\
            \xa9on_demand\xc0\xa5class\xc0\xb2deletion_protected\xc2\xadlocal_indexes\x90\xaeglobal_indexes\x90\
            \xa6stream\xc0\xaaencryption\xc0\xa4tags\x80\xa6expiry\xc0";
        assert_eq!(bytes, golden.as_slice());
    }
}
