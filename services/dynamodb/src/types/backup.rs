//! What is stored of backups: of point-in-time recovery, of the changes it undoes, and of copies under way.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Stored;
use serde::{Deserialize, Serialize};

use super::{Table, Volume, read_two_numbers, two_numbers};
use crate::encoding::StoredItem;
use crate::key::ItemKey;

/// Point-in-time recovery, where it is on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// When it was enabled, or its period was set last.
    pub enabled: Timestamp,
    /// The first moment that can be restored, however long the period is.
    pub since: Timestamp,
    /// How many days back it reaches.
    pub days: u32,
    /// When it was last looked for changes that lie too far back.
    #[serde(default)]
    pub looked: Timestamp,
}

/// What a table is being restored from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    pub backup: Option<Arn>,
    pub table: Arn,
    /// The moment that it is brought back to.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    pub arn: Arn,
    pub name: String,
    /// Under which its items are kept.
    pub id: u64,
    pub created: Timestamp,
    pub kind: BackupKind,
    /// Whether all items have been copied.
    pub available: bool,
    /// The table as it was.
    pub source: Table,
    pub volume: Volume,
}
kv::stored!(Backup, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupKind {
    User,
    /// Of a table that was deleted with point-in-time recovery on, until this moment.
    System(Timestamp),
}

/// A place in the order of a table's changes: after those up to the number that were made at that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    pub at: Timestamp,
    pub number: u64,
}

/// Two numbers of eight bytes, big-endian.
impl Stored for Moment {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        Ok(two_numbers(self.at.0, self.number))
    }

    fn from_bytes(bytes: &Bytes) -> Result<Moment, kv::Error> {
        let (at, number) = read_two_numbers("a table's last change", bytes)?;
        Ok(Moment { at: Timestamp(at), number })
    }
}

/// What takes a change of an item back.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    pub key: ItemKey,
    /// The item before the change, if there was one.
    pub before: Option<StoredItem>,
}

/// The first byte of every stored undo.
const UNDO_VERSION: u8 = 1;
const UNDO_HEAD_BYTES: usize = 1 + size_of::<crate::keys::Digest>() + 2;

/// ```text
/// undo = version:u8 partition:16 sort-length:u16 sort item?      numbers are big-endian
/// ```
impl Stored for Undo {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        let item = self.before.as_ref().map(StoredItem::to_bytes).transpose()?.unwrap_or_default();
        let mut bytes = Vec::with_capacity(UNDO_HEAD_BYTES + self.key.sort.len() + item.len());
        bytes.push(UNDO_VERSION);
        bytes.extend(self.key.partition);
        // A sort key has 1,024 bytes at most: its length fits.
        bytes.extend((self.key.sort.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&self.key.sort);
        bytes.extend_from_slice(&item);
        Ok(bytes.into())
    }

    fn from_bytes(bytes: &Bytes) -> Result<Undo, kv::Error> {
        if bytes.first() != Some(&UNDO_VERSION) {
            return Err(kv::unknown_version("what undoes a change", bytes.first().copied()));
        }
        read_undo(bytes).ok_or_else(|| kv::Error::corrupt("what undoes a change", "it is cut short"))?
    }
}

fn read_undo(bytes: &Bytes) -> Option<Result<Undo, kv::Error>> {
    let (head, rest) = bytes.split_first_chunk::<UNDO_HEAD_BYTES>()?;
    let [_, partition @ .., high, low] = *head;
    let sort = rest.get(..usize::from(u16::from_be_bytes([high, low])))?.to_vec();
    let item = bytes.slice(UNDO_HEAD_BYTES + sort.len()..);
    let key = ItemKey { partition, sort };
    if item.is_empty() {
        return Some(Ok(Undo { key, before: None }));
    }
    Some(StoredItem::from_bytes(&item).map(|before| Undo { key, before: Some(before) }))
}

/// A copy of a table's or backup's items that is being made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// The backup or table that it becomes.
    pub into: Arn,
    /// The changes up to here are part of the copy, or have been taken back in it.
    pub after: Moment,
    /// Whether any have been taken back.
    pub undone: bool,
    /// The last item that was copied.
    pub cursor: Option<Vec<u8>>,
    /// Whether all items have been copied.
    pub whole: bool,
    /// Where only the items are copied that changed up to here, after the moment that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}
kv::stored!(Copy, version = 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Item, Value};

    #[test]
    fn golden_bytes() {
        let moment = Moment { at: Timestamp(258), number: 1 };
        assert_eq!(moment.to_bytes().unwrap(), b"\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01".as_slice());
        assert_eq!(Moment::from_bytes(&moment.to_bytes().unwrap()), Ok(moment));

        let item: Item = [("k".to_string(), Value::Null)].into();
        let key = ItemKey { partition: *b"0123456789abcdef", sort: b"so".to_vec() };
        let undo = Undo { key, before: Some(StoredItem::new(&item)) };
        let bytes = undo.to_bytes().unwrap();
        assert_eq!(bytes, b"\x010123456789abcdef\0\x02so\x01\x01k\x0b".as_slice());
        assert_eq!(Undo::from_bytes(&bytes), Ok(undo.clone()));
        let absent = Undo { before: None, ..undo };
        assert_eq!(Undo::from_bytes(&absent.to_bytes().unwrap()), Ok(absent));
        for end in 0..UNDO_HEAD_BYTES + 2 {
            assert!(Undo::from_bytes(&bytes.slice(..end)).is_err(), "{end}");
        }

        let into = "arn:aws:dynamodb:r:0:table/t".parse().unwrap();
        let copy = Copy { into, after: moment, undone: true, cursor: None, whole: false, until: None };
        let golden = b"\x01\x85\xa4into\xbcarn:aws:dynamodb:r:0:table/t\xa5after\x82\xa2at\xcd\x01\x02\xa6number\x01\
            \xa6undone\xc3\xa6cursor\xc0\xa5whole\xc2";
        assert_eq!(copy.to_bytes().unwrap(), golden.as_slice());
        assert_eq!(Copy::from_bytes(&copy.to_bytes().unwrap()), Ok(copy));
    }

    #[test]
    fn golden_bytes_of_backups() {
        let recovery = Some(Recovery { enabled: Timestamp(1), since: Timestamp(2), days: 35, looked: Timestamp(3) });
        let source = Table { recovery, ..Table::sample("t", "pk") };
        let backup = Backup {
            arn: "arn:aws:dynamodb:r:0:table/t/backup/b".parse().unwrap(),
            name: "n".into(),
            id: 4,
            created: Timestamp(5),
            kind: BackupKind::System(Timestamp(6)),
            available: true,
            source: source.clone(),
            volume: Volume { items: 1, bytes: 2 },
        };
        let bytes = backup.to_bytes().unwrap();
        assert_eq!(Backup::from_bytes(&bytes), Ok(backup));
        let mut golden =
            b"\x01\x88\xa3arn\xd9%arn:aws:dynamodb:r:0:table/t/backup/b\xa4name\xa1n\xa2id\x04\xa7created\x05\
            \xa4kind\x81\xa6System\x06\xa9available\xc3\xa6source"
                .to_vec();
        golden.extend_from_slice(&source.to_bytes().unwrap()[1..]);
        golden.extend_from_slice(b"\xa6volume\x82\xa5items\x01\xa5bytes\x02");
        assert_eq!(bytes, golden.as_slice());
    }
}
