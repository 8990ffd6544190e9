//! What a REST API answers by itself, as its owner wants it said.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>

use serde::{Deserialize, Serialize};

use super::Texts;

/// An answer that the API's owner has put in the place of AWS's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GatewayResponse {
    /// Where nothing is said, that of the failure.
    pub status: Option<u16>,
    /// By header: `gatewayresponse.header.X-A`.
    pub parameters: Texts,
    /// By media type.
    pub templates: Texts,
}
kv::stored!(GatewayResponse, version = 1);

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    AccessDenied,
    ApiConfigurationError,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    BadRequestBody,
    BadRequestParameters,
    Default4xx,
    Default5xx,
    ExpiredToken,
    IntegrationFailure,
    IntegrationTimeout,
    InvalidApiKey,
    InvalidSignature,
    MissingAuthenticationToken,
    QuotaExceeded,
    RequestTooLarge,
    ResourceNotFound,
    Throttled,
    Unauthorized,
    UnsupportedMediaType,
    WafFiltered,
}

impl Kind {
    /// In the order in which they are listed.
    pub const ALL: [Kind; 21] = [
        Kind::AccessDenied,
        Kind::ApiConfigurationError,
        Kind::AuthorizerConfigurationError,
        Kind::AuthorizerFailure,
        Kind::BadRequestBody,
        Kind::BadRequestParameters,
        Kind::Default4xx,
        Kind::Default5xx,
        Kind::ExpiredToken,
        Kind::IntegrationFailure,
        Kind::IntegrationTimeout,
        Kind::InvalidApiKey,
        Kind::InvalidSignature,
        Kind::MissingAuthenticationToken,
        Kind::QuotaExceeded,
        Kind::RequestTooLarge,
        Kind::ResourceNotFound,
        Kind::Throttled,
        Kind::Unauthorized,
        Kind::UnsupportedMediaType,
        Kind::WafFiltered,
    ];

    /// The name that it has in operations, and the status that it has where nobody says another: none for all failures of a
    /// class.
    fn facts(self) -> (&'static str, Option<u16>) {
        match self {
            Kind::AccessDenied => ("ACCESS_DENIED", Some(403)),
            Kind::ApiConfigurationError => ("API_CONFIGURATION_ERROR", Some(500)),
            Kind::AuthorizerConfigurationError => ("AUTHORIZER_CONFIGURATION_ERROR", Some(500)),
            Kind::AuthorizerFailure => ("AUTHORIZER_FAILURE", Some(500)),
            Kind::BadRequestBody => ("BAD_REQUEST_BODY", Some(400)),
            Kind::BadRequestParameters => ("BAD_REQUEST_PARAMETERS", Some(400)),
            Kind::Default4xx => ("DEFAULT_4XX", None),
            Kind::Default5xx => ("DEFAULT_5XX", None),
            Kind::ExpiredToken => ("EXPIRED_TOKEN", Some(403)),
            Kind::IntegrationFailure => ("INTEGRATION_FAILURE", Some(504)),
            Kind::IntegrationTimeout => ("INTEGRATION_TIMEOUT", Some(504)),
            Kind::InvalidApiKey => ("INVALID_API_KEY", Some(403)),
            Kind::InvalidSignature => ("INVALID_SIGNATURE", Some(403)),
            Kind::MissingAuthenticationToken => ("MISSING_AUTHENTICATION_TOKEN", Some(403)),
            Kind::QuotaExceeded => ("QUOTA_EXCEEDED", Some(429)),
            Kind::RequestTooLarge => ("REQUEST_TOO_LARGE", Some(413)),
            Kind::ResourceNotFound => ("RESOURCE_NOT_FOUND", Some(404)),
            Kind::Throttled => ("THROTTLED", Some(429)),
            Kind::Unauthorized => ("UNAUTHORIZED", Some(401)),
            Kind::UnsupportedMediaType => ("UNSUPPORTED_MEDIA_TYPE", Some(415)),
            Kind::WafFiltered => ("WAF_FILTERED", Some(403)),
        }
    }

    pub fn word(self) -> &'static str {
        self.facts().0
    }

    pub fn status(self) -> Option<u16> {
        self.facts().1
    }

    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The kind whose answer takes this one's place, where its own has none.
    pub fn class(self) -> Option<Kind> {
        self.status().map(|status| if status < 500 { Kind::Default4xx } else { Kind::Default5xx })
    }
}
