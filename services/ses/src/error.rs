//! Everything that SES refuses, and how each of its two APIs says so.
//!
//! Source: the errors of each operation in the service models, and
//! <https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html>.

use crate::template::{Failure, Invalid};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Rejected(String),
    #[error("Email identity {0} does not exist.")]
    NoIdentity(String),
    #[error("Email identity {0} already exists.")]
    IdentityExists(String),
    #[error("Policy {0} does not exist.")]
    NoPolicy(String),
    #[error("Policy {0} already exists.")]
    PolicyExists(String),
    #[error("{0}")]
    InvalidPolicy(String),
    #[error("Template {0} does not exist.")]
    NoTemplate(String),
    #[error("Template {0} already exists.")]
    TemplateExists(String),
    #[error("Invalid template: {0}")]
    InvalidTemplate(#[from] Invalid),
    #[error("Template rendering data is invalid")]
    InvalidData,
    #[error("{0}")]
    Rendering(#[from] Failure),
    #[error("Configuration set <{0}> does not exist.")]
    NoConfigurationSet(String),
    #[error("Configuration set <{0}> already exists.")]
    ConfigurationSetExists(String),
    /// The name is the configuration set's.
    #[error("No EventDestination found for {0}")]
    NoEventDestination(String),
    #[error("Event destination {0} already exists.")]
    EventDestinationExists(String),
    #[error("SNS topic <{0}> not found.")]
    NoTopic(String),
    #[error("Email address {0} does not exist on your suppression list.")]
    NotSuppressed(String),
    #[error("Resource {0} does not exist.")]
    NoResource(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("Email sending is disabled for this account.")]
    AccountPaused,
    #[error("Email sending is disabled for configuration set <{0}>.")]
    ConfigurationSetPaused(String),
    #[error("The specified next token is invalid or has expired.")]
    NextToken,
    #[error("{0}")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Service(#[from] service::Error),
}

impl Error {
    pub fn invalid(text: impl Into<String>) -> Error {
        Error::Invalid(text.into())
    }

    /// The codes of version 1 and 2, with the status of the latter.
    fn codes(&self) -> (&'static str, &'static str, u16) {
        const ABSENT: (&str, u16) = ("NotFoundException", 404);
        const EXISTS: (&str, u16) = ("AlreadyExistsException", 400);
        const BAD: (&str, u16) = ("BadRequestException", 400);
        const PAUSED: (&str, u16) = ("SendingPausedException", 400);
        let (v1, (v2, status)) = match self {
            Error::Invalid(_) | Error::NextToken => ("InvalidParameterValue", BAD),
            Error::Rejected(_) => ("MessageRejected", ("MessageRejected", 400)),
            Error::NoIdentity(_) | Error::NoPolicy(_) | Error::NotSuppressed(_) | Error::NoResource(_) => {
                ("InvalidParameterValue", ABSENT)
            }
            Error::IdentityExists(_) | Error::PolicyExists(_) => ("InvalidParameterValue", EXISTS),
            Error::InvalidPolicy(_) => ("InvalidPolicy", BAD),
            Error::NoTemplate(_) => ("TemplateDoesNotExist", ABSENT),
            Error::TemplateExists(_) => ("AlreadyExists", EXISTS),
            Error::InvalidTemplate(_) => ("InvalidTemplate", BAD),
            Error::InvalidData | Error::Rendering(Failure::TooLarge | Failure::NoPartial(_)) => {
                ("InvalidRenderingParameter", BAD)
            }
            Error::Rendering(Failure::Missing(_)) => ("MissingRenderingAttribute", BAD),
            Error::NoConfigurationSet(_) => ("ConfigurationSetDoesNotExist", ABSENT),
            Error::ConfigurationSetExists(_) => ("ConfigurationSetAlreadyExists", EXISTS),
            Error::NoEventDestination(_) => ("EventDestinationDoesNotExist", ABSENT),
            Error::EventDestinationExists(_) => ("EventDestinationAlreadyExists", EXISTS),
            Error::NoTopic(_) => ("InvalidSNSDestination", BAD),
            Error::LimitExceeded(_) => ("LimitExceeded", ("LimitExceededException", 400)),
            Error::AccountPaused => ("AccountSendingPausedException", PAUSED),
            Error::ConfigurationSetPaused(_) => ("ConfigurationSetSendingPausedException", PAUSED),
            Error::NotImplemented(_) | Error::Store(_) | Error::Service(_) => ("InternalFailure", BAD),
        };
        (v1, v2, status)
    }

    fn other(self) -> Result<Error, service::Error> {
        match self {
            Error::Store(cause) => Err(service::Error::store(cause, 400, "BadRequestException")),
            Error::Service(error) => Err(error),
            Error::NotImplemented(what) => Err(service::Error::not_implemented(what)),
            error => Ok(error),
        }
    }
}

/// As version 2 says it.
impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error.other() {
            Ok(error) => {
                let (_, code, status) = error.codes();
                service::Error::new(status, code, error.to_string())
            }
            Err(error) => error,
        }
    }
}

/// The same as version 1 says it.
#[derive(Debug)]
pub struct OfV1(pub Error);

impl<E: Into<Error>> From<E> for OfV1 {
    fn from(error: E) -> OfV1 {
        OfV1(error.into())
    }
}

impl From<OfV1> for service::Error {
    fn from(OfV1(error): OfV1) -> service::Error {
        let name = match &error {
            Error::NoTemplate(name) => Some(("TemplateName", name.clone())),
            Error::NoConfigurationSet(name) | Error::ConfigurationSetExists(name) => {
                Some(("ConfigurationSetName", name.clone()))
            }
            Error::TemplateExists(name) => Some(("Name", name.clone())),
            _ => None,
        };
        match error.other() {
            Ok(error) => {
                let (code, ..) = error.codes();
                let told = service::Error::new(400, code, error.to_string());
                name.map_or(told.clone(), |(member, value)| told.with_member(member, value))
            }
            Err(error) => error,
        }
    }
}
