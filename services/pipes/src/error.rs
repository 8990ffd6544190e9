//! Everything that EventBridge Pipes refuses, and how it says so.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_Operations.html>.

use crate::limits;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Validation(String),
    #[error("Pipe {0} does not exist.")]
    NotFound(String),
    #[error("Pipe {0} already exists.")]
    AlreadyExists(String),
    #[error("The account has {max} pipes in this Region, which is as many as there may be.", max = limits::PIPES_MAX)]
    TooManyPipes(String),
    /// A source, an enrichment, a target or a setting that AWS has and this server does not.
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
}

impl From<service::Violations> for Error {
    fn from(violations: service::Violations) -> Error {
        Error::Validation(violations.0)
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let told = error.to_string();
        let about = |answer: service::Error, name: &str| {
            answer.with_member("resourceId", name).with_member("resourceType", "Pipe")
        };
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "ValidationException"),
            Error::Service(error) => error,
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            Error::Validation(_) => service::Error::new(400, "ValidationException", told),
            Error::NotFound(_) => service::Error::new(404, "NotFoundException", told),
            Error::AlreadyExists(name) => about(service::Error::new(409, "ConflictException", told), &name),
            Error::TooManyPipes(name) => {
                let answer = service::Error::new(402, "ServiceQuotaExceededException", told);
                about(answer, &name).with_member("serviceCode", "pipes").with_member("quotaCode", "pipes-in-a-region")
            }
        }
    }
}
