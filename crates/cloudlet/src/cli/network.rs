//! The options of `serve` and `dev` about the network.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gateway::Network;

use super::duration;

/// Where Let's Encrypt's directory is.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// HTTPS, and what is in front of the server.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Network")]
pub struct NetworkOptions {
    /// Speaks HTTPS with the certificate in this file, in PEM: the server's own, and after it those of authorities. May be
    /// repeated; clients choose by the name that they ask for. Read again when the file changes.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Vec<PathBuf>,
    /// The certificate's private key, in PEM and without a password: one for each --tls-cert, in the same order.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Vec<PathBuf>,
    /// Where HTTPS is spoken, HTTP/2 and HTTP/1.1, with TLS 1.2 or 1.3 [default: 0.0.0.0:443 where there are certificates].
    /// What listens on --listen stays HTTP: keep that to this machine, where functions use it.
    #[arg(long, value_name = "ADDRESS")]
    pub tls_listen: Option<SocketAddr>,
    /// Listens here too, usually on 0.0.0.0:80, and sends everybody to HTTPS.
    #[arg(long, value_name = "ADDRESS")]
    pub redirect_http: Option<SocketAddr>,
    /// Has a certificate made for this name by ACME, and renewed ahead of time; may be repeated. The name has to lead to this
    /// server. By this you agree to the terms of service of whoever runs the ACME server.
    #[arg(long = "acme-domain", value_name = "NAME")]
    pub acme_domains: Vec<String>,
    /// Has certificates made by ACME for the names that users choose for what is theirs: custom domains of APIs and user pools, alternate
    /// names of distributions, hosts of migrations. That is so with --acme-domain, too; this is for a server whose own name is in --tls-cert.
    #[arg(long)]
    pub acme_custom_domains: bool,
    /// Whom the ACME server writes to when something is wrong with a certificate.
    #[arg(long, value_name = "ADDRESS")]
    pub acme_email: Option<String>,
    /// The directory of the ACME server. One with a certificate of an authority of your own is trusted with SSL_CERT_FILE.
    #[arg(long, value_name = "URL", default_value = LETS_ENCRYPT)]
    pub acme_directory: String,
    /// How it is shown that the names lead here: in the handshake, where port 443 leads to --tls-listen; or over HTTP, where port 80
    /// leads to --redirect-http.
    #[arg(long, value_name = "CHALLENGE", default_value = "tls-alpn-01")]
    pub acme_challenge: Challenge,
    /// Believes the proxies in this network, such as 10.0.0.0/8 or 10.0.0.7, when they say whom a request is from and how it came
    /// (X-Forwarded-For, -Proto and -Port); may be repeated. One on this machine has to be named, too (127.0.0.1); functions are not believed even there.
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<Network>,
    /// How long requests that are under way may take once the server is told to end: 30s, 5m.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// Goes on as before for so long once the server is told to end, while /_cloudlet/health says so with status 503: for load
    /// balancers, which need some time to notice.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub drain_delay: Duration,
}

/// How it is shown to an ACME server that a name leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Challenge {
    #[value(name = "tls-alpn-01")]
    TlsAlpn01,
    #[value(name = "http-01")]
    Http01,
}

/// HTTPS for development.
#[derive(Args, Debug, Clone)]
pub struct LocalTls {
    /// Speaks HTTPS too, with certificates of an authority of this machine's own. It is made once, and vouches for localhost and
    /// the names below it alone; how to trust it is printed.
    #[arg(long)]
    pub tls: bool,
    /// Where HTTPS is spoken: only addresses of this machine itself. Port 0 takes any free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4443", requires = "tls")]
    pub tls_listen: SocketAddr,
}
