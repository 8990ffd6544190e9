//! Everything that Secrets Manager refuses, and how it says so. No text has anything of a secret's value in it.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>.

use service::Violations;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Secrets Manager can't find the specified secret.")]
    NotFound,
    #[error("Secrets Manager can't find the specified secret value for {0}")]
    NoValue(String),
    #[error("{0}")]
    Exists(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("{0}")]
    Validation(String),
    #[error(transparent)]
    Constraints(#[from] Violations),
    #[error("The parameter NextToken is not one that this operation gave.")]
    InvalidNextToken,
    #[error("{0}")]
    MalformedPolicy(String),
    #[error("{0}")]
    PublicPolicy(String),
    #[error("{0}")]
    Limit(String),
    #[error("{0}")]
    Encryption(String),
    #[error("{0}")]
    Decryption(String),
    #[error("{0}")]
    AccessDenied(String),
    #[error("{0}")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Other(#[from] service::Error),
}

impl Error {
    pub fn marked_for_deletion() -> Error {
        Error::InvalidRequest(
            "You can't perform this operation on the secret because it was marked for deletion.".into(),
        )
    }

    fn code(&self) -> &'static str {
        match self {
            Error::NotFound | Error::NoValue(_) => "ResourceNotFoundException",
            Error::Exists(_) => "ResourceExistsException",
            Error::InvalidParameter(_) => "InvalidParameterException",
            Error::InvalidRequest(_) => "InvalidRequestException",
            Error::Validation(_) | Error::Constraints(_) => "ValidationException",
            Error::InvalidNextToken => "InvalidNextTokenException",
            Error::MalformedPolicy(_) => "MalformedPolicyDocumentException",
            Error::PublicPolicy(_) => "PublicPolicyException",
            Error::Limit(_) => "LimitExceededException",
            Error::Encryption(_) => "EncryptionFailure",
            Error::Decryption(_) => "DecryptionFailure",
            Error::AccessDenied(_) => "AccessDeniedException",
            Error::NotImplemented(_) | Error::Store(_) | Error::Other(_) => "InternalServiceError",
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "InvalidParameterException"),
            Error::Other(error) => error,
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            error => service::Error::new(400, error.code(), error.to_string()),
        }
    }
}
