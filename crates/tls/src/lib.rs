//! TLS: certificates from files, by ACME or of this machine's own, chosen by the name that a client asks for.

mod acme;
mod authority;
mod error;
mod files;
mod pair;
mod table;
mod validity;

use std::sync::Arc;

use base::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;

pub use acme::{Acme, Challenge, Names, Options as AcmeOptions};
pub use authority::Authority;
pub use error::Error;
pub use files::{FilePair, Files};
pub use table::Standing;

use table::Table;

/// The protocol of challenges over TLS (RFC 8737): who speaks it wants to see a certificate, and has nothing to say.
pub const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

/// What a server shows of itself to those who connect. Cheap to clone; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Arc<Table>);

impl Certificates {
    /// What connections are accepted with: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, and whichever certificates are there at that
    /// moment.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.0.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ACME_PROTOCOL.to_vec()];
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        Ok(Arc::new(config))
    }

    /// Shows certificates of this machine's own authority for the names of this machine.
    pub fn use_authority(&self, authority: Authority) {
        self.0.use_authority(authority);
    }

    /// What is to be answered at `/.well-known/acme-challenge/{token}`, while somebody waits for that.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.0.answer(token)
    }

    /// How it stands with the certificate for a name, which is that of a host or begins with `*.`.
    pub fn standing(&self, name: &str) -> Standing {
        self.0.standing(&name.to_ascii_lowercase())
    }

    /// How many certificates there are, and how long the one lasts that ends first, for metrics.
    pub fn gauges(&self, now: Timestamp) -> Vec<(&'static str, &'static str, f64)> {
        let (count, first_end) = self.0.ends();
        let mut gauges = vec![("cloudlet_tls_certificates", "Certificates that are shown.", count as f64)];
        if let Some(end) = first_end {
            let help = "How long the certificate lasts that ends first.";
            gauges.push(("cloudlet_tls_certificate_seconds_left", help, end.since(now).as_secs_f64()));
        }
        gauges
    }
}

/// The one provider of cryptography, as everywhere here.
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}
