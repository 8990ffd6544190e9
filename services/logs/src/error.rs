//! Everything that CloudWatch Logs refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html> and the errors of
//! each operation.

use std::fmt::Display;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The specified log group does not exist.")]
    GroupNotFound,
    #[error("The specified log stream does not exist.")]
    StreamNotFound,
    #[error("The specified log group already exists")]
    GroupExists,
    #[error("The specified log stream already exists")]
    StreamExists,
    #[error("The specified resource does not exist.")]
    ResourceNotFound,
    #[error("{0}")]
    InvalidParameter(String),
    #[error("{0}")]
    Validation(String),
    #[error("The resource {resource} can have {max} tags at most.", max = crate::limits::TAGS_MAX)]
    TooManyTags { resource: String },
    #[error("{0}")]
    NotImplemented(&'static str),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl Error {
    /// A member that breaks a rule of the model, in the words of all of AWS's generated validators.
    pub fn constraint(value: impl Display, member: &str, constraint: impl Display) -> Error {
        Error::InvalidParameter(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    fn code(&self) -> &'static str {
        match self {
            Error::GroupNotFound | Error::StreamNotFound | Error::ResourceNotFound => "ResourceNotFoundException",
            Error::GroupExists | Error::StreamExists => "ResourceAlreadyExistsException",
            Error::InvalidParameter(_) => "InvalidParameterException",
            Error::Validation(_) => "ValidationException",
            Error::TooManyTags { .. } => "TooManyTagsException",
            Error::NotImplemented(_) => "NotImplemented",
            Error::Store(_) => "InternalFailure",
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "InvalidParameterException"),
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            Error::TooManyTags { ref resource } => {
                let resource = resource.clone();
                service::Error::new(400, error.code(), error.to_string()).with_member("resourceName", resource)
            }
            other => service::Error::new(400, other.code(), other.to_string()),
        }
    }
}
