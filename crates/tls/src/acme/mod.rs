//! Certificates by ACME (RFC 8555): an account, orders, and renewal in time.

mod client;
mod order;
mod renewal;
mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::Env;
use instant_acme::ChallengeType;
use outbound::Outbound;
use tokio_util::sync::CancellationToken;

use crate::table::Source;
use crate::{Certificates, Error};
use renewal::Schedule;
use store::Store;

/// How long one order may take, all of it.
const ORDER_WAIT: Duration = Duration::from_secs(5 * 60);
/// The longest sleep: clocks are set, and machines are put to sleep.
const SLEEP_MAX: Duration = Duration::from_secs(60 * 60);

/// How it is shown that a name leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// On the port of HTTPS, in the handshake (RFC 8737).
    TlsAlpn01,
    /// On the port of HTTP.
    Http01,
}

impl Challenge {
    fn kind(self) -> ChallengeType {
        match self {
            Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
            Challenge::Http01 => ChallengeType::Http01,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Challenge::TlsAlpn01 => "tls-alpn-01",
            Challenge::Http01 => "http-01",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    /// The URL of the server's directory.
    pub directory: String,
    /// Whom the server writes to when something is wrong with certificates.
    pub email: Option<String>,
    pub names: Vec<String>,
    pub challenge: Challenge,
    /// Where the account and the certificates are kept.
    pub folder: PathBuf,
}

/// Orders certificates, and orders them again before they end.
pub struct Acme {
    options: Options,
    certificates: Certificates,
    env: Env,
    outbound: Outbound,
    store: Store,
    figures: Arc<Figures>,
    schedules: Vec<(String, Schedule)>,
}

/// What has come of orders since the start.
#[derive(Debug, Default)]
pub struct Figures {
    orders: AtomicUsize,
    failures: AtomicUsize,
    /// Names whose last order failed.
    failing: AtomicUsize,
}

impl Figures {
    /// For metrics.
    pub fn gauges(&self) -> Vec<(&'static str, &'static str, f64)> {
        let figure = |number: &AtomicUsize| number.load(Ordering::Relaxed) as f64;
        vec![
            ("cloudlet_acme_orders", "Certificates that were ordered by ACME and came.", figure(&self.orders)),
            ("cloudlet_acme_failures", "Orders by ACME that failed.", figure(&self.failures)),
            ("cloudlet_acme_failing", "Names whose last order by ACME failed.", figure(&self.failing)),
        ]
    }
}

impl Acme {
    /// Shows the certificates that are kept already.
    ///
    /// # Errors
    /// When a name is none to have a certificate for, or the folder cannot be read.
    pub fn open(mut options: Options, certificates: Certificates, env: Env, outbound: Outbound) -> Result<Acme, Error> {
        check_directory(&options.directory)?;
        for name in &mut options.names {
            *name = name.trim_end_matches('.').to_ascii_lowercase();
            check_name(name)?;
        }
        let store = Store::open(&options.folder, &options.directory)?;
        let mut schedules = Vec::with_capacity(options.names.len());
        for name in &options.names {
            let kept = store.certificate(name)?;
            schedules.push((name.clone(), Schedule::of(kept.as_ref().map(|pair| pair.validity), env.now())));
            if let Some(pair) = kept.filter(|pair| pair.validity.until > env.now()) {
                certificates.0.put(Source::Acme(name.clone()), pair);
            }
        }
        Ok(Acme { options, certificates, env, outbound, store, figures: Arc::default(), schedules })
    }

    pub fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Orders what is due, until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.step()).await.is_some() {}
    }

    /// Waits until the next order is due, and makes it.
    async fn step(&mut self) {
        let Some(index) = (0..self.schedules.len()).min_by_key(|index| self.schedules[*index].1.due) else {
            return std::future::pending().await;
        };
        let (name, schedule) = self.schedules[index].clone();
        let wait = schedule.due.since(self.env.now());
        if !wait.is_zero() {
            return tokio::time::sleep(wait.min(SLEEP_MAX)).await;
        }
        let ordered = tokio::time::timeout(ORDER_WAIT, self.order(&name)).await;
        let result = ordered.unwrap_or_else(|_| {
            let (seconds, name) = (ORDER_WAIT.as_secs(), &name);
            Err(Error::Refused(format!("the order for {name} did not come to an end in {seconds} s")))
        });
        let schedule = &mut self.schedules[index].1;
        match result {
            Ok(validity) => {
                self.figures.orders.fetch_add(1, Ordering::Relaxed);
                *schedule = Schedule::of(Some(validity), self.env.now());
                tracing::info!(name, until = validity.until.iso8601(), "a certificate has come by ACME");
            }
            Err(error) => {
                self.figures.failures.fetch_add(1, Ordering::Relaxed);
                schedule.failed(self.env.now());
                let again = schedule.due.iso8601();
                tracing::warn!(name, %error, again, "no certificate by ACME: it is tried again");
            }
        }
        let failing = self.schedules.iter().filter(|(_, schedule)| schedule.failures > 0).count();
        self.figures.failing.store(failing, Ordering::Relaxed);
    }
}

fn check_directory(url: &str) -> Result<(), Error> {
    let parsed: Option<http::Uri> = url.parse().ok();
    let host = parsed.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let is_here = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    let is_fine = match parsed.as_ref().and_then(http::Uri::scheme_str) {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    };
    if is_fine { Ok(()) } else { Err(Error::Directory(url.to_owned())) }
}

/// Names of hosts only: what these challenges can show.
fn check_name(name: &str) -> Result<(), Error> {
    let refuse = |why| Err(Error::Name(name.to_owned(), why));
    if name.starts_with("*.") {
        return refuse("a wildcard needs the challenge dns-01, which is not built: name each host, or use --tls-cert");
    }
    let is_label = |label: &str| {
        let inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_label) {
        return refuse("a host's name such as api.example.com is expected");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return refuse("addresses are not built");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_directories_are_checked() {
        for name in ["api.example.com", "a-b.c9.example", "xn--bcher-kva.example"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in
            ["", "localhost", "*.example.com", "10.0.0.1", "a..b", "-a.example", "a_b.example", "a.example/", "a b.c"]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        for url in ["https://acme.example/directory", "http://127.0.0.1:14000/dir", "https://localhost/"] {
            assert!(check_directory(url).is_ok(), "{url}");
        }
        for url in ["http://acme.example/directory", "ftp://acme.example", "acme.example", ""] {
            assert!(check_directory(url).is_err(), "{url}");
        }
    }
}
