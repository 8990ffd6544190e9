//! Everything that migrations refuse, and how it is said.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("There is no migration {0} here. `cloudlet migrate status` lists those there are.")]
    NotFound(String),
    #[error("{0}")]
    NoRoute(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let (status, code) = match error {
            Error::Store(cause) => return service::Error::store(cause, 400, "ValidationException"),
            Error::NotFound(_) | Error::NoRoute(_) => (404, "ResourceNotFoundException"),
            Error::Invalid(_) => (400, "ValidationException"),
            Error::Conflict(_) => (409, "ConflictException"),
            Error::LimitExceeded(_) => (400, "LimitExceededException"),
        };
        service::Error::new(status, code, error.to_string())
    }
}
