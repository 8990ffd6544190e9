//! Where DynamoDB keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! Items lie under their table's number, then the hash of their partition key (so that scans run in an order that
//! tells nothing, and keys of any length fit), then their sort key in its sorting form. An index's entries lie the
//! same way under the index's number, with a digest of the item's own key behind, since index keys may repeat.
//! A stream's records lie one after the other, in the order of the commits. A backup's items lie as a table's do, under
//! the backup's number.

use base::Timestamp;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::encoding::StoredItem;
use crate::types::{
    Backup, Bulk, Changed, Copy, Export, ExportFile, Import, Moment, Record, Report, ResourcePolicy, SharedTable, Span,
    StreamInfo, Token, TransferToken, Undo, VectorRow, Volume,
};

/// The hash of a key: 16 bytes of a SHA-256.
pub type Digest = [u8; 16];

/// By region and name.
pub const TABLES: Table<(String, String), SharedTable> = Table::new(prefix::DYNAMODB, 1);
/// The next number for a table or index.
pub const NEXT_ID: Table<(), u64> = Table::new(prefix::DYNAMODB, 2);
/// By table number, partition and sort key.
pub const ITEMS: Table<(u64, Digest, Vec<u8>), StoredItem> = Table::new(prefix::DYNAMODB, 3);
/// By index number, the index's partition and sort key, and the digest of the item's key.
pub const ENTRIES: Table<(u64, Digest, Vec<u8>, Digest), StoredItem> = Table::new(prefix::DYNAMODB, 4);
/// By table or index number.
pub const VOLUMES: Table<u64, Volume> = Table::new(prefix::DYNAMODB, 5);
/// Transactions by account and client token.
pub const TOKENS: Table<(String, String), Token> = Table::new(prefix::DYNAMODB, 6);
pub const TOKENS_EXPIRY: Table<(Timestamp, String, String), ()> = Table::new(prefix::DYNAMODB, 7);
/// Items that expire: by table number, when, and the item's place.
pub const EXPIRIES: Table<(u64, Timestamp, Digest, Vec<u8>), ()> = Table::new(prefix::DYNAMODB, 8);
/// Streams by region, table name and label: those that are enabled, and those that can still be read.
pub const STREAMS: Table<(String, String, String), StreamInfo> = Table::new(prefix::DYNAMODB, 9);
/// By stream number, and the record's own, which counts up.
pub const RECORDS: Table<(u64, u64), Record> = Table::new(prefix::DYNAMODB, 10);
/// Which records a stream has, by its number.
pub const SPANS: Table<u64, Span> = Table::new(prefix::DYNAMODB, 11);
/// By the ARN of the table or stream.
pub const POLICIES: Table<String, ResourcePolicy> = Table::new(prefix::DYNAMODB, 12);
/// What undoes the changes of a table: by its number, when each was made, and the change's own number, which counts up.
pub const UNDOS: Table<(u64, Timestamp, u64), Undo> = Table::new(prefix::DYNAMODB, 13);
/// The last change of a table that can be undone, by its number.
pub const LAST_UNDO: Table<u64, Moment> = Table::new(prefix::DYNAMODB, 14);
/// By region, table name, and the backup's identifier, which begins with when it was made.
pub const BACKUPS: Table<(String, String, String), Backup> = Table::new(prefix::DYNAMODB, 15);
/// Copies under way: by the number of the table or backup that is copied, and the one of what it becomes.
pub const COPIES: Table<(u64, u64), Copy> = Table::new(prefix::DYNAMODB, 16);
/// Items that a copy must not have, though its table has them by now: by the copy's number, and the item's place.
pub const ABSENT: Table<(u64, Digest, Vec<u8>), ()> = Table::new(prefix::DYNAMODB, 17);
/// Bytes of an item collection: the items with one partition key and their entries in local indexes, by table number.
pub const COLLECTIONS: Table<(u64, Digest), u64> = Table::new(prefix::DYNAMODB, 18);
/// How many changes of a table were sent to Kinesis streams, by its number.
pub const SENT: Table<u64, u64> = Table::new(prefix::DYNAMODB, 19);

/// Exports by region, identifier, which begins with when each began, and table name.
pub const EXPORTS: Table<(String, String, String), Export> = Table::new(prefix::DYNAMODB, 20);
/// The files of an export or bulk put under way: by its number, and theirs.
pub const EXPORT_FILES: Table<(u64, u32), ExportFile> = Table::new(prefix::DYNAMODB, 21);
/// The items that an incremental export is of: by its number, and each item's place.
pub const CHANGED: Table<(u64, Digest, Vec<u8>), Changed> = Table::new(prefix::DYNAMODB, 22);
/// Imports, as [`EXPORTS`].
pub const IMPORTS: Table<(String, String, String), Import> = Table::new(prefix::DYNAMODB, 23);
/// Exports, imports and bulk puts by account, `export`, `import` or `bulk-operation`, and client token.
pub const TRANSFER_TOKENS: Table<(String, String, String), TransferToken> = Table::new(prefix::DYNAMODB, 24);
/// The ARNs of exports, imports and bulk puts that are under way, by number.
pub const TRANSFERS: Table<u64, String> = Table::new(prefix::DYNAMODB, 25);
/// Bulk puts, as [`EXPORTS`].
pub const BULKS: Table<(String, String, String), Bulk> = Table::new(prefix::DYNAMODB, 26);
/// What a bulk put has to report: by its number, and the report's own, which counts up.
pub const REPORTS: Table<(u64, u64), Report> = Table::new(prefix::DYNAMODB, 27);

/// Rows of vector indexes: by index number, the part that they are in, and the digest of the item's key.
pub const VECTORS: Table<(u64, Digest, Digest), VectorRow> = Table::new(prefix::DYNAMODB, 28);

/// What tells of exports, imports and bulk puts that can go on.
pub fn transfer_channel() -> Bytes {
    Bytes::from_static(&[prefix::DYNAMODB, 25])
}

/// What tells of changes in one partition of a table or index, by its number.
pub fn partition_channel(id: u64, partition: &Digest) -> Bytes {
    Bytes::from([&[prefix::DYNAMODB][..], &id.to_be_bytes(), partition].concat())
}

/// What tells of changes of a table itself, by its number: of its indexes, and of its end.
pub fn table_channel(id: u64) -> Bytes {
    Bytes::from([&[prefix::DYNAMODB][..], &id.to_be_bytes()].concat())
}
