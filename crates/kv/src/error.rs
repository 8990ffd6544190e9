//! What can go wrong in the store.

use crate::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX};

/// Cloneable, because one failed commit is the answer to every transaction in its batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a key of {bytes} bytes is over the store's limit of {KEY_BYTES_MAX}")]
    KeyTooLong { bytes: usize },
    #[error("a value of {bytes} bytes is over the store's limit of {VALUE_BYTES_MAX}")]
    ValueTooLong { bytes: usize },
    #[error("a transaction of {bytes} bytes is over the store's limit of {TRANSACTION_BYTES_MAX}")]
    TransactionTooLarge { bytes: usize },
    /// A stored key or value is not what its type expects.
    #[error("stored data is not readable as {what}: {reason}")]
    Corrupt { what: String, reason: String },
    /// The engine failed: a full or broken disk, most often.
    #[error("the storage engine failed: {0}")]
    Engine(String),
    /// There is no room for more. Reads, and transactions that free space, go on.
    #[error("the store is full: {0}")]
    Full(String),
    #[error("the store is closed")]
    Closed,
    /// A transaction's function panicked; nothing of it was kept.
    #[error("a transaction panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// Whether what was to be written is over one of the store's limits: whoever asks for less may have it.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Error::KeyTooLong { .. } | Error::ValueTooLong { .. } | Error::TransactionTooLarge { .. })
    }

    pub fn corrupt(what: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Corrupt { what: what.into(), reason: reason.into() }
    }
}
