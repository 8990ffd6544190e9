//! Everything that Application Auto Scaling refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/autoscaling/application/APIReference/CommonErrors.html> and the errors of each
//! operation.

use crate::types::Resource;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    ObjectNotFound(String),
    #[error("The specified resource doesn't exist.")]
    ResourceNotFound,
    #[error("{0}")]
    LimitExceeded(String),
    #[error("The number of tags exceeds the limit of {max} for a resource.", max = crate::limits::TAGS_MAX)]
    TooManyTags,
    #[error("The next token is invalid.")]
    InvalidNextToken,
    /// What the official service does and this one does not.
    #[error("{0}")]
    NotImplemented(String),
    /// What another service said.
    #[error("{0}")]
    Other(service::Error),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl Error {
    pub fn validation(message: impl Into<String>) -> Error {
        Error::Validation(message.into())
    }

    pub fn no_target(resource: &Resource) -> Error {
        Error::ObjectNotFound(format!("No scalable target registered for {}", describe(resource)))
    }

    pub fn no_action(resource: &Resource, name: &str) -> Error {
        Error::ObjectNotFound(format!(
            "No scheduled action found for {}, scheduled action name: {name}",
            describe(resource)
        ))
    }

    pub fn no_policy(resource: &Resource, name: &str) -> Error {
        Error::ObjectNotFound(format!("No scaling policy found for {}, policy name: {name}", describe(resource)))
    }
}

fn describe(resource: &Resource) -> String {
    let Resource { namespace, id, dimension, .. } = resource;
    format!("service namespace: {namespace}, resource ID: {id}, scalable dimension: {dimension}")
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        let code = match &error {
            Error::Validation(_) => "ValidationException",
            Error::ObjectNotFound(_) => "ObjectNotFoundException",
            Error::ResourceNotFound => "ResourceNotFoundException",
            Error::LimitExceeded(_) => "LimitExceededException",
            Error::TooManyTags => "TooManyTagsException",
            Error::InvalidNextToken => "InvalidNextTokenException",
            Error::NotImplemented(what) => return service::Error::not_implemented(format_args!("{what}")),
            Error::Other(_) | Error::Store(_) => "InternalServiceException",
        };
        match error {
            Error::Other(error) => error,
            Error::Store(cause) => service::Error::store(cause, 400, "ValidationException"),
            error => service::Error::new(400, code, error.to_string()),
        }
    }
}
