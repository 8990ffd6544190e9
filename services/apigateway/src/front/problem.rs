//! Why a request to a REST API is not answered by what is behind it: the kind of failure, and AWS's words for it.

use super::api_key::Kept;
use super::authorize::Refused;
use super::invoke::Failure;
use crate::types::gateway::Kind;

#[derive(Debug)]
pub struct Problem {
    pub kind: Kind,
    /// Where the API's owner says no other.
    pub status: u16,
    /// `x-amzn-ErrorType`.
    pub code: &'static str,
    pub message: Option<String>,
    /// As AWS spells it: with a capital letter where somebody is denied.
    pub member: &'static str,
    /// What of a body is not as its model says.
    pub validation: Option<String>,
    /// For the API's owner, who reads it in tests of methods and in the server's log.
    pub why: String,
}

impl Problem {
    fn new(kind: Kind, code: &'static str, message: &str) -> Problem {
        let status = kind.status().unwrap_or(500);
        let (member, message) = ("message", Some(message.to_owned()));
        Problem { kind, status, code, message, member, validation: None, why: String::new() }
    }

    /// The API is not as it has to be.
    pub fn configuration(why: impl Into<String>) -> Problem {
        let problem =
            Problem::new(Kind::ApiConfigurationError, "InternalServerErrorException", "Internal server error");
        Problem { why: why.into(), ..problem }
    }

    /// What is behind the API failed.
    pub fn failed(why: impl Into<String>) -> Problem {
        let problem = Problem::new(Kind::IntegrationFailure, "InternalServerErrorException", "Internal server error");
        Problem { status: 502, why: why.into(), ..problem }
    }

    /// The same where nobody is there.
    pub fn unreachable(why: impl Into<String>) -> Problem {
        let message = "Network error communicating with endpoint";
        let problem = Problem::new(Kind::IntegrationFailure, "InternalServerErrorException", message);
        Problem { why: why.into(), ..problem }
    }

    pub fn timed_out() -> Problem {
        Problem::new(Kind::IntegrationTimeout, "InternalServerErrorException", "Endpoint request timed out")
    }

    pub fn missing_token() -> Problem {
        let code = "MissingAuthenticationTokenException";
        Problem::new(Kind::MissingAuthenticationToken, code, "Missing Authentication Token")
    }

    pub fn too_large(message: &str) -> Problem {
        Problem::new(Kind::RequestTooLarge, "RequestTooLargeException", message)
    }

    pub fn throttled() -> Problem {
        Problem::new(Kind::Throttled, "TooManyRequestsException", "Too Many Requests")
    }

    pub fn unsupported_media_type() -> Problem {
        Problem::new(Kind::UnsupportedMediaType, "BadRequestException", "Unsupported Media Type")
    }

    pub fn missing_parameters(names: &[&str]) -> Problem {
        let message = format!("Missing required request parameters: [{}]", names.join(", "));
        Problem::new(Kind::BadRequestParameters, "BadRequestException", &message)
    }

    pub fn invalid_body(validation: String) -> Problem {
        let problem = Problem::new(Kind::BadRequestBody, "BadRequestException", "Invalid request body");
        Problem { validation: Some(validation), ..problem }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let denied = |text: &str| Problem {
            member: "Message",
            ..Problem::new(Kind::AccessDenied, "AccessDeniedException", text)
        };
        let failed = |kind, code| Problem { message: None, ..Problem::new(kind, code, "") };
        let unauthorized = |text: &str| Problem::new(Kind::Unauthorized, "UnauthorizedException", text);
        match refused {
            Refused::Unauthorized { .. } | Refused::Scope { .. } => unauthorized("Unauthorized"),
            Refused::Expired => unauthorized("The incoming token has expired"),
            Refused::Denied { explicitly: false } => denied("User is not authorized to access this resource"),
            Refused::Denied { explicitly: true } => {
                denied("User is not authorized to access this resource with an explicit deny")
            }
            Refused::NotPermitted(reason) => denied(&reason),
            Refused::Signature { code, message } => {
                let kind = match code {
                    "MissingAuthenticationTokenException" | "MissingAuthenticationToken" => {
                        Kind::MissingAuthenticationToken
                    }
                    "ExpiredTokenException" => Kind::ExpiredToken,
                    _ => Kind::InvalidSignature,
                };
                Problem::new(kind, code, &message)
            }
            Refused::Failed => failed(Kind::AuthorizerFailure, "AuthorizerFailureException"),
            Refused::Misconfigured => failed(Kind::AuthorizerConfigurationError, "AuthorizerConfigurationException"),
        }
    }
}

impl From<Kept> for Problem {
    fn from(kept: Kept) -> Problem {
        match kept {
            Kept::Out => Problem::new(Kind::InvalidApiKey, "ForbiddenException", "Forbidden"),
            Kept::Throttled => Problem::throttled(),
            Kept::Exceeded => Problem::new(Kind::QuotaExceeded, "LimitExceededException", "Limit Exceeded"),
            Kept::Failed(error) => {
                tracing::error!(%error, "an API key cannot be looked at");
                Problem::configuration("An API key could not be looked at")
            }
        }
    }
}

/// What a function's failure is to a client.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        match failure {
            Failure::Function => Problem::failed("The function failed"),
            Failure::Timeout => Problem::timed_out(),
            Failure::TooLarge => Problem::too_large("Request Too Long"),
            Failure::Throttled => Problem::configuration("The function is throttled"),
            Failure::Misconfigured => {
                Problem::configuration("The function is not there, or does not let the API invoke it")
            }
        }
    }
}
