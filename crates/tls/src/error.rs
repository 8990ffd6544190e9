//! What can be wrong with certificates.

use std::io;
use std::path::PathBuf;

use base::Timestamp;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} cannot be read: {cause}", .path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{} cannot be written: {cause}", .path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("{0} holds no certificate: one in PEM is expected, which begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate(String),
    #[error("{0} holds a certificate that cannot be read: is it X.509, and the server's own first?")]
    Malformed(String),
    #[error(
        "{0} holds no private key that can be used: one in PEM is expected, of RSA, ECDSA or Ed25519 and without a password"
    )]
    NoKey(String),
    #[error(
        "the key in {key} is not that of the certificate in {certificate}: the server's own certificate must be the first in its file, before those of authorities"
    )]
    Mismatch { certificate: String, key: String },
    #[error("the certificate in {0} ended at {until}: get another", until = .1.iso8601())]
    Expired(String, Timestamp),
    #[error("the certificate in {0} begins at {from} only: is this machine's clock right?", from = .1.iso8601())]
    NotYet(String, Timestamp),
    #[error("{0} is not a name that certificates are given for by ACME: {1}")]
    Name(String, &'static str),
    #[error("{0} is not the URL of an ACME directory: https is expected, or http on this machine alone")]
    Directory(String),
    #[error("{0}")]
    Refused(String),
    #[error("the exchange with the ACME server failed: {0}")]
    Acme(#[from] instant_acme::Error),
    #[error("a certificate cannot be made: {0}")]
    Made(#[from] rcgen::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The server has had as much as it takes of us (RFC 8555, 6.7).
const RATE_LIMITED: &str = "urn:ietf:params:acme:error:rateLimited";

impl Error {
    /// Whether an ACME server says that it was asked for too much.
    pub(crate) fn is_of_rate(&self) -> bool {
        let Error::Acme(instant_acme::Error::Api(problem)) = self else { return false };
        problem.r#type.as_deref() == Some(RATE_LIMITED)
    }
}
