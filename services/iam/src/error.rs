//! Everything that IAM and STS refuse, and how they say so.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html> and the errors of each operation.

use std::fmt::Display;

use auth::policy::PolicyError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NoSuchEntity(String),
    #[error("{0}")]
    EntityAlreadyExists(String),
    /// What something else depends on cannot be deleted.
    #[error("{0}")]
    DeleteConflict(String),
    #[error("Cannot exceed quota for {quota}: {limit}")]
    LimitExceeded { quota: &'static str, limit: usize },
    #[error("Maximum policy size of {limit} bytes exceeded for {owner}")]
    PoliciesTooLong { owner: String, limit: usize },
    #[error(transparent)]
    MalformedPolicyDocument(#[from] PolicyError),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    InvalidInput(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error("Session tags and policies take {percent}% of what a session may say: shorten or leave some out")]
    PackedPolicyTooLarge { percent: usize },
    /// What only its service changes.
    #[error("Cannot perform the operation on the protected role '{0}' - this role is only modifiable by AWS")]
    Unmodifiable(String),
    /// A managed policy that only service-linked roles have.
    #[error("Cannot attach a Service Role Policy to a customer role.")]
    PolicyNotAttachable,
    #[error("Password does not conform to the account password policy.")]
    PasswordPolicyViolation,
    #[error("Only IAM Users can change their own password")]
    InvalidUserType,
    /// What changed meanwhile.
    #[error("{0}")]
    TemporarilyUnmodifiable(String),
    /// A code of an authenticator that does not fit.
    #[error("{0}")]
    InvalidAuthenticationCode(String),
    #[error("{0}")]
    AccessDenied(String),
    #[error("{0}")]
    InvalidIdentityToken(String),
    #[error("{0}")]
    ExpiredToken(String),
    #[error("{0}")]
    IdpCommunication(String),
    #[error("{0} is not implemented by Cloudlet.")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Other(#[from] service::Error),
}

impl Error {
    /// A member whose value breaks one of its constraints.
    pub fn constraint(member: &str, value: impl Display, constraint: impl Display) -> Error {
        Error::Validation(format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// A member whose value breaks one of its constraints, and is not told.
    pub fn unfit(member: &str, constraint: impl Display) -> Error {
        Error::Validation(format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// A required member that is not there.
    pub fn missing(member: &str) -> Error {
        Error::constraint(member, "null", "Member must not be null")
    }

    pub fn internal(cause: impl Display) -> Error {
        Error::Other(service::Error::internal(cause))
    }

    /// What must be done before something can be deleted.
    pub fn first(what: &str) -> Error {
        Error::DeleteConflict(format!("Cannot delete entity, must {what} first."))
    }

    fn code_and_status(&self) -> (&'static str, u16) {
        match self {
            Error::NoSuchEntity(_) => ("NoSuchEntity", 404),
            Error::EntityAlreadyExists(_) => ("EntityAlreadyExists", 409),
            Error::DeleteConflict(_) => ("DeleteConflict", 409),
            Error::LimitExceeded { .. } | Error::PoliciesTooLong { .. } => ("LimitExceeded", 409),
            Error::MalformedPolicyDocument(_) => ("MalformedPolicyDocument", 400),
            Error::Validation(_) => ("ValidationError", 400),
            Error::InvalidInput(_) => ("InvalidInput", 400),
            Error::InvalidParameter(_) => ("InvalidParameterValue", 400),
            Error::PackedPolicyTooLarge { .. } => ("PackedPolicyTooLarge", 400),
            Error::PolicyNotAttachable => ("PolicyNotAttachable", 400),
            Error::PasswordPolicyViolation => ("PasswordPolicyViolation", 400),
            Error::InvalidUserType => ("InvalidUserType", 400),
            Error::TemporarilyUnmodifiable(_) => ("EntityTemporarilyUnmodifiable", 409),
            Error::Unmodifiable(_) => ("UnmodifiableEntity", 400),
            Error::InvalidAuthenticationCode(_) => ("InvalidAuthenticationCode", 403),
            Error::AccessDenied(_) => ("AccessDenied", 403),
            Error::InvalidIdentityToken(_) => ("InvalidIdentityToken", 400),
            Error::ExpiredToken(_) => ("ExpiredTokenException", 400),
            Error::IdpCommunication(_) => ("IDPCommunicationError", 400),
            Error::NotImplemented(_) => ("NotImplemented", 501),
            Error::Store(_) | Error::Other(_) => ("InternalFailure", 500),
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 409, "LimitExceeded"),
            Error::Other(error) => error,
            error => {
                let (code, status) = error.code_and_status();
                service::Error::new(status, code, error.to_string())
            }
        }
    }
}
