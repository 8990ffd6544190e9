//! What is stored of bulk puts: of the objects that they read, and of what they could not put.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use service::Caller;

use super::{Ended, ReadSoFar, Written};

/// A bulk put: items of objects on their way into a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bulk {
    pub arn: Arn,
    /// Under which its reports are kept until they have been written.
    pub id: u64,
    pub table: Arn,
    pub table_id: u64,
    pub uuid: String,
    /// As whom it reads and writes objects.
    pub caller: Caller,
    pub asked: AskedBulk,
    pub started: Timestamp,
    /// The bytes of all objects, once that is known.
    pub total: Option<u64>,
    pub read: ReadSoFar,
    pub tally: BulkTally,
    pub used: BulkUsed,
    /// How many reports there are.
    pub reports: u64,
    /// How far they have been written.
    pub written: Written,
    /// Whether somebody asked for it to be stopped.
    pub cancelled: bool,
    pub ended: Option<Ended>,
}
kv::stored!(Bulk, version = 1);

impl Bulk {
    /// What the keys of its reports begin with.
    pub fn folder(&self) -> String {
        let id = self.arn.resource.rsplit('/').next().unwrap_or_default();
        let prefix = self.asked.output.prefix.as_deref().unwrap_or_default();
        let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
        format!("{prefix}{slash}AWSDynamoDB/{id}")
    }

    /// `BulkOperationStatus` of the API.
    pub fn status(&self) -> &'static str {
        match &self.ended {
            Some(ended) => self.outcome(ended.failure.is_some()),
            None if self.cancelled => "CANCELLING",
            None => "IN_PROGRESS",
        }
    }

    /// The status of one that has ended.
    pub fn outcome(&self, failed: bool) -> &'static str {
        match failed {
            _ if self.cancelled => "CANCELLED",
            true => "FAILED",
            false if self.tally.failed > 0 => "COMPLETED_WITH_ERRORS",
            false => "COMPLETED",
        }
    }

    /// Whether it tells of what is of this kind.
    pub fn reports(&self, kind: &str) -> bool {
        self.asked.output.kinds.iter().any(|asked| asked == kind)
    }
}

/// What the request asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AskedBulk {
    pub token: String,
    pub bucket: String,
    pub owner: Option<String>,
    pub prefix: Option<String>,
    pub format: String,
    /// `GZIP`, `ZSTD` or `NONE`.
    pub compression: Option<String>,
    pub output: BulkOutput,
    /// Units a second that it may write.
    pub rate: Option<u64>,
    /// `STANDARD` or `ACCELERATED`.
    pub tier: Option<String>,
}

/// Where reports go, and of what there are any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BulkOutput {
    pub bucket: String,
    pub owner: Option<String>,
    pub prefix: Option<String>,
    /// `AES256` or `KMS`.
    pub encryption: Option<String>,
    pub encryption_key: Option<String>,
    /// `ERROR` and `CONDITION_CHECK_FAILURE`.
    pub kinds: Vec<String>,
}

/// What a bulk put has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkTally {
    pub processed: u64,
    pub failed: u64,
    /// Of the objects, as they are in the bucket.
    pub bytes: u64,
}

/// Bytes that its puts have written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkUsed {
    pub table: u64,
    /// By index name.
    pub local: BTreeMap<String, u64>,
    pub global: BTreeMap<String, u64>,
    pub vectors: BTreeMap<String, u64>,
}

/// What is told of a record that was not put: a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub line: String,
}
kv::stored!(Report, version = 1);

#[cfg(test)]
mod tests {
    use base::AccountId;
    use kv::Stored;

    use super::*;

    /// Stored bytes of earlier releases must stay readable: these never change.
    #[test]
    fn golden_bytes() {
        let arn = |resource: &str| format!("arn:aws:dynamodb:r:0:{resource}").parse::<Arn>().unwrap();
        let bulk = Bulk {
            arn: arn("table/t/bulk-operation/b"),
            id: 1,
            table: arn("table/t"),
            table_id: 2,
            uuid: "u".into(),
            caller: Caller::root(&AccountId::new("0")),
            asked: AskedBulk {
                token: "c".into(),
                bucket: "b".into(),
                output: BulkOutput { bucket: "o".into(), kinds: vec!["ERROR".into()], ..BulkOutput::default() },
                ..AskedBulk::default()
            },
            started: Timestamp(7),
            total: Some(9),
            read: ReadSoFar::default(),
            tally: BulkTally::default(),
            used: BulkUsed { table: 3, global: [("g".to_string(), 4)].into(), ..BulkUsed::default() },
            reports: 5,
            written: Written::default(),
            cancelled: false,
            ended: None,
        };
        assert_eq!(bulk.folder(), "AWSDynamoDB/b");
        let bytes = bulk.to_bytes().unwrap();
        assert_eq!(Bulk::from_bytes(&bytes), Ok(bulk));
        assert_eq!(bytes.escape_ascii().to_string(), BULK);
        let report = Report { line: "{}".into() };
        assert_eq!(report.to_bytes().unwrap(), b"\x01\x81\xa4line\xa2{}".as_slice());
    }

    const BULK: &str = concat!(
        r#"\x01\xde\x00\x10\xa3arn\xd9-arn:aws:dynamodb:r:0:table/t/bulk-operation/b\xa2id\x01\xa5table\xbcarn:"#,
        r#"aws:dynamodb:r:0:table/t\xa8table_id\x02\xa4uuid\xa1u\xa6caller\x84\xa3arn\xb3arn:aws:iam::0:root\xa"#,
        r#"7account\xa10\xa7user_id\xa10\xa4kind\xa4Root\xa5asked\x89\xa5token\xa1c\xa6bucket\xa1b\xa5owner\xc0"#,
        r#"\xa6prefix\xc0\xa6format\xa0\xabcompression\xc0\xa6output\x86\xa6bucket\xa1o\xa5owner\xc0\xa6prefix\"#,
        r#"xc0\xaaencryption\xc0\xaeencryption_key\xc0\xa5kinds\x91\xa5ERROR\xa4rate\xc0\xa4tier\xc0\xa7started"#,
        r#"\x07\xa5total\t\xa4read\x83\xa3key\xc0\xa7records\x00\xa5whole\xc2\xa5tally\x83\xa9processed\x00\xa6"#,
        r#"failed\x00\xa5bytes\x00\xa4used\x84\xa5table\x03\xa5local\x80\xa6global\x81\xa1g\x04\xa7vectors\x80\"#,
        r#"xa7reports\x05\xa7written\x84\xa6cursor\xc0\xa5files\x00\xa5items\x00\xa5whole\xc2\xa9cancelled\xc2\"#,
        r#"xa5ended\xc0"#
    );
}
