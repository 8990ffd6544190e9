//! A certificate with its key.

use std::sync::Arc;

use base::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use webpki::EndEntityCert;

use crate::Error;
use crate::validity::Validity;

#[derive(Debug)]
pub struct Pair {
    pub key: Arc<CertifiedKey>,
    /// Whom it is for: names in lower case, some of which may begin with `*.`.
    pub names: Vec<String>,
    pub validity: Validity,
}

/// Where its parts are from, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub certificate: &'a str,
    pub key: &'a str,
}

impl Pair {
    /// From PEM: the certificate before those of authorities, and its key.
    pub fn from_pem(certificates: &[u8], key: &[u8], origin: Origin<'_>) -> Result<Pair, Error> {
        let unreadable = |_| Error::Malformed(origin.certificate.to_owned());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(unreadable)?;
        if chain.is_empty() {
            return Err(Error::NoCertificate(origin.certificate.to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Error::NoKey(origin.key.to_owned()))?;
        Pair::new(chain, key, origin)
    }

    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        origin: Origin<'_>,
    ) -> Result<Pair, Error> {
        let malformed = || Error::Malformed(origin.certificate.to_owned());
        let first = chain.first().ok_or_else(|| Error::NoCertificate(origin.certificate.to_owned()))?;
        let validity = Validity::of(first).ok_or_else(malformed)?;
        let parsed = EndEntityCert::try_from(first).map_err(|_| malformed())?;
        let names = parsed.valid_dns_names().map(str::to_ascii_lowercase).collect();
        let certified = CertifiedKey::from_der(chain, key, &crate::provider()).map_err(|error| match error {
            TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Error::Mismatch { certificate: origin.certificate.to_owned(), key: origin.key.to_owned() }
            }
            TlsError::InvalidCertificate(_) => malformed(),
            _ => Error::NoKey(origin.key.to_owned()),
        })?;
        Ok(Pair { key: Arc::new(certified), names, validity })
    }

    /// Whether it holds at this moment.
    pub fn check(&self, origin: Origin<'_>, now: Timestamp) -> Result<(), Error> {
        let Validity { from, until } = self.validity;
        if until <= now {
            return Err(Error::Expired(origin.certificate.to_owned(), until));
        }
        if from > now {
            return Err(Error::NotYet(origin.certificate.to_owned(), from));
        }
        Ok(())
    }
}
