//! Everything that API Gateway refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/api/CommonErrors.html> and the errors of each operation.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    BadRequest(String),
    /// What the model of the API itself rules out.
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    NotImplemented(String),
    /// A connection that is not there, or not any more.
    #[error("The connection is gone")]
    Gone,
    /// More than a client may be told at once.
    #[error("Payload too large")]
    PayloadTooLarge,
    /// More waits for a client than it may.
    #[error("The client takes too little of what it is told")]
    Untaken,
    /// What this service asked for within this server failed.
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl Error {
    pub fn bad(reason: impl Into<String>) -> Error {
        Error::BadRequest(reason.into())
    }

    /// What a part that was named, and is not there, is called: `Invalid Method identifier specified`.
    pub fn invalid(part: &str) -> Error {
        Error::NotFound(format!("Invalid {part} identifier specified"))
    }

    /// What a member says that has words of its own, and is none of them.
    pub fn not_among(member: &str, value: &str, words: &[&str]) -> Error {
        Error::Validation(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            words.join(", ")
        ))
    }

    pub fn not_implemented(what: impl Into<String>) -> Error {
        Error::NotImplemented(what.into())
    }
}

impl From<service::Violations> for Error {
    fn from(violations: service::Violations) -> Error {
        Error::Validation(violations.to_string())
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let text = error.to_string();
        match error {
            Error::NotFound(_) => service::Error::new(404, "NotFoundException", text),
            Error::BadRequest(_) => service::Error::new(400, "BadRequestException", text),
            Error::Validation(_) => service::Error::new(400, "ValidationException", text),
            Error::Conflict(_) => service::Error::new(409, "ConflictException", text),
            Error::LimitExceeded(_) => service::Error::new(429, "LimitExceededException", text),
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            Error::Gone => service::Error::new(410, "GoneException", text),
            Error::PayloadTooLarge => service::Error::new(413, "PayloadTooLargeException", text),
            Error::Untaken => service::Error::new(429, "LimitExceededException", text),
            Error::Failed(why) => service::Error::internal(why),
            Error::Vault(cause) => service::Error::internal(cause),
            Error::Store(cause) => service::Error::store(cause, 400, "BadRequestException"),
        }
    }
}
