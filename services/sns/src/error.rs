//! Everything that SNS refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html>, and the errors of each operation.

use std::fmt::Display;

use crate::limits;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Invalid parameter: {0}")]
    InvalidParameter(String),
    /// The same without AWS's usual beginning.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    ParameterValueInvalid(String),
    #[error("1 validation error detected: Value null at '{0}' failed to satisfy constraint: Member must not be null")]
    Null(String),
    #[error("Topic does not exist")]
    NoSuchTopic,
    #[error("Subscription does not exist")]
    NoSuchSubscription,
    #[error("Resource does not exist")]
    NoSuchResource,
    #[error("The batch request doesn't contain any entries.")]
    EmptyBatch,
    #[error("The batch request contains more entries than permissible.")]
    TooManyEntries,
    #[error("Two or more batch entries in the request have the same Id.")]
    NotDistinct,
    #[error("The Id of a batch entry in the batch request {0}")]
    InvalidBatchEntryId(String),
    #[error("The length of all the messages put together is more than the limit.")]
    BatchTooLong,
    #[error("A topic has at most {} subscriptions with a filter policy.", limits::FILTER_POLICIES_MAX)]
    TooManyFilters,
    #[error("A topic like this has at most {} subscriptions.", limits::FIFO_SUBSCRIPTIONS_MAX)]
    TooManySubscriptions,
    #[error("Could not complete request: tag quota of per resource exceeded")]
    TooManyTags,
    #[error("{0}")]
    Authorization(String),
    #[error("{0} is not implemented by Cloudlet. `cloudlet operations` lists what is.")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Other(#[from] service::Error),
}

impl Error {
    pub fn parameter(text: impl Into<String>) -> Error {
        Error::InvalidParameter(text.into())
    }

    /// A parameter, and what is wrong with it.
    pub fn reason(name: &str, reason: impl Display) -> Error {
        Error::InvalidParameter(format!("{name} Reason: {reason}"))
    }

    pub fn missing(name: &str) -> Error {
        Error::reason(name, "no value for required parameter")
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let (status, code) = match error {
            Error::Store(cause) => return service::Error::store(cause, 400, "InvalidParameter"),
            Error::Other(error) => return error,
            Error::InvalidParameter(_) | Error::Invalid(_) => (400, "InvalidParameter"),
            Error::ParameterValueInvalid(_) => (400, "ParameterValueInvalid"),
            Error::Null(_) => (400, "ValidationError"),
            Error::NoSuchTopic | Error::NoSuchSubscription => (404, "NotFound"),
            Error::NoSuchResource => (404, "ResourceNotFound"),
            Error::EmptyBatch => (400, "EmptyBatchRequest"),
            Error::TooManyEntries => (400, "TooManyEntriesInBatchRequest"),
            Error::NotDistinct => (400, "BatchEntryIdsNotDistinct"),
            Error::InvalidBatchEntryId(_) => (400, "InvalidBatchEntryId"),
            Error::BatchTooLong => (400, "BatchRequestTooLong"),
            Error::TooManyFilters => (403, "FilterPolicyLimitExceeded"),
            Error::TooManySubscriptions => (403, "SubscriptionLimitExceeded"),
            Error::TooManyTags => (400, "TagLimitExceeded"),
            Error::Authorization(_) => (403, "AuthorizationError"),
            Error::NotImplemented(_) => (501, "NotImplemented"),
        };
        service::Error::new(status, code, error.to_string())
    }
}
