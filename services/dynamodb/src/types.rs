//! What DynamoDB stores beside items. Numbers that name tables and indexes are never given twice.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Stored;
use serde::{Deserialize, Serialize};

use crate::encoding::StoredItem;
use crate::key::KeySchema;
use crate::value::Kind;

mod backup;
mod bulk;
mod destination;
mod transfer;
mod vector;

pub use backup::{Backup, BackupKind, Copy, Moment, Recovery, Restore, Undo};
pub use bulk::{AskedBulk, Bulk, BulkOutput, BulkTally, BulkUsed, Report};
pub use destination::{Destination, DestinationStatus};
pub use transfer::{
    AskedExport, AskedImport, Changed, CsvForm, Ended, Export, ExportFile, Failure, Import, Period, ReadSoFar, Source,
    Tally, TransferToken, Written,
};
pub use vector::{Distance, Role, SearchAttribute, VectorIndex, VectorRow};

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
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// How many copies of it are being made.
    #[serde(default)]
    pub copies: u32,
    /// Set for as long as it is being restored, and cannot be used.
    #[serde(default)]
    pub restore: Option<Restore>,
    /// Whether it is being imported, and cannot be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub importing: bool,
    /// Whether the sizes of its item collections have been counted since it was made.
    #[serde(default)]
    pub counts_collections: bool,
    /// What it was said to take at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<WarmThroughput>,
    /// The Kinesis streams that its changes are sent to, or were: the one that came last is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Destination>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vector_indexes: Vec<VectorIndex>,
}
kv::stored!(Table, version = 1);

impl Table {
    /// Whether it is kept how its changes are undone.
    pub fn is_journaled(&self) -> bool {
        self.recovery.is_some() || self.copies > 0
    }

    /// Whether all that it begins with is there: until then, it cannot be used.
    pub fn is_made(&self) -> bool {
        self.restore.is_none() && !self.importing
    }

    /// Whether items that were there before an index are still being added to it.
    pub fn is_backfilling(&self) -> bool {
        self.indexes().any(|index| index.backfilling) || self.vector_indexes.iter().any(|index| index.backfilling)
    }

    /// Whether a key or a search schema has an attribute, which is defined then.
    pub fn defines(&self, name: &str) -> bool {
        let searched = || self.vector_indexes.iter().any(|index| index.searched(name).is_some());
        self.key.has(name) || self.indexes().any(|index| index.key.has(name)) || searched()
    }

    pub fn vector_index(&self, name: &str) -> Option<&VectorIndex> {
        self.vector_indexes.iter().find(|index| index.name == name)
    }

    /// The numbers of all indexes.
    pub fn index_ids(&self) -> impl Iterator<Item = u64> {
        self.indexes().map(|index| index.id).chain(self.vector_indexes.iter().map(|index| index.id))
    }

    /// Its secondary indexes.
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

/// `WarmThroughput` of a table or index, as set: units a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WarmThroughput {
    pub read_units_per_second: Option<i64>,
    pub write_units_per_second: Option<i64>,
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
    /// What it was said to take at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<WarmThroughput>,
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
    /// Under which its records are kept; zero for one that has none yet.
    #[serde(default)]
    pub id: u64,
}

/// A stream apart from its table, which it may outlive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Under which its records are kept.
    pub id: u64,
    pub arn: Arn,
    pub table: String,
    pub label: String,
    pub view: String,
    /// Of its table.
    pub key: KeySchema,
    pub created: Timestamp,
    /// When it was disabled.
    pub closed: Option<Timestamp>,
}
kv::stored!(StreamInfo, version = 1);

/// The numbers of a stream's records: from `first`, when any are left, to the one before `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: u64,
    pub next: u64,
}

impl Default for Span {
    fn default() -> Span {
        Span { first: 1, next: 1 }
    }
}

/// Two numbers of eight bytes, big-endian.
impl kv::Stored for Span {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        Ok(two_numbers(self.first, self.next))
    }

    fn from_bytes(bytes: &Bytes) -> Result<Span, kv::Error> {
        let (first, next) = read_two_numbers("a stream's span", bytes)?;
        Ok(Span { first, next })
    }
}

/// One change of one item, in a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub at: Timestamp,
    pub kind: RecordKind,
    /// Whether time to live deleted the item, rather than a request.
    pub expired: bool,
    pub keys: StoredItem,
    /// What the stream's view shows of the item before and after.
    pub before: Option<StoredItem>,
    pub after: Option<StoredItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    Insert = 1,
    Modify = 2,
    Remove = 3,
}

impl RecordKind {
    /// `eventName`.
    pub fn name(self) -> &'static str {
        match self {
            RecordKind::Insert => "INSERT",
            RecordKind::Modify => "MODIFY",
            RecordKind::Remove => "REMOVE",
        }
    }
}

/// The first byte of every stored record.
const RECORD_VERSION: u8 = 1;
const EXPIRED: u8 = 1;
const HAS_BEFORE: u8 = 2;
const HAS_AFTER: u8 = 4;

/// ```text
/// record = version:u8 kind:u8 flags:u8 at:u64 keys before? after?      numbers are big-endian
/// keys, before, after = length:u32 item
/// ```
impl kv::Stored for Record {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        let parts = [Some(&self.keys), self.before.as_ref(), self.after.as_ref()];
        let parts = parts.into_iter().flatten().map(StoredItem::to_bytes).collect::<Result<Vec<_>, _>>()?;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.expired, EXPIRED)
            | flag(self.before.is_some(), HAS_BEFORE)
            | flag(self.after.is_some(), HAS_AFTER);
        let mut bytes = Vec::with_capacity(11 + parts.iter().map(|part| part.len() + 4).sum::<usize>());
        bytes.extend([RECORD_VERSION, self.kind as u8, flags]);
        bytes.extend(self.at.0.to_be_bytes());
        for part in parts {
            // An item has 400 KB at most: its length fits.
            bytes.extend((part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.into())
    }

    fn from_bytes(bytes: &Bytes) -> Result<Record, kv::Error> {
        if bytes.first() != Some(&RECORD_VERSION) {
            return Err(kv::unknown_version("a stream's record", bytes.first().copied()));
        }
        read_record(bytes).ok_or_else(|| kv::Error::corrupt("a stream's record", "it is cut short"))?
    }
}

fn read_record(bytes: &Bytes) -> Option<Result<Record, kv::Error>> {
    let (head, _) = bytes.split_first_chunk::<11>()?;
    let [_, kind, flags, at @ ..] = head;
    let kind = match kind {
        1 => RecordKind::Insert,
        2 => RecordKind::Modify,
        3 => RecordKind::Remove,
        _ => return None,
    };
    let mut place = head.len();
    let mut part = || {
        let (length, _) = bytes.get(place..)?.split_first_chunk::<4>()?;
        let (start, end) = (place + 4, (place + 4).checked_add(u32::from_be_bytes(*length) as usize)?);
        place = end;
        (end <= bytes.len()).then(|| StoredItem::from_bytes(&bytes.slice(start..end)))
    };
    let keys = part()?;
    let before = if flags & HAS_BEFORE == 0 { None } else { Some(part()?) };
    let after = if flags & HAS_AFTER == 0 { None } else { Some(part()?) };
    let (at, expired) = (Timestamp(u64::from_be_bytes(*at)), flags & EXPIRED != 0);
    let whole = |keys| Ok(Record { at, kind, expired, keys, before: before.transpose()?, after: after.transpose()? });
    Some(keys.and_then(whole))
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

/// Who may do what with a table or stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// As it was given.
    pub document: String,
    pub revision: String,
}
kv::stored!(ResourcePolicy, version = 1);

/// How many items a table or index holds, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    pub items: u64,
    pub bytes: u64,
}

/// Two numbers of eight bytes, big-endian.
impl kv::Stored for Volume {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        Ok(two_numbers(self.items, self.bytes))
    }

    fn from_bytes(bytes: &Bytes) -> Result<Volume, kv::Error> {
        let (items, bytes) = read_two_numbers("a table's volume", bytes)?;
        Ok(Volume { items, bytes })
    }
}

fn two_numbers(one: u64, other: u64) -> Bytes {
    Bytes::copy_from_slice([one.to_be_bytes(), other.to_be_bytes()].as_flattened())
}

fn read_two_numbers(what: &str, bytes: &Bytes) -> Result<(u64, u64), kv::Error> {
    let (one, other) = bytes
        .split_first_chunk::<8>()
        .and_then(|(one, rest)| Some((one, rest.try_into().ok()?)))
        .ok_or_else(|| kv::Error::corrupt(what, "it does not have sixteen bytes"))?;
    Ok((u64::from_be_bytes(*one), u64::from_be_bytes(other)))
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
impl Table {
    /// A table with nothing special about it, for tests.
    pub fn sample(name: &str, partition: &str) -> Table {
        Table {
            id: 0,
            uuid: "u".into(),
            name: name.into(),
            arn: format!("arn:aws:dynamodb:r:0:table/{name}").parse().unwrap(),
            created: Timestamp(0),
            key: KeySchema::sample(partition),
            definitions: vec![],
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
            recovery: None,
            copies: 0,
            restore: None,
            importing: false,
            counts_collections: false,
            warm: None,
            destinations: vec![],
            vector_indexes: vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Item, Value};

    #[test]
    fn golden_bytes_of_streams() {
        let span = Span { first: 1, next: 258 };
        assert_eq!(span.to_bytes().unwrap(), b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02".as_slice());
        assert_eq!(Span::from_bytes(&span.to_bytes().unwrap()), Ok(span));

        let item = |names: &[&str]| {
            let item: Item = names.iter().map(|name| (name.to_string(), Value::Null)).collect();
            StoredItem::new(&item)
        };
        let record = Record {
            at: Timestamp(258),
            kind: RecordKind::Remove,
            expired: true,
            keys: item(&["k"]),
            before: Some(item(&["k", "v"])),
            after: None,
        };
        let golden = b"\x01\x03\x03\0\0\0\0\0\0\x01\x02\0\0\0\x04\x01\x01k\x0b\0\0\0\x07\x01\x01k\x0b\x01v\x0b";
        let bytes = record.to_bytes().unwrap();
        assert_eq!(bytes, golden.as_slice());
        assert_eq!(Record::from_bytes(&bytes), Ok(record));
        for end in 0..bytes.len() {
            assert!(Record::from_bytes(&bytes.slice(..end)).is_err(), "{end}");
        }

        let info = StreamInfo {
            id: 7,
            arn: "arn:aws:dynamodb:r:0:table/t/stream/l".parse().unwrap(),
            table: "t".into(),
            label: "l".into(),
            view: "KEYS_ONLY".into(),
            key: KeySchema::sample("k"),
            created: Timestamp(9),
            closed: None,
        };
        let golden = b"\x01\x88\xa2id\x07\xa3arn\xd9%arn:aws:dynamodb:r:0:table/t/stream/l\xa5table\xa1t\xa5label\xa1l\
            \xa4view\xa9KEYS_ONLY\xa3key\x82\xa9partition\x82\xa4name\xa1k\xa4kind\xa1S\xa4sort\xc0\xa7created\t\xa6closed\xc0";
        assert_eq!(info.to_bytes().unwrap(), golden.as_slice());
        assert_eq!(StreamInfo::from_bytes(&info.to_bytes().unwrap()), Ok(info));
    }

    #[test]
    fn golden_bytes() {
        let volume = Volume { items: 1, bytes: 258 };
        assert_eq!(volume.to_bytes().unwrap(), b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02".as_slice());
        assert_eq!(Volume::from_bytes(&volume.to_bytes().unwrap()), Ok(volume));

        let policy = ResourcePolicy { document: "{}".into(), revision: "r".into() };
        assert_eq!(policy.to_bytes().unwrap(), b"\x01\x82\xa8document\xa2{}\xa8revision\xa1r".as_slice());
        assert_eq!(ResourcePolicy::from_bytes(&policy.to_bytes().unwrap()), Ok(policy));

        let token = Token { request: [7; 16], expires: Timestamp(5) };
        assert_eq!(token.to_bytes().unwrap(), b"\x01\x82\xa7request\xdc\x00\x10\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\xa7expires\x05".as_slice());
        assert_eq!(Token::from_bytes(&token.to_bytes().unwrap()), Ok(token));

        let definitions = vec![("pk".into(), Kind::S)];
        let table = Table { id: 3, created: Timestamp(9), definitions, ..Table::sample("t", "pk") };
        let bytes = table.to_bytes().unwrap();
        assert_eq!(Table::from_bytes(&bytes), Ok(table.clone()));
        let golden = b"\x01\xde\x00\x16\xa2id\x03\xa4uuid\xa1u\xa4name\xa1t\
            \xa3arn\xbcarn:aws:dynamodb:r:0:table/t\xa7created\t\
            \xa3key\x82\xa9partition\x82\xa4name\xa2pk\xa4kind\xa1S\xa4sort\xc0\
            \xabdefinitions\x91\x92\xa2pk\xa1S\xa7billing\x83\xa9on_demand\xc3\xa5since\xc0\xa5shown\xc3\
            \xaathroughput\x85\xa4read\x00\xa5write\x00\xa9increased\xc0\xa9decreased\xc0\xafdecreases_today\x00\
            \xa9on_demand\xc0\xa5class\xc0\xb2deletion_protected\xc2\xadlocal_indexes\x90\xaeglobal_indexes\x90\
            \xa6stream\xc0\xaaencryption\xc0\xa4tags\x80\xa6expiry\xc0";
        let added = b"\xa8recovery\xc0\xa6copies\x00\xa7restore\xc0\xb2counts_collections\xc2";
        assert_eq!(bytes, [golden.as_slice(), added].concat());
        let before = [b"\x01\xde\x00\x12", &golden[4..]].concat();
        assert_eq!(Table::from_bytes(&before.into()), Ok(table));
    }
}
