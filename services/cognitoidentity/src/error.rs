//! Everything that identity pools refuse, and how they say so. No text has anything of a token in it.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/>.

use service::Violations;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    NotAuthorized(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error(transparent)]
    Constraints(#[from] Violations),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    TooMany(String),
    #[error("{0}")]
    AlreadyRegistered(String),
    #[error("Invalid identity pool configuration. Check assigned IAM roles for this pool.")]
    Configuration,
    #[error("{0}")]
    NotImplemented(String),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Other(#[from] service::Error),
}

impl Error {
    pub fn parameter(text: impl Into<String>) -> Error {
        Error::InvalidParameter(text.into())
    }

    pub fn not_authorized(text: impl Into<String>) -> Error {
        Error::NotAuthorized(text.into())
    }

    pub fn internal(cause: impl std::fmt::Display) -> Error {
        Error::Other(service::Error::internal(cause))
    }

    fn code(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "ResourceNotFoundException",
            Error::NotAuthorized(_) => "NotAuthorizedException",
            Error::InvalidParameter(_) | Error::Constraints(_) => "InvalidParameterException",
            Error::Conflict(_) => "ResourceConflictException",
            Error::TooMany(_) => "LimitExceededException",
            Error::AlreadyRegistered(_) => "DeveloperUserAlreadyRegisteredException",
            Error::Configuration => "InvalidIdentityPoolConfigurationException",
            Error::NotImplemented(_) | Error::Vault(_) | Error::Store(_) | Error::Other(_) => "InternalErrorException",
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "InvalidParameterException"),
            Error::Vault(cause) => service::Error::internal(cause),
            Error::Other(error) => error,
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            error => service::Error::new(400, error.code(), error.to_string()),
        }
    }
}
