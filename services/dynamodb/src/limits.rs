//! DynamoDB's limits, as named constants with their units.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>

/// An item's size, attribute names included.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Levels of lists and maps within an attribute.
pub const NESTING_LEVELS_MAX: usize = 32;
/// A partition key value.
pub const PARTITION_KEY_BYTES_MAX: usize = 2048;
/// A sort key value.
pub const SORT_KEY_BYTES_MAX: usize = 1024;
/// An attribute's name; key attributes have a lower limit.
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 65_535;
/// The name of an attribute that is part of a key.
pub const KEY_ATTRIBUTE_NAME_CHARS_MAX: usize = 255;
/// An expression's text.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// Comparators, `AND`, `OR`, `NOT`, `BETWEEN`, `IN`, `+` and `-` in one expression.
pub const EXPRESSION_OPERATORS_MAX: usize = 300;
/// Parentheses and function calls within one another. AWS publishes none; this one bounds recursion and is just out of
/// reach of expressions that keep to the limit on operators.
pub const EXPRESSION_DEPTH_MAX: usize = 160;
/// Operands of `IN`.
pub const IN_OPERANDS_MAX: usize = 100;
/// A table's or index's name, in characters; requests on items may say it with an ARN instead.
pub const NAME_CHARS_MIN: usize = 3;
pub const NAME_CHARS_MAX: usize = 255;
pub const LOCAL_INDEXES_MAX: usize = 5;
/// Reads and writes a second that an on-demand table begins with, and each of its indexes.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html>
pub const ON_DEMAND_WARM: (i64, i64) = (12_000, 4_000);
pub const GLOBAL_INDEXES_MAX: usize = 20;
/// Attributes that the indexes of a table project by name, all together.
pub const PROJECTED_ATTRIBUTES_MAX: usize = 100;
/// A resource policy's text.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;
/// How long a stream's records are kept, and a stream that was disabled.
pub const STREAM_RETENTION: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// How often records whose time is over are removed.
pub const TRIM_INTERVAL: std::time::Duration = std::time::Duration::from_secs(600);
/// How long a shard iterator can be used.
pub const ITERATOR_LIFETIME: std::time::Duration = std::time::Duration::from_secs(900);
/// Records in one answer of `GetRecords`, and their bytes: reading stops after the record that reaches them.
pub const STREAM_PAGE_RECORDS_MAX: usize = 1000;
pub const STREAM_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Streams in one answer of `ListStreams`, and shards in one of `DescribeStream`.
pub const STREAMS_LISTED_MAX: usize = 100;
/// Capacity units that a table can be given.
pub const CAPACITY_UNITS_MAX: i64 = 1_000_000_000_000;
/// Names in one answer of `ListTables`.
pub const LIST_TABLES_MAX: usize = 100;
/// Items read for one page of `Query` or `Scan`: reading stops after the item that reaches it.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Keys in one `BatchGetItem`.
pub const BATCH_GET_KEYS_MAX: usize = 100;
/// Items in one answer of `BatchGetItem`.
pub const BATCH_GET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Requests in one `BatchWriteItem`.
pub const BATCH_WRITE_REQUESTS_MAX: usize = 25;
/// Actions in one transaction.
pub const TRANSACTION_ACTIONS_MAX: usize = 100;
/// The items of one transaction, all together.
pub const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the token of a transaction is remembered.
pub const TOKEN_LIFETIME: std::time::Duration = std::time::Duration::from_secs(600);
pub const TOTAL_SEGMENTS_MAX: i64 = 1_000_000;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;
/// A shard's name.
pub const SHARD_ID_CHARS_MIN: usize = 28;
pub const SHARD_ID_CHARS_MAX: usize = 65;
/// What a write capacity unit pays for.
pub const WRITE_UNIT_BYTES: usize = 1024;
/// What a read capacity unit pays for.
pub const READ_UNIT_BYTES: usize = 4096;
/// Items that one step of going through a table looks at, and their bytes: a step is one transaction.
pub const ITEMS_PER_STEP: usize = 1000;
pub const BYTES_PER_STEP: usize = 2 * 1024 * 1024;
pub const STEP: (usize, usize) = (ITEMS_PER_STEP, BYTES_PER_STEP);
/// Kinesis destinations that a table lists; those that have been over for longest are left out.
pub const DESTINATIONS_MAX: usize = 16;
/// A change as it is sent to a Kinesis stream, which takes 1 MiB unless it was set to take more; what waits is one value.
pub const SENT_BYTES_MAX: usize = 2 * 1024 * 1024 - 16 * 1024;
/// How long a stream is tried that has no room, and how long each attempt waits for the next at most.
pub const SENT_FOR: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
pub const SENT_AGAIN_MAX: std::time::Duration = std::time::Duration::from_secs(60);
/// The ARN of a Kinesis stream.
pub const STREAM_ARN_CHARS_MIN: usize = 37;
pub const STREAM_ARN_CHARS_MAX: usize = 1024;
/// Expired items that one transaction removes.
pub const EXPIRED_PER_STEP: usize = 100;
/// How often a table is looked through for expired items.
pub const EXPIRY_INTERVAL: std::time::Duration = std::time::Duration::from_secs(60);
/// Items whose expiry lies further back are kept: whoever wrote such a time hardly meant it.
pub const EXPIRY_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(5 * 365 * 24 * 3600);
/// Rows of a deleted table or index that one transaction removes.
pub const CLEARED_PER_STEP: usize = 2000;
/// A PartiQL statement's text.
pub const STATEMENT_CHARS_MAX: usize = 8192;
/// Statements in one `BatchExecuteStatement`.
pub const BATCH_STATEMENTS_MAX: usize = 25;
/// Queries that are followed at the same time.
pub const FOLLOWERS_MAX: usize = 4096;
/// Those of one caller: none has all the places.
pub const CALLER_FOLLOWERS_MAX: usize = FOLLOWERS_MAX / 4;
/// Items in the result of a query that is followed.
pub const FOLLOWED_ITEMS_MAX: usize = 1000;
/// The items with one partition key and their entries in local indexes, of a table that has local indexes.
pub const COLLECTION_BYTES_MAX: u64 = 10 * GIGABYTE;
/// What sizes of item collections are told in.
pub const GIGABYTE: u64 = 1024 * 1024 * 1024;
/// Seconds of provisioned throughput that are saved up where it is not used.
pub const BURST: f64 = 300.0;
/// Units a second that one partition key takes.
pub const KEY_READ_UNITS_MAX: f64 = 3000.0;
pub const KEY_WRITE_UNITS_MAX: f64 = 1000.0;
/// Partition keys whose use is remembered, before those are forgotten that were idle for a second.
pub const KEYS_WATCHED_MAX: usize = 100_000;
/// Days that point-in-time recovery reaches back, at most and by default.
pub const RECOVERY_DAYS_MAX: u32 = 35;
/// How long the backup of a table is kept that was deleted with point-in-time recovery on.
pub const SYSTEM_BACKUP_LIFETIME: std::time::Duration = std::time::Duration::from_secs(35 * 24 * 3600);
/// Backups in one answer of `ListBackups`.
pub const LIST_BACKUPS_MAX: usize = 100;
/// A backup's ARN, in characters.
pub const BACKUP_ARN_CHARS_MIN: usize = 37;
pub const BACKUP_ARN_CHARS_MAX: usize = 1024;
/// Items that one step of a copy takes along, and changes that it takes back, and their bytes: less than other steps, since
/// a copy goes on for long, and clients' writes wait for each step.
pub const COPY_STEP: (usize, usize) = (200, 256 * 1024);
/// Changes that one step of a copy looks at, and their bytes, also where it has nothing to take back: more than clients make
/// meanwhile.
pub const COPY_SIGHT: (usize, usize) = (2000, 32 * 1024 * 1024);
/// Copies that are made at the same time: backups and restores of whatever tables.
pub const COPIES_MAX: usize = 50;
/// What lies between two steps of a copy, for clients' writes.
pub const COPY_PAUSE: std::time::Duration = std::time::Duration::from_millis(2);
/// Exports, imports and bulk puts that are read or written at the same time.
pub const TRANSFERS_AT_ONCE: usize = 4;
/// Text of an export that is compressed and sent at once.
pub const EXPORT_PIECE_BYTES: usize = 1024 * 1024;
/// Text in one file of an export: what is written again after a crash.
pub const EXPORT_FILE_BYTES: usize = 64 * 1024 * 1024;
/// What an incremental export is billed for at least.
pub const BILLED_CHANGES_BYTES_MIN: u64 = 10_000_000;
/// How long the period of an incremental export is.
pub const EXPORT_PERIOD_MIN: std::time::Duration = std::time::Duration::from_secs(15 * 60);
pub const EXPORT_PERIOD_MAX: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// A record of an import's source: an item of 400 KB, however wordily it is written.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Records whose errors an import logs.
pub const IMPORT_ERRORS_LOGGED_MAX: u64 = 10_000;
/// Bulk puts that are under way at the same time, also those that wait.
pub const BULKS_MAX: usize = 50;
/// Objects that a bulk put reads. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/BulkPutItems.BestPractices.html>
pub const BULK_OBJECTS_MAX: usize = 50_000;
/// Bytes that one step of a bulk put writes, of which all copies of an item count, before it leaves the others to the next.
pub const BULK_STEP_BYTES: usize = 8 * 1024 * 1024;
/// What a report says of a record: items that are longer, as text, are told by their keys.
pub const REPORT_BYTES_MAX: usize = 1024 * 1024;
pub const REPORT_MESSAGE_CHARS_MAX: usize = 1024;
/// The lowest rate, in write units a second, that a bulk put can be held to.
pub const BULK_RATE_MIN: i64 = 1024;
/// Exports or imports in one answer that lists them, at most and by default.
pub const LIST_TRANSFERS_MAX: usize = 25;
pub const LIST_TRANSFERS: usize = 10;
/// The ARN of an export or import.
pub const TRANSFER_ARN_CHARS_MIN: usize = 37;
pub const TRANSFER_ARN_CHARS_MAX: usize = 1024;
/// Vector indexes of a table. Source, of these and the next ones:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html#limits-vector-indexes>
pub const VECTOR_INDEXES_MAX: usize = 5;
/// Components of a vector.
pub const DIMENSIONS_MAX: u32 = 4096;
/// `INLINE_FILTER` attributes of a vector index.
pub const INLINE_FILTERS_MAX: usize = 18;
/// Attributes that a vector index projects by name, its vector and its `INLINE_FILTER` attributes among them.
pub const VECTOR_ATTRIBUTES_MAX: usize = 20;
/// The value of an `INLINE_FILTER` attribute.
pub const FILTER_BYTES_MAX: usize = 10 * 1024;
/// What a search answers at most: items, and their bytes.
pub const TOP_MAX: usize = 100;
pub const SEARCH_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a request counts for at least that writes to a vector index or searches one.
pub const VECTOR_REQUEST_BYTES_MIN: usize = 1024;
/// Searches that look at rows at the same time; the others wait.
pub const SEARCHES_AT_ONCE: usize = 4;
/// How long what is gone waits to be cleared away while copies of it are being made.
pub const CLEARING_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Attributes of one kind, `HASH` or `RANGE`, in the key of a global index. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html>
pub const KEY_ATTRIBUTES_OF_A_KIND_MAX: usize = 4;
pub const KEY_ATTRIBUTES_MAX: usize = 2 * KEY_ATTRIBUTES_OF_A_KIND_MAX;
