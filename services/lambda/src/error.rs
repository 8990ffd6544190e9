//! Everything that Lambda refuses, and how it says so.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>.

use crate::limits;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    InvalidParameterValue(String),
    /// Members that break the constraints of the API's model.
    #[error(transparent)]
    Validation(#[from] service::Violations),
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    ResourceConflict(String),
    #[error(
        "The Revision Id provided does not match the latest Revision Id. Call the {0} API to retrieve the latest Revision Id"
    )]
    PreconditionFailed(&'static str),
    #[error(
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation."
    )]
    RecursiveInvocation,
    #[error("Rate Exceeded.")]
    TooManyRequests(Throttle),
    #[error("{0}")]
    RequestTooLarge(String),
    #[error("Could not parse request body into json: {0}")]
    InvalidRequestContent(String),
    #[error("{asked} is not an account of this server, which has {own}.")]
    OtherAccount { asked: String, own: String },
    #[error("The final policy size is bigger than the limit ({max}).", max = limits::POLICY_BYTES_MAX)]
    PolicyLengthExceeded,
    /// The host cannot run this function; the message says what to do.
    #[error("{0}")]
    InvalidRuntime(String),
    /// A setting that AWS has and this server does not.
    #[error("{0} is not implemented by Cloudlet.")]
    NotImplemented(String),
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A failure of ours: for the log, not for the caller.
    #[error("{0}")]
    Internal(String),
    #[error("No Provisioned Concurrency Config found for this function")]
    ProvisionedConcurrencyNotFound,
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Blob(#[from] blob::Error),
    /// What another service answered.
    #[error(transparent)]
    Service(#[from] service::Error),
}

/// Why an invocation was not let in: the `Reason` member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    Account,
    Reserved,
}

impl Error {
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::InvalidParameterValue(message.into())
    }

    pub fn function_not_found(arn: impl std::fmt::Display) -> Error {
        Error::ResourceNotFound(format!("Function not found: {arn}"))
    }

    /// What Lambda says where it does not say what is missing.
    pub fn resource_not_found() -> Error {
        Error::ResourceNotFound("The resource you requested does not exist.".into())
    }

    /// A package over the limit, in AWS's words for the request that carries it.
    pub fn package_too_large(operation: &str) -> Error {
        let max = limits::REQUEST_BYTES_STATED;
        Error::RequestTooLarge(format!("Request must be smaller than {max} bytes for the {operation} operation"))
    }

    pub fn unpacked_too_large(max: u64) -> Error {
        Error::invalid(format!("Unzipped size must be smaller than {max} bytes"))
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::TooManyRequests(_) | Error::ShuttingDown | Error::Internal(_) | Error::Blob(_) => true,
            Error::Store(error) => !error.is_too_large(),
            Error::Service(error) => !error.is_sender_fault(),
            _ => false,
        }
    }

    /// Whether the shape of the error has `message`, where others have `Message`.
    fn has_small_message(&self) -> bool {
        use Error::*;
        matches!(
            self,
            InvalidParameterValue(_)
                | ResourceConflict(_)
                | PreconditionFailed(_)
                | TooManyRequests(_)
                | RequestTooLarge(_)
                | InvalidRequestContent(_)
                | PolicyLengthExceeded
                | ProvisionedConcurrencyNotFound
        )
    }

    fn code(&self) -> (u16, &'static str) {
        match self {
            Error::InvalidParameterValue(_) => (400, "InvalidParameterValueException"),
            Error::Validation(_) => (400, "ValidationException"),
            Error::ResourceNotFound(_) => (404, "ResourceNotFoundException"),
            Error::ResourceConflict(_) => (409, "ResourceConflictException"),
            Error::PreconditionFailed(_) => (412, "PreconditionFailedException"),
            Error::OtherAccount { .. } => (403, "AccessDeniedException"),
            Error::TooManyRequests(_) => (429, "TooManyRequestsException"),
            Error::RecursiveInvocation => (400, "RecursiveInvocationException"),
            Error::RequestTooLarge(_) => (413, "RequestTooLargeException"),
            Error::InvalidRequestContent(_) => (400, "InvalidRequestContentException"),
            Error::PolicyLengthExceeded => (400, "PolicyLengthExceededException"),
            Error::InvalidRuntime(_) => (502, "InvalidRuntimeException"),
            Error::ProvisionedConcurrencyNotFound => (404, "ProvisionedConcurrencyConfigNotFoundException"),
            Error::NotImplemented(_) => (501, "NotImplemented"),
            Error::ShuttingDown => (503, "ServiceException"),
            Error::Internal(_) | Error::Store(_) | Error::Blob(_) | Error::Service(_) => (500, "ServiceException"),
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Service(error) => return error,
            Error::Store(cause) => {
                let answer = service::Error::store(cause, 413, "RequestTooLargeException");
                return if answer.is_sender_fault() { answer.with_member("Type", "User") } else { answer };
            }
            Error::Internal(_) | Error::Blob(_) => return service::Error::internal(error),
            _ => {}
        }
        let (status, code) = error.code();
        let fault = if status < 500 { "User" } else { "Service" };
        let answer = service::Error::new(status, code, error.to_string()).with_member("Type", fault);
        let answer = if error.has_small_message() { answer.with_member("message", error.to_string()) } else { answer };
        match error {
            Error::TooManyRequests(Throttle::Account) => {
                answer.with_member("Reason", "ConcurrentInvocationLimitExceeded")
            }
            Error::TooManyRequests(Throttle::Reserved) => {
                answer.with_member("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded")
            }
            _ => answer,
        }
    }
}

impl From<runtime::InvokeError> for Error {
    fn from(error: runtime::InvokeError) -> Error {
        use runtime::InvokeError;
        match error {
            InvokeError::Throttled => Error::TooManyRequests(Throttle::Account),
            InvokeError::PayloadTooLarge => Error::RequestTooLarge(error.to_string()),
            InvokeError::RuntimeMissing(message) => Error::InvalidRuntime(message),
            InvokeError::Credentials(_) => {
                Error::invalid(format!("The role defined for the function cannot be assumed by Lambda: {error}"))
            }
            InvokeError::ShuttingDown => Error::ShuttingDown,
            InvokeError::CodeMissing(_) | InvokeError::Start(_) => Error::Internal(error.to_string()),
        }
    }
}
