//! Everything that the Scheduler refuses, and how it says so.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html>.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    QuotaExceeded(String),
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

    pub fn schedule_not_found(name: &str) -> Error {
        Error::NotFound(format!("Schedule {name} does not exist."))
    }

    pub fn group_not_found(name: &str) -> Error {
        Error::NotFound(format!("Schedule group {name} does not exist."))
    }
}

impl From<service::Violations> for Error {
    fn from(violations: service::Violations) -> Error {
        Error::Validation(violations.0)
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let (status, code) = match error {
            Error::Store(cause) => return service::Error::store(cause, 400, "ValidationException"),
            Error::Service(error) => return error,
            Error::NotImplemented(what) => return service::Error::not_implemented(what),
            Error::NotFound(_) => (404, "ResourceNotFoundException"),
            Error::Conflict(_) => (409, "ConflictException"),
            Error::Validation(_) => (400, "ValidationException"),
            Error::QuotaExceeded(_) => (402, "ServiceQuotaExceededException"),
        };
        service::Error::new(status, code, error.to_string())
    }
}
