//! Everything that EventBridge refuses, and how it says so.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html>.

use std::fmt::Display;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    AlreadyExists(String),
    #[error("{0}")]
    Validation(String),
    #[error(transparent)]
    InvalidPattern(#[from] pattern::Invalid),
    /// An event matches so many rules that it cannot be sent to all their targets at once.
    #[error(
        "Rate exceeded: the events of the request are too large for all the targets that they match. Send fewer or smaller ones."
    )]
    Throttled,
    #[error("The requested resource exceeds the maximum number allowed.")]
    LimitExceeded,
    #[error("Rule {0} is managed by an AWS service and can only be modified if force option is used.")]
    ManagedRule(String),
    #[error("{0}")]
    IllegalStatus(String),
    #[error("The resource policy size exceeded the limit.")]
    PolicyLengthExceeded,
    #[error("{0} is not implemented by Cloudlet.")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    /// What another service, or the policies, answered.
    #[error(transparent)]
    Service(#[from] service::Error),
}

impl Error {
    pub fn validation(message: impl Into<String>) -> Error {
        Error::Validation(message.into())
    }

    /// A parameter whose value is not as it must be.
    pub fn parameter(name: &str, reason: impl Display) -> Error {
        Error::Validation(format!("Parameter {name} is not valid. Reason: {reason}"))
    }

    pub fn bus_not_found(name: &str) -> Error {
        Error::NotFound(format!("Event bus {name} does not exist."))
    }

    pub fn rule_not_found(name: &str, bus: &str) -> Error {
        Error::NotFound(format!("Rule {name} does not exist on EventBus {bus}."))
    }
}

impl From<service::Violations> for Error {
    fn from(violations: service::Violations) -> Error {
        Error::Validation(violations.0)
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let code = match error {
            Error::Store(cause) => return service::Error::store(cause, 400, "ValidationException"),
            Error::Service(error) => return error,
            Error::NotImplemented(what) => return service::Error::not_implemented(what),
            Error::NotFound(_) => "ResourceNotFoundException",
            Error::AlreadyExists(_) => "ResourceAlreadyExistsException",
            Error::Validation(_) => "ValidationException",
            Error::InvalidPattern(_) => "InvalidEventPatternException",
            Error::Throttled => "ThrottlingException",
            Error::LimitExceeded => "LimitExceededException",
            Error::ManagedRule(_) => "ManagedRuleException",
            Error::IllegalStatus(_) => "IllegalStatusException",
            Error::PolicyLengthExceeded => "PolicyLengthExceededException",
        };
        service::Error::new(400, code, error.to_string())
    }
}
