//! Everything that DynamoDB refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

use serde::Serialize;

use crate::encoding::StoredItem;
use crate::throttle::Refusal;
use crate::value::InvalidValue;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    ResourceInUse(String),
    #[error("{0}")]
    LimitExceeded(String),
    /// `ResourceNotFound`, `ResourceInUse` and their like as operations on backups say it.
    #[error("Table not found: {0}")]
    TableNotFound(String),
    #[error("Table already exists: {0}")]
    TableAlreadyExists(String),
    #[error("{0}")]
    TableInUse(String),
    #[error("Backup not found: {0}")]
    BackupNotFound(String),
    #[error("{0}")]
    BackupInUse(String),
    #[error("{0}")]
    InvalidRestoreTime(String),
    #[error("Point in time recovery is not enabled for table '{0}'")]
    PointInTimeRecoveryUnavailable(String),
    #[error("Export not found: {0}")]
    ExportNotFound(String),
    #[error("Export conflict: Duplicate request detected with conflicting parameters")]
    ExportConflict,
    #[error("{0}")]
    InvalidExportTime(String),
    #[error("Import not found: {0}")]
    ImportNotFound(String),
    #[error("Import conflict: Duplicate request detected with conflicting parameters")]
    ImportConflict,
    /// What AWS has and is not here.
    #[error("{0}")]
    NotImplemented(&'static str),
    #[error("{0}")]
    Throttled(Refusal),
    #[error("Collection size exceeded.")]
    CollectionTooLarge,
    /// With the item there was, when the request asked for it.
    #[error("The conditional request failed")]
    ConditionalCheckFailed(Option<StoredItem>),
    #[error("Duplicate primary key exists in table")]
    DuplicateItem,
    #[error("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes(.0))]
    TransactionCanceled(Vec<Reason>),
    #[error("{0}")]
    PolicyNotFound(String),
    #[error("Shard iterator has expired")]
    ExpiredIterator,
    #[error("The operation attempted to read past the oldest stream record in a shard.")]
    TrimmedData,
    #[error("{0}")]
    IdempotentParameterMismatch(&'static str),
    #[error("{0}")]
    AccessDenied(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    /// An answer of another service's.
    #[error(transparent)]
    Told(service::Error),
}

/// Why an action of a transaction was not done; one that was fine has the code `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reason {
    pub code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<StoredItem>,
}

impl Reason {
    pub const FINE: Reason = Reason { code: "None", message: None, item: None };

    pub fn is_fine(&self) -> bool {
        self.code == Reason::FINE.code
    }
}

fn codes(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.code).collect::<Vec<_>>().join(", ")
}

impl Error {
    pub fn validation(message: impl Into<String>) -> Error {
        Error::Validation(message.into())
    }

    /// Whether the store refused, for want of room or of a disk that works: the same may be done later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Error::Store(kv::Error::Full(_) | kv::Error::Engine(_) | kv::Error::Closed))
    }

    /// A validation error of the kind that begins with "One or more parameter values were invalid".
    pub fn invalid(message: impl std::fmt::Display) -> Error {
        Error::Validation(format!("One or more parameter values were invalid: {message}"))
    }

    pub fn code(&self) -> &'static str {
        match self {
            Error::Validation(_) => "ValidationException",
            Error::ResourceNotFound(_) => "ResourceNotFoundException",
            Error::ResourceInUse(_) => "ResourceInUseException",
            Error::LimitExceeded(_) => "LimitExceededException",
            Error::TableNotFound(_) => "TableNotFoundException",
            Error::TableAlreadyExists(_) => "TableAlreadyExistsException",
            Error::TableInUse(_) => "TableInUseException",
            Error::BackupNotFound(_) => "BackupNotFoundException",
            Error::BackupInUse(_) => "BackupInUseException",
            Error::InvalidRestoreTime(_) => "InvalidRestoreTimeException",
            Error::PointInTimeRecoveryUnavailable(_) => "PointInTimeRecoveryUnavailableException",
            Error::ExportNotFound(_) => "ExportNotFoundException",
            Error::ExportConflict => "ExportConflictException",
            Error::InvalidExportTime(_) => "InvalidExportTimeException",
            Error::ImportNotFound(_) => "ImportNotFoundException",
            Error::ImportConflict => "ImportConflictException",
            Error::NotImplemented(_) => "NotImplemented",
            Error::Throttled(refusal) => refusal.code(),
            Error::CollectionTooLarge => "ItemCollectionSizeLimitExceededException",
            Error::ConditionalCheckFailed(_) => "ConditionalCheckFailedException",
            Error::DuplicateItem => "DuplicateItemException",
            Error::TransactionCanceled(_) => "TransactionCanceledException",
            Error::PolicyNotFound(_) => "PolicyNotFoundException",
            Error::ExpiredIterator => "ExpiredIteratorException",
            Error::TrimmedData => "TrimmedDataAccessException",
            Error::IdempotentParameterMismatch(_) => "IdempotentParameterMismatchException",
            Error::AccessDenied(_) => "AccessDeniedException",
            Error::Store(_) | Error::Told(_) => "InternalServerError",
        }
    }
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error::Validation(message)
    }
}

impl From<InvalidValue> for Error {
    fn from(invalid: InvalidValue) -> Error {
        Error::Validation(invalid.to_string())
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let answer = service::Error::new(400, error.code(), error.to_string());
        let with = |name, value: Result<serde_json::Value, _>| match value {
            Ok(value) => answer.clone().with_member(name, value),
            Err(cause) => service::Error::internal(cause),
        };
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "ValidationException"),
            Error::Told(error) => error,
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            Error::Throttled(refusal) => with(refusal.member(), serde_json::to_value([refusal])),
            Error::ConditionalCheckFailed(Some(item)) => with("Item", serde_json::to_value(item)),
            Error::TransactionCanceled(reasons) => with("CancellationReasons", serde_json::to_value(reasons)),
            _ => answer,
        }
    }
}
