//! Where connections come in, and what is spoken on them.

use std::sync::Arc;

use rustls::ServerConfig;
use tls::Certificates;
use tokio::net::TcpListener;

/// A socket that listens.
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) speech: Speech,
}

/// What is spoken on a connection.
#[derive(Clone)]
pub(crate) enum Speech {
    /// HTTP as it is.
    Plain,
    /// HTTP over TLS.
    Tls(Arc<ServerConfig>),
    /// HTTP, of which nothing is answered but where else to ask.
    Elsewhere(Elsewhere),
}

/// Where requests over plain HTTP are sent to.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    /// Also answers those who come to see whether a name leads here.
    pub certificates: Certificates,
    /// Where HTTPS is spoken.
    pub port: u16,
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Listener {
        Listener { socket, speech: Speech::Plain }
    }
}

impl Listener {
    /// One for HTTPS.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn tls(socket: TcpListener, certificates: &Certificates) -> Result<Listener, tls::Error> {
        Ok(Listener { socket, speech: Speech::Tls(certificates.server_config()?) })
    }

    /// One that sends everybody to HTTPS, on the same host and this port.
    pub fn redirecting(socket: TcpListener, certificates: Certificates, port: u16) -> Listener {
        Listener { socket, speech: Speech::Elsewhere(Elsewhere { certificates, port }) }
    }
}
