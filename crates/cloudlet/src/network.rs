//! The server's sockets: HTTP, HTTPS with its certificates, and the way from the one to the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use base::Env;
use gateway::{Listener, Network};
use outbound::{Loopback, Outbound, Reach};
use service::{Certificate, Cloud};
use tls::{Acme, AcmeOptions, Authority, Certificates, FilePair, Files, Standing};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::{Challenge, NetworkOptions};
use crate::server::reachable;

/// Where certificates by ACME are kept, in the data folder.
const ACME_FOLDER: &str = "acme";
const HTTPS_PORT: u16 = 443;

/// How a server's network is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub https: Option<Https>,
    pub trusted_proxies: Vec<Network>,
    pub drain_timeout: Option<Duration>,
    pub drain_delay: Duration,
}

/// How HTTPS is.
#[derive(Clone, Debug)]
pub struct Https {
    pub listen: SocketAddr,
    /// Where everybody is sent to it.
    pub redirect: Option<SocketAddr>,
    pub files: Vec<FilePair>,
    pub acme: Option<AcmeOptions>,
    /// The folder of this machine's own authority.
    pub authority: Option<PathBuf>,
}

impl Options {
    /// As the command line says.
    ///
    /// # Errors
    /// When its parts do not fit together.
    pub fn new(given: NetworkOptions, data: &Path) -> anyhow::Result<Options> {
        let NetworkOptions { tls_cert, tls_key, tls_listen, redirect_http, acme_domains, acme_custom_domains, .. } =
            given;
        let by_acme = acme_custom_domains || !acme_domains.is_empty();
        ensure!(
            by_acme || given.acme_email.is_none(),
            "--acme-email is for certificates by ACME: have some made with --acme-domain or --acme-custom-domains"
        );
        ensure!(
            tls_cert.len() == tls_key.len(),
            "{} certificates and {} keys are given: --tls-cert and --tls-key belong together, one key for each certificate",
            tls_cert.len(),
            tls_key.len()
        );
        let pairs = tls_cert.into_iter().zip(tls_key);
        let files: Vec<FilePair> = pairs.map(|(certificate, key)| FilePair { certificate, key }).collect();
        let challenge = match given.acme_challenge {
            Challenge::TlsAlpn01 => tls::Challenge::TlsAlpn01,
            Challenge::Http01 if redirect_http.is_none() && by_acme => {
                bail!("--acme-challenge http-01 needs a port of plain HTTP: give one with --redirect-http 0.0.0.0:80")
            }
            Challenge::Http01 => tls::Challenge::Http01,
        };
        let acme = by_acme.then(|| AcmeOptions {
            directory: given.acme_directory,
            email: given.acme_email,
            names: acme_domains,
            challenge,
            folder: data.join(ACME_FOLDER),
        });
        let https = match (files.is_empty() && acme.is_none(), tls_listen.is_some() || redirect_http.is_some()) {
            (true, true) => bail!(
                "HTTPS needs a certificate: give one with --tls-cert and --tls-key, or have one made with --acme-domain or --acme-custom-domains"
            ),
            (true, false) => None,
            (false, _) => {
                let listen = tls_listen.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], HTTPS_PORT)));
                Some(Https { listen, redirect: redirect_http, files, acme, authority: None })
            }
        };
        let (trusted_proxies, drain_delay) = (given.trusted_proxies, given.drain_delay);
        Ok(Options { https, trusted_proxies, drain_timeout: Some(given.drain_timeout), drain_delay })
    }
}

/// HTTPS, ready to be spoken.
pub struct Secure {
    /// How it is reached: `https://api.example.com`.
    pub endpoint: String,
    /// The same, where it is known to be the name that others know the server by.
    pub public: Option<String>,
    pub certificates: Certificates,
    /// The file with the certificate of this machine's own authority, where that is used.
    pub authority: Option<PathBuf>,
    pub listeners: Vec<Listener>,
    files: Option<Files>,
    acme: Option<Acme>,
}

impl Https {
    /// Reads certificates, and listens. `public_url` is how others reach the server, where that was said.
    ///
    /// # Errors
    /// When a certificate cannot be used, or an address is taken.
    pub async fn open(self, env: &Env, public_url: Option<&str>) -> anyhow::Result<Secure> {
        let Https { listen, redirect, files, acme, authority } = self;
        let certificates = Certificates::default();
        let name = acme.as_ref().and_then(|acme| acme.names.first().cloned());
        let files = match files.is_empty() {
            true => None,
            false => Some(Files::open(certificates.clone(), files, env.clone())?),
        };
        let acme = acme.map(|acme| {
            // The server is the operator's choice, and may be on this machine.
            let outbound = Outbound::new(Reach { loopback: Loopback::All });
            Acme::open(acme, certificates.clone(), env.clone(), outbound)
        });
        let acme = acme.transpose().context("certificates by ACME cannot be set up")?;
        let authority = match authority {
            Some(folder) => {
                let authority = Authority::open(&folder, env.clone())?;
                let file = authority.file().to_owned();
                certificates.use_authority(authority);
                Some(file)
            }
            None => None,
        };
        let socket = bind(listen, "--tls-listen").await?;
        let address = socket.local_addr()?;
        let mut listeners = vec![Listener::tls(socket, &certificates)?];
        if let Some(redirect) = redirect {
            let port = public_port(public_url).unwrap_or_else(|| address.port());
            listeners.push(Listener::redirecting(bind(redirect, "--redirect-http").await?, certificates.clone(), port));
        }
        let public = name.map(|name| match address.port() {
            HTTPS_PORT => format!("https://{name}"),
            port => format!("https://{name}:{port}"),
        });
        let endpoint = public.clone().unwrap_or_else(|| match authority {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("https://{}", reachable(address)),
        });
        Ok(Secure { endpoint, public, certificates, authority, listeners, files, acme })
    }
}

impl Secure {
    /// What is known of certificates, for metrics.
    pub fn gauges(&self, env: Env) -> impl Fn() -> Vec<(&'static str, &'static str, f64)> + Send + Sync + use<> {
        let (certificates, acme) = (self.certificates.clone(), self.acme.as_ref().map(Acme::figures));
        let acme: Option<Arc<_>> = acme;
        move || {
            let of_acme = acme.iter().flat_map(|figures| figures.gauges());
            certificates.gauges(env.now()).into_iter().chain(of_acme).collect()
        }
    }

    /// What is known of the certificates for single names, where those are anything but this machine's own authority's.
    pub fn standings(&self, env: &Env) -> Option<Arc<dyn service::Certificates>> {
        let (certificates, env) = (self.certificates.clone(), env.clone());
        self.authority.is_none().then(|| Arc::new(Standings { certificates, env }) as Arc<dyn service::Certificates>)
    }

    /// Keeps certificates up to date, until `stop`: those of files, of the server's own names, and of names that owners choose in `cloud`.
    pub fn keep(&mut self, cloud: &Arc<Cloud>, tasks: &TaskTracker, stop: &CancellationToken) {
        if let Some(files) = self.files.take() {
            tasks.spawn(files.follow(stop.clone()));
        }
        if let Some(acme) = self.acme.take() {
            let cloud = cloud.clone();
            tasks.spawn(acme.run(Box::new(move || cloud.chosen_hosts()), stop.clone()));
        }
    }
}

/// How it stands with certificates, for those who choose names.
struct Standings {
    certificates: Certificates,
    env: Env,
}

impl service::Certificates for Standings {
    fn of(&self, name: &str) -> Certificate {
        let Standing { until, is_ordered, trouble } = self.certificates.standing(name);
        Certificate { until: until.filter(|until| *until > self.env.now()), is_ordered, trouble }
    }
}

/// Listens on an address, which an option has given.
pub async fn bind(listen: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| {
        let port = listen.port();
        let why = match port {
            1..1024 => {
                format!("ports below 1024 need the right to (CAP_NET_BIND_SERVICE), or another server has {port}")
            }
            _ => "is another server running?".to_owned(),
        };
        format!("{listen} cannot be listened on: {why} `{option} {}:0` takes any free port", host(listen))
    })
}

fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(four) => four.ip().to_string(),
        SocketAddr::V6(six) => format!("[{}]", six.ip()),
    }
}

/// The port of a public URL of HTTPS.
fn public_port(url: Option<&str>) -> Option<u16> {
    let url: http::Uri = url?.parse().ok()?;
    (url.scheme_str() == Some("https")).then(|| url.port_u16().unwrap_or(HTTPS_PORT))
}
