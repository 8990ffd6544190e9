//! Everything that Kinesis refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html> and the errors of each operation.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    InvalidArgument(String),
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    ResourceInUse(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    ThroughputExceeded(String),
    #[error("{0}")]
    ExpiredIterator(String),
    #[error("The specified nextToken has expired: it can be used for 300 seconds.")]
    ExpiredToken,
    /// The answer to a dry run of what would succeed.
    #[error("Request would have succeeded, but DryRun flag is set.")]
    DryRun,
    #[error("{0}")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Error::Validation(_) => "ValidationException",
            Error::InvalidArgument(_) => "InvalidArgumentException",
            Error::ResourceNotFound(_) => "ResourceNotFoundException",
            Error::ResourceInUse(_) => "ResourceInUseException",
            Error::LimitExceeded(_) => "LimitExceededException",
            Error::ThroughputExceeded(_) => "ProvisionedThroughputExceededException",
            Error::ExpiredIterator(_) => "ExpiredIteratorException",
            Error::ExpiredToken => "ExpiredNextTokenException",
            Error::DryRun => "DryRunOperationException",
            Error::NotImplemented(_) => "NotImplemented",
            Error::Store(_) => "InternalFailure",
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "InvalidArgumentException"),
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            error => service::Error::new(400, error.code(), error.to_string()),
        }
    }
}
