//! Everything that CloudFront refuses, and how it says so.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Operations.html>.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of the errors of the service's model, as it has it.
    #[error("{message}")]
    Refused { status: u16, code: &'static str, message: String },
    #[error("{0} is not implemented by Cloudlet.")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Service(#[from] service::Error),
}

impl Error {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Error {
        Error::Refused { status, code, message: message.into() }
    }

    pub fn argument(message: impl Into<String>) -> Error {
        Error::new(400, "InvalidArgument", message)
    }

    pub fn not_implemented(what: impl Into<String>) -> Error {
        Error::NotImplemented(what.into())
    }

    pub fn no_such_distribution() -> Error {
        Error::new(404, "NoSuchDistribution", "The specified distribution does not exist.")
    }

    /// The version that the caller wants to change is not named.
    pub fn no_version() -> Error {
        Error::new(400, "InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    }

    /// It is not the newest.
    pub fn stale_version() -> Error {
        let message =
            "The request failed because it didn't meet the preconditions in one or more request-header fields.";
        Error::new(412, "PreconditionFailed", message)
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Refused { status, code, message } => service::Error::new(status, code, message),
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            Error::Store(cause) => service::Error::store(cause, 413, "EntitySizeLimitExceeded"),
            Error::Service(error) => error,
        }
    }
}
