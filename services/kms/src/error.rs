//! Everything that KMS refuses, and how it says so. No text has anything of a plaintext or of key material in it.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/kms/latest/APIReference/>.

use service::Violations;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Validation(String),
    #[error(transparent)]
    Constraints(#[from] Violations),
    #[error("An alias with the name {0} already exists")]
    AlreadyExists(String),
    /// A key in a Region where it is to be made.
    #[error("{0} already exists.")]
    Replicated(String),
    #[error("{0}")]
    InvalidAliasName(&'static str),
    #[error("{0}")]
    InvalidArn(String),
    #[error("{0} is disabled.")]
    Disabled(String),
    #[error("{0}")]
    InvalidState(String),
    #[error("{0}")]
    InvalidKeyUsage(String),
    #[error("")]
    InvalidCiphertext,
    #[error("The key ID in the request does not identify a CMK that can perform this operation.")]
    IncorrectKey,
    #[error("The key material in the request is not the same as the one that was imported before.")]
    IncorrectKeyMaterial,
    #[error("")]
    InvalidSignature,
    #[error("")]
    InvalidMac,
    #[error("The request would have succeeded, but the DryRun option is set.")]
    DryRun,
    #[error("{0}")]
    MalformedPolicy(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    Tag(&'static str),
    #[error("{0}")]
    Unsupported(String),
    #[error("Invalid grant id")]
    InvalidGrantId,
    #[error("Invalid grant token")]
    InvalidGrantToken,
    #[error("The import token is not one of this key, or was used.")]
    InvalidImportToken,
    #[error("The import token has expired.")]
    ExpiredImportToken,
    #[error("The marker is not one that this operation gave.")]
    InvalidMarker,
    #[error("{0}")]
    NotImplemented(String),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Other(#[from] service::Error),
}

impl Error {
    /// What AWS says without a word.
    pub fn unsupported() -> Error {
        Error::Unsupported(String::new())
    }

    fn code(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "NotFoundException",
            Error::Validation(_) | Error::Constraints(_) => "ValidationException",
            Error::AlreadyExists(_) | Error::Replicated(_) => "AlreadyExistsException",
            Error::InvalidAliasName(_) => "InvalidAliasNameException",
            Error::InvalidArn(_) => "InvalidArnException",
            Error::Disabled(_) => "DisabledException",
            Error::InvalidState(_) => "KMSInvalidStateException",
            Error::InvalidKeyUsage(_) => "InvalidKeyUsageException",
            Error::InvalidCiphertext => "InvalidCiphertextException",
            Error::IncorrectKey => "IncorrectKeyException",
            Error::IncorrectKeyMaterial => "IncorrectKeyMaterialException",
            Error::InvalidSignature => "KMSInvalidSignatureException",
            Error::InvalidMac => "KMSInvalidMacException",
            Error::DryRun => "DryRunOperationException",
            Error::MalformedPolicy(_) => "MalformedPolicyDocumentException",
            Error::LimitExceeded(_) => "LimitExceededException",
            Error::Tag(_) => "TagException",
            Error::Unsupported(_) => "UnsupportedOperationException",
            Error::InvalidGrantId => "InvalidGrantIdException",
            Error::InvalidGrantToken => "InvalidGrantTokenException",
            Error::InvalidImportToken => "InvalidImportTokenException",
            Error::ExpiredImportToken => "ExpiredImportTokenException",
            Error::InvalidMarker => "InvalidMarkerException",
            Error::NotImplemented(_) | Error::Vault(_) | Error::Store(_) | Error::Other(_) => "KMSInternalException",
        }
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        match error {
            Error::Store(cause) => service::Error::store(cause, 400, "ValidationException"),
            Error::Vault(cause) => service::Error::internal(cause),
            Error::Other(error) => error,
            Error::NotImplemented(what) => service::Error::not_implemented(what),
            error => service::Error::new(400, error.code(), error.to_string()),
        }
    }
}
