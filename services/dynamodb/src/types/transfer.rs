//! What is stored of exports to buckets, and of imports from them.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Stored;
use serde::{Deserialize, Serialize};
use service::Caller;

use crate::encoding::StoredItem;

/// An export of a table to a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Export {
    pub arn: Arn,
    /// Under which what is exported is kept until it has been written.
    pub id: u64,
    pub source: Source,
    /// As whom it writes.
    pub caller: Caller,
    pub asked: AskedExport,
    pub started: Timestamp,
    /// The moment, or the end of the period, that it is of.
    pub at: Timestamp,
    /// Whether the bucket has been seen to take objects.
    pub begun: bool,
    /// Whether what is exported has been copied.
    pub copied: bool,
    pub written: Written,
    pub ended: Option<Ended>,
}
kv::stored!(Export, version = 1);

impl Export {
    fn prefix(&self) -> String {
        match self.asked.prefix.as_deref().unwrap_or_default() {
            "" => String::new(),
            prefix if prefix.ends_with('/') => prefix.to_owned(),
            prefix => format!("{prefix}/"),
        }
    }

    /// What the keys of its own objects begin with.
    pub fn folder(&self) -> String {
        let id = self.arn.resource.rsplit('/').next().unwrap_or_default();
        format!("{}AWSDynamoDB/{id}", self.prefix())
    }

    /// What the keys of its files begin with: those of incremental exports are all in one place.
    pub fn data_folder(&self) -> String {
        match self.asked.period {
            Some(_) => format!("{}AWSDynamoDB/data", self.prefix()),
            None => format!("{}/data", self.folder()),
        }
    }

    pub fn manifest(&self) -> String {
        format!("{}/manifest-summary.json", self.folder())
    }
}

/// The table that is exported, as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub table: Arn,
    pub id: u64,
    pub uuid: String,
    /// The names of its key's attributes.
    pub key: Vec<String>,
}

/// What the request asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AskedExport {
    pub token: String,
    pub at: Option<Timestamp>,
    pub bucket: String,
    pub owner: Option<String>,
    pub prefix: Option<String>,
    /// `AES256` or `KMS`.
    pub encryption: Option<String>,
    pub encryption_key: Option<String>,
    pub format: Option<String>,
    /// `FULL_EXPORT` or `INCREMENTAL_EXPORT`.
    pub kind: Option<String>,
    pub period: Option<Period>,
    /// `FilterSpecification`, in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// The period that an incremental export is of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Period {
    pub from: Timestamp,
    /// Where the request said it.
    pub to: Option<Timestamp>,
    /// `NEW_IMAGE` or `NEW_AND_OLD_IMAGES`.
    pub view: Option<String>,
}

impl Period {
    pub fn shows_old(&self) -> bool {
        self.view.as_deref() != Some("NEW_IMAGE")
    }
}

/// How far an export has been written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The last item that was.
    pub cursor: Option<Vec<u8>>,
    pub files: u32,
    pub items: u64,
    /// Whether all have been.
    pub whole: bool,
}

/// The end of an export or import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub at: Timestamp,
    pub failure: Option<Failure>,
    /// What AWS would bill: the bytes of what was exported.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// A file that an export has written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportFile {
    pub key: String,
    pub items: u64,
    /// In base64.
    pub md5: String,
    /// Without quotes.
    pub etag: String,
}
kv::stored!(ExportFile, version = 1);

/// An item that changed in the period of an incremental export.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// When it changed last.
    pub at: Timestamp,
    /// What it was before the first change, if it was there.
    pub before: Option<StoredItem>,
}

const CHANGED_VERSION: u8 = 1;
const CHANGED_HEAD_BYTES: usize = 1 + 8;

/// ```text
/// changed = version:u8 at:u64 item?      numbers are big-endian
/// ```
impl Stored for Changed {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        let item = self.before.as_ref().map(StoredItem::to_bytes).transpose()?.unwrap_or_default();
        Ok([&[CHANGED_VERSION], self.at.0.to_be_bytes().as_slice(), &item].concat().into())
    }

    fn from_bytes(bytes: &Bytes) -> Result<Changed, kv::Error> {
        if bytes.first() != Some(&CHANGED_VERSION) {
            return Err(kv::unknown_version("an item that changed", bytes.first().copied()));
        }
        let cut = || kv::Error::corrupt("an item that changed", "it is cut short");
        let [_, at @ ..] = *bytes.first_chunk::<CHANGED_HEAD_BYTES>().ok_or_else(cut)?;
        let item = bytes.slice(CHANGED_HEAD_BYTES..);
        let before = if item.is_empty() { None } else { Some(StoredItem::from_bytes(&item)?) };
        Ok(Changed { at: Timestamp(u64::from_be_bytes(at)), before })
    }
}

/// An import of a table from a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub arn: Arn,
    /// The number of the table that it fills.
    pub id: u64,
    pub table: Arn,
    pub uuid: String,
    /// As whom it reads.
    pub caller: Caller,
    pub asked: AskedImport,
    pub started: Timestamp,
    pub read: ReadSoFar,
    pub tally: Tally,
    pub ended: Option<Ended>,
}
kv::stored!(Import, version = 1);

/// What the request asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AskedImport {
    pub token: String,
    pub bucket: String,
    pub owner: Option<String>,
    pub prefix: Option<String>,
    /// `DYNAMODB_JSON` or `CSV`.
    pub format: String,
    pub csv: Option<CsvForm>,
    /// `GZIP`, `ZSTD` or `NONE`.
    pub compression: Option<String>,
    /// `TableCreationParameters`, in JSON.
    pub table: String,
}

/// How a CSV file is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvForm {
    pub delimiter: Option<String>,
    /// The names of the columns; without them, the first line has them.
    pub header: Option<Vec<String>>,
}

/// How far an import has read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSoFar {
    /// The object that was read last, or is being read.
    pub key: Option<String>,
    /// Its records that are done.
    pub records: u64,
    /// Whether it has been read to its end.
    pub whole: bool,
}

/// What an import has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub processed: u64,
    pub imported: u64,
    pub errors: u64,
    /// Of the source, once it was decompressed.
    pub bytes: u64,
}

/// A client's token for an export or import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferToken {
    pub arn: Arn,
    pub expires: Timestamp,
}
kv::stored!(TransferToken, version = 1);

#[cfg(test)]
mod tests {
    use base::AccountId;

    use super::*;
    use crate::value::{Item, Value};

    #[test]
    fn golden_bytes() {
        let item: Item = [("k".to_string(), Value::Null)].into();
        let changed = Changed { at: Timestamp(258), before: Some(StoredItem::new(&item)) };
        let bytes = changed.to_bytes().unwrap();
        assert_eq!(bytes, b"\x01\0\0\0\0\0\0\x01\x02\x01\x01k\x0b".as_slice());
        assert_eq!(Changed::from_bytes(&bytes), Ok(changed.clone()));
        let absent = Changed { before: None, ..changed };
        assert_eq!(Changed::from_bytes(&absent.to_bytes().unwrap()), Ok(absent));
        for end in 0..CHANGED_HEAD_BYTES {
            assert!(Changed::from_bytes(&bytes.slice(..end)).is_err(), "{end}");
        }
        let file = ExportFile { key: "k".into(), items: 2, md5: "m".into(), etag: "e".into() };
        let bytes = file.to_bytes().unwrap();
        assert_eq!(bytes, b"\x01\x84\xa3key\xa1k\xa5items\x02\xa3md5\xa1m\xa4etag\xa1e".as_slice());
    }

    /// Stored bytes of earlier releases must stay readable: these never change.
    #[test]
    fn golden_bytes_of_transfers() {
        let caller = Caller::root(&AccountId::new("0"));
        let arn = |resource: &str| format!("arn:aws:dynamodb:r:0:{resource}").parse::<Arn>().unwrap();
        let (table, at) = (arn("table/t"), Timestamp(7));
        let export = Export {
            arn: arn("table/t/export/e"),
            id: 1,
            source: Source { table: table.clone(), id: 2, uuid: "u".into(), key: vec!["k".into()] },
            caller: caller.clone(),
            asked: AskedExport { token: "c".into(), bucket: "b".into(), ..AskedExport::default() },
            started: at,
            at,
            begun: true,
            copied: false,
            written: Written::default(),
            ended: None,
        };
        let import = Import {
            arn: arn("table/t/import/i"),
            id: 3,
            table,
            uuid: "u".into(),
            caller,
            asked: AskedImport { token: "c".into(), bucket: "b".into(), ..AskedImport::default() },
            started: at,
            read: ReadSoFar::default(),
            tally: Tally::default(),
            ended: Some(Ended { at, failure: Some(Failure { code: "f".into(), message: "m".into() }), bytes: 0 }),
        };
        let bytes = (export.to_bytes().unwrap(), import.to_bytes().unwrap());
        assert_eq!(Export::from_bytes(&bytes.0), Ok(export));
        assert_eq!(Import::from_bytes(&bytes.1), Ok(import));
        assert_eq!(
            (bytes.0.escape_ascii().to_string(), bytes.1.escape_ascii().to_string()),
            (EXPORT.into(), IMPORT.into())
        );
    }

    const EXPORT: &str = concat!(
        r#"\x01\x8b\xa3arn\xd9%arn:aws:dynamodb:r:0:table/t/export/e\xa2id\x01\xa6source\x84\xa5table\xbcarn:aw"#,
        r#"s:dynamodb:r:0:table/t\xa2id\x02\xa4uuid\xa1u\xa3key\x91\xa1k\xa6caller\x84\xa3arn\xb3arn:aws:iam::0"#,
        r#":root\xa7account\xa10\xa7user_id\xa10\xa4kind\xa4Root\xa5asked\x8a\xa5token\xa1c\xa2at\xc0\xa6bucket"#,
        r#"\xa1b\xa5owner\xc0\xa6prefix\xc0\xaaencryption\xc0\xaeencryption_key\xc0\xa6format\xc0\xa4kind\xc0\x"#,
        r#"a6period\xc0\xa7started\x07\xa2at\x07\xa5begun\xc3\xa6copied\xc2\xa7written\x84\xa6cursor\xc0\xa5fil"#,
        r#"es\x00\xa5items\x00\xa5whole\xc2\xa5ended\xc0"#
    );
    const IMPORT: &str = concat!(
        r#"\x01\x8a\xa3arn\xd9%arn:aws:dynamodb:r:0:table/t/import/i\xa2id\x03\xa5table\xbcarn:aws:dynamodb:r:0"#,
        r#":table/t\xa4uuid\xa1u\xa6caller\x84\xa3arn\xb3arn:aws:iam::0:root\xa7account\xa10\xa7user_id\xa10\xa"#,
        r#"4kind\xa4Root\xa5asked\x88\xa5token\xa1c\xa6bucket\xa1b\xa5owner\xc0\xa6prefix\xc0\xa6format\xa0\xa3"#,
        r#"csv\xc0\xabcompression\xc0\xa5table\xa0\xa7started\x07\xa4read\x83\xa3key\xc0\xa7records\x00\xa5whol"#,
        r#"e\xc2\xa5tally\x84\xa9processed\x00\xa8imported\x00\xa6errors\x00\xa5bytes\x00\xa5ended\x83\xa2at\x0"#,
        r#"7\xa7failure\x82\xa4code\xa1f\xa7message\xa1m\xa5bytes\x00"#
    );
}
