//! Everything that Cognito refuses, and how it says so. No text has anything of a password, a code or a token in it.
//!
//! Source: the errors of each operation in
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/>.

use service::Violations;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("User does not exist.")]
    UserNotFound,
    #[error("{0}")]
    NotAuthorized(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error(transparent)]
    Constraints(#[from] Violations),
    #[error("{0}")]
    UsernameExists(&'static str),
    #[error("{0}")]
    AliasExists(String),
    #[error("Password did not conform with policy: {0}")]
    InvalidPassword(String),
    #[error("Invalid verification code provided, please try again.")]
    CodeMismatch,
    #[error("Invalid code provided, please request a code again.")]
    ExpiredCode,
    #[error("Attempt limit exceeded, please try after some time.")]
    LimitExceeded,
    #[error("{0}")]
    TooMany(String),
    #[error("User is not confirmed.")]
    UserNotConfirmed,
    #[error("Password reset required for the user")]
    PasswordResetRequired,
    #[error("A group with the name already exists.")]
    GroupExists,
    #[error("{0}")]
    UserLambdaValidation(String),
    #[error("{0}")]
    UnexpectedLambda(String),
    #[error("{0}")]
    InvalidLambdaResponse(String),
    #[error("{0}")]
    MfaMethodNotFound(String),
    #[error("Code mismatch")]
    EnableSoftwareTokenMfa,
    #[error("{0}")]
    SoftwareTokenMfaNotFound(String),
    #[error("{0}")]
    UnsupportedUserState(String),
    #[error("{0}")]
    UnsupportedTokenType(String),
    #[error("{0}")]
    InvalidOAuthFlow(&'static str),
    #[error("{0}")]
    ScopeDoesNotExist(String),
    #[error("{0}")]
    DuplicateProvider(String),
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

    /// What is told whether or not there is such a user.
    pub fn wrong_password() -> Error {
        Error::not_authorized("Incorrect username or password.")
    }

    pub fn internal(cause: impl std::fmt::Display) -> Error {
        Error::Other(service::Error::internal(cause))
    }

    fn code(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "ResourceNotFoundException",
            Error::UserNotFound => "UserNotFoundException",
            Error::NotAuthorized(_) => "NotAuthorizedException",
            Error::InvalidParameter(_) | Error::Constraints(_) => "InvalidParameterException",
            Error::UsernameExists(_) => "UsernameExistsException",
            Error::AliasExists(_) => "AliasExistsException",
            Error::InvalidPassword(_) => "InvalidPasswordException",
            Error::CodeMismatch => "CodeMismatchException",
            Error::ExpiredCode => "ExpiredCodeException",
            Error::LimitExceeded | Error::TooMany(_) => "LimitExceededException",
            Error::UserNotConfirmed => "UserNotConfirmedException",
            Error::PasswordResetRequired => "PasswordResetRequiredException",
            Error::GroupExists => "GroupExistsException",
            Error::UserLambdaValidation(_) => "UserLambdaValidationException",
            Error::UnexpectedLambda(_) => "UnexpectedLambdaException",
            Error::InvalidLambdaResponse(_) => "InvalidLambdaResponseException",
            Error::MfaMethodNotFound(_) => "MFAMethodNotFoundException",
            Error::EnableSoftwareTokenMfa => "EnableSoftwareTokenMFAException",
            Error::SoftwareTokenMfaNotFound(_) => "SoftwareTokenMFANotFoundException",
            Error::UnsupportedUserState(_) => "UnsupportedUserStateException",
            Error::UnsupportedTokenType(_) => "UnsupportedTokenTypeException",
            Error::InvalidOAuthFlow(_) => "InvalidOAuthFlowException",
            Error::ScopeDoesNotExist(_) => "ScopeDoesNotExistException",
            Error::DuplicateProvider(_) => "DuplicateProviderException",
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
