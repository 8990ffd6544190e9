//! Everything that Parameter Store refuses, and how it says so. No text has anything of a value in it.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>.

use service::Violations;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("Systems Manager could not find version {version} of {name}. Verify the version and try again.")]
    VersionNotFound { name: String, version: String },
    #[error("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")]
    AlreadyExists,
    #[error("{0}")]
    Validation(String),
    #[error(transparent)]
    Constraints(#[from] Violations),
    #[error("{0}")]
    HierarchyLevel(String),
    #[error("{0}")]
    HierarchyType(String),
    #[error("{0}")]
    InvalidPattern(String),
    #[error("Parameter value, cannot be validated against allowedPattern: {0}")]
    PatternMismatch(String),
    #[error("{0}")]
    MaxVersion(String),
    #[error("{0}")]
    UnsupportedType(String),
    #[error("{0}")]
    InvalidPolicyType(String),
    #[error("{0}")]
    InvalidPolicyAttribute(String),
    #[error("{0}")]
    IncompatiblePolicy(String),
    #[error("{0}")]
    PoliciesLimit(String),
    #[error("{0}")]
    LabelLimit(String),
    #[error("{0}")]
    InvalidFilterKey(String),
    #[error("{0}")]
    InvalidFilterOption(String),
    #[error("{0}")]
    InvalidFilterValue(String),
    #[error("The specified token is not valid.")]
    InvalidNextToken,
    #[error("{0}")]
    InvalidResourceType(String),
    #[error("{0}")]
    InvalidResourceId(String),
    #[error("{0}")]
    TooManyTags(String),
    #[error("{0}")]
    InvalidKeyId(String),
    #[error("{0}")]
    AccessDenied(String),
    #[error("{0}")]
    NotImplemented(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Other(#[from] service::Error),
}

impl Error {
    pub fn not_found(name: &str) -> Error {
        Error::NotFound(format!("Parameter {name} not found."))
    }

    fn code(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "ParameterNotFound",
            Error::VersionNotFound { .. } => "ParameterVersionNotFound",
            Error::AlreadyExists => "ParameterAlreadyExists",
            Error::Validation(_) | Error::Constraints(_) => "ValidationException",
            Error::HierarchyLevel(_) => "HierarchyLevelLimitExceededException",
            Error::HierarchyType(_) => "HierarchyTypeMismatchException",
            Error::InvalidPattern(_) => "InvalidAllowedPatternException",
            Error::PatternMismatch(_) => "ParameterPatternMismatchException",
            Error::MaxVersion(_) => "ParameterMaxVersionLimitExceeded",
            Error::UnsupportedType(_) => "UnsupportedParameterType",
            Error::InvalidPolicyType(_) => "InvalidPolicyTypeException",
            Error::InvalidPolicyAttribute(_) => "InvalidPolicyAttributeException",
            Error::IncompatiblePolicy(_) => "IncompatiblePolicyException",
            Error::PoliciesLimit(_) => "PoliciesLimitExceededException",
            Error::LabelLimit(_) => "ParameterVersionLabelLimitExceeded",
            Error::InvalidFilterKey(_) => "InvalidFilterKey",
            Error::InvalidFilterOption(_) => "InvalidFilterOption",
            Error::InvalidFilterValue(_) => "InvalidFilterValue",
            Error::InvalidNextToken => "InvalidNextToken",
            Error::InvalidResourceType(_) => "InvalidResourceType",
            Error::InvalidResourceId(_) => "InvalidResourceId",
            Error::TooManyTags(_) => "TooManyTagsError",
            Error::InvalidKeyId(_) => "InvalidKeyId",
            Error::AccessDenied(_) => "AccessDeniedException",
            Error::NotImplemented(_) | Error::Store(_) | Error::Other(_) => "InternalServerError",
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "ValidationException"),
            Error::Other(error) => error,
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            error => service::Error::new(400, error.code(), error.to_string()),
        }
    }
}
