//! What a transaction may hold. Engines are chosen, and layers designed, so that every one of them can keep to these.

/// Longest encoded key, in bytes. PostgreSQL refuses index rows over 2,704 bytes; layers hash what is longer.
pub const KEY_BYTES_MAX: usize = 2_600;

/// Largest value, in bytes. The largest things kept as one value are an SQS message (1 MiB, with its attributes and
/// bookkeeping beside it) and a DynamoDB item (400 KB); chunking them would cost every reader a scan to spare an
/// engine nothing, since every engine here stores values of this size in overflow pages.
pub const VALUE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Most bytes that one transaction may write: keys and values of puts, keys of deletes, bounds of range deletes. The largest are
/// DynamoDB's batches (25 items of 400 KB) and transactions (4 MB) on tables with indexes, which hold copies of the items.
pub const TRANSACTION_BYTES_MAX: usize = 40 * 1024 * 1024;

/// Most transactions that share one commit. More only lengthen the wait of the first.
pub const BATCH_TRANSACTIONS_MAX: usize = 1_024;

/// A batch takes no further transaction once it holds this many bytes.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
